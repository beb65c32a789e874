"""``devflow-analytics wrap``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from devflow_analytics_capture import wrap as run

if TYPE_CHECKING:
    from devflow_analytics_cli.output import Settings


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--server", metavar="NAME", help="Record the server under this name.")
@click.option(
    "--client", metavar="NAME", help="Record the client under this name if it gives itself none."
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def wrap(
    settings: Settings, server: str | None, client: str | None, command: tuple[str, ...]
) -> None:
    """Run an MCP server, and record the tool calls that pass.

    Put it before the command that starts the server, with two dashes between:

    \b
      devflow-analytics wrap -- npx -y @modelcontextprotocol/server-everything

    The client and the server notice nothing: what they say passes at once and unchanged, and the
    server's exit status becomes that of this command. Arguments and results are never kept. If the
    calls cannot be recorded, one line on stderr says so, and the server runs all the same.

    'devflow-analytics enable' writes this into the settings of your agents.
    """
    run([*command], server=server, client=client, database=settings.path)
