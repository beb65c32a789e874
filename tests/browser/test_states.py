"""What the page says when there is nothing to show, or something is wrong with what there was."""

from __future__ import annotations

import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from devflow_analytics_db import backup, create_analytics_db, restore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

NOW = 1795622770

WAYS_TO_BEGIN = """\
Import what your agents have logged:
devflow-analytics import
Keep that current, at the end of each session:
devflow-analytics hooks --write
Record your own MCP server in Python, with two lines:
from devflow_analytics_recorder import record
record(server)
Or look around first, in made-up calls:
devflow-analytics dashboard --demo
'devflow-analytics doctor' says which file is read, and what is wrong with it."""

EMPTY = f"""\
No calls yet
This page fills by itself as soon as a call is recorded.
{WAYS_TO_BEGIN}"""

NO_KEY = """\
This page needs a key
Each run of the server has its own key, so that others on this machine cannot read your calls.
Open the address that the command printed. To start it again, type:
devflow-analytics dashboard"""

OLD_KEY = NO_KEY.replace("This page needs a key", "The key of this page is from an earlier run")

PANELS = (
    *("cards", "calls", "errors", "latency", "slowest"),
    *("tools", "sessions", "timeline", "latest"),
)

REFUSED = "status of 401"
NO_DATABASE = "status of 503"
UNREADABLE = "status of 503"
GONE = "net::ERR_CONNECTION_REFUSED"


def expect_text(place: Locator, text: str) -> None:
    """Expect words at a place, whatever space is between them."""
    expect(place).to_have_text(text, use_inner_text=True)


def expect_panels(page: Page, *, visible: bool = True) -> None:
    for panel in PANELS:
        expect(page.locator(f"#{panel}")).to_be_visible(visible=visible)


def calls(page: Page) -> Locator:
    """Return where the number of calls is."""
    return page.locator("#cards .value").first


def test_without_a_database_the_page_says_how_to_begin_and_fills_by_itself(
    serve_by_command: Callable[..., Any],
    open_page: Callable[..., Page],
    record: Callable[..., str],
    tmp_path: Path,
    seen: Any,
) -> None:
    seen.expected.append(NO_DATABASE)
    file = tmp_path / "analytics.db"
    page = open_page(serve_by_command(file).url)
    expect_text(
        page.locator("main"),
        f"""\
        No calls yet
        This page fills by itself as soon as a call is recorded.
        {file} does not exist: there is no database. Make it with 'devflow-analytics init', or name
        another file with --db or DEVFLOW_ANALYTICS_DB_PATH.
        {WAYS_TO_BEGIN}""",
    )
    init = [sys.executable, "-m", "devflow_analytics_cli", "-q", "--db", str(file), "init"]
    subprocess.run(init, check=True)
    expect_text(page.locator("main"), EMPTY)
    expect_panels(page, visible=False)
    record(file, "search", 12.5)
    expect_panels(page)
    expect(calls(page)).to_have_text("1")
    expect(page.locator("#first-run")).to_be_hidden()


def test_a_page_without_a_key_shows_nothing_and_says_where_one_is(
    serve: Callable[..., Any], open_page: Callable[..., Page], made_up: Path, seen: Any
) -> None:
    seen.expected.append(REFUSED)
    page = open_page(serve(made_up).origin)
    expect_text(page.locator("main"), NO_KEY)
    expect_panels(page, visible=False)


def test_a_page_with_a_wrong_key_shows_nothing_and_stops_asking(
    serve: Callable[..., Any], open_page: Callable[..., Page], made_up: Path, seen: Any
) -> None:
    seen.expected.append(REFUSED)
    dashboard = serve(made_up)
    page = open_page(f"{dashboard.origin}/#key=wrong")
    expect_text(page.locator("main"), OLD_KEY)
    expect_panels(page, visible=False)
    page.wait_for_load_state("networkidle")
    asked = len(seen.requests)
    other = open_page(dashboard.url)
    for _ in range(3):
        with other.expect_response("**/api/version"):
            pass
    assert [one for one in seen.requests[asked:] if one.frame.page == page] == []


def test_the_address_of_a_new_run_mends_the_tabs_of_the_run_before(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    wait_ready: Callable[[Page], None],
    made_up: Path,
    seen: Any,
) -> None:
    seen.expected += [GONE, REFUSED]
    with socket.create_server(("127.0.0.1", 0)) as free:  # of the usual ones others make use
        port = free.getsockname()[1]
    first = serve(made_up, port=port)
    page = open_page(first.url)
    first.stop()
    expect_text(
        page.locator("#problem"),
        """\
        The server does not answer. If it was stopped, 'devflow-analytics dashboard' starts it
        again. This page goes on trying.""",
    )
    expect_panels(page)
    second = serve(made_up, port=port)
    expect_text(page.locator("#problem"), OLD_KEY)
    expect_panels(page, visible=False)
    other = page.context.new_page()
    other.goto(second.url)
    wait_ready(other)
    expect_panels(page)
    expect(page.locator("#problem")).to_be_hidden()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="the system cannot hold a process")
def test_a_server_that_hangs_is_noticed_and_what_was_shown_stays(
    serve: Callable[..., Any], open_page: Callable[..., Page], made_up: Path
) -> None:
    dashboard = serve(made_up)
    page = open_page(dashboard.url)
    dashboard.process.send_signal(signal.SIGSTOP)
    try:
        expect(page.locator("#problem")).to_contain_text("does not answer")
        expect_panels(page)
        expect(calls(page)).to_have_text("5,078")
    finally:
        dashboard.process.send_signal(signal.SIGCONT)
    expect(page.locator("#problem")).to_be_hidden()


def test_a_period_before_the_first_call_leads_to_that(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    wait_ready: Callable[[Page], None],
    made_up: Path,
) -> None:
    page = open_page(serve(made_up).url.replace("/#", "/?since=2020-01-01&until=2020-01-02#"))
    expect_text(
        page.locator("#no-calls"),
        "No calls in this period. The first one was at 27 Sep 15:45, 59 d ago. Show it",
    )
    expect(calls(page)).to_have_text("0")
    page.get_by_role("button", name="Show it").click()
    wait_ready(page)
    assert page.url.endswith("/?since=2026-09-27")
    expect(page.locator("#no-calls")).to_be_hidden()
    expect(page.locator("#range")).to_have_text("27 Sep 00:00 – now")  # noqa: RUF001  as written


def test_a_filter_without_calls_leads_to_the_last_one_or_away(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    wait_ready: Callable[[Page], None],
    made_up: Path,
) -> None:
    query = "since=2026-11-22&until=2026-11-22T06:00&tool=docker_build"
    page = open_page(serve(made_up).url.replace("/#", f"/?{query}#"))
    said = "No call of this period matches the filters. The last one was at 25 Nov 16:20,"
    expect_text(page.locator("#no-calls"), f"{said} 45 min ago. Show it Remove the filters")
    page.get_by_role("button", name="Show it").click()
    wait_ready(page)
    expect(page.locator("#no-calls")).to_be_hidden()
    expect(page.locator("#latest tbody tr").first).to_contain_text("16:20:11docker_build")
    page.go_back()
    page.get_by_role("button", name="Remove the filters").click()
    expect(page.locator("#no-calls")).to_contain_text("No calls in this period.")


def test_a_filter_that_nothing_ever_matched_says_so(
    serve: Callable[..., Any], open_page: Callable[..., Page], made_up: Path
) -> None:
    page = open_page(serve(made_up).url.replace("/#", "/?tool=nonsense#"))
    said = "No call of this period matches the filters. None ever did. Remove the filters"
    expect_text(page.locator("#no-calls"), said)


def test_a_database_that_is_deleted_and_comes_back_is_followed(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    made_up: Path,
    made_up_copy: Path,
    seen: Any,
) -> None:
    seen.expected.append(NO_DATABASE)
    page = open_page(serve(made_up_copy).url)
    for file in made_up_copy.parent.glob("copy.db*"):
        file.unlink()
    expect(page.locator("#first-run")).to_contain_text("copy.db does not exist")
    expect_panels(page, visible=False)
    shutil.copy(made_up, made_up_copy)
    expect_panels(page)
    expect(calls(page)).to_have_text("5,078")
    expect(page.locator("#first-run")).to_be_hidden()


def test_a_database_that_is_restored_under_the_open_page_is_shown_as_it_is_then(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    observe: Callable[..., None],
    made_up_copy: Path,
) -> None:
    kept = backup(made_up_copy)
    page = open_page(serve(made_up_copy).url)
    latest = page.locator("#latest tbody tr")
    before = latest.all_inner_texts()
    observe(made_up_copy, *[{"tool_name": "only_now", "timestamp": NOW - 1}] * 3)
    expect(calls(page)).to_have_text("5,081")
    expect(latest.filter(has_text="only_now")).to_have_count(3)
    restore(kept, made_up_copy)
    expect(calls(page)).to_have_text("5,078")
    expect(latest).to_have_text(before, use_inner_text=True)
    observe(made_up_copy, {"tool_name": "afterwards", "timestamp": NOW - 1})
    expect(latest.first).to_contain_text("afterwards")


def test_a_damaged_database_is_said_to_be_so_until_a_whole_one_is_in_its_place(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    made_up: Path,
    made_up_copy: Path,
    seen: Any,
) -> None:
    seen.expected.append(UNREADABLE)
    page = open_page(serve(made_up_copy).url)
    content = bytearray(made_up.read_bytes())
    content[4096 * 3 : 4096 * 200] = b"\xff" * (4096 * 197)
    made_up_copy.write_bytes(content)
    expect_text(
        page.locator("#problem"),
        f"""\
        {made_up_copy} is damaged (database disk image is malformed). It was left as it is. Copy it
        and the files beside it to a safe place before anything else; the .recover of SQLite's shell
        may get its rows back, and `restore()` puts a backup in its place. 'devflow-analytics
        doctor' says more. This page goes on trying.""",
    )
    expect_panels(page)
    shutil.copy(made_up, made_up_copy)
    expect(page.locator("#problem")).to_be_hidden()
    expect(calls(page)).to_have_text("5,078")


def test_a_locked_database_is_said_to_be_so_until_it_is_free(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    made_up_copy: Path,
    monkeypatch: pytest.MonkeyPatch,
    seen: Any,
) -> None:
    seen.expected.append(NO_DATABASE)
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", "50")
    page = open_page(serve(made_up_copy).url)
    with closing(sqlite3.connect(made_up_copy, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("DELETE FROM tool_calls WHERE tool_name = 'read_file'")
        expect(page.locator("#problem")).to_contain_text("locked")
        expect_panels(page)
        expect(calls(page)).to_have_text("5,078")
    expect(page.locator("#problem")).to_be_hidden()
    expect(calls(page)).to_have_text("4,178")


def test_a_database_whose_rows_are_numbered_anew_is_still_followed(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    observe: Callable[..., None],
    made_up_copy: Path,
) -> None:
    page = open_page(serve(made_up_copy).url)
    latest = page.locator("#latest tbody tr")
    with closing(sqlite3.connect(made_up_copy, isolation_level=None)) as other:
        other.execute("DELETE FROM tool_calls WHERE tool_name = 'read_file'")
        other.execute("VACUUM")
    expect(calls(page)).to_have_text("4,178")
    expect(latest.filter(has_text="read_file")).to_have_count(0)
    observe(made_up_copy, {"tool_name": "afterwards", "timestamp": NOW - 1})
    expect(latest.first).to_contain_text("afterwards")
    expect(latest).to_have_count(20)


def test_a_session_without_calls_is_shown_as_such(
    serve: Callable[..., Any], open_page: Callable[..., Page], made_up_copy: Path
) -> None:
    key = "01a5c9b0-0000-7000-8000-00000000dead"
    with create_analytics_db(made_up_copy) as db, db.transaction() as connection:
        row = (key, NOW - 3600)
        connection.execute("INSERT INTO sessions (id, started_at) VALUES (?, ?)", row)
    page = open_page(serve(made_up_copy).url.replace("/#", "/?timeline=0000dead#"))
    expect_text(
        page.locator("#timeline"),
        """\
        Timeline 25 Nov 16:06 · 0 s · 0 calls, 0 failed 0000dead
        No calls in this session. Nothing failed in it.""",
    )
    chosen = page.locator(f"#sessions tr[data-key='{key}']")
    assert chosen.locator("th, td:visible").all_inner_texts() == ["16:06", "0 s", "0", "0", ""]


def test_a_session_that_runs_is_said_to_until_nothing_comes_from_it(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    made_up_copy: Path,
) -> None:
    page = open_page(serve(made_up_copy).url)
    lasted = page.locator("#sessions tbody tr").locator("td:nth-child(2)")
    some = ["running 16 min", "7 min", "running 47 min", "23 min", "21 min", "10 min", "10 min"]
    others = ["2 min", "14 min", "3 min", "33 min", "16 min", "1 h 6 min", "8 min"]
    expect(lasted).to_have_text([*some, *others])
    expect(page.locator("#timeline .sub")).to_have_text(
        "25 Nov 16:49 · running · 80 calls, 4 failed"
    )
    later = open_page(serve(made_up_copy, now=NOW + 7200).url)
    expect(later.locator("#timeline .sub")).to_have_text(
        "25 Nov 16:49 · 16 min · 80 calls, 4 failed"
    )
    expect(later.locator("#sessions .running")).to_have_count(0)


def test_a_session_that_does_not_exist_is_said_not_to(
    serve: Callable[..., Any], open_page: Callable[..., Page], made_up: Path, seen: Any
) -> None:
    seen.expected.append("status of 404")
    page = open_page(serve(made_up).url.replace("/#", "/?timeline=nonsense#"))
    expect(page.locator("#timeline")).to_contain_text("nonsense")
    expect(page.locator("#problem")).to_be_hidden()
    expect_panels(page)
