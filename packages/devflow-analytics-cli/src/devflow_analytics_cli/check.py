"""``devflow-analytics check``."""

from __future__ import annotations

import click

import devflow_analytics_db
from devflow_analytics_cli.output import echo_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devflow_analytics_cli.settings import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Compare the database with what the migrations make, and that with the entities.

    Changes nothing. The exit status is 1 if something differs, and each difference is named. What
    you added yourself is named, too; it does no harm, and is kept.
    """
    settings: Settings = ctx.obj
    differences = devflow_analytics_db.check(settings.path)
    if as_json:
        findings = [difference._asdict() for difference in differences]
        echo_json({"ok": not findings, "findings": findings})
    elif differences:
        for difference in differences:
            click.echo(difference)
    elif not settings.quiet:
        click.echo("No difference: the database, the migrations and the entities agree.")
    if differences:
        ctx.exit(1)
