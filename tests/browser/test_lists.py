"""What fails, the slowest calls, sessions, a session's timeline, the latest calls."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from devflow_analytics_cli import words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

NOW = 1795622770
BERLIN = ZoneInfo("Europe/Berlin")

RANKED = """(list) => [...list.children].map((item) => {
    const age = item.querySelector(".beside .faint");
    const what = item.querySelector(".what").textContent.replace(age?.textContent, "");
    return [what, item.querySelector(".figure").textContent];
})"""
"""The texts of a ranked list, but for how long ago something was."""


@pytest.fixture(scope="module")
def ask(command: Callable[..., str], made_up: Path) -> Callable[[str], Any]:
    """Ask the command about the made-up calls."""
    return lambda line: json.loads(command(f"devflow-analytics {line} --json", made_up))


def short(session: str) -> str:
    return session[-8:]


def moment(seconds: int) -> str:
    """Return a time without its day if that is today."""
    return words.moment(seconds, BERLIN, NOW).removeprefix("25 Nov ")


def errors_of(panel: Locator) -> list[list[str]]:
    found: list[list[str]] = panel.locator("ol.ranking").evaluate(RANKED)
    return found


def call_row(call: dict[str, Any]) -> list[str]:
    """Return what the row of a call says."""
    return [
        words.clock(call["time"], BERLIN),
        call["tool"],
        words.duration(call["duration_ms"]),
        "",  # a bar
        call["status"],
        call["error_type"] or "",
        call["server"] or "",
        short(call["session"]),
    ]


def session_row(session: dict[str, Any]) -> list[str]:
    """Return what the row of a session says."""
    return [
        moment(session["started_at"]),
        ("running " if session["is_running"] else "")
        + words.lasted(session["last_at"] - session["started_at"]),
        f"{session['calls']:,}",
        str(session["errors"] + session["timeouts"]),
        words.duration(session["total_ms"]),
        ", ".join(list(session["tools"])[:2]),
        session["client"],
    ]


def test_what_fails_is_what_errors_prints(page: Page, ask: Callable[[str], Any]) -> None:
    told = ask("errors")
    panel = page.locator("#errors")
    wanted = [
        [
            f"{error['tool']} {error['error_type'] or 'timed out'}",
            f"{error['calls']:,} {words.share(error['share'])}",
        ]
        for error in told["errors"]
    ]

    shown = errors_of(panel)
    assert shown == wanted[: len(shown)]
    assert 5 < len(shown) < len(wanted)
    failed = sum(error["calls"] for error in told["errors"])
    expect(panel.locator(".sub").first).to_have_text(f"{failed:,} of {told['calls']:,} calls")

    button = panel.get_by_role("button", name=f"Show all {len(wanted)}")
    expect(button).to_have_attribute("aria-expanded", "false")
    button.click()
    expect(panel.locator("ol.ranking > li")).to_have_count(len(wanted))
    assert errors_of(panel) == wanted


def test_what_fails_again_and_again_is_listed_with_its_session(
    page: Page, ask: Callable[[str], Any]
) -> None:
    loops = ask("errors")["loops"]
    panel = page.locator("#errors")
    panel.get_by_role("button", name=f"Show all {len(loops)}").click()
    items = panel.locator(".loops > li")

    expect(items).to_have_count(len(loops))
    parts = ("b", ".what", ".what + button")
    assert [[item.locator(part).text_content() for part in parts] for item in items.all()] == [
        [
            f"{loop['calls']}\N{MULTIPLICATION SIGN}",
            f"{loop['tool']} {loop['error_type']}",
            short(loop["session"]),
        ]
        for loop in loops
    ]

    items.first.locator(".what + button").click()
    expect(page).to_have_url(re.compile(rf"\?timeline={loops[0]['session']}$"))
    expect(page.locator("#timeline .actions")).to_contain_text(short(loops[0]["session"]))
    expect(page.locator("#timeline")).to_be_in_viewport()


def test_the_slowest_calls_are_those_that_the_command_prints(
    page: Page, ask: Callable[[str], Any]
) -> None:
    calls = ask("calls --slowest --since 7d --status success --status error --limit 20")["calls"]
    panel = page.locator("#slowest")

    shown = errors_of(panel)
    assert shown == [
        [f"{call['tool']} {moment(call['time'])}", words.duration(call["duration_ms"])]
        for call in calls[: len(shown)]
    ]
    assert len(shown) > 5
    expect(panel.locator(".sub")).to_have_text("timeouts aside")

    panel.locator(".beside button").first.click()
    expect(page.locator("#timeline .actions")).to_contain_text(short(calls[0]["session"]))


def test_the_slowest_calls_have_timeouts_when_only_those_are_wanted(
    page: Page, ask: Callable[[str], Any]
) -> None:
    calls = ask("calls --slowest --since 7d --status timeout --limit 8")["calls"]
    page.get_by_role("button", name="Timeouts").click()

    expect(page.locator("#slowest .ranking > li")).to_have_count(len(calls))
    assert [text for _, text in errors_of(page.locator("#slowest"))] == [
        words.duration(call["duration_ms"]) for call in calls
    ]
    expect(page.locator("#slowest .sub")).to_have_text("")


def test_sessions_are_those_that_the_command_prints(
    page: Page, ask: Callable[[str], Any], rows_of: Callable[..., list[list[str]]]
) -> None:
    sessions = ask("sessions")["sessions"]
    table = page.locator("#sessions table")
    shown = rows_of(table)
    assert shown == [session_row(session) for session in sessions[: len(shown)]]
    assert 5 < len(shown) < len(sessions)
    assert sessions[0]["is_running"]

    page.locator("#sessions").get_by_role("button", name=f"Show all {len(sessions)}").click()
    expect(table.locator("tbody tr")).to_have_count(len(sessions))
    assert rows_of(table) == [session_row(session) for session in sessions]


def test_the_newest_session_is_shown_until_another_is_chosen(
    page: Page, ask: Callable[[str], Any]
) -> None:
    newest, other = ask("sessions --limit 2")["sessions"]
    rows = page.locator("#sessions tbody tr")
    expect(page.locator("#timeline .sub")).to_have_text(
        f"25 Nov {moment(newest['started_at'])} · running · {newest['calls']} calls,"
        f" {newest['errors'] + newest['timeouts']} failed"
    )
    expect(rows.first.get_by_role("button").first).to_have_attribute("aria-pressed", "true")

    rows.nth(1).get_by_role("button").first.click()

    expect(page).to_have_url(re.compile(rf"\?timeline={other['id']}$"))
    expect(rows.nth(1).get_by_role("button").first).to_have_attribute("aria-pressed", "true")
    expect(rows.first.get_by_role("button").first).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#timeline .sub")).to_contain_text(f"{other['calls']} calls")


def test_a_timeline_has_a_lane_for_each_of_the_tools_that_took_longest(
    overview: Page, ask: Callable[[str], Any], rows_of: Callable[..., list[list[str]]]
) -> None:
    session = ask("sessions --limit 1")["sessions"][0]
    tools: dict[str, list[dict[str, Any]]] = {}
    for call in ask(f"sessions {session['id']}")["calls"]:
        tools.setdefault(call["tool"], []).append(call)
    took = {tool: sum(call["duration_ms"] for call in calls) for tool, calls in tools.items()}
    longest = sorted(took, key=lambda tool: -took[tool])
    panel = overview.locator("#timeline")

    assert rows_of(panel.locator("details table")) == [
        [
            tool,
            str(len(tools[tool])),
            str(sum(call["status"] != "success" for call in tools[tool])),
            words.duration(took[tool]),
        ]
        for tool in longest[:12]
    ]
    assert panel.locator(".lane-name").all_text_contents() == longest[:12]
    expect(panel.locator("p.note").first).to_have_text(f"and {len(longest) - 12} more tools")


def test_a_timeline_lists_the_calls_that_failed(
    overview: Page, ask: Callable[[str], Any], rows_of: Callable[..., list[list[str]]]
) -> None:
    session = ask("sessions --limit 1")["sessions"][0]["id"]
    failed = ask(f"calls --session {session} --status error --status timeout")["calls"]
    table = overview.locator("#timeline table", has_text="Failed at")

    assert rows_of(table) == [
        [
            words.clock(call["time"], BERLIN),
            call["tool"],
            words.duration(call["duration_ms"]),
            call["status"],
            call["error_type"],
        ]
        for call in failed
    ]
    assert failed


def test_a_timeline_whose_failures_are_filtered_away_says_so(visit: Callable[..., Page]) -> None:
    page = visit("?server=github")
    expect(page.locator("#timeline .sub")).to_contain_text(re.compile(r" [1-9]\d* failed$"))
    expect(page.locator("#timeline .note").last).to_have_text(
        "No failure in it matches the filters."
    )


def test_a_timeline_is_read_with_the_pointer(page: Page) -> None:
    chart = page.locator("#timeline svg.lanes")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 60, box["y"] + 12)

    tip = page.locator("#tip")
    expect(tip.locator("strong")).to_have_text("run_tests")
    expect(tip).to_contain_text("In all")
    page.mouse.move(box["x"] + 5, box["y"] - 30)
    expect(tip).to_be_hidden()


def test_a_long_gap_of_a_session_is_squeezed(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    observe: Callable[..., None],
    tmp_path: Path,
) -> None:
    file = tmp_path / "gap.db"
    ends = [NOW - 7200 + second for second in range(0, 50, 5)]
    ends += [NOW - 60 + second for second in range(0, 50, 5)]
    observe(file, *({"timestamp": end, "session_started_at": ends[0]} for end in ends))
    page = open_page(serve(file).url)

    expect(page.locator("#timeline path.gap")).to_have_count(1)
    marks = page.locator("#timeline .lanes .mark")
    assert marks.all_text_contents() == ["17:05:55", "15:06:09", "17:05"]


def test_the_latest_calls_are_those_that_the_command_prints(
    page: Page, ask: Callable[[str], Any], rows_of: Callable[..., list[list[str]]]
) -> None:
    wanted = [call_row(call) for call in ask("calls --limit 120")["calls"]]
    table = page.locator("#latest table")
    more = page.locator("#latest").get_by_role("button", name="Show more")
    assert rows_of(table) == wanted[:20]

    more.click()
    expect(table.locator("tbody tr")).to_have_count(70)
    more.click()
    expect(table.locator("tbody tr")).to_have_count(120)
    assert rows_of(table) == wanted


def test_there_is_nothing_more_to_show_after_the_first_call(
    visit: Callable[..., Page], ask: Callable[[str], Any]
) -> None:
    calls = ask("calls --tool docker_build --since 7d")["calls"]
    page = visit("?tool=docker_build")

    expect(page.locator("#latest tbody tr")).to_have_count(len(calls))
    expect(page.locator("#latest").get_by_role("button", name="Show more")).to_have_count(0)


def test_a_call_of_the_list_leads_to_its_session(page: Page, ask: Callable[[str], Any]) -> None:
    call = ask("calls --limit 1")["calls"][0]
    page.locator("#latest tbody tr").first.get_by_role(
        "button", name=short(call["session"])
    ).click()

    expect(page.locator("#timeline .actions")).to_contain_text(short(call["session"]))


def test_letters_of_names_that_nobody_sees_are_written_as_escapes(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    observe: Callable[..., None],
    rows_of: Callable[..., list[list[str]]],
    tmp_path: Path,
) -> None:
    file = tmp_path / "unseen.db"
    observe(file, {"tool_name": "a\x1b[2J\u202eb", "status": "error", "error_type": "E\u200b\x07"})
    page = open_page(serve(file).url)

    assert rows_of(page.locator("#latest table"))[0][1] == r"a\x1b[2J\u202eb"
    assert rows_of(page.locator("#tools table"))[0][0] == r"a\x1b[2J\u202eb"
    assert errors_of(page.locator("#errors"))[0][0] == r"a\x1b[2J\u202eb E\u200b\x07"
    expect(page.locator("#tool option").nth(1)).to_have_text(r"a\x1b[2J\u202eb")
