"""How ``enable`` and ``disable`` are told which servers they are about, and say what they did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from devflow_analytics_capture import ENABLE_CLIENTS, mcp_settings
from devflow_analytics_cli.output import (
    echo_json,
    in_a_row,
    in_commands,
    pick,
    printable,
    raise_first,
    shell_word,
    shown_path,
)
from devflow_analytics_db import AnalyticsDbError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, TypeVar

    from devflow_analytics_capture import McpFile, McpServer, McpSettings

    Function = TypeVar("Function", bound=Callable[..., Any])


def server_options(function: Function) -> Function:
    """Add the options that say which servers are meant."""
    for option in (
        click.option(
            "--project",
            is_flag=False,
            flag_value=".",
            metavar="[DIR]",
            help="Only the settings that the project in DIR shares with others, such as .mcp.json."
            " Default: the current directory.",
        ),
        click.option(
            "--server",
            "servers",
            metavar="NAME",
            multiple=True,
            help="Only servers of this name. Can be given more than once. Default: all.",
        ),
        click.option(
            "--client",
            "clients",
            type=click.Choice(ENABLE_CLIENTS),
            multiple=True,
            help="Only the servers of this client. Can be given more than once. Default: all that"
            " are there.",
        ),
    ):
        function = option(function)
    return function


class Chosen:
    """Which servers were typed, to be typed again."""

    def __init__(self, clients: Sequence[str], servers: Sequence[str], project: str | None) -> None:
        self.clients = tuple(dict.fromkeys(clients))
        self.servers = tuple(dict.fromkeys(servers))
        self.project = project

    def command(self, *words: str, path: str | None = None) -> str:
        """Return a command for the same servers."""
        line = ["devflow-analytics", *(["--db", path] if path else []), *words]
        for client in self.clients:
            line += ["--client", client]
        for server in self.servers:
            line += ["--server", server]
        if self.project is not None:
            line += ["--project", *([] if self.project == "." else [self.project])]
        return " ".join(map(shell_word, line))


def echo_settings(found: McpSettings, *, dry_run: bool) -> None:
    """Print what ``--json`` promises."""
    echo_json(
        {
            "dry_run": dry_run,
            "program": found.program,
            "files": [
                {
                    **pick(file, "client", "path", "changed", "backup"),
                    "error": file.error and file.error.what,
                    "servers": [
                        {
                            **pick(server, "name", "project", "recorded", "changed", "reason"),
                            "problem": server.problem and in_commands(server.problem),
                        }
                        for server in file.servers
                    ],
                }
                for file in found.files
            ],
            "notes": [in_commands(note) for note in found.notes],
        }
    )


def raise_errors(found: McpSettings) -> None:
    """Raise the first of what was wrong with files, if anything was, and print the rest."""
    raise_first([file.error for file in found.files if file.error])


def heading(file: McpFile) -> str:
    """Return the line that names a file."""
    return f"{file.title}: {shown_path(str(file.path))}"


def listed(servers: Sequence[McpServer]) -> str:
    """Return the names of servers, with the directory of those that are for one only."""
    return ", ".join(map(named, servers))


def named(server: McpServer) -> str:
    """Return the name of a server, with its directory if it is for one only."""
    name = printable(server.name) or '""'
    return name if server.project is None else f"{name} (in {shown_path(server.project)})"


def backup_line(file: McpFile) -> Iterator[str]:
    """Yield the line that names the copy of a file, if there is one."""
    if file.backup:
        yield f"  the file as it was before: {shown_path(str(file.backup))}"


def left_lines(file: McpFile) -> Iterator[str]:
    """Yield a line for the servers that are left as they are, for each reason."""
    left: dict[str, list[McpServer]] = {}
    for server in file.servers:
        if server.reason:
            left.setdefault(server.reason, []).append(server)
    for reason, servers in left.items():
        yield f"  left as before ({len(servers)}): {listed(servers)}: {printable(reason)}"


def titles(files: Sequence[McpFile]) -> str:
    """Return the clients of files, each once, in a row."""
    return in_a_row(list(dict.fromkeys(file.title for file in files)))


def number_of(servers: int) -> str:
    """Return how many servers there are, in words."""
    return f"{servers:,} server{'' if servers == 1 else 's'}"


def nothing_found(found: McpSettings) -> str:
    """Return the sentence for settings without a server."""
    if not found.files:
        return "No settings of an MCP client were found."
    where = ", ".join(shown_path(str(file.path)) for file in found.files)
    return f"No MCP servers are in the settings that were found: {where}"


def projects_own(chosen: Chosen) -> list[McpFile]:
    """Return the files of the project in the current directory that have servers to be recorded."""
    if chosen.project is not None or chosen.servers:
        return []
    try:
        files = mcp_settings(chosen.clients, project=".").files
    except AnalyticsDbError:  # nobody has asked for it
        return []
    return [
        file
        for file in files
        if any(not (server.recorded or server.reason) for server in file.servers)
    ]
