"""Names in the answers are anybody's: nothing obeys them, and columns stay columns."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len, split_graphemes

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., str]
    Record = Callable[..., None]

NAMES = (
    *("\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b31m", "\x00nul", "a\nb", "a\rb", "a\tb"),
    *("\u202egnp.exe", "a\u2066b\u2069", "a\u200bb\ufeff", "x" * 200, "列出目錄" * 3, "列" * 100),
    *("👩\u200d💻👍🏽🇩🇪", "😀" * 60, "שלום", "قراءة ملف", "e\u0301" * 30, "[red]x[/]", "[/red]"),
    *(":smile:", "\\[x]", "{x}", "%s", "a,b", 'a"b', "=1+1", " a ", "a · b", "a  b", "a\u2028b"),
)

LISTS = (
    *("tools", "tools --unused", "errors", "errors --loops", "sessions", "calls"),
    *("calls --slowest", "sessions bench"),
)

each_width = pytest.mark.parametrize("width", [[], ["--width", "80"], ["--width", "120"]])


@pytest.fixture
def names(record: Record, now: int) -> None:
    """Calls and sessions in which each name is one of everything that has names."""
    sessions = [
        dict.fromkeys(("client", "client_version", "project"), name) | {"id": f"session-{number}"}
        for number, name in enumerate(NAMES)
    ]
    calls = [
        dict.fromkeys(("tool_name", "server", "error_type", "agent"), name)
        | {"session_id": session, "status": "error", "timestamp": now - 60}
        for number, name in enumerate(NAMES)
        for session in (f"session-{number}", "workbench")
        for _ in range(3)
    ]
    gone = [call | {"tool_name": f"-{call['tool_name']}", "timestamp": 5} for call in calls]
    record([*calls, *gone], sessions)


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("asked", ["stats", *(f"{asked} -n 999" for asked in LISTS)])
@each_width
def test_nothing_in_a_name_is_obeyed(ask: Ask, asked: str, width: list[str]) -> None:
    shown = ask(*asked.split(), *width)
    # what joins emoji is not printable, says Python
    assert {char for char in shown if not char.isprintable()} <= {"\n", "\u200d"}
    if not width:
        for literal in ("[red]x[/]", "[/red]", ":smile:", r"\[x]", "{x}", "%s", "שלום", "x" * 200):
            assert literal in shown or asked == "stats"


def in_cells(line: str) -> str:
    """Return a line with one letter for each cell, and spaces where it has some."""
    return "".join(
        (" " if line[start:end] == " " else "x") * cells
        for start, end, cells in split_graphemes(line)[0]
    )


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("asked", [f"{asked} -n 999" for asked in LISTS])
@each_width
def test_columns_stay_columns(ask: Ask, asked: str, width: list[str]) -> None:
    tables = [table.splitlines() for table in ask(*asked.split(), *width).split("\n\n")[1:]]
    tables = [table for table in tables if len(table) > len(NAMES)]
    assert tables
    for table in tables:
        assert not width or max(map(cell_len, table)) <= int(width[1])
        longest = max(map(cell_len, table))
        lines = [in_cells(line).ljust(longest) for line in table]
        blank = "".join(
            " " if all(line[cell] == " " for line in lines) else "x" for cell in range(longest)
        )
        assert len(re.split(" {2,}", blank.strip())) >= len(re.split(" {2,}", table[0].strip()))


@pytest.mark.parametrize("name", NAMES)
def test_programs_get_names_as_they_are(ask: Ask, record: Record, name: str) -> None:
    columns = ("tool_name", "server", "error_type", "agent")
    sessions = [{"id": "s", "client": name, "client_version": name, "project": name}]
    record([dict.fromkeys(columns, name) | {"session_id": "s", "status": "error"}] * 3, sessions)
    for asked, list_of, keys in (
        ("stats", "tools", ("tool", "server")),
        ("tools", "tools", ("tool", "server")),
        ("errors", "errors", ("tool", "server", "error_type")),
        ("errors --loops", "loops", ("tool", "server", "error_type", "agent")),
        ("sessions", "sessions", ("client", "client_version", "project")),
        ("calls", "calls", ("tool", "server", "error_type", "agent")),
        ("sessions s", "calls", ("tool", "server", "error_type", "agent")),
    ):
        row = json.loads(ask(*asked.split(), "--json"))[list_of][0]
        assert {row[key] for key in keys} == {name}
        if asked != "stats":
            answer = io.StringIO(ask(*asked.split(), "--csv"), newline="")
            row = next(csv.DictReader(answer))
            assert {row[key] for key in keys} == {name}


@pytest.mark.parametrize("name", [name for name in NAMES if "\0" not in name])
@pytest.mark.parametrize("option", ["tool", "server", "client", "project"])
def test_a_filter_finds_the_name_and_the_heading_is_one_line(
    ask: Ask, record: Record, name: str, option: str
) -> None:
    sessions = [{"id": "s", "client": name, "project": name}]
    record([{"tool_name": name, "server": name, "session_id": "s"}], sessions)
    record([{"session_id": "other"}])
    shown = ask("tools", f"--{option}", name, "--since", "all").splitlines()
    assert f" · {option} " in shown[0]
    assert shown[0].endswith(" · 1 called")
    assert shown[1] == ""
    assert {char for char in shown[0] if not char.isprintable()} <= {"\u200d"}
    assert "Not called" not in shown[-1] or option == "tool"


def test_ids_of_sessions_are_anybodys_too(ask: Ask, record: Record) -> None:
    ids = [f"{number}{name}" for number, name in enumerate(NAMES) if "\0" not in name]
    record([{"session_id": key} for key in ids])
    shown = ask("sessions", "-n", "99") + ask("calls", "-n", "99")
    assert {char for char in shown if not char.isprintable()} <= {"\n", "\u200d"}
    for key in ids:
        found = json.loads(ask("sessions", key, "--json"))
        assert found["session"]["id"] == key
        one = ask("sessions", key, "--width", "80")
        assert one.startswith("Session ")
        assert {char for char in one if not char.isprintable()} <= {"\n", "\u200d"}
