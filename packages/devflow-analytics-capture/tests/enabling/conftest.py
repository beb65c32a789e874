"""Settings of clients in a home, and the command that they are made to run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Put = Callable[..., Path]

PLACES = {
    "claude-code": ".claude.json",
    "claude-desktop": ".config/Claude/claude_desktop_config.json",
    "cursor": ".cursor/mcp.json",
    "vscode": ".config/Code/User/mcp.json",
    "codex": ".codex/config.toml",
    "gemini-cli": ".gemini/settings.json",
    "windsurf": ".codeium/windsurf/mcp_config.json",
    "zed": ".config/zed/settings.json",
    "opencode": ".config/opencode/opencode.json",
}
"""Where each client has its settings, in a home."""

IN_A_PROJECT = {
    "claude-code": ".mcp.json",
    "cursor": ".cursor/mcp.json",
    "vscode": ".vscode/mcp.json",
    "codex": ".codex/config.toml",
    "gemini-cli": ".gemini/settings.json",
    "windsurf": ".devin/mcp_config.json",
    "zed": ".zed/settings.json",
    "opencode": "opencode.jsonc",
}
"""Where each client that has such has settings of a project."""


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The command, in the PATH, beside a Python."""
    directory = tmp_path / "tool" / "bin"
    directory.mkdir(parents=True)
    (directory / "python").symlink_to(sys.executable)
    command = directory / "devflow-analytics"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(directory / "python"))
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    for name in ("OPENCODE_CONFIG", "OPENCODE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    return command


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The directory of a project."""
    directory = tmp_path / "shop"
    directory.mkdir()
    return directory


@pytest.fixture
def put(home: Path, project: Path) -> Put:
    """Write the settings of a client where it has them."""

    def put(client: str, content: str | bytes, *, shared: bool = False) -> Path:
        path = project / IN_A_PROJECT[client] if shared else home / PLACES[client]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return put
