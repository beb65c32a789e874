"""``devflow-analytics enable``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from devflow_analytics_capture import enable as enable_servers, mcp_settings
from devflow_analytics_cli.layout import Column
from devflow_analytics_cli.mcp_servers import (
    Chosen,
    backup_line,
    echo_settings,
    heading,
    left_lines,
    listed,
    named,
    nothing_found,
    number_of,
    projects_own,
    raise_errors,
    server_options,
    titles,
)
from devflow_analytics_cli.output import in_commands, json_option, printable, shown_path
from devflow_analytics_cli.table import Options, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devflow_analytics_capture import McpFile, McpServer, McpSettings
    from devflow_analytics_cli.output import Settings


@click.command()
@server_options
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option("--status", is_flag=True, help="List the servers, and which are recorded.")
@json_option
@click.pass_obj
def enable(  # noqa: PLR0913, PLR0917  click passes each option so
    settings: Settings,
    clients: tuple[str, ...],
    servers: tuple[str, ...],
    project: str | None,
    dry_run: bool,
    status: bool,
    as_json: bool,
) -> None:
    """Record the MCP servers in the settings of your clients.

    Finds the settings of Claude Code, Claude Desktop, Cursor, VS Code, Codex, Gemini CLI, Windsurf,
    Zed and opencode, and puts 'devflow-analytics wrap' before the command of each server in them.
    From the next start of the client on, every call of these servers is recorded. Servers that are
    reached by a URL are left as they are.

    Each file is copied first, and nothing else in it changes: comments, order and layout stay.
    'devflow-analytics disable' undoes it.

    \b
    The keys of --json:
      dry_run     true with --dry-run: then 'changed' is what would be changed
      program     path of the command that recorded servers are started with
      files       a list, for each file of settings:
        client    name of the client
        path      path of the file
        changed   true if it was changed just now
        backup    path of the copy of the file as it was, or null
        error     why it was left as it is, or null
        servers   a list, for each server in it:
          name      its name
          project   the directory that it is for, or null
          recorded  true if it is recorded
          changed   true if that was changed just now
          reason    why it is left as it is, or null
          problem   why the client cannot start it, or null
      notes       list of sentences: what else is to be known
    """
    if status and dry_run:
        raise click.UsageError("--status and --dry-run exclude each other.")
    if project is not None and settings.path and not status:
        raise click.UsageError(
            "--project and --db exclude each other: what is shared cannot name your file."
        )
    chosen = Chosen(clients, servers, project)
    if status:
        found = mcp_settings(chosen.clients, chosen.servers, project=project)
    else:
        found = enable_servers(
            chosen.clients,
            chosen.servers,
            project=project,
            database=settings.path,
            dry_run=dry_run,
        )
    if as_json:
        echo_settings(found, dry_run=dry_run)
    elif status:
        _show(found, chosen, settings)
    elif not settings.quiet:
        click.echo("\n".join(_lines(found, chosen, settings.path, dry_run=dry_run)))
    raise_errors(found)


def _show(found: McpSettings, chosen: Chosen, settings: Settings) -> None:
    """Print a table of the servers."""
    rows = [(file, server) for file in found.files for server in file.servers]
    if not rows:
        if not settings.quiet:
            click.echo(nothing_found(found))
        return
    print_table(
        [
            Column("Client", [file.title for file, _ in rows], is_name=True),
            Column("Server", [named(server) for _, server in rows], is_name=True),
            Column("Recorded", ["yes" if _works(server) else "no" for _, server in rows]),
            Column("Why not", [_why_not(server) for _, server in rows]),
        ],
        options=Options.of_stdout(),
    )
    for problem in dict.fromkeys(server.problem for _, server in rows if server.problem):
        click.echo(f"\nProblem: {printable(in_commands(problem))}")
    if not settings.quiet and any(not (server.recorded or server.reason) for _, server in rows):
        command = chosen.command("enable", path=settings.path)
        click.echo(f"\nTo record those that are not: {command}")


def _works(server: McpServer) -> bool:
    return server.recorded and server.problem is None


def _why_not(server: McpServer) -> str:
    if server.problem:
        return "cannot be started: see below"
    return printable(server.reason or "")


def _lines(
    found: McpSettings, chosen: Chosen, database: str | None, *, dry_run: bool
) -> Iterator[str]:
    shown = [file for file in found.files if file.servers]
    if not shown and not any(file.error for file in found.files):
        yield nothing_found(found)
    for file in shown:
        yield from _file_lines(file, dry_run=dry_run)
        yield ""
    changed = [file for file in shown if file.changed]
    fresh = [
        server
        for file in changed
        for server in file.servers
        if server.changed and not server.was_recorded
    ]
    if dry_run:
        yield "Nothing was changed."
        if changed:
            yield f"To have it done: {chosen.command('enable', path=database)}"
    elif changed:
        done = f": {number_of(len(fresh))} will be recorded from then on" if fresh else ""
        yield f"Restart {titles(changed)}{done}."
        yield from _how_to_undo(found, chosen)
    else:
        yield "Nothing was changed."
    for note in found.notes:
        yield ""
        yield printable(f"Note: {in_commands(note)}")
    others = projects_own(chosen)
    if others:
        names = ", ".join(shown_path(str(file.path)) for file in others)
        yield ""
        yield f"This directory's project has servers of its own, in {names}"
        yield "To record them too: devflow-analytics enable --project"


def _file_lines(file: McpFile, *, dry_run: bool) -> Iterator[str]:
    new = [server for server in file.servers if server.changed and not server.was_recorded]
    moved = [server for server in file.servers if server.changed and server.was_recorded]
    known = [server for server in file.servers if server.recorded and not server.changed]
    known = [server for server in known if not server.reason]
    yield heading(file)
    if new:
        what = "would be recorded" if dry_run else "recorded from now on"
        yield f"  {what} ({len(new)}): {listed(new)}"
    if moved:
        what = "would be pointed" if dry_run else "pointed"
        yield f"  {what} to the command or database of now ({len(moved)}): {listed(moved)}"
    if known:
        yield f"  recorded already ({len(known)}): {listed(known)}"
    yield from left_lines(file)
    if not dry_run:
        yield from backup_line(file)


def _how_to_undo(found: McpSettings, chosen: Chosen) -> Iterator[str]:
    """Yield how to undo it, and what happens where devflow-analytics is gone."""
    yield ""
    if chosen.project is not None:
        yield f"To undo it: {chosen.command('disable')}"
        return
    yield f"These servers are now started through {shown_path(found.program or '')}"
    yield "and cannot be started without it. So before you uninstall devflow-analytics:"
    yield f"    {chosen.command('disable')}"
    yield "If it is gone already, put the copies of the files back, or run:"
    yield f"    uvx --from devflow-analytics-cli {chosen.command('disable')}"
