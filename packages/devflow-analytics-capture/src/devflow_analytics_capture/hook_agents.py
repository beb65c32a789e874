"""The agents that run hooks: where their settings are, and what a hook looks like in them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from devflow_analytics_capture.places import claude_code

if TYPE_CHECKING:
    from typing import Any

    from devflow_analytics_capture.hook_commands import Kind

MCP_TOOLS = "mcp__.*"
"""What the names of the tools of MCP servers match."""

IMPORT_SECONDS = 30
"""How long an import may take at the end of a session. One that is ended goes on with the next."""

CALL_SECONDS = 5
"""How long noting a call may take; it takes a hundredth of a second."""


class Place(NamedTuple):
    """Where a hook belongs."""

    event: str
    kind: Kind
    is_usual: bool
    """Whether it is there even if only what is usual is asked for."""


class ClaudeCode:
    """Claude Code."""

    client = "claude-code"
    title = "Claude Code"
    places: ClassVar = (
        Place("SessionEnd", "import", is_usual=True),
        Place("PostToolUse", "call", is_usual=False),
        Place("PostToolUseFailure", "call", is_usual=False),
    )
    needed: ClassVar[dict[str, object]] = {}
    """What has to be in the settings beside the hooks."""

    @staticmethod
    def path() -> str:
        """Return the file of the user's settings."""
        directories = claude_code()
        there = next(filter(os.path.isdir, directories), directories[0])
        return os.path.join(os.path.abspath(there), "settings.json")

    @staticmethod
    def entry(kind: Kind, command: str) -> dict[str, Any]:
        """Return a hook as it is in the settings."""
        handler: dict[str, Any] = {"type": "command", "command": command}
        if kind == "import":
            return {"hooks": [{**handler, "timeout": IMPORT_SECONDS}]}
        handler |= {"timeout": CALL_SECONDS, "async": True}
        return {"matcher": MCP_TOOLS, "hooks": [handler]}


class Cursor:
    """Cursor, which keeps no log of how long calls take: its hook is the only way to know."""

    client = "cursor"
    title = "Cursor"
    places: ClassVar = (Place("afterMCPExecution", "call", is_usual=True),)
    needed: ClassVar[dict[str, object]] = {"version": 1}

    @staticmethod
    def path() -> str:
        """Return the file of the user's settings."""
        return os.path.abspath(os.path.expanduser("~/.cursor/hooks.json"))

    @staticmethod
    def entry(_: Kind, command: str) -> dict[str, Any]:
        """Return a hook as it is in the settings."""
        return {"command": command}


AGENTS = {agent.client: agent for agent in (ClaudeCode, Cursor)}
"""Those that run hooks, by their names in the database."""
