"""``devflow-analytics doctor``."""

from __future__ import annotations

import click

import devflow_analytics_db
from devflow_analytics_cli.output import (
    echo_json,
    finding_keys,
    in_commands,
    json_option,
    printable,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devflow_analytics_cli.output import Settings

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.option("--fix", is_flag=True, help="Fix what is safe to fix, then look for problems.")
@json_option
@click.pass_context
def doctor(ctx: click.Context, fix: bool, as_json: bool) -> None:
    """Look for problems with the database and its surroundings.

    Examines the SQLite version, environment variables, file system, free space, access rights,
    backups, calls that wait to be written, other processes, the WAL, the integrity of the file,
    foreign keys and the schema. Prints a line for each, marked OK, WARN or FAIL, and what to do
    below it. Exits with status 1 if anything fails.

    Changes nothing without --fix. With it, takes away other users' access to the files, writes the
    WAL back into the database, and deletes unfinished copies that killed processes left.

    \b
    The keys of --json:
      path          path of the database
      ok            true if nothing fails
      findings      list of objects with these keys:
        subject     what was examined
        severity    ok, warn or fail
        message     what was found
        advice      what to do, or null
      fixed         list of sentences that say what --fix did
    """
    settings: Settings = ctx.obj
    diagnosis = devflow_analytics_db.diagnose(settings.path, fix=fix)
    if as_json:
        echo_json(
            {
                "path": diagnosis.path,
                "ok": diagnosis.ok,
                "findings": [finding_keys(finding) for finding in diagnosis.findings],
                "fixed": diagnosis.fixed,
            }
        )
    else:
        if not settings.quiet:
            for sentence in diagnosis.fixed:
                click.echo(printable(sentence))
        for finding in diagnosis.findings:
            if finding.severity == "ok" and settings.quiet:
                continue
            severity = click.style(f"{finding.severity.upper():4}", fg=COLOURS[finding.severity])
            click.echo(f"{severity}  {finding.subject:13} {printable(finding.message)}")
            if finding.advice:
                click.echo(f"{'':19} {printable(in_commands(finding.advice))}")
    if not diagnosis.ok:
        ctx.exit(1)
