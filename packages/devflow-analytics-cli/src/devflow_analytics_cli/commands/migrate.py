"""``devflow-analytics migrate``."""

from __future__ import annotations

import sys

import click

import devflow_analytics_db
from devflow_analytics_cli.output import backup_made, echo_json, json_option, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devflow_analytics_cli.output import Settings
    from devflow_analytics_db import Changes, Plan


@click.command()
@click.option("--to", type=int, metavar="VERSION", help="Go up or down to this schema version.")
@click.option("--dry-run", is_flag=True, help="Print the SQL that would run, and change nothing.")
@click.option("--yes", is_flag=True, help="Go down without asking.")
@json_option
@click.pass_obj
def migrate(settings: Settings, to: int | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Bring the schema of a database up to date, or to another version.

    All in one transaction, or nothing. Before anything is rebuilt or dropped a backup is made
    beside the database, in backups; the last three of these are kept. Opening an older database
    does the same by itself, so going down is for using an older release afterwards.

    \b
    The keys of --json:
      path              the database
      schema_version    its schema version now
      applied           the migrations that were applied, a list
      undone            those that were undone, a list
      adopted           whether it was taken over from DevFlow's server
      backup            the copy of what it was before, or null
    \b
    With --dry-run:
      path              the database
      schema_version    its schema version
      target            what it would be
      applied, undone   the migrations, two lists
      backs_up          whether a backup would be made first
      sql               the statements
    """
    plan = devflow_analytics_db.plan_migration(settings.path, to)
    if dry_run:
        _echo_plan(plan, as_json=as_json)
        return
    if plan.undone and not yes:
        _ask(plan)
    changes = devflow_analytics_db.migrate(settings.path, to, allow_down=yes or bool(plan.undone))
    if as_json:
        echo_json(
            {
                "path": changes.path,
                "schema_version": changes.schema_version,
                "applied": changes.applied,
                "undone": changes.undone,
                "adopted": changes.adopted,
                "backup": changes.backup,
            }
        )
    elif not settings.quiet:
        click.echo(_sentence(changes, settings))


def _echo_plan(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        keys = ("path", "schema_version", "target", "applied", "undone", "backs_up", "sql")
        echo_json({key: getattr(plan, key) for key in keys})
    elif plan.sql:
        click.echo(plan.sql, nl=False)
    else:
        click.echo(f"-- {printable(plan.path)} is at schema version {plan.target}: nothing to do.")


def _ask(plan: Plan) -> None:
    versions = ", ".join(map(str, plan.undone))
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError(
            f"Schema version {plan.target} means to undo {versions}, and there is no terminal to"
            " ask at. Say --yes if you mean it."
        )
    click.echo(
        f"{printable(plan.path)} is at schema version {plan.schema_version}. Going down to"
        f" {plan.target} undoes {versions} and drops what was added there. A backup is made first.",
        err=True,
    )
    if click.confirm("Go down?", err=True):
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
