"""``devflow-analytics check``."""

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


@click.command()
@json_option
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Compare the schema of the database with what it should be.

    Prints a line for each difference, and exits with status 1 if there are any. Tables, indexes,
    triggers and views that you added yourself are differences with severity warn: they do no harm,
    and migrations keep them. Changes nothing.

    \b
    The keys of --json:
      path          path of the database
      ok            true if nothing differs
      findings      list of objects with these keys:
        subject     what differs, such as "index session_id_idx"
        severity    fail, or warn if nothing is broken
        message     how it differs
        advice      what to do, or null
    """
    settings: Settings = ctx.obj
    diagnosis = devflow_analytics_db.check(settings.path)
    differences = diagnosis.findings
    if as_json:
        findings = [finding_keys(difference) for difference in differences]
        echo_json({"path": diagnosis.path, "ok": not differences, "findings": findings})
    elif differences:
        for difference in differences:
            advice = f" {in_commands(difference.advice)}" if difference.advice else ""
            click.echo(printable(f"{difference.subject} {difference.message}{advice}"))
    elif not settings.quiet:
        click.echo("No differences: the schema is as it should be.")
    if differences:
        ctx.exit(1)
