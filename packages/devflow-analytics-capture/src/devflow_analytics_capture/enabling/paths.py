"""Where MCP clients have a person's settings; looked up when asked, nothing else is imported."""

from __future__ import annotations

import os

from devflow_analytics_capture import places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def claude_code() -> list[str]:
    """Return the files of Claude Code; in the home it is beside the directory, not in it."""
    if os.environ.get("CLAUDE_CONFIG_DIR", "").strip(" ,"):
        return [os.path.join(root, ".claude.json") for root in places.claude_code()]
    return [os.path.expanduser("~/.claude.json")]


def claude_desktop() -> list[str]:
    """Return the files of Claude Desktop."""
    return _support("Claude", "claude_desktop_config.json")


def cursor() -> list[str]:
    """Return the file of Cursor."""
    return [os.path.expanduser("~/.cursor/mcp.json")]


def vscode() -> list[str]:
    """Return the files of VS Code: of each edition, each end of a connection, each profile."""
    users = [
        *_support("Code", "User"),
        *_support("Code - Insiders", "User"),
        os.path.expanduser("~/.vscode-server/data/User"),
        os.path.expanduser("~/.vscode-server-insiders/data/User"),
    ]
    found = []
    for user in users:
        found.append(os.path.join(user, "mcp.json"))
        profiles = os.path.join(user, "profiles")
        try:
            names = sorted(os.listdir(profiles))
        except OSError:
            continue
        found += [os.path.join(profiles, name, "mcp.json") for name in names]
    return found


def codex() -> list[str]:
    """Return the file of Codex."""
    return [os.path.join(root, "config.toml") for root in places.codex()]


def gemini_cli() -> list[str]:
    """Return the file of Gemini CLI."""
    return [os.path.join(root, "settings.json") for root in places.gemini_cli()]


def windsurf() -> list[str]:
    """Return the files of Windsurf, of each edition, and of Devin Desktop, as it is called now."""
    names = ("windsurf", "windsurf-next")
    older = [os.path.expanduser(f"~/.codeium/{name}/mcp_config.json") for name in names]
    return [*_config("devin", "mcp_config.json"), *older]


def zed() -> list[str]:
    """Return the files of Zed."""
    return _config("zed", "settings.json")


def opencode() -> list[str]:
    """Return the files of opencode: those that variables name, and those for all projects."""
    names = ("opencode.json", "opencode.jsonc", "config.json")
    named = [os.environ.get("OPENCODE_CONFIG", "")]
    own = os.environ.get("OPENCODE_CONFIG_DIR")
    if own:
        named += [os.path.join(own, name) for name in names[:2]]
    found = [os.path.expanduser(path) for path in named if path]
    return found + [path for name in names for path in _config("opencode", name)]


def _config(*parts: str) -> list[str]:
    """Return a path in the directory for settings: the one that is named, and the usual one."""
    usual = os.path.expanduser("~/.config")
    named = os.environ.get("XDG_CONFIG_HOME") or usual
    return [os.path.join(root, *parts) for root in dict.fromkeys((named, usual))]


def _support(*parts: str) -> list[str]:
    """Return where programs that are built with Electron keep a file, on Linux and macOS."""
    on_macos = os.path.expanduser("~/Library/Application Support")
    return [*_config(*parts), os.path.join(on_macos, *parts)]


PATHS: dict[str, tuple[str, Callable[[], list[str]]]] = {
    "claude-code": ("Claude Code", claude_code),
    "claude-desktop": ("Claude Desktop", claude_desktop),
    "cursor": ("Cursor", cursor),
    "vscode": ("VS Code", vscode),
    "codex": ("Codex", codex),
    "gemini-cli": ("Gemini CLI", gemini_cli),
    "windsurf": ("Windsurf", windsurf),
    "zed": ("Zed", zed),
    "opencode": ("opencode", opencode),
}
"""All clients that are known, by their names: as people call them, and where their settings are."""
