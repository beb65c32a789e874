"""The importers, one for each agent whose logs are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devflow_analytics_capture.importers.claude_code import ClaudeCode
from devflow_analytics_capture.importers.codex import Codex
from devflow_analytics_capture.importers.copilot_cli import CopilotCli
from devflow_analytics_capture.importers.gemini_cli import GeminiCli
from devflow_analytics_capture.importers.opencode import OpenCode

if TYPE_CHECKING:
    from devflow_analytics_capture.importers.importer import Importer

IMPORTERS: tuple[type[Importer], ...] = (ClaudeCode, Codex, CopilotCli, OpenCode, GeminiCli)
"""All of them, in the order in which their logs are read."""

CLIENTS = tuple(importer.client for importer in IMPORTERS)
"""The names of their agents."""
