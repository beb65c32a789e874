"""What each route answers, to the last key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_795_622_770
"""Wednesday, 25 November 2026, 16:06:10 UTC."""

SHORT = "since=2026-11-25T15:00&until=2026-11-25T17:00&zone=UTC"


@pytest.fixture(autouse=True)
def rows(add: Callable[..., None], insert: Callable[..., None]) -> None:
    insert(
        "sessions",
        {
            "id": "session-1",
            "started_at": NOW - 3000,
            "client": "claude-code",
            "client_version": "2.1",
            "project": "shop",
        },
    )
    add(
        {"id": "old", "tool_name": "plot", "timestamp": NOW - 8000, "session_id": "session-0"},
        *(
            {"id": f"f{number}", "status": "error", "error_type": "E", "timestamp": NOW - 10 * 60}
            | {"session_id": "session-1", "duration_ms": 20.0, "tool_name": "find"}
            for number in range(3)
        ),
        {
            "id": "whole",
            "tool_name": "read",
            "duration_ms": 1500.5,
            "status": "timeout",
            "error_type": "TimeoutError",
            "timestamp": NOW - 60,
            "session_id": "session-1",
            "server": "files",
            "agent": "Explore",
            "source": "recorder",
            "error_kind": "transport",
            "error_code": -32000,
            "request_bytes": 12,
            "result_bytes": 3456,
            "started_ms": (NOW - 62) * 1000 + 500,
            "duration_kind": "run",
        },
    )


PERIOD = {
    "since": 1_795_618_800,
    "until": 1_795_626_000,
    "name": "2026-11-25T15:00 to 2026-11-25T17:00",
    "zone": "UTC",
    "is_open": True,
    "before": {"since": 1_795_614_829, "until": 1_795_618_800},
    "now": NOW,
}

WHOLE = {
    "id": "whole",
    "time": NOW - 60,
    "tool": "read",
    "duration_ms": 1500.5,
    "status": "timeout",
    "error_type": "TimeoutError",
    "session": "session-1",
    "server": "files",
    "agent": "Explore",
    "source": "recorder",
    "error_kind": "transport",
    "error_code": -32000,
    "request_bytes": 12,
    "result_bytes": 3456,
    "started_ms": (NOW - 62) * 1000 + 500,
    "duration_kind": "run",
}

SESSION = {
    "id": "session-1",
    "started_at": NOW - 3000,
    "last_at": NOW - 60,
    "is_running": True,
    "client": "claude-code",
    "client_version": "2.1",
    "project": "shop",
    "calls": 4,
    "errors": 3,
    "timeouts": 1,
    "total_ms": 1560.5,
    "tools": {"find": 3, "read": 1},
}


def totals(calls: int, errors: int, timeouts: int, total: float, *percentiles: float | None) -> Any:
    p50, p95, p99 = percentiles
    return {
        "calls": calls,
        "errors": errors,
        "timeouts": timeouts,
        "total_ms": total,
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "percentile_error": 0.0,
    }


def failed(number: int) -> dict[str, object]:
    """Return one of the calls of "find"."""
    nothing = dict.fromkeys(WHOLE)
    return nothing | {
        "id": f"f{number}",
        "time": NOW - 600,
        "tool": "find",
        "duration_ms": 20.0,
        "status": "error",
        "error_type": "E",
        "session": "session-1",
    }


@pytest.mark.parametrize("route", ["summary", "metrics/summary"])
def test_the_summary_has_totals_the_period_before_and_buckets(route: str, client: Any) -> None:
    reply = client.get(f"/api/{route}?{SHORT}")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.json == {
        "period": PERIOD,
        "totals": totals(4, 3, 1, 1560.5, 20.0, 1500.5, 1500.5),
        "before": totals(0, 0, 0, 0.0, None, None, None),
        "sessions": 1,
        "sessions_before": 0,
        "each": "hour",
        "buckets": [
            {
                "since": 1_795_618_800,
                "until": 1_795_622_400,
                "is_whole": True,
                "calls": 3,
                "errors": 3,
                "timeouts": 0,
                "total_ms": 60.0,
                "p50_ms": 20.0,
                "p95_ms": 20.0,
                "calls_before": 0,
                "histogram": [[8, 3]],
            },
            {
                "since": 1_795_622_400,
                "until": 1_795_626_000,
                "is_whole": False,
                "calls": 1,
                "errors": 0,
                "timeouts": 1,
                "total_ms": 1500.5,
                "p50_ms": 1500.5,
                "p95_ms": 1500.5,
                "calls_before": 0,
                "histogram": [[21, 1]],
            },
        ],
        "recorded": {"since": NOW - 8000, "until": NOW - 59},
    }


@pytest.mark.parametrize("route", ["tools", "metrics/tools"])
def test_the_tools_have_trends_and_those_not_called_are_named(route: str, client: Any) -> None:
    trend = [0] * 24
    assert client.get(f"/api/{route}?{SHORT}").json == {
        "period": PERIOD,
        "tools": [
            {
                "tool": "find",
                "server": None,
                **totals(3, 3, 0, 60.0, 20.0, 20.0, 20.0),
                "calls_before": 0,
                "p95_before_ms": None,
                "sized_calls": 0,
                "result_bytes": None,
                "last": NOW - 600,
                "trend": [*trend[:11], 3, *trend[12:]],
                "trend_failed": [*trend[:11], 3, *trend[12:]],
            },
            {
                "tool": "read",
                "server": "files",
                **totals(1, 0, 1, 1500.5, 1500.5, 1500.5, 1500.5),
                "calls_before": 0,
                "p95_before_ms": None,
                "sized_calls": 1,
                "result_bytes": 3456,
                "last": NOW - 60,
                "trend": [*trend[:13], 1, *trend[14:]],
                "trend_failed": [*trend[:13], 1, *trend[14:]],
            },
        ],
        "not_called": [{"tool": "plot", "server": None, "last": NOW - 8000}],
        "servers_not_called": [],
    }


def test_the_names_are_those_of_all_tools_ever_called(client: Any) -> None:
    assert client.get("/api/tools/names").json == {"tools": ["find", "plot", "read"]}


def test_what_fails_has_its_share_and_what_fails_in_a_row_is_named(client: Any) -> None:
    assert client.get(f"/api/errors?{SHORT}").json == {
        "period": PERIOD,
        "calls": 4,
        "errors": [
            {
                "tool": "find",
                "server": None,
                "status": "error",
                "error_type": "E",
                "calls": 3,
                "share": 1.0,
                "last": NOW - 600,
            },
            {
                "tool": "read",
                "server": "files",
                "status": "timeout",
                "error_type": "TimeoutError",
                "calls": 1,
                "share": 1.0,
                "last": NOW - 60,
            },
        ],
        "loops": [
            {
                "tool": "find",
                "server": None,
                "session": "session-1",
                "agent": None,
                "calls": 3,
                "since": NOW - 600,
                "last": NOW - 600,
                "error_type": "E",
            }
        ],
    }


@pytest.mark.parametrize("route", ["calls", "metrics/recent"])
def test_a_call_has_all_that_its_row_says(route: str, client: Any) -> None:
    assert client.get(f"/api/{route}?{SHORT}").json == {
        "period": PERIOD,
        "calls": [WHOLE, failed(2), failed(1), failed(0)],
        "next": None,
        "last_written": "whole",
        "is_restart": False,
    }


def test_the_slowest_calls_come_first_where_they_are_asked_for(client: Any) -> None:
    found = client.get(f"/api/calls?{SHORT}&order=slowest&limit=2").json
    assert found["calls"] == [WHOLE, failed(2)]


def test_recent_calls_are_twenty_and_others_fifty(client: Any, add: Callable[..., None]) -> None:
    add(*({"tool_name": "many"} for _ in range(60)))
    routes = ("/api/metrics/recent", "/api/calls")
    assert [len(client.get(route).json["calls"]) for route in routes] == [20, 50]


def test_a_session_has_its_agent_and_its_tools(client: Any) -> None:
    found = client.get(f"/api/sessions?{SHORT}").json
    assert found == {"period": PERIOD, "count": 1, "sessions": [SESSION]}


def test_sessions_beyond_the_limit_are_counted(client: Any) -> None:
    found = client.get("/api/sessions?limit=1").json
    assert (found["count"], [one["id"] for one in found["sessions"]]) == (2, ["session-1"])


def test_one_session_is_found_by_the_end_of_its_id_and_has_a_timeline(client: Any) -> None:
    began = (NOW - 62) * 1000 + 500
    assert client.get("/api/sessions/n-1").json == {
        "session": SESSION,
        "now": NOW,
        "columns": 600,
        "stretches": [
            {
                "since_ms": (NOW - 600) * 1000 - 20,
                "until_ms": (NOW - 600) * 1000,
                "column": 0.0,
                "columns": 7.813,
            },
            {"since_ms": began, "until_ms": began + 1501, "column": 13.813, "columns": 586.187},
        ],
        "lanes": [
            {
                "tool": "read",
                "server": "files",
                "calls": 1,
                "failed": 1,
                "total_ms": 1500.5,
                "bars": [{"column": 13.813, "columns": 586.187, "status": "timeout", "calls": 1}],
            },
            {
                "tool": "find",
                "server": None,
                "calls": 3,
                "failed": 3,
                "total_ms": 60.0,
                "bars": [{"column": 0.0, "columns": 7.813, "status": "error", "calls": 3}],
            },
        ],
        "more_tools": 0,
    }


def test_a_session_whose_id_has_a_slash_is_found(client: Any, add: Callable[..., None]) -> None:
    add({"session_id": "2026/11 é?"})
    found = client.get("/api/sessions/2026%2F11%20%C3%A9%3F").json
    assert found["session"]["id"] == "2026/11 é?"


def test_the_version_says_which_file_is_read_by_which_program(client: Any) -> None:
    found = client.get("/api/version").json
    version = found.pop("version")
    assert len(version) == 24
    assert found == {"database": "~/.devflow/analytics.db", "program": "0.1.0", "now": NOW}


def test_a_head_has_what_a_get_has_but_the_body(client: Any) -> None:
    path = f"/api/summary?{SHORT}"
    head, get = client.get(path, method="HEAD"), client.get(path)
    ours = [{**one.headers, "date": ""} for one in (head, get)]
    assert (head.status, head.body, ours[0]) == (200, b"", ours[1])


def test_the_zone_is_that_of_the_machine_unless_one_is_named(
    server: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    client = server(clock=None).client
    found = [client.get(f"/api/calls?since=2026-11-25{zone}").json for zone in ("", "&zone=UTC")]
    assert [one["period"]["zone"] for one in found] == ["UTC+05:30", "UTC"]
    assert [one["period"]["since"] for one in found] == [1_795_545_000, 1_795_564_800]


def test_a_year_that_clocks_do_not_show_is_in_utc(client: Any, add: Callable[..., None]) -> None:
    add({"timestamp": 2**63 - 1}, {"timestamp": -(2**63)})
    period = client.get("/api/calls?since=all").json["period"]
    assert (period["since"], period["until"]) == (1 - 2**53, 2**53 - 1)  # as JavaScript can
    assert client.get("/api/tools?since=all&until=1970-01-01").json["period"]["zone"] == "UTC"
