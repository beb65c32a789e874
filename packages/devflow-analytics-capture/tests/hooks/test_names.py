from __future__ import annotations

import random
import re

import pytest

from devflow_analytics_capture.names import is_counted, split_mcp_name


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


COUNTED = re.compile(r"(?:call[_-]?|tool[_-]?|functions\.[\w.-]+:|[a-z]?)[0-9]{1,5}")


@pytest.mark.parametrize(
    "native_id",
    ["0", "12345", "call_0", "call-1", "call2", "tool_3", "a7", "functions.read_file:4"],
)
def test_an_id_that_only_counts_is_told(native_id: str) -> None:
    assert is_counted(native_id)
    assert COUNTED.fullmatch(native_id)


def test_an_id_counts_if_it_is_a_short_word_and_a_number() -> None:
    chance = random.Random(1)
    parts = ["", "call", "tool", "_", "-", "functions.", "a", "Z", "é", "re.ad-1", ":", "0", "9"]
    parts += ["12345", "²", "٣", " ", "toolu_01", ".", "\n"]
    counted = 0
    for _ in range(50_000):
        native_id = "".join(chance.choices(parts, k=chance.randrange(5)))
        assert is_counted(native_id) == (COUNTED.fullmatch(native_id) is not None), native_id
        counted += is_counted(native_id)
    assert counted > 1000
