"""``devflow-analytics disable``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from devflow_analytics_capture import disable as disable_servers
from devflow_analytics_cli.mcp_servers import (
    Chosen,
    backup_line,
    echo_settings,
    listed,
    raise_errors,
    server_options,
    titles,
)
from devflow_analytics_cli.output import json_option, shown_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devflow_analytics_capture import McpSettings
    from devflow_analytics_cli.output import Settings


@click.command()
@server_options
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@json_option
@click.pass_obj
def disable(  # noqa: PLR0913, PLR0917  click passes each option so
    settings: Settings,
    clients: tuple[str, ...],
    servers: tuple[str, ...],
    project: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Undo 'devflow-analytics enable'.

    Takes 'devflow-analytics wrap' out of the settings of your MCP clients: each server has the
    command again that it had before. If nothing else in a file was changed since, it is what it was
    before, to the byte. What is recorded stays.

    The keys of --json are those of 'devflow-analytics enable'.
    """
    chosen = Chosen(clients, servers, project)
    found = disable_servers(chosen.clients, chosen.servers, project=project, dry_run=dry_run)
    if as_json:
        echo_settings(found, dry_run=dry_run)
    elif not settings.quiet:
        click.echo("\n".join(_lines(found, chosen, dry_run=dry_run)))
    raise_errors(found)


def _lines(found: McpSettings, chosen: Chosen, *, dry_run: bool) -> Iterator[str]:
    changed = [file for file in found.files if file.changed]
    for file in changed:
        servers = [server for server in file.servers if server.changed]
        deed = "Would stop recording" if dry_run else "Stopped recording"
        yield f"{deed} {listed(servers)} of {file.title}, in {shown_path(str(file.path))}"
        if not dry_run:
            yield from backup_line(file)
    if not changed and any(file.error for file in found.files):
        yield "Nothing was changed."
    elif not changed:
        yield "No server is recorded by 'devflow-analytics enable' here. Nothing was changed."
    elif dry_run:
        yield "Nothing was changed."
        yield f"To have it done: {chosen.command('disable')}"
    else:
        yield f"Restart {titles(changed)}."
