"""``devflow-analytics wrap``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from devflow_analytics_capture import WrapUrl, wrap as run, wrap_url

if TYPE_CHECKING:
    from devflow_analytics_cli.output import Settings


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--server", metavar="NAME", help="Record the server under this name.")
@click.option(
    "--client", metavar="NAME", help="Record the client under this name if it gives itself none."
)
@click.option("--url", metavar="URL", help="The server that requests are passed on to.")
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    help="Where to listen, with --url. Default: a port that is free.",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def wrap(  # noqa: PLR0913, PLR0917  click passes each option so
    ctx: click.Context,
    server: str | None,
    client: str | None,
    url: str | None,
    port: int | None,
    command: tuple[str, ...],
) -> None:
    """Run an MCP server, and record the tool calls that pass.

    Put it before the command that starts the server, with two dashes between:

    \b
      devflow-analytics wrap -- npx -y @modelcontextprotocol/server-everything

    The client and the server notice nothing: what they say passes at once and unchanged, and the
    server's exit status becomes that of this command. Arguments and results are never kept. If the
    calls cannot be recorded, one line on stderr says so, and the server runs all the same.

    With --url, the server runs already and speaks HTTP. Requests to a port of this machine are then
    passed on to it, until Ctrl-C:

    \b
      devflow-analytics wrap --url http://127.0.0.1:8000/mcp

    'devflow-analytics enable' writes the first form into the settings of your agents.
    """
    if url and command:
        raise click.UsageError("Give --url or a command, not both.")
    if port is not None and not url:
        raise click.UsageError("--port is where requests come that are passed on to --url.")
    settings: Settings = ctx.obj
    if url:
        ctx.exit(wrap_url(WrapUrl(url, port, server, client, settings.path)))
    if not command:
        raise click.UsageError("Give the command that starts the server, or --url.")
    run([*command], server=server, client=client, database=settings.path)
