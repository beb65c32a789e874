from __future__ import annotations

import pytest

from devflow_analytics_capture.names import split_mcp_name


@pytest.mark.parametrize(
    ("name", "server", "tool"),
    [
        ("mcp__github__get_issue", "github", "get_issue"),
        ("mcp__claude_ai_Google_Calendar__list", "claude_ai_Google_Calendar", "list"),
        ("mcp__files__read__all", "files", "read__all"),
        ("mcp__files___read", "files", "_read"),
        ("Bash", None, "Bash"),
        ("", None, ""),
        ("mcp__", None, "mcp__"),
        ("mcp__files", None, "mcp__files"),
        ("mcp__files__", None, "mcp__files__"),
        ("mcp____read", None, "mcp____read"),
        ("my_mcp__files__read", None, "my_mcp__files__read"),
        ("MCP__files__read", None, "MCP__files__read"),
    ],
)
def test_a_name_is_split_at_the_first_two_underscores(
    name: str, server: str | None, tool: str
) -> None:
    assert split_mcp_name(name) == (server, tool)
