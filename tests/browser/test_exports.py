"""What can be taken out of the page: CSV files, and commands that print the same."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from devflow_analytics_cli import words

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

NOW = 1795622770

UGLY = 'it\'s "$(echo no)" `no` $HOME \\ *[a]? ; rm\x1b[2J \u202e \n--help'
"""What a shell would take for anything but a name, and what the page escapes."""

SAVED = 180_000
"""How long a busy machine may take for a hundred pages of calls, in milliseconds."""

MORE = """
WITH RECURSIVE numbers (number) AS (
    SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < :more
)
"""

MORE_SESSIONS = f"""
INSERT INTO sessions (id, started_at)
{MORE} SELECT printf('01a5c9b0-0000-8000-9000-%012d', number), {NOW - 3600} FROM numbers
"""

MORE_CALLS = f"""
INSERT INTO tool_calls (id, tool_name, duration_ms, status, timestamp, session_id)
{MORE} SELECT printf('01a5c9b0-0000-8000-a000-%012d', number), tool_name, duration_ms, status,
    timestamp - number, session_id
FROM numbers, tool_calls
"""


def saved(page: Page, panel: str, said: str = "Saved {}.") -> tuple[str, list[dict[str, str]]]:
    """Save the CSV file of a panel; gives its name and rows, which the page counted."""
    toast = page.locator("#toast")
    toast.evaluate("(node) => { node.textContent = ''; }")  # what was said of another file
    with page.expect_download(timeout=SAVED) as download:
        page.locator(f"#{panel}").get_by_role("button", name="CSV").click()
        expect(toast).to_have_text(re.compile("^Saved "), timeout=SAVED)
        text = toast.text_content()
    with Path(download.value.path()).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert text == said.format(f"{len(rows):,} rows" if len(rows) != 1 else "1 row")
    return download.value.suggested_filename, rows


def copied(page: Page, panel: str) -> str:
    """Copy the command of a panel; gives what is in the clipboard then."""
    page.locator(f"#{panel}").get_by_role("button", name="Command: copy").click()
    expect(page.locator("#toast")).to_contain_text("Copied: ")
    text: str = page.evaluate("navigator.clipboard.readText()")
    assert page.locator("#toast").text_content() == f"Copied: {text}"
    return text


def as_numbers(rows: list[dict[str, Any]]) -> list[dict[str, object]]:
    """Return rows of CSV with numbers for what reads as one."""
    return [{name: as_number(value) for name, value in row.items()} for row in rows]


def as_number(value: object) -> object:
    try:
        return float(str(value))
    except ValueError:
        return "" if value is None else value


@pytest.fixture
def page(open_page: Callable[..., Page], made_up_served: Any) -> Page:
    """The page of the made-up calls, which may use the clipboard."""
    return open_page(
        made_up_served.url, permissions=["clipboard-read", "clipboard-write"], accept_downloads=True
    )


@pytest.fixture
def ugly(observe: Callable[..., None], tmp_path: Path) -> Path:
    """A database with a tool whose name no shell would leave alone, and another."""
    file = tmp_path / "ugly.db"
    observe(file, *({"tool_name": name} for name in (UGLY, "search", UGLY)))
    return file


@pytest.mark.parametrize(
    ("panel", "line", "name"),
    [
        ("tools", "tools", "devflow-tools-7d.csv"),
        ("latest", "calls --since 7d --limit 9999", "devflow-latest-calls-7d.csv"),
        ("sessions", "sessions", "devflow-sessions-7d.csv"),
    ],
)
def test_a_csv_file_has_what_the_command_has(
    page: Page,
    command: Callable[..., str],
    made_up: Path,
    panel: str,
    line: str,
    name: str,
) -> None:
    file, rows = saved(page, panel)
    told = list(csv.DictReader(command(f"devflow-analytics {line} --csv", made_up).splitlines()))

    assert file == name
    shared = sorted(rows[0].keys() & told[0].keys())
    assert len(shared) >= len(rows[0]) - 1
    assert as_numbers([{key: row[key] for key in shared} for row in rows]) == as_numbers(
        [{key: row[key] for key in shared} for row in told]
    )
    assert len(rows) == len(told) > 10


def test_a_csv_file_with_the_most_rows_says_that_there_are_more(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    observe: Callable[..., None],
    tmp_path: Path,
) -> None:
    file = tmp_path / "many.db"
    observe(file, {})
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(MORE_SESSIONS, {"more": 1000})
        connection.execute(MORE_CALLS, {"more": 100_000})
    page = open_page(serve(file).url, accept_downloads=True)

    said = "Saved the newest {} only. Choose a shorter period to save the others."
    for panel, most in (("sessions", 1000), ("latest", 100_000)):
        rows = saved(page, panel, said)[1]
        assert len({row["id"] for row in rows}) == len(rows) == most


def test_a_csv_file_that_cannot_be_made_is_said_not_to_be(
    serve: Callable[..., Any], open_page: Callable[..., Page], made_up_copy: Path, seen: Any
) -> None:
    dashboard = serve(made_up_copy)
    page = open_page(dashboard.url)
    seen.expected.append("net::ERR_CONNECTION_REFUSED")
    dashboard.stop()
    page.locator("#latest").get_by_role("button", name="CSV").click()
    expect(page.locator("#toast")).to_have_text("Nothing saved. The server does not answer.")


def test_the_csv_file_of_what_fails_has_every_failure(
    page: Page, command: Callable[..., str], made_up: Path
) -> None:
    told = json.loads(command("devflow-analytics errors --json", made_up))["errors"]

    assert as_numbers(saved(page, "errors")[1]) == as_numbers(told)


def test_the_csv_file_of_calls_over_time_has_every_bar(page: Page) -> None:
    file, rows = saved(page, "calls")

    assert file == "devflow-calls-over-time-7d.csv"
    calls = page.locator("#cards .value").first.inner_text()
    assert sum(int(row["calls"]) for row in rows) == int(calls.replace(",", ""))
    assert len(rows) == page.locator("#calls details tbody tr").count()


def test_csv_files_follow_the_filters(open_page: Callable[..., Page], made_up_served: Any) -> None:
    query = "since=2026-11-23&until=2026-11-24&status=error&client=codex"
    page = open_page(made_up_served.url.replace("/#", f"/?{query}#"), accept_downloads=True)
    file, rows = saved(page, "latest")

    assert file == "devflow-latest-calls-2026-11-23-to-2026-11-24.csv"
    assert {row["status"] for row in rows} == {"error"}
    assert f"{len(rows):,}" == page.locator("#cards .value").first.inner_text()
    sessions = saved(page, "sessions")[1]
    assert {row["client"] for row in sessions} == {"codex"}
    assert {row["session"] for row in rows} <= {row["id"] for row in sessions}


def test_no_cell_of_a_csv_file_is_a_formula(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    observe: Callable[..., None],
    tmp_path: Path,
) -> None:
    names = ["=1+1", "+1", "-1", "@sum", "\tx", "\r=1", 'a,"b"\nc', "plain"]
    file = tmp_path / "formulas.db"
    observe(file, *({"tool_name": name, "server": name} for name in names))
    page = open_page(serve(file).url, accept_downloads=True)

    quoted = {f"'{name}" for name in names[:6]} | set(names[6:])
    for panel in ("latest", "tools"):
        rows = saved(page, panel)[1]
        assert {row["tool"] for row in rows} == quoted
        assert {row["server"] for row in rows} == quoted


COMMANDS = {
    "calls": "devflow-analytics stats --by day --since 7d",
    "errors": "devflow-analytics errors --since 7d",
    "latency": "devflow-analytics tools --sort p95 --since 7d",
    "latest": "devflow-analytics calls --since 7d",
    "sessions": "devflow-analytics sessions --since 7d",
    "slowest": "devflow-analytics calls --slowest --since 7d --status success --status error",
    "tools": "devflow-analytics tools --since 7d",
}


def test_each_panel_copies_the_command_that_prints_the_same(page: Page) -> None:
    assert {panel: copied(page, panel) for panel in COMMANDS} == COMMANDS


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?since=30d&status=error&tool=run_*&client=codex",
        "?since=2026-11-20&until=2026-11-23&server=git&sort=-p95",
    ],
)
def test_a_copied_command_prints_the_figures_of_its_panel(
    open_page: Callable[..., Page],
    made_up_served: Any,
    command: Callable[..., str],
    made_up: Path,
    rows_of: Callable[..., list[list[str]]],
    query: str,
) -> None:
    page = open_page(
        made_up_served.url.replace("/#", f"/{query}#"),
        permissions=["clipboard-read", "clipboard-write"],
    )

    shown = {
        "tools": [row[:2] for row in rows_of(page.locator("#tools table"))],
        "latest": [row[1:3] for row in rows_of(page.locator("#latest table"))],
        "slowest": page.locator("#slowest .figure").all_inner_texts(),
        "errors": page.locator("#errors .ranking .figure").all_text_contents(),
        "sessions": [row[2] for row in rows_of(page.locator("#sessions table"))],
    }
    told = {panel: json.loads(command(f"{copied(page, panel)} --json", made_up)) for panel in shown}
    printed = {
        "tools": [[tool["tool"], f"{tool['calls']:,}"] for tool in told["tools"]["tools"]],
        "latest": [
            [call["tool"], words.duration(call["duration_ms"])] for call in told["latest"]["calls"]
        ],
        "slowest": [words.duration(call["duration_ms"]) for call in told["slowest"]["calls"]],
        "errors": [
            f"{error['calls']:,} {words.share(error['share'])}"
            for error in told["errors"]["errors"]
        ],
        "sessions": [f"{session['calls']:,}" for session in told["sessions"]["sessions"]],
    }

    assert shown == {panel: printed[panel][: len(shown[panel])] for panel in shown}
    assert all(shown.values())
    calls = page.locator("#cards .value").first.inner_text()
    footer = page.locator("#footer code").last.inner_text()
    assert calls == f"{json.loads(command(f'{footer} --json', made_up))['calls']:,}"


def test_a_shell_takes_any_name_that_is_copied_as_it_is(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    command: Callable[..., str],
    ugly: Path,
) -> None:
    page = open_page(serve(ugly).url, permissions=["clipboard-read", "clipboard-write"])
    page.locator("#tools tbody tr").first.get_by_role("button").click()
    expect(page.locator("#cards .value").first).to_have_text("2")
    expect(page.locator("#latest tbody tr")).to_have_count(2)  # before that it has the old command
    line = copied(page, "latest")

    assert line.isprintable()
    assert [call["tool"] for call in json.loads(command(f"{line} --json", ugly))["calls"]] == [
        UGLY,
        UGLY,
    ]


def test_without_a_clipboard_the_command_is_shown(
    open_page: Callable[..., Page], made_up_served: Any
) -> None:
    page = open_page(made_up_served.url, permissions=[])
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    page.locator("#tools").get_by_role("button", name="Command: copy").click()

    said = "Not copied. It is: devflow-analytics tools --since 7d"
    expect(page.locator("#toast")).to_have_text(said)
