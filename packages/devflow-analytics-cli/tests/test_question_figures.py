"""The figures of the questions are those of a plain count of the rows."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from fractions import Fraction
from itertools import groupby
from math import ceil, fsum
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., str]
    Row = dict[str, Any]

DAY = 24 * 3600
TOTALS = ("calls", "errors", "timeouts", "total_ms", "p50_ms", "p95_ms", "p99_ms")


@pytest.fixture
def rows(record: Callable[..., None], now: int) -> list[Row]:
    """5,000 calls of two weeks, each with the number of its row."""
    made = random.Random(5)
    tools = [("read", None), ("search", "github"), ("search", "jira"), ("build", "dev"), ("x", "x")]
    found: list[Row] = []
    for number in range(5_000):
        tool, server = made.choices(tools, weights=(50, 20, 20, 9, 1))[0]
        status = made.choices(("success", "error", "timeout"), weights=(70, 20, 10))[0]
        found.append(
            {
                "id": f"c{number}",
                "tool_name": tool,
                "server": server,
                "status": status,
                "error_type": made.choice(("A", "B", None)) if status == "error" else None,
                "duration_ms": made.lognormvariate(4, 2),
                "timestamp": made.randint(now - 14 * DAY, now),
                "session_id": f"session{made.randint(0, 60):02}",
                "agent": made.choice((None, "tester")),
                "result_bytes": made.choice((None, made.randint(0, 9999))),
            }
        )
    record(found, [{"id": f"session{n:02}", "started_at": now - 15 * DAY + n} for n in range(61)])
    return found


def within(rows: list[Row], since: int, until: int) -> list[Row]:
    return [row for row in rows if since <= row["timestamp"] < until]


def totals(rows: list[Row]) -> list[Any]:
    """Return what `TOTALS` names."""
    ordered = sorted(row["duration_ms"] for row in rows)
    ended = Counter(row["status"] for row in rows)
    ranks = [ceil(Fraction(len(ordered) * percent, 100)) for percent in (50, 95, 99)]
    return [
        *(len(rows), ended["error"], ended["timeout"], fsum(ordered)),
        *(ordered[rank - 1] if ordered else None for rank in ranks),
    ]


def of_each_tool(rows: list[Row]) -> dict[tuple[str, str | None], list[Row]]:
    found = defaultdict(list)
    for row in rows:
        found[row["tool_name"], row["server"]].append(row)
    return found


def spread(rows: list[Row], since: int, until: int, count: int) -> list[list[Row]]:
    """Return the rows of equal parts of a period."""
    bounds = [since + (until - since) * number // count for number in range(count + 1)]
    return [within(rows, bounds[number], bounds[number + 1]) for number in range(count)]


def test_stats_are_as_the_rows_say(ask: Ask, rows: list[Row], now: int) -> None:
    found = json.loads(ask("stats", "--json"))
    since, until = now + 1 - 7 * DAY, now + 1
    inside, earlier = within(rows, since, until), within(rows, since - 7 * DAY, since)
    assert [found[key] for key in ("since", "until", "zone")] == [since, until, "UTC"]
    for answer, counted in ((found, inside), (found["before"], earlier)):
        assert [answer[key] for key in TOTALS] == totals(counted)
        assert answer["sessions"] == len({row["session_id"] for row in counted})
    assert [found["before"][key] for key in ("since", "until")] == [since - 7 * DAY, since]
    for part, counted in zip(found["parts"], spread(inside, since, until, 60), strict=True):
        assert [part[key] for key in TOTALS[:3]] == totals(counted)[:3]
    of_tools = of_each_tool(inside)
    assert {
        (tool["tool"], tool["server"]): [tool[key] for key in TOTALS] for tool in found["tools"]
    } == {key: totals(counted) for key, counted in of_tools.items()}
    calls = [tool["calls"] for tool in found["tools"]]
    assert calls == sorted(calls, reverse=True)


def test_stats_of_each_day_are_as_the_rows_say(ask: Ask, rows: list[Row], now: int) -> None:
    found = json.loads(ask("stats", "--by", "day", "--json"))["parts"]
    midnight = now // DAY * DAY
    for back, part in enumerate(reversed(found)):
        since = midnight - back * DAY
        counted = within(rows, since, min(since + DAY, now + 1))
        assert [part["since"], *(part[key] for key in TOTALS[:3])] == [since, *totals(counted)[:3]]
        assert part["is_whole"] == (back > 0)
    assert len(found) == 8


def test_tools_are_as_the_rows_say(ask: Ask, rows: list[Row], now: int) -> None:
    found = json.loads(ask("tools", "--json"))["tools"]
    since, until = now + 1 - 7 * DAY, now + 1
    now_called = of_each_tool(within(rows, since, until))
    called_before = of_each_tool(within(rows, since - 7 * DAY, since))
    assert len(found) == len(now_called) == 5
    for tool in found:
        key = tool["tool"], tool["server"]
        counted, earlier = now_called[key], called_before[key]
        sizes = [row["result_bytes"] for row in counted if row["result_bytes"] is not None]
        assert tool == {
            "tool": key[0],
            "server": key[1],
            **dict(zip(TOTALS, totals(counted), strict=True)),
            "calls_before": len(earlier),
            "p95_before_ms": totals(earlier)[5],
            "sized_calls": len(sizes),
            "result_bytes": sum(sizes),
            "last": max(row["timestamp"] for row in counted),
            "trend": [len(part) for part in spread(counted, since, until, 12)],
        }


def test_errors_are_as_the_rows_say(ask: Ask, rows: list[Row], now: int) -> None:
    found = json.loads(ask("errors", "--json"))
    inside = within(rows, now + 1 - 7 * DAY, now + 1)
    of_tools = of_each_tool(inside)
    kinds = defaultdict(list)
    for row in inside:
        if row["status"] != "success":
            key = row["tool_name"], row["server"], row["status"], row["error_type"]
            kinds[key].append(row["timestamp"])
    keys = ("tool", "server", "status", "error_type", "calls", "share", "last")
    expected = [
        (*key, len(times), len(times) / len(of_tools[key[:2]]), max(times))
        for key, times in kinds.items()
    ]
    real = [tuple(row[key] for key in keys) for row in found["errors"]]
    assert sorted(real, key=repr) == sorted(expected, key=repr)
    assert [row[4] for row in real] == sorted((row[4] for row in real), reverse=True)
    assert found["calls"] == len(inside)


def test_loops_are_as_the_rows_say(ask: Ask, rows: list[Row], now: int) -> None:
    found = json.loads(ask("errors", "--loops", "--json"))["loops"]
    runs = defaultdict(list)
    for row in sorted(within(rows, now + 1 - 7 * DAY, now + 1), key=lambda row: row["timestamp"]):
        runs[row["tool_name"], row["server"], row["session_id"], row["agent"]].append(row)
    expected = []
    for key, calls in runs.items():
        for failed, run in groupby(calls, key=lambda row: row["status"] != "success"):
            times = [row["timestamp"] for row in run]
            if failed and len(times) >= 3:
                expected.append((*key, len(times), times[0], times[-1]))
    keys = ("tool", "server", "session", "agent", "calls", "since", "last")
    real = [tuple(loop[key] for key in keys) for loop in found]
    assert len(expected) > 10
    assert sorted(real, key=repr) == sorted(expected, key=repr)


def test_sessions_are_as_the_rows_say(ask: Ask, rows: list[Row], now: int) -> None:
    found = json.loads(ask("sessions", "--json"))["sessions"]
    inside = defaultdict(list)
    for row in within(rows, now + 1 - 7 * DAY, now + 1):
        inside[row["session_id"]].append(row)
    assert [one["id"] for one in found] == sorted(inside, reverse=True)
    for one in found:
        counted = inside[one["id"]]
        last = max(row["timestamp"] for row in rows if row["session_id"] == one["id"])
        assert one == {
            "id": one["id"],
            "started_at": now - 15 * DAY + int(one["id"][-2:]),
            "last_at": last,
            "is_running": last >= now - 600,
            **dict.fromkeys(("client", "client_version", "project")),
            **dict(zip(TOTALS[:4], totals(counted)[:4], strict=True)),
            "tools": Counter(row["tool_name"] for row in counted),
        }
        assert list(one["tools"].values()) == sorted(one["tools"].values(), reverse=True)


def test_calls_are_as_the_rows_say(ask: Ask, rows: list[Row]) -> None:
    numbered = list(enumerate(rows))
    for option, by in (([], "timestamp"), (["--slowest"], "duration_ms")):
        ordered = sorted(numbered, key=lambda row: (row[1][by], row[0]), reverse=True)
        found = json.loads(ask("calls", "-n", "500", "--json", *option))["calls"]
        assert [call["id"] for call in found] == [row["id"] for _, row in ordered[:500]]
    of_one = [row for _, row in ordered if row["session_id"] == "session07"]
    found = json.loads(ask("sessions", "session07", "--json"))
    assert found["session"]["calls"] == len(of_one) == len(found["calls"])
    renamed = {"time": "timestamp", "tool": "tool_name", "session": "session_id"}
    by_id = {row["id"]: row for row in of_one}
    for call in found["calls"]:
        row = by_id[call["id"]]
        assert {
            renamed.get(key, key): value for key, value in call.items() if value is not None
        } == {key: value for key, value in row.items() if value is not None}


def figure(line: str, header: str, title: str) -> float:
    """Return the figure of a line that ends where a title in the header does."""
    end = header.index(title) + len(title)
    return float(line[:end].rstrip("% ").split()[-1].replace(",", ""))


@pytest.mark.parametrize("width", [[], ["--width", "80"]])
@pytest.mark.usefixtures("rows")
def test_the_cells_of_tables_are_the_figures_of_json(ask: Ask, width: list[str]) -> None:
    found = {
        f"{tool['server']}/search" if tool["tool"] == "search" else tool["tool"]: tool
        for tool in json.loads(ask("tools", "--json"))["tools"]
    }
    header, *lines = ask("tools", *width).splitlines()[2 : 3 + len(found)]
    assert [line.split()[0] for line in lines] == list(found)
    for line, tool in zip(lines, found.values(), strict=True):
        assert figure(line, header, "Calls") == tool["calls"]
        failing = (tool["errors"] + tool["timeouts"]) / tool["calls"]
        assert figure(line, header, "Failing") == pytest.approx(100 * failing, abs=0.5)

    found = {one["id"][-8:]: one for one in json.loads(ask("sessions", "--json"))["sessions"]}
    header, *lines = ask("sessions", "-n", "100", *width).splitlines()[2:]
    assert [line.split()[0] for line in lines] == list(found)
    for line, one in zip(lines, found.values(), strict=True):
        assert figure(line, header, "Calls") == one["calls"]
        assert figure(line, header, "Failed") == one["errors"] + one["timeouts"]

    errors = json.loads(ask("errors", "--json"))["errors"]
    header, *lines = ask("errors", *width).splitlines()[2 : 3 + len(errors)]
    for line, failure in zip(lines, errors, strict=True):
        assert figure(line, header, "Calls") == failure["calls"]
        assert figure(line, header, "Of its") == pytest.approx(100 * failure["share"], abs=0.5)

    stats = json.loads(ask("stats", "--json"))
    calls, errors, timeouts = (
        float(line.split()[1].replace(",", "")) for line in ask("stats", *width).splitlines()[2:5]
    )
    assert (calls, timeouts) == (stats["calls"], stats["timeouts"])
    assert errors == pytest.approx(100 * stats["errors"] / calls, abs=0.5)
