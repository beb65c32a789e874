"""What a recorded tool call costs the program that makes it, beside other ways to record it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from array import array
from contextlib import ExitStack, closing, contextmanager, nullcontext
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.data import CALLS_A_SESSION, INSERT, calls, make, plain
from benchmarks.harness import Line, time_ratio
from devflow_analytics_recorder import Recorder
from devflow_analytics_schema import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from benchmarks.data import Call

    Recording = Callable[[Path], AbstractContextManager["Way"]]

BATCH = 50
NOW = 1_800_000_000
WRITERS = 4
PATIENCE_MS = 600_000
CHUNK = 10_000
"""So many of a great many calls are made in a burst."""

TEXT = json.dumps(
    [{"name": f"file-{number}.py", "size": number, "lines": 7} for number in range(20)]
)
"""What the tool reads and writes: 1 kB."""

WRITER = """
import sys, time
from itertools import count
from contextlib import closing
from benchmarks.data import INSERT, calls, plain
from devflow_analytics_schema import new_id
with closing(plain(sys.argv[1])) as connection:
    (session,) = connection.execute("SELECT id FROM sessions LIMIT 1").fetchone()
    print("ready", flush=True)
    for number in count(1_800_000_000):
        connection.execute(INSERT, calls(1, new_id, session, number)[0])
        time.sleep(0.001)
"""

MIGRATE = "import sys, devflow_analytics_db as db; db.migrate(sys.argv[1], to=2)"


class Way(NamedTuple):
    """A way to record a call."""

    record: Callable[[], object]
    settle: Callable[[], object]
    """Waits until all is in the database; not measured."""


class Size(NamedTuple):
    """How much is measured."""

    rounds: int
    calls: int
    """In each round, by each way."""
    pause_s: float
    """After each call: a burst has none, a server's calls are seconds apart."""


class Measured(NamedTuple):
    """What recording took, in seconds: a figure for each call."""

    case: str
    way: str
    costs: array[float]


def nothing() -> None:
    """Record nothing."""


@contextmanager
def not_at_all(_file: Path) -> Iterator[Way]:
    """Run the same loop."""
    yield Way(nothing, nothing)


@contextmanager
def by_computing(_file: Path) -> Iterator[Way]:
    """Compute for as long as recording takes: the worst of it is the scheduler's."""
    yield Way(lambda: json.loads(TEXT), nothing)


@contextmanager
def by_a_line(file: Path) -> Iterator[Way]:
    """Append a line to a file, and do nothing more: the least that outlives the process."""
    with file.with_name("lines").open("ab", buffering=0) as lines:
        line = f"{TEXT[:200]}\n".encode()
        yield Way(lambda: lines.write(line), nothing)


@contextmanager
def by_the_recorder(file: Path) -> Iterator[Way]:
    """Record as we do."""
    with Recorder(file) as recorder:
        session = recorder.session(client="benchmark")
        session.record("git-log", 12.5)  # the first one brings what it needs
        yield Way(lambda: session.record("git-log", 12.5), lambda: recorder.flush(600))


@contextmanager
def by_an_insert(file: Path) -> Iterator[Way]:
    """Insert a row, in a transaction of its own."""
    with closing(_patient(file)) as connection:
        session, ticks = _session(file), count(NOW)

        def record() -> None:
            connection.execute(INSERT, calls(1, new_id, session, next(ticks))[0])

        yield Way(record, nothing)


@contextmanager
def by_a_queue(file: Path) -> Iterator[Way]:
    """Collect rows, and insert fifty in one transaction, for which the fiftieth call waits."""
    with closing(_patient(file)) as connection:
        session, ticks = _session(file), count(NOW)
        queue: list[Call] = []

        def record() -> None:
            queue.extend(calls(1, new_id, session, next(ticks)))
            if len(queue) >= BATCH:
                settle()

        def settle() -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(INSERT, queue)
            connection.execute("COMMIT")
            queue.clear()

        yield Way(record, settle)


HEAD = """\
| calls | recorded | p50 | p95 | p99 | worst |
| --- | --- | ---: | ---: | ---: | ---: |
"""

FLOOR = "not at all"
COMPUTING = "nothing: as long a computation"
LINE = "a line appended to a file, and no more"
OURS = "`Session.record()`"
WAYS: dict[str, Recording] = {
    FLOOR: not_at_all,
    COMPUTING: by_computing,
    LINE: by_a_line,
    OURS: by_the_recorder,
    "an insert of plain `sqlite3`": by_an_insert,
    f"a queue, inserted every {BATCH} calls": by_a_queue,
}


def measure(directory: Path, rows: int) -> tuple[list[Line], str, str]:
    """Measure all of it.

    Args:
        directory: where files may be made.
        rows: how many calls one process is to record, and another to migrate.

    Returns:
        Lines for the table of ratios, a table of costs, and a note.
    """
    file = make(directory / "recording.db", CALLS_A_SESSION)
    quiet, busy = nullcontext, lambda: _writers(file)
    others = f"{WRITERS} other processes write"
    cases: list[tuple[str, Callable[[], AbstractContextManager[object]], Size]] = [
        ("in bursts", quiet, Size(20, 1000, 0)),
        ("one every 2 ms", quiet, Size(6, 200, 0.002)),
        (f"in bursts, {others}", busy, Size(10, 400, 0)),
        (f"one every 2 ms, {others}", busy, Size(6, 200, 0.002)),
    ]
    measured: list[Measured] = []
    lines: list[Line] = []
    for case, beside, size in cases:
        with beside():
            seconds, costs = _in_turn(file, size)
        measured += [Measured(case, way, costs[way]) for way in WAYS if way != FLOOR]
        lines += [] if lines else _ratios(seconds)
    migrating = f"one every 2 ms, another process migrates {rows:,} rows"
    version_1 = make(directory / "version-1.db", rows, version=1)
    measured += [
        Measured(migrating, name, _while_migrating(directory, version_1, way))
        for name, way in WAYS.items()
        if name != FLOOR
    ]
    version_1.unlink()
    many, note = _many(make(directory / "many.db", CALLS_A_SESSION), rows)
    return lines, _table([*measured, *many]), note


def _ratios(seconds: dict[str, list[float]]) -> list[Line]:
    return [
        time_ratio(
            f"a small tool call, and recording it in bursts by {way}",
            "the call, not recorded",
            list(zip(seconds[way], seconds[FLOOR], strict=True)),
        )
        for way in WAYS
        if way not in {FLOOR, COMPUTING, LINE}
    ]


def _in_turn(file: Path, size: Size) -> tuple[dict[str, list[float]], dict[str, array[float]]]:
    """Run all ways in each round, and each of them first in its turn."""
    names = [*WAYS]
    seconds: dict[str, list[float]] = {name: [] for name in names}
    costs: dict[str, array[float]] = {name: array("d") for name in names}
    with ExitStack() as stack:
        ways = {name: stack.enter_context(way(file)) for name, way in WAYS.items()}
        for turn in range(size.rounds):
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                seconds[name].append(_run(ways[name], size.calls, size.pause_s, costs[name]))
                ways[name].settle()
    return seconds, costs


def _run(way: Way, number: int, pause_s: float, costs: array[float]) -> float:
    """Make so many tool calls and record them; return the seconds of the whole."""
    record, clock = way.record, time.perf_counter
    begin = clock()
    for _ in range(number):
        json.dumps(json.loads(TEXT))  # the tool
        start = clock()
        record()
        costs.append(clock() - start)
        if pause_s:
            time.sleep(pause_s)
    return clock() - begin


@contextmanager
def _writers(file: Path) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(WRITERS):
            writer = stack.enter_context(
                subprocess.Popen([sys.executable, "-c", WRITER, file], stdout=subprocess.PIPE)
            )
            stack.callback(writer.kill)
            assert writer.stdout is not None  # noqa: S101  for mypy: it is a pipe
            writer.stdout.readline()
        yield


def _while_migrating(directory: Path, version_1: Path, way: Recording) -> array[float]:
    """Record from when the migration has the lock until it is over."""
    costs = array("d")
    file = directory / "migrating" / "analytics.db"
    file.parent.mkdir()
    shutil.copyfile(version_1, file)
    with (
        subprocess.Popen([sys.executable, "-c", MIGRATE, file]) as migrating,
        closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as connection,
    ):
        while not _is_locked(connection):
            time.sleep(0.01)
        with way(file) as recording:
            while migrating.poll() is None:
                _run(recording, 1, 0.002, costs)
            recording.settle()
    shutil.rmtree(file.parent)
    return costs


def _is_locked(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE").execute("ROLLBACK")
    except sqlite3.OperationalError:
        return True
    return False


def _many(file: Path, rows: int) -> tuple[list[Measured], str]:
    """Record many calls in a process of its own, and run the same loop without that."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.recording", file, str(rows)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    memory = [f"{mebibytes:.1f}" for mebibytes in told["memory"]]
    return [
        Measured(f"{rows:,} in bursts", way, array("d", costs))
        for way, costs in told["costs"].items()
    ], (
        f"A process that records {rows:,} calls has {memory[0]} MiB of memory after {CHUNK:,} of"
        f" them, {memory[1]} MiB after half, and {memory[2]} MiB at the end. It brings"
        f" {told['rows_a_second']:,.0f} of them a second into the database."
    )


def _record_many(file: Path, rows: int) -> None:
    """Print as JSON what `_many` reads."""
    costs = {name: array("d") for name in (COMPUTING, LINE, OURS)}
    memory, seconds = [], 0.0
    chunks = rows // CHUNK
    with (
        WAYS[COMPUTING](file) as computing,
        WAYS[LINE](file) as line,
        WAYS[OURS](file) as ours,
    ):
        for number in range(chunks):
            _run(computing, CHUNK, 0, costs[COMPUTING])
            _run(line, CHUNK, 0, costs[LINE])
            start = time.perf_counter()
            _run(ours, CHUNK, 0, costs[OURS])
            ours.settle()
            seconds += time.perf_counter() - start
            if number in {0, chunks // 2, chunks - 1}:
                figures = sum(len(cost) * cost.itemsize for cost in costs.values())
                memory.append(_resident_mebibytes() - figures / 2**20)
    told = {"costs": {name: [*cost] for name, cost in costs.items()}, "memory": memory}
    print(json.dumps(told | {"rows_a_second": rows / seconds}))


def _resident_mebibytes() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _patient(file: Path) -> sqlite3.Connection:
    """Return a connection that waits for a migration, however long that takes."""
    connection = plain(file)
    connection.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
    return connection


def _session(file: Path) -> str:
    with closing(plain(file)) as connection:
        (session,) = connection.execute("SELECT id FROM sessions LIMIT 1").fetchone()
    return str(session)


def _table(measured: list[Measured]) -> str:
    return HEAD + "".join(_row(one) for one in measured)


def _row(one: Measured) -> str:
    ordered = sorted(one.costs)
    shares = (0.5, 0.95, 0.99, 1.0)
    found = [ordered[min(int(share * len(ordered)), len(ordered) - 1)] for share in shares]
    return f"| {one.case} | {one.way} | {' | '.join(map(_duration, found))} |\n"


def _duration(seconds: float) -> str:
    ms = 1000 * seconds
    return f"{ms:,.1f} ms" if ms >= 1 else f"{1000 * ms:,.1f} µs"


if __name__ == "__main__":
    _record_many(Path(sys.argv[1]), int(sys.argv[2]))
