"""``devflow-analytics check``."""

from __future__ import annotations

import click

import devflow_analytics_db
from devflow_analytics_cli.output import echo_json, json_option, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devflow_analytics_cli.output import Settings


@click.command()
@json_option
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Tell in what the database is not as it should be.

    It is compared with what the migrations make, and that with the entities. Changes nothing. The
    exit status is 1 if something differs, and each difference is named. What you added yourself
    is named, too, with severity warn; it is kept.

    \b
    The keys of --json:
      ok            whether nothing differs
      findings      a list of objects with
        subject     what differs, such as "index session_id_idx"
        difference  in what
        severity    warn if nothing is broken, else fail
    """
    settings: Settings = ctx.obj
    differences = devflow_analytics_db.check(settings.path)
    if as_json:
        findings = [difference._asdict() for difference in differences]
        echo_json({"ok": not findings, "findings": findings})
    elif differences:
        for difference in differences:
            click.echo(printable(str(difference)))
    elif not settings.quiet:
        click.echo("No difference: the database, the migrations and the entities agree.")
    if differences:
        ctx.exit(1)
