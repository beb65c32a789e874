"""``devflow-analytics migrate``."""

from __future__ import annotations

import sys

import click

import devflow_analytics_db
from devflow_analytics_cli.output import backup_made, echo_json, json_option, pick, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devflow_analytics_cli.output import Settings
    from devflow_analytics_db import Changes, Plan


@click.command()
@click.option(
    "--to", type=int, metavar="VERSION", help="Migrate to this schema version, up or down."
)
@click.option("--dry-run", is_flag=True, help="Print the SQL that would run. Change nothing.")
@click.option("--yes", is_flag=True, help="Go to an older version without asking.")
@json_option
@click.pass_obj
def migrate(settings: Settings, to: int | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Migrate the database to the newest or another schema version.

    A migration runs in one transaction: it is applied as a whole or not at all. Before it rebuilds
    or drops anything, a backup is made in backups/ beside the database; the last three of these
    are kept.

    You seldom need this command: opening an older database brings it up to date. Go to an older
    version only to use an older release afterwards.

    \b
    The keys of --json:
      path              path of the database
      schema_version    its schema version now
      applied           list of the migrations applied
      undone            list of the migrations undone
      adopted           true if it was taken over from DevFlow's server
      backup            path of the backup made before, or null
    \b
    The keys of --dry-run --json:
      path              path of the database
      schema_version    its schema version
      target            the schema version it would have
      applied           list of the migrations that would be applied
      undone            list of the migrations that would be undone
      backs_up          true if a backup would be made first
      sql               the statements that would run
    """
    plan = devflow_analytics_db.plan_migration(settings.path, to)
    if dry_run:
        _echo_plan(plan, as_json=as_json)
        return
    if plan.undone and not yes:
        _ask(plan)
    changes = devflow_analytics_db.migrate(settings.path, to, allow_down=yes or bool(plan.undone))
    if as_json:
        keys = ("path", "schema_version", "applied", "undone", "adopted", "backup")
        echo_json(pick(changes, *keys))
    elif not settings.quiet:
        click.echo(_sentence(changes, settings))


def _echo_plan(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        keys = ("path", "schema_version", "target", "applied", "undone", "backs_up", "sql")
        echo_json(pick(plan, *keys))
    elif plan.sql:
        click.echo(plan.sql, nl=False)
    else:
        click.echo(f"-- {printable(plan.path)} is at schema version {plan.target}: nothing to do.")


def _ask(plan: Plan) -> None:
    versions = ", ".join(map(str, plan.undone))
    undone = f"{'migration' if len(plan.undone) == 1 else 'migrations'} {versions}"
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError(
            f"Going to version {plan.target} would undo {undone}. Run again with --yes."
        )
    click.echo(
        f"{printable(plan.path)} is at schema version {plan.schema_version}. Going to version"
        f" {plan.target} undoes {undone}, and drops all that was added there. A backup is made"
        " first.",
        err=True,
    )
    if click.confirm("Continue?", err=True):
        return
    click.echo("Nothing was changed.", err=True)
    raise click.exceptions.Exit(1)


def _sentence(changes: Changes, settings: Settings) -> str:
    version = f"schema version {changes.schema_version}"
    if not (changes.applied or changes.undone):
        return f"{printable(changes.path)} is at {version}: nothing to do."
    deeds = []
    if changes.adopted:
        deeds.append("taken over from DevFlow's server")
    if changes.applied:
        deeds.append(f"applied: {', '.join(map(str, changes.applied))}")
    if changes.undone:
        deeds.append(f"undone: {', '.join(map(str, changes.undone))}")
    sentence = f"Migrated {printable(changes.path)}\n  {version} ({'; '.join(deeds)})"
    if changes.backup:
        sentence += f"\n{backup_made(changes.backup, settings)}"
    return sentence
