"""Has the MCP servers of clients recorded, by ``wrap`` before their commands; and undoes it.

Everything in the settings that is not ours stays as it is, to the byte.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from devflow_analytics_capture.enabling.clients import CLIENTS
from devflow_analytics_capture.enabling.file import Target, disabled, enabled, seen
from devflow_analytics_capture.enabling.found import McpSettings
from devflow_analytics_capture.enabling.words import Program
from devflow_analytics_capture.errors import AgentNotFoundError, ServerNotFoundError
from devflow_analytics_capture.hook_commands import (
    COMMAND,
    is_temporary,
    own_command,
    require_printable,
)
from devflow_analytics_db import ConfigurationError, InstallationError, resolve_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeAlias

    from devflow_analytics_capture.enabling.found import McpFile

    Path: TypeAlias = str | os.PathLike[str]

ENABLE_CLIENTS = tuple(CLIENTS)
"""The clients whose settings are known."""

_REWRITTEN = (
    "Claude Code writes .claude.json itself while it runs, and may undo the change: end its"
    " sessions before, or look with `mcp_settings()` afterwards. Hooks are another way to record"
    " its calls, and are kept in another file: `write_hooks()`."
)
_SHARED = (
    "Others who use these settings need devflow-analytics in their PATH, or their clients cannot"
    " start these servers."
)
_NAMED = (
    "DEVFLOW_ANALYTICS_DB_PATH is set here, but some clients start servers without it, and those"
    " are then recorded in the default file. To have all recorded in one file, name it with"
    " `database`."
)


def mcp_settings(
    clients: Sequence[str] = (), servers: Sequence[str] = (), *, project: Path | None = None
) -> McpSettings:
    """Return which MCP servers are in clients' settings, and whether they are recorded.

    Nothing is changed.

    Args:
        clients: of which of `ENABLE_CLIENTS`; of all if none is named.
        servers: only servers of these names.
        project: look only at the files that this directory shares with others, such as
            ``.mcp.json``; without it, only at the person's own.

    Raises:
        ValueError: there is no such client.
        ServerNotFoundError: there is no server of such a name.
    """
    files = _seen(_targets(clients, project), servers)
    return McpSettings(tuple(files), None, ())


def enable(
    clients: Sequence[str] = (),
    servers: Sequence[str] = (),
    *,
    project: Path | None = None,
    database: Path | None = None,
    dry_run: bool = False,
) -> McpSettings:
    """Have MCP servers recorded from the next time on that their clients start them.

    Their commands are then started through ``devflow-analytics wrap``. Each file is copied first,
    and nothing else in it changes. What is wrong with one file is told in its `McpFile.error`, and
    does not keep the others from being changed.

    Args:
        clients: as for `mcp_settings`.
        servers: as for `mcp_settings`.
        project: as for `mcp_settings`. The servers are then started with the command's bare name,
            so that it does not matter where others have it.
        database: the file in which they are recorded, if it is not to be the default one.
        dry_run: return what would be done, and change nothing.

    Raises:
        ValueError: there is no such client.
        AgentNotFoundError: no settings are there.
        ServerNotFoundError: there is no server of such a name.
        InstallationError: the command is not installed, or not to stay.
        ConfigurationError: its path cannot be put into settings, or the current directory is gone.
        AnalyticsDbError: see `resolve_path`.
    """
    targets = _targets(clients, project)
    if not targets:
        raise AgentNotFoundError(*_nothing_there(clients, project))
    program = _program(project, database)
    _seen(targets, servers)
    files = tuple(enabled(target, program, servers, dry_run=dry_run) for target in targets)
    notes = _notes(files, is_shared=project is not None, is_named=database is not None)
    return McpSettings(files, program.words[0], tuple(notes))


def disable(
    clients: Sequence[str] = (),
    servers: Sequence[str] = (),
    *,
    project: Path | None = None,
    dry_run: bool = False,
) -> McpSettings:
    """Have MCP servers started as they were before `enable`.

    If nothing else was changed since, the file is what it was before, to the byte, and the copy of
    it is removed.

    Args:
        clients: as for `mcp_settings`.
        servers: as for `mcp_settings`.
        project: as for `mcp_settings`.
        dry_run: return what would be done, and change nothing.

    Raises:
        ValueError: there is no such client.
        ServerNotFoundError: there is no server of such a name.
    """
    targets = _targets(clients, project)
    _seen(targets, servers)
    files = tuple(disabled(target, servers, dry_run=dry_run) for target in targets)
    return McpSettings(files, None, ())


def _targets(clients: Iterable[str], project: Path | None) -> list[Target]:
    """Return the files of settings that are there, each once."""
    found: dict[tuple[str, str], Target] = {}
    for name in tuple(clients) or ENABLE_CLIENTS:
        if name not in CLIENTS:
            known = ", ".join(ENABLE_CLIENTS)
            raise ValueError(f"Nothing is known of the settings of {name}, only of {known}.")
        for path in _paths(name, project):
            if os.path.lexists(path):
                key = (name, os.path.realpath(path))  # a link may lead to another one of them
                found.setdefault(key, Target(CLIENTS[name], path))
    return list(found.values())


def _paths(client: str, project: Path | None) -> list[str]:
    if project is None:
        return [os.path.abspath(path) for path in CLIENTS[client].files()]
    try:
        directory = os.path.abspath(project)
    except FileNotFoundError:
        raise ConfigurationError(
            "The current directory is not there any more.", None, "Name another with `project`."
        ) from None
    paths = [os.path.join(directory, name) for name in CLIENTS[client].project_files]
    own = set(map(os.path.realpath, CLIENTS[client].files()))  # where the home is the project
    return [path for path in paths if os.path.realpath(path) not in own]


def _nothing_there(clients: Sequence[str], project: Path | None) -> tuple[str, None, str]:
    titles = " or ".join(CLIENTS[name].title for name in clients) or "an MCP client"
    paths = [path for name in clients or ENABLE_CLIENTS for path in _paths(name, project)]
    where = f": no {paths[0]}, and no other that is known" if paths else ""
    return (
        f"No settings of {titles} were found{where}.",
        None,
        "If they are elsewhere, set the client's own variable for that, such as CLAUDE_CONFIG_DIR."
        if project is None
        else "Name another directory with `project`.",
    )


def _program(project: Path | None, database: Path | None) -> Program:
    """Return how recorded servers are started."""
    if project is not None:
        if database is not None:
            raise ConfigurationError(
                "Settings that are shared with others cannot name a database: they have another.",
                None,
                "Leave `database` or `project` out.",
            )
        return Program([COMMAND], None)
    if is_temporary():
        raise InstallationError(
            f"This {COMMAND} runs from a cache that may be emptied, and then your clients could not"
            " start their servers.",
            None,
            "Install it first: uv tool install devflow-analytics-cli",
        )
    program = Program(own_command(), None if database is None else str(resolve_path(database)))
    require_printable(" ".join([*program.words, program.database or ""]))
    return program


def _seen(targets: list[Target], servers: Sequence[str]) -> list[McpFile]:
    """Return what is in files.

    Raises:
        ServerNotFoundError: none of them has a server of such a name.
    """
    files = [seen(target, ()) for target in targets]
    there = {server.name for found in files for server in found.servers}
    missing = [name for name in servers if name not in there]
    if missing:
        raise ServerNotFoundError(
            f"There is no MCP server {missing[0]!r} in the settings that were found.",
            None,
            f"There are {', '.join(map(repr, sorted(there)))}." if there else "There is none.",
        )
    return [seen(target, servers) for target in targets] if servers else files


def _notes(files: tuple[McpFile, ...], *, is_shared: bool, is_named: bool) -> Iterator[str]:
    recorded = [found for found in files if any(server.recorded for server in found.servers)]
    if is_shared and recorded:
        yield _SHARED
    elif any(found.client == "claude-code" and found.changed for found in files):
        yield _REWRITTEN
    if recorded and not (is_shared or is_named) and os.environ.get("DEVFLOW_ANALYTICS_DB_PATH"):
        yield _NAMED
