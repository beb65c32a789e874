"""The same made-up rows in our database and in DuckDB, which calculates anew what we answer.

DuckDB reads the rows from files of its own, and answers by window functions, its own calendar and
its own sorting. No SQL and no code of the reports package is behind what is expected here.
"""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import duckdb
import pytest

from devflow_analytics_db import create_analytics_db, open_readonly
from devflow_analytics_reports import Filters, Period, Totals, parse_period

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from devflow_analytics_db import Connection

    Rows = list[tuple[Any, ...]]

ROWS = 200_000
HOUR, DAY = 3600, 86_400
NOW = 1_793_536_496  # 2026-11-01T12:34:56Z
SPRING, AUTUMN = 1_774_746_000, 1_792_890_000  # the clocks change in Berlin
KATHMANDU = NOW - NOW % DAY - 5 * HOUR - 45 * 60  # a midnight

CALLS = {
    "row": "BIGINT",
    "id": "TEXT",
    "tool_name": "TEXT",
    "duration_ms": "DOUBLE",
    "status": "TEXT",
    "error_type": "TEXT",
    "timestamp": "BIGINT",
    "session_id": "TEXT",
    "server": "TEXT",
    "agent": "TEXT",
    "source": "TEXT",
    "error_kind": "TEXT",
    "error_code": "BIGINT",
    "request_bytes": "BIGINT",
    "result_bytes": "BIGINT",
    "started_ms": "BIGINT",
    "duration_kind": "TEXT",
}
SESSIONS = {
    "id": "TEXT",
    "started_at": "BIGINT",
    "ended_at": "BIGINT",
    "tool_count": "BIGINT",
    "client": "TEXT",
    "client_version": "TEXT",
    "project": "TEXT",
}

NAMES = (
    *("read", "write", "write_file", "git-log", "Read", "fetch", "*", "[", "[a-z]", "?", "%", "_"),
    *(
        "it's",
        'say "so"',
        "two\nlines",
        "tab\there",
        "x" * 200,
        "日本語",
        "e\u0301",
        "\xe9",
        "🔧",
        "",
    ),
    *(
        "'; DROP TABLE tool_calls; --",
        "\x1b[31mred",
        "\u202eltr",
        "\\",
        "a,b",
        "NULL",
        "0",
        " read",
    ),
)


def made_up_sessions(random: Random) -> Rows:
    """Of which the last 500 have no calls."""
    count = 3000
    return list(
        zip(
            (f"0199{number:04}-é" for number in range(count)),
            (NOW - random.randrange(50 * DAY) for _ in range(count)),
            (random.choice([None, None, NOW - random.randrange(40 * DAY)]) for _ in range(count)),
            random.choices(range(5), k=count),
            random.choices([None, "claude-code", "codex", "cursor", "it's"], k=count),
            random.choices([None, "1.0"], k=count),
            random.choices([None, "alpha", "beta", "[x]"], k=count),
            strict=True,
        )
    )


def made_up_time(random: Random) -> int:
    which = random.random()
    if which < 0.45:
        return NOW - random.randrange(40 * DAY)
    if which < 0.65:
        return NOW - random.randrange(7 * DAY)
    if which < 0.80:  # many at once
        return NOW - 977 * random.randrange(300)
    if which < 0.98:
        middle = random.choice([SPRING, AUTUMN, KATHMANDU, NOW - 14 * DAY])
        return middle + random.randrange(-3 * HOUR, 3 * HOUR)
    if which < 0.99:
        return KATHMANDU - DAY * random.randrange(9) + random.randrange(-1, 2)
    return random.choice([-1, -(10**9), 0, NOW + 1, NOW + HOUR, NOW + 10**9, 10**12])


def made_up_calls(random: Random) -> Rows:
    loops = random.choices([True, False], [1, 9], k=ROWS)  # few tools, that mostly fail
    statuses = ["success", "error", "timeout"]
    good, bad = (random.choices(statuses, weights, k=ROWS) for weights in ([9, 2, 1], [2, 5, 1]))
    status = [others[other] for other, *others in zip(loops, good, bad, strict=True)]
    errors = random.choices([None, "E", "ValueError", "it's"], k=ROWS)
    durations = [
        *(0.0, 1.5, 20.0, 5e-324, 1234.5678),
        *(random.random() * 1000 for _ in range(50_000)),
        *(random.expovariate(0.001) for _ in range(50_000)),
    ]
    weights = [10_000] * 5 + [1] * 100_000
    times = sorted(made_up_time(random) for _ in range(ROWS))
    late = random.sample(range(ROWS), ROWS // 10)  # one in ten comes sooner or later
    for row, other in zip(late, reversed(late), strict=True):
        times[row], times[other] = times[other], times[row]
    columns = {
        "row": range(1, ROWS + 1),
        "id": (f"{row:x}" for row in range(ROWS)),
        "tool_name": (
            name if loop else other
            for loop, name, other in zip(
                loops, random.choices(NAMES[:3], k=ROWS), random.choices(NAMES, k=ROWS), strict=True
            )
        ),
        "duration_ms": [1e300] * 9 + random.choices(durations, weights, k=ROWS - 9),
        "status": status,
        "error_type": (
            None if end == "success" else error for end, error in zip(status, errors, strict=True)
        ),
        "timestamp": times,
        "session_id": (f"0199{random.randrange(30 if loop else 2500):04}-é" for loop in loops),
        "server": random.choices([None, "git", "got", "web", 'we"b'], k=ROWS),
        "agent": (
            None if loop else agent
            for loop, agent in zip(
                loops, random.choices([None, None, "explore"], k=ROWS), strict=True
            )
        ),
        "source": random.choices([None, "hook"], k=ROWS),
        "error_kind": (None if end == "success" else "tool" for end in status),
        "error_code": random.choices([None, -32603], k=ROWS),
        "request_bytes": random.choices([None, 0, 2**40], k=ROWS),
        "result_bytes": random.choices([None, None, 0, 17, 2**53 + 1], k=ROWS),
        "started_ms": random.choices([None, NOW * 1000 + 1], k=ROWS),
        "duration_kind": random.choices([None, "run", "wall"], k=ROWS),
    }
    assert list(columns) == list(CALLS)
    return list(zip(*columns.values(), strict=True))


@pytest.fixture(scope="session")
def rows() -> tuple[Rows, Rows]:
    random = Random(20_261_101)
    return made_up_sessions(random), made_up_calls(random)


@pytest.fixture(scope="session")
def file(rows: tuple[Rows, Rows], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("reports") / "analytics.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(file.parent))
        create_analytics_db(file).close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        for table, columns, values in (
            ("sessions", SESSIONS, rows[0]),
            ("tool_calls", CALLS, rows[1]),
        ):
            names = ", ".join("rowid" if name == "row" else name for name in columns)
            marks = ", ".join("?" * len(columns))
            connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)
    return file


@pytest.fixture
def connection(file: Path) -> Iterator[Connection]:
    with open_readonly(file) as connection:
        yield connection


class Duck:
    """The other engine, with the same rows."""

    def __init__(self, rows: tuple[Rows, Rows], directory: Path) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute("SET threads = 1")  # other tests run beside this one
        for table, columns, values in zip(
            ("sessions", "calls"), (SESSIONS, CALLS), rows, strict=True
        ):
            file = directory / f"{table}.json"
            file.write_text(
                "".join(f"{json.dumps(dict(zip(columns, row, strict=True)))}\n" for row in values)
            )
            self.connection.execute(
                f"CREATE TABLE {table} AS SELECT * FROM"
                f" read_json('{file}', format = 'newline_delimited', columns = {columns})"
            )
        self.connection.execute(
            "CREATE TABLE ever AS SELECT session_id, max(timestamp) AS last FROM calls GROUP BY ALL"
        )

    def __call__(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, values).fetchall()

    def choose(self, since: int, until: int, condition: str = "true") -> None:
        """Make ``chosen`` the calls of a period that fulfil a condition."""
        self(
            "CREATE OR REPLACE TEMP VIEW chosen AS SELECT * FROM calls"
            f" WHERE timestamp >= {since} AND timestamp < {until} AND ({condition})"
        )

    def totals(self, by: str = "()") -> dict[Any, Totals]:
        """The totals of what is chosen, by some columns."""
        found = self(
            f"""
            SELECT {"" if by == "()" else f"{by},"} count(*), count_if(status = 'error'),
                count_if(status = 'timeout'), fsum(duration_ms),
                list(duration_ms ORDER BY duration_ms) AS d,
            FROM chosen GROUP BY {by}
            """
        )
        totals = {}
        for *key, calls, errors, timeouts, together, ordered in found:
            ranks = [
                ordered[math.ceil(calls * share / 100) - 1] if calls else None
                for share in (50, 95, 99)
            ]
            totals[tuple(key)] = Totals(calls, errors or 0, timeouts or 0, together or 0.0, *ranks)
        return totals

    def resolved(self, period: Period) -> tuple[int, int]:
        """Where a period begins and ends: ``all`` with the first call and the last."""
        if period.name != "all":
            return period.since, period.until
        ((first, last),) = self("SELECT min(timestamp), max(timestamp) FROM calls")
        return first, last + 1

    def parts(self, since: int, until: int, count: int, by: str = "()") -> dict[Any, Any]:
        """How many of the chosen calls are in each of equal parts: calls, errors, timeouts."""
        length = max(until - since, 1)
        found = self(
            f"""
            SELECT {"" if by == "()" else f"{by},"}
                ((timestamp - {since} + 1)::HUGEINT * {count} - 1) // {length} AS part,
                count(*), count_if(status = 'error'), count_if(status = 'timeout')
            FROM chosen GROUP BY {"part" if by == "()" else f"{by}, part"}
            """
        )
        parts: dict[Any, Any] = {}
        for *key, part, calls, errors, timeouts in found:
            nothing = [(0, 0, 0)] * count
            parts.setdefault(tuple(key), nothing)[int(part)] = calls, errors, timeouts
        return parts


@pytest.fixture(scope="session")
def duck(rows: tuple[Rows, Rows], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Duck]:
    duck = Duck(rows, tmp_path_factory.mktemp("duckdb"))
    yield duck
    duck.connection.close()


def parse(zone: str, since: str, until: str | None = None) -> Period:
    return parse_period(since, until, now=NOW, zone=ZoneInfo(zone))


PERIODS = {
    "7d": parse("Europe/Berlin", "7d"),
    "all": parse("UTC", "all"),
    "autumn": parse("Europe/Berlin", "2026-10-24", "2026-10-26T01:30"),
    "spring": parse("Europe/Berlin", "2026-03-28T13:10", "2026-03-30"),
    "kathmandu": parse("Asia/Kathmandu", "2026-10-28T03:20"),
    "new york": parse("America/New_York", "this-week", "this-week"),
    "nothing": parse("UTC", "2001-01-01", "2001-01-02"),
}
FILTERS = {
    "none": (Filters(), "true"),
    "tools": (
        Filters(tools=("read", "writ*", "[[]", "?", "x*x")),
        """
        tool_name IN ('read', '[') OR starts_with(tool_name, 'writ') OR length(tool_name) = 1
        OR (starts_with(tool_name, 'x') AND ends_with(tool_name, 'x'))
        """,
    ),
    "literal tools": (
        Filters(tools=("[a-z]", "it's", "")),
        "tool_name IN ('[a-z]', 'it''s', '') OR regexp_full_match(tool_name, '[a-z]')",
    ),
    "statuses": (Filters(statuses=("error", "timeout")), "status <> 'success'"),
    "timeouts": (Filters(statuses=("timeout",)), "status = 'timeout'"),
    "servers": (Filters(servers=("g?t", 'we"b')), "server IN ('git', 'got', 'we\"b')"),
    "clients": (
        Filters(clients=("c*o*", "it's")),
        "session_id IN (FROM sessions SELECT id WHERE client IS NOT NULL)",
    ),
    "projects": (
        Filters(projects=("[ab]*", "none")),
        "session_id IN (FROM sessions SELECT id WHERE project IN ('alpha', 'beta'))",
    ),
    "sessions": (
        Filters(sessions=("01990001-é", "01990002-é", "none")),
        "session_id IN ('01990001-é', '01990002-é')",
    ),
    "everything": (
        Filters(("*",), ("error", "success"), ("g*",), ("c*",), ("*a",), ()),
        """
        status <> 'timeout' AND server IN ('git', 'got') AND session_id IN (
            FROM sessions SELECT id WHERE client <> 'it''s' AND project IN ('alpha', 'beta')
        )
        """,
    ),
}


class Asked(NamedTuple):
    """What is asked for, and what DuckDB is to choose for it."""

    period_name: str
    filter_name: str
    period: Period
    filters: Filters
    condition: str


@pytest.fixture(
    params=[
        *(f"{period}, none" for period in PERIODS),
        *(f"7d, {name}" for name in FILTERS if name != "none"),
    ],
)
def asked(request: pytest.FixtureRequest) -> Asked:
    """A period and filters; a test may name others."""
    period, name = request.param.split(", ")
    return Asked(period, name, PERIODS[period], *FILTERS[name])
