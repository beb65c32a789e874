"""The importers, one for each agent whose logs are known; each is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from devflow_analytics_capture.importers.importer import Importer

_CLASSES = {
    "claude-code": "ClaudeCode",
    "codex": "Codex",
    "copilot-cli": "CopilotCli",
    "opencode": "OpenCode",
    "gemini-cli": "GeminiCli",
}
"""Of each agent, the importer in the module of its name; in the order in which logs are read."""

CLIENTS = tuple(_CLASSES)
"""The names of the agents."""


def importers(clients: Collection[str]) -> list[Importer]:
    """Return the importers for these agents, in the order in which their logs are read."""
    return [
        getattr(import_module(f"{__name__}.{client.replace('-', '_')}"), name)()
        for client, name in _CLASSES.items()
        if client in clients
    ]
