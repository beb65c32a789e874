"""What the questions cost at a million calls, beside plain SQL and beside DuckDB."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import duckdb

from benchmarks.data import plain
from benchmarks.harness import Line, absolute, compare
from benchmarks.processes import COMMAND
from devflow_analytics_db import create_analytics_db
from devflow_analytics_schema import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAYS = 90
"""A million calls in so many days are those of several busy agents."""

CALLS_A_SESSION = 100
TOOLS = 40
ROUNDS = 15
UNDER_MS = 300

PERIODS = {"24h": 1, "7d": 7, "30d": 30, "all": DAYS + 1}
"""What is asked about, and how many days that is."""

INSERT = (
    "INSERT INTO tool_calls (id, tool_name, duration_ms, status, error_type, timestamp, session_id,"
    " server, source, result_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'recorder', ?)"
)

SQL = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
for row in connection.execute('''
    SELECT tool_name, count(*), avg(status = 'error'), avg(status = 'timeout'), sum(duration_ms),
        min(duration_ms) FILTER (WHERE share >= 0.5), min(duration_ms) FILTER (WHERE share >= 0.95)
    FROM (
        SELECT tool_name, status, duration_ms,
            cume_dist() OVER (PARTITION BY +tool_name ORDER BY duration_ms) AS share
        FROM tool_calls WHERE timestamp >= ?
    )
    GROUP BY tool_name
''', [int(sys.argv[2])]):
    print(row)
"""
"""Calls, failures and percentiles by tool, as docs/schema.md has them: of the period alone."""

DUCKDB = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
print(connection.execute('''
    SELECT tool_name, count(*), avg((status = 'error')::int), avg((status = 'timeout')::int),
        sum(duration_ms), quantile_disc(duration_ms, [0.5, 0.95])
    FROM tool_calls WHERE timestamp >= ? GROUP BY tool_name
''', [int(sys.argv[2])]).fetchall())
"""


class _Times(NamedTuple):
    warm_s: float
    cold_s: float


def measure(file: Path, rows: int) -> tuple[list[Line], str]:
    """Return lines for the table of ratios, and a table of all periods.

    Args:
        file: what `make` made; a copy is made beside it.
        rows: how many calls it has.
    """
    now = int(time.time())
    copy = _copied(file, file.with_suffix(".duckdb"))
    lines: list[Line] = []
    table = [
        f"| {rows:,} calls in {DAYS} days | `stats` | `tools` | SQL | DuckDB |\n",
        "| --- | --- | --- | --- | --- |\n",
    ]
    for word, days in PERIODS.items():
        since = str(now - days * 86400)
        asked = {
            "stats": [str(COMMAND), "--db", str(file), "stats", "--since", word],
            "tools": [str(COMMAND), "--db", str(file), "tools", "--since", word],
            "sql": [sys.executable, "-c", SQL, str(file), since],
            "duckdb": [sys.executable, "-c", DUCKDB, str(copy), since],
        }
        if word == "7d":
            lines += _lines(asked)
        cells = [_both(command, file, copy) for command in asked.values()]
        table.append(f"| {word} | {' | '.join(map(_words, cells))} |\n")
    copy.unlink()
    table.append(
        "\nEach is a process from its start to its end, warm and, in brackets, with nothing of the"
        " file in memory. `stats` and `tools` read the period before, too. DuckDB reads a copy in"
        " its own format.\n"
    )
    return lines, "".join(table)


def _lines(asked: dict[str, list[str]]) -> Iterator[Line]:
    for name in ("stats", "tools"):
        for floor, words in (
            ("sql", "the SQL of docs/schema.md, of the same 7 days"),
            ("duckdb", "DuckDB"),
        ):
            pairs = compare(partial(_run, asked[name]), partial(_run, asked[floor]), ROUNDS)
            what = f"`devflow-analytics {name}` of 7 days, and the 7 before, at a million calls"
            yield absolute(what, f"{words}, whole process", pairs, under_ms=UNDER_MS)


def _run(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def _both(command: list[str], *files: Path) -> _Times:
    warm = median(_run(command) for _ in range(5))
    cold = []
    for _ in range(3):
        for file in files:
            forget(file)
        cold.append(_run(command))
    return _Times(warm, median(cold))


def forget(file: Path) -> None:
    """Have the kernel drop what it keeps of a file."""
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


def _words(times: _Times) -> str:
    return f"{1000 * times.warm_s:,.0f} ms ({1000 * times.cold_s:,.0f})"


def make(file: Path, rows: int) -> Path:
    """Make a file of so many calls, evenly over the days before now."""
    now = int(time.time())
    create_analytics_db(file).close()
    chance = random.Random(1)  # noqa: S311  no secrets
    first, seconds = now - DAYS * 86400, DAYS * 86400
    with closing(plain(file)) as connection:
        connection.execute("PRAGMA cache_size = -500000")  # in kB
        connection.execute("BEGIN IMMEDIATE")
        for start in range(0, rows, CALLS_A_SESSION):
            session = new_id()
            times = [first + seconds * (start + n) // rows for n in range(CALLS_A_SESSION)]
            connection.execute(
                "INSERT INTO sessions (id, started_at, ended_at, tool_count, client)"
                " VALUES (?, ?, ?, ?, 'claude-code')",
                (session, times[0], times[-1], CALLS_A_SESSION),
            )
            connection.executemany(INSERT, (_call(chance, session, at) for at in times))
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return file


def _call(chance: random.Random, session: str, at: int) -> tuple[object, ...]:
    tool = min(int(chance.expovariate(0.12)), TOOLS - 1)
    status = chance.choices(("success", "error", "timeout"), (95, 4, 1))[0]
    return (
        *(new_id(), f"tool_{tool}", round(chance.lognormvariate(3 + tool % 7, 1.2), 3), status),
        *(None if status == "success" else "ToolError", at, session, f"server-{tool % 5}"),
        int(chance.lognormvariate(7, 1)),
    )


def _copied(file: Path, copy: Path) -> Path:
    """Copy the calls into a file of DuckDB, whose extension for SQLite needs the network."""
    exported = copy.with_suffix(".csv")
    with (
        closing(sqlite3.connect(file)) as connection,
        exported.open("w", encoding="utf-8") as lines,
    ):
        for row in connection.execute(
            "SELECT tool_name, status, duration_ms, timestamp FROM tool_calls"
        ):
            lines.write(",".join(map(str, row)) + "\n")
    with duckdb.connect(str(copy)) as connection:
        connection.execute(
            "CREATE TABLE tool_calls AS SELECT * FROM read_csv(?, header = false, columns ="
            " {'tool_name': 'VARCHAR', 'status': 'VARCHAR', 'duration_ms': 'DOUBLE',"
            " 'timestamp': 'BIGINT'})",
            [str(exported)],
        )
    exported.unlink()
    return copy
