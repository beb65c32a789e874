"""Where agents keep what is theirs; looked up when asked, and with nothing else imported."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def claude_code() -> list[str]:
    """Return the directories of Claude Code's settings and logs, of each one once."""
    named = os.environ.get("CLAUDE_CONFIG_DIR", "")
    found = [os.path.expanduser(part.strip()) for part in named.split(",") if part.strip()]
    if not found:
        config = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
        found = [os.path.expanduser("~/.claude"), os.path.join(config, "claude")]
    real: dict[str, str] = {}  # one of them may be a link to another
    for root in found:
        real.setdefault(os.path.realpath(root), root)
    return list(real.values())


def codex() -> list[str]:
    """Return the directory of Codex."""
    return [os.path.expanduser(os.environ.get("CODEX_HOME") or "~/.codex")]


def copilot_cli() -> list[str]:
    """Return the directory of Copilot CLI."""
    return [os.path.expanduser(os.environ.get("COPILOT_HOME") or "~/.copilot")]


def gemini_cli() -> list[str]:
    """Return the directory of Gemini CLI."""
    home = os.environ.get("GEMINI_CLI_HOME") or os.path.expanduser("~")
    return [os.path.join(home, ".gemini")]


def opencode() -> list[str]:
    """Return the directories in which opencode may keep its data."""
    named = os.environ.get("OPENCODE_DATA_DIR")
    if named:
        return [os.path.expanduser(named)]
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return [os.path.join(data, "opencode")]


PLACES: dict[str, Callable[[], list[str]]] = {
    "claude-code": claude_code,
    "codex": codex,
    "copilot-cli": copilot_cli,
    "opencode": opencode,
    "gemini-cli": gemini_cli,
}
"""Of all agents whose logs are known, by their names."""


def clients_there() -> list[str]:
    """Return the agents that have a directory here; no other can have logs."""
    return [client for client, places in PLACES.items() if any(map(os.path.isdir, places()))]
