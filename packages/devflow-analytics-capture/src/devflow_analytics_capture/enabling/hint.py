"""Which clients have MCP servers that are not recorded, as far as that is told at a glance."""

from __future__ import annotations

import os
import re

from devflow_analytics_capture.enabling.paths import PATHS

_MOST = 16_000_000
"""In bytes; what is larger holds no settings."""

_COMMAND = re.compile(rb'(?<!\\)"command"\s*:\s*["\[{]')
_COMMAND_IN_TOML = re.compile(rb"^[^#\n]*\bcommand\b[\"']?\s*=", re.MULTILINE)


def clients_to_enable() -> tuple[str, ...]:
    """Return whose settings seem to have servers, and none that is recorded, as people call them.

    Only bytes are looked for, as the settings of some clients take a second to read. `enable` reads
    them, and may find that there is nothing to do.
    """
    return tuple(title for title, files in PATHS.values() if any(map(_has_servers, files())))


def _has_servers(path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # which a pipe would wait for
    except OSError:
        return False
    try:
        content = os.read(descriptor, _MOST)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    if b"devflow-analytics" in content:
        return False
    if path.endswith(".toml"):
        return b"mcp_servers" in content and bool(_COMMAND_IN_TOML.search(content))
    keys = (b"ervers", b'"mcp"')  # of "servers", "mcpServers", "context_servers"; of opencode
    return any(key in content for key in keys) and bool(_COMMAND.search(content))
