"""The options that say which calls a command is about."""

from __future__ import annotations

from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from devflow_analytics_reports import Filters, find_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from devflow_analytics_db import Connection

OPTIONS = {
    "tools": ("--tool", "NAME", "Only calls of this tool; * stands for any letters."),
    "statuses": ("--status", None, "Only calls that ended so."),
    "sessions": ("--session", "ID", "Only calls of this session; the end of its id is enough."),
    "servers": ("--server", "NAME", "Only calls of tools of this MCP server."),
    "clients": ("--client", "NAME", "Only calls of this agent's program."),
    "projects": ("--project", "NAME", "Only calls in this project."),
}


def filter_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that filter, and call it with ``filters``."""

    @wraps(function)
    def with_filters(*arguments: Any, **options: Any) -> None:  # noqa: ANN401  of any command
        filters = Filters(**{name: options.pop(name) for name in OPTIONS})
        function(*arguments, filters=filters, **options)

    decorated: Callable[..., None] = with_filters
    for name, (option, metavar, text) in reversed(OPTIONS.items()):
        kind = click.Choice(["success", "error", "timeout"]) if name == "statuses" else None
        decorated = click.option(
            option, name, multiple=True, metavar=metavar, type=kind, help=text
        )(decorated)
    return decorated


def of_whole_sessions(connection: Connection, filters: Filters) -> Filters:
    """Return filters with whole ids of sessions, of which their ends are given.

    Raises:
        SessionNotFoundError: there is none, or more than one.
    """
    return replace(
        filters, sessions=tuple(find_session(connection, end) for end in filters.sessions)
    )
