"""What is found in clients' settings, and what was done to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from devflow_analytics_db import AnalyticsDbError


@dataclass(frozen=True, slots=True)
class McpServer:
    """An MCP server in a client's settings."""

    name: str
    """Its name there."""
    project: str | None
    """The directory in which the client starts it; None: anywhere."""
    recorded: bool
    """Whether its calls are recorded when the client starts it the next time."""
    was_recorded: bool
    """Whether they were before; then what was changed is where the command is, or the database."""
    changed: bool
    """Whether what starts it was changed just now."""
    reason: str | None
    """Why it is left as it is, in a few words; None: it is recorded, or can be."""
    problem: str | None
    """What keeps the client from starting it, in a sentence with what to do."""


@dataclass(frozen=True, slots=True)
class McpFile:
    """A file of a client's settings."""

    client: str
    """The client, as the database names it."""
    title: str
    """The client, as people name it."""
    path: Path
    """The file."""
    servers: tuple[McpServer, ...]
    """The servers in it, in its order; of those that were asked for."""
    changed: bool
    """Whether it was changed."""
    backup: Path | None
    """A copy of it as it was before `enable`; None if there is none."""
    error: AnalyticsDbError | None
    """Why it was left as it is, if something was wrong with it."""


@dataclass(frozen=True, slots=True)
class McpSettings:
    """The settings of all clients, or of those that were asked for."""

    files: tuple[McpFile, ...]
    """Those that are there."""
    program: str | None
    """The command that recorded servers are started with; None if it was not looked for."""
    notes: tuple[str, ...]
    """What else is to be known, in sentences."""
