"""Every figure of every question is the one that another engine calculates from the same rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_reports import (
    Call,
    NewestAfter,
    SlowestAfter,
    Totals,
    failures,
    newest_calls,
    over_time,
    sessions,
    slowest_calls,
    summary,
    time_series,
    tools,
)

if TYPE_CHECKING:
    from devflow_analytics_db import Connection

    Asked = Any
    Duck = Any
    Rows = list[tuple[Any, ...]]

pytestmark = pytest.mark.figures

NOW = 1_793_536_496


def assert_same(ours: Totals, theirs: Totals) -> None:
    assert (ours.calls, ours.errors, ours.timeouts) == (
        theirs.calls,
        theirs.errors,
        theirs.timeouts,
    )
    assert math.isclose(ours.total_ms, theirs.total_ms, rel_tol=1e-12)
    for name in ("p50_ms", "p95_ms", "p99_ms"):
        assert getattr(ours, name) == getattr(theirs, name), (name, ours, theirs)
    assert ours.percentile_error == 0


def test_a_summary(connection: Connection, duck: Duck, asked: Asked) -> None:
    period_name, _filter_name, period, filters, condition = asked
    found = summary(connection, period, filters)
    since, until = duck.resolved(period)
    assert (found.period.since, found.period.until) == (since, until)

    duck.choose(since, until, condition)
    assert_same(found.totals, duck.totals()[()])
    assert found.sessions == duck("SELECT count(DISTINCT session_id) FROM chosen")[0][0]
    by_tool = duck.totals("server, tool_name")
    assert len(found.tools) == len(by_tool)
    for tool in found.tools:
        assert_same(tool.totals, by_tool[tool.server, tool.name])
    order = [(-tool.totals.calls, tool.name, tool.server or "") for tool in found.tools]
    assert order == sorted(order)
    parts = [(part.calls, part.errors, part.timeouts) for part in found.parts]
    assert parts == duck.parts(since, until, 36).get((), [(0, 0, 0)] * 36)

    if period_name in {"all", "nothing"}:
        expected = None if period_name == "all" else 0
        assert found.sessions_before == expected
        assert (found.before is None) == (expected is None)
        return
    assert period.before is not None
    duck.choose(*period.before, condition)
    assert found.before is not None
    assert_same(found.before, duck.totals()[()])
    assert found.sessions_before == duck("SELECT count(DISTINCT session_id) FROM chosen")[0][0]


@pytest.mark.parametrize("by", ["hour", "day", "week"])
@pytest.mark.parametrize(
    "asked",
    [
        *(
            f"{name}, none"
            for name in ("7d", "autumn", "spring", "kathmandu", "new york", "nothing")
        ),
        "7d, everything",
    ],
    indirect=True,
)
def test_calls_over_time(connection: Connection, duck: Duck, asked: Asked, by: Any) -> None:
    period_name, _, period, filters, condition = asked
    found = over_time(connection, period, by, filters)
    local = f"timezone('{period.zone}', to_timestamp(%s))"
    # an hour that comes twice has two offsets from UTC
    offset = f"epoch({local}) - %s" if by == "hour" else "0"
    label = f"(date_trunc('{by}', {local}), {offset})"
    duck.choose(found.period.since, period.until, condition)
    label_of = label.replace("%s", "timestamp")
    expected = {
        label: figures
        for label, *figures in duck(
            f"SELECT {label_of} AS label, count(*), count_if(status = 'error'),"
            " count_if(status = 'timeout') FROM chosen GROUP BY label"
        )
    }
    labels = duck(
        f"SELECT {label.replace('%s', 'since')}, {local.replace('%s', 'since')}"
        " FROM (SELECT unnest(?) AS since)",
        [part.since for part in found.parts],
    )
    assert all(label[0] == begin for label, begin in labels)  # each begins as a unit does
    ours = {
        label: [part.calls, part.errors, part.timeouts]
        for (label, _), part in zip(labels, found.parts, strict=True)
    }
    assert len(ours) == len(found.parts)
    assert {label: figures for label, figures in ours.items() if any(figures)} == expected
    assert found.parts[0].since <= period.since < found.parts[0].until
    assert found.parts[-1].until == period.until
    assert (sum(figures[0] for figures in expected.values()) == 0) == (period_name == "nothing")


@pytest.mark.parametrize("each", ["hour", "3 hours", "day", "week"])
@pytest.mark.parametrize(
    "asked",
    [
        *(
            f"{name}, none"
            for name in ("7d", "autumn", "spring", "kathmandu", "new york", "nothing")
        ),
        *(f"7d, {name}" for name in ("tools", "sessions", "clients", "everything")),
    ],
    indirect=True,
)
def test_calls_in_buckets(connection: Connection, duck: Duck, asked: Asked, each: Any) -> None:
    _, _, period, filters, condition = asked
    found = time_series(connection, period, filters, each=each)
    begins = [bucket.since for bucket in found.buckets]
    assert [bucket.until for bucket in found.buckets] == [*begins[1:], period.until]
    assert begins[0] == period.since

    # the calendar: a second is in the bucket of the same label
    local = f"timezone('{period.zone}', to_timestamp(timestamp))"
    unit = "day" if each == "3 hours" else each
    label = f"date_trunc('{unit}', {local})"
    if each == "3 hours":
        label = f"({label}, hour({local}) // 3)"
    elif each == "hour":  # one that comes twice is two
        label = f"({label}, epoch({local}) - timestamp)"
    labels = duck(
        f"SELECT {label} FROM (SELECT unnest(?) AS timestamp) AS begins ORDER BY timestamp", begins
    )
    assert len({repr(found) for found in labels}) == len(begins)

    duck.choose(period.since, period.until, condition)
    by_label = {
        repr((label,)): figures
        for label, *figures in duck(
            f"""
            SELECT {label} AS label, count(*), count_if(status = 'error'),
                count_if(status = 'timeout'), quantile_disc(duration_ms, 0.5),
                quantile_disc(duration_ms, 0.95), least(fsum(duration_ms), 1.7976931348623157e308)
            FROM chosen GROUP BY label
            """
        )
    }
    bins = duck(
        f"""
        SELECT label, list((bin, calls) ORDER BY bin) FROM (
            SELECT {label} AS label, count(*) AS calls, CASE WHEN duration_ms < 0.125 THEN -7
                ELSE least(60, floor(2 * log2(duration_ms))::INTEGER) END AS bin
            FROM chosen GROUP BY ALL
        ) AS binned GROUP BY label
        """
    )
    histograms = {repr((label,)): tuple(pairs) for label, pairs in bins}
    for key, bucket in zip(map(repr, labels), found.buckets, strict=True):
        *expected, together = by_label.pop(key, (0, 0, 0, None, None, 0.0))
        figures = bucket.calls, bucket.errors, bucket.timeouts, bucket.p50_ms, bucket.p95_ms
        assert list(figures) == expected
        assert math.isclose(bucket.total_ms, together, rel_tol=1e-12)
        assert bucket.histogram == histograms.get(key, ())
    assert not by_label  # every call is in a bucket

    assert period.before is not None
    earlier = period.since - period.before.since
    duck.choose(*period.before, condition)
    before = duck(
        f"""
        SELECT since, count(timestamp) FROM (SELECT unnest(?) AS since, unnest(?) AS until)
        LEFT JOIN chosen ON timestamp + {earlier} >= since AND timestamp + {earlier} < until
        GROUP BY since ORDER BY since
        """,
        begins,
        [*begins[1:], period.until],
    )
    compared = [bucket.calls_before for bucket in found.buckets]
    end = period.before.until + earlier
    assert compared == [calls if since < end else None for since, calls in before]


def test_tools(connection: Connection, duck: Duck, asked: Asked) -> None:
    _period_name, filter_name, period, filters, condition = asked
    found = tools(connection, period, filters)
    since, until = duck.resolved(period)
    duck.choose(*(period.before or (0, 0)), condition)
    before = duck.totals("server, tool_name")
    nothing = Totals(0, 0, 0, 0.0, None, None, None)

    duck.choose(since, until, condition)
    by_tool = duck.totals("server, tool_name")
    trends = duck.parts(since, until, 12, "server, tool_name")
    more = {
        tuple(key): figures
        for *key, figures in duck(
            "SELECT server, tool_name, (max(timestamp), count(result_bytes), sum(result_bytes))"
            " FROM chosen GROUP BY server, tool_name"
        )
    }
    assert {(tool.server, tool.name) for tool in found.tools} == set(by_tool)
    assert len(found.tools) == len(by_tool)
    for tool in found.tools:
        key = tool.server, tool.name
        assert_same(tool.totals, by_tool[key])
        assert tool.calls_before == before.get(key, nothing).calls
        assert tool.p95_before_ms == before.get(key, nothing).p95_ms
        assert list(tool.trend) == [calls for calls, *_ in trends[key]]
        assert list(tool.trend_failed) == [errors + timeouts for _, errors, timeouts in trends[key]]
        assert (tool.last, tool.sized_calls, tool.result_bytes) == more[key]

    of_tools = filter_name in {"none", "tools", "literal tools"}
    expected = duck(
        f"""
        SELECT tool_name, max(timestamp) AS last,
            list(server) FILTER (timestamp = (SELECT max(timestamp) FROM calls AS other
                WHERE other.tool_name = calls.tool_name AND timestamp < {until})) AS servers
        FROM calls WHERE {of_tools} AND ({condition}) AND timestamp < {until}
            AND tool_name NOT IN (SELECT tool_name FROM chosen)
        GROUP BY tool_name ORDER BY last DESC, tool_name
        """
    )
    assert [(tool.name, tool.last) for tool in found.not_called] == [
        (name, last) for name, last, _ in expected
    ]
    for tool, (_, _, servers) in zip(found.not_called, expected, strict=True):
        assert tool.server in servers
    used = {server for server, _ in by_tool}
    lost = {tool.server for tool in found.not_called} - used - {None}
    assert found.servers_not_called == tuple(sorted(lost))

    found = tools(connection, period, filters, every_server=True)
    expected = duck(
        f"""
        SELECT server, tool_name, max(timestamp)
        FROM calls WHERE {of_tools} AND ({condition}) AND timestamp < {until}
            AND NOT EXISTS (FROM chosen WHERE chosen.tool_name = calls.tool_name
                AND chosen.server IS NOT DISTINCT FROM calls.server)
        GROUP BY server, tool_name
        """
    )
    assert {(tool.server, tool.name, tool.last) for tool in found.not_called} == set(expected)
    assert len(found.not_called) == len(expected)


LOOPS = """
WITH run AS (
    SELECT *, count_if(NOT ({failing})) OVER (
        PARTITION BY session_id, agent, server, tool_name ORDER BY timestamp, row
        ROWS UNBOUNDED PRECEDING
    ) AS island
    FROM chosen
), failed AS (
    SELECT *, row_number() OVER (ORDER BY timestamp, row) AS place FROM run WHERE {failing}
), kind AS (
    SELECT session_id, agent, server, tool_name, island, error_type, count(*) AS calls,
        min(place) AS place, min(timestamp) AS since, max(timestamp) AS last
    FROM failed GROUP BY ALL
)
SELECT server, tool_name, session_id, agent, sum(calls)::BIGINT, min(since), max(last),
    (list(error_type ORDER BY calls DESC, place))[1]
FROM kind GROUP BY session_id, agent, server, tool_name, island HAVING sum(calls) >= 3
"""


def test_failures(connection: Connection, duck: Duck, asked: Asked) -> None:
    period_name, filter_name, period, filters, condition = asked
    found = failures(connection, period, filters)
    failing = "status <> 'success'"
    if filters.statuses:
        failing += f" AND status IN ({', '.join(map(repr, filters.statuses))})"
        condition = {"everything": condition.replace("status <> 'timeout'", "true")}.get(
            filter_name, "true"
        )
    duck.choose(*duck.resolved(period), condition)
    assert found.calls == duck("SELECT count(*) FROM chosen")[0][0]
    expected = duck(
        f"""
        SELECT server, tool_name, status, error_type, count(*) AS calls,
            calls / (SELECT count(*) FROM chosen AS every WHERE every.tool_name = chosen.tool_name
                AND every.server IS NOT DISTINCT FROM chosen.server),
            max(timestamp) AS last
        FROM chosen WHERE {failing} GROUP BY server, tool_name, status, error_type
        ORDER BY calls DESC, last DESC, tool_name, server NULLS FIRST, status,
            error_type NULLS FIRST
        """
    )
    assert [
        (one.server, one.tool, one.status, one.error_type, one.calls, one.share, one.last)
        for one in found.failures
    ] == expected
    loops = [
        (
            one.server,
            one.tool,
            one.session,
            one.agent,
            one.calls,
            one.since,
            one.last,
            one.error_type,
        )
        for one in found.loops
    ]
    assert sorted(loops, key=repr) == sorted(duck(LOOPS.format(failing=failing)), key=repr)
    order = [(-one.calls, -one.last, one.tool, one.session) for one in found.loops]
    assert order == sorted(order)
    if period_name == "all":
        assert len(loops) > 100


@pytest.mark.parametrize(
    "asked",
    [
        *(f"{name}, none" for name in ("7d", "all", "autumn", "spring", "nothing")),
        *(f"7d, {name}" for name in ("projects", "sessions", "everything")),
    ],
    indirect=True,
)
def test_sessions(connection: Connection, duck: Duck, asked: Asked) -> None:
    period_name, filter_name, period, filters, condition = asked
    found = sessions(connection, period, filters)
    duck.choose(*duck.resolved(period), condition)
    started = f"started_at >= {period.since} AND started_at < {period.until}"
    expected = duck(
        f"""
        WITH of_session AS (
            SELECT session_id, count(*) AS calls, count_if(status = 'error') AS errors,
                count_if(status = 'timeout') AS timeouts, fsum(duration_ms) AS together,
                max(timestamp) AS last FROM chosen GROUP BY session_id
        ), by_tool AS (
            SELECT session_id, list((tool_name, calls) ORDER BY calls DESC, tool_name) AS tools
            FROM (SELECT session_id, tool_name, count(*) AS calls FROM chosen GROUP BY ALL)
            GROUP BY session_id
        )
        SELECT id, started_at, greatest(started_at, of_session.last, coalesce(ended_at, ever.last)),
            client, client_version, project, coalesce(calls, 0), coalesce(errors, 0),
            coalesce(timeouts, 0), coalesce(tools, []), coalesce(together, 0.0)
        FROM sessions LEFT JOIN of_session ON of_session.session_id = id
            LEFT JOIN by_tool ON by_tool.session_id = id LEFT JOIN ever ON ever.session_id = id
        WHERE calls > 0 OR ({filter_name == "none"} AND {started})
        ORDER BY started_at DESC, id
        """
    )
    ours = [
        (
            *(one.id, one.started_at, one.last_at, one.client, one.client_version, one.project),
            *(one.calls, one.errors, one.timeouts, list(one.tools)),
        )
        for one in found.sessions
    ]
    assert ours == [tuple(row[:-1]) for row in expected]
    for one, (*_, together) in zip(found.sessions, expected, strict=True):
        assert math.isclose(one.total_ms, together, rel_tol=1e-12)
        assert one.is_running == (one.last_at >= NOW - 600)
    if period_name == "all":
        assert len(ours) == 3000


@pytest.mark.parametrize(
    "asked",
    ["autumn, none", "spring, none", "nothing, none", "7d, sessions", "7d, everything"],
    indirect=True,
)
def test_pages_of_calls(
    connection: Connection, duck: Duck, asked: Asked, rows: tuple[Rows, Rows]
) -> None:
    _, _, period, filters, condition = asked
    duck.choose(*duck.resolved(period), condition)
    size = 2_003

    def newest(call: Call) -> NewestAfter:
        return NewestAfter(call.timestamp, call.rowid)

    def slowest(call: Call) -> SlowestAfter:
        return SlowestAfter(call.duration_ms, call.timestamp, call.rowid)

    for question, after, order in (
        (newest_calls, newest, "timestamp DESC, row DESC"),
        (slowest_calls, slowest, "duration_ms DESC, timestamp DESC, row DESC"),
    ):
        page = question(connection, period, filters, limit=size)
        found = list(page)
        while page and len(found) <= len(rows[1]):  # not for ever, if one comes again
            page = question(connection, period, filters, limit=size, after=after(page[-1]))
            found += page
        expected = duck(f"SELECT row FROM chosen ORDER BY {order}")
        assert [call.rowid for call in found] == [row for (row,) in expected]
        if order.startswith("timestamp"):
            assert found == [Call(*rows[1][row - 1]) for (row,) in expected]
