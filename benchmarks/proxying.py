"""What ``devflow-analytics wrap`` costs between a client and a server, beside a relay in C.

Client, server and relay are in C, in ``benchmarks/proxied``, so that what is measured is the way
between them. They are compiled first.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager, nullcontext
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.harness import Line, Spread, time_ratio
from benchmarks.processes import COMMAND
from devflow_analytics_db import create_analytics_db

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Lines = dict["_Kind", dict[str, list["_Round"]]]

SOURCES = Path(__file__).parent / "proxied"

ROUNDS = 11
STARTS = 60
AT_MOST_MORE_MS = 25
AT_MOST_MIB = 15
MANY = 10_000
"""After so many calls memory is looked at."""

DIRECT = "directly"
RELAY = "two pumps in C"
OURS = "`wrap`"
LOCKED = "`wrap`, the database is locked"
WAYS = (DIRECT, RELAY, OURS, LOCKED)


class _Kind(NamedTuple):
    """One kind of calls."""

    what: str
    answer_bytes: int
    calls: int
    pause_us: int = 0


SMALL = _Kind("an answer of 200 B", 200, 5000)
SLOW = _Kind("an answer of 200 B, every 2 ms", 200, 300, pause_us=2000)
MEDIUM = _Kind("an answer of 64 KiB", 65_536, 1500)
LARGE = _Kind("an answer of 1 MiB", 1 << 20, 200)
KINDS = (SMALL, SLOW, MEDIUM, LARGE)


class _Round(NamedTuple):
    """What the client saw of one server."""

    main_s: float
    """Until the server's ``main()`` runs."""
    line_s: float
    """Until its first line has arrived."""
    p50_s: float
    p95_s: float
    p99_s: float
    calls_a_second: float


class _Memory(NamedTuple):
    """The memory of a process, in MiB."""

    resident: float
    share: float
    """The resident pages, of which those that others use too count in part (PSS)."""


def measure(directory: Path) -> tuple[list[Line], str, list[str]]:
    """Return lines for a table of ratios, tables of absolute costs, and notes.

    Args:
        directory: where to compile and to record.
    """
    place = _Place(directory / "proxied")
    place.start(OURS)  # for nothing: the first time, Python compiles
    starts = _in_turn((DIRECT, RELAY, OURS), place.start, STARTS)
    rounds = {kind: _in_turn(WAYS, partial(place.call, kind=kind), ROUNDS) for kind in KINDS}
    lines = [*_starting(starts), *_calling(rounds)]
    return lines, _costs(rounds), [*_memory(place), place.recorded()]


class _Place:
    """A directory with the programs in C and a database."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory = directory
        self._file = directory / "analytics.db"
        create_analytics_db(self._file).close()
        self._called = 0
        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is None:
            sys.exit("A C compiler is needed to measure the proxy: apt-get install gcc")
        for source in SOURCES.glob("*.c"):
            program = str(directory / source.stem)
            command = [compiler, "-O2", "-pthread", "-o", program, str(source)]
            subprocess.run(command, check=True)

    def program(self, name: str) -> str:
        return str(self._directory / name)

    def server(self, way: str, answer_bytes: int) -> list[str]:
        """Return the command that a client starts."""
        server = [self.program("server"), str(answer_bytes)]
        if way == DIRECT:
            return server
        if way == RELAY:
            return [self.program("relay"), *server]
        return [COMMAND, "--db", str(self._file), "wrap", "--server", "c", "--", *server]

    def start(self, way: str) -> _Round:
        """Start a server, and end it after one call."""
        return self.call(way, _Kind("", 200, 1))

    def call(self, way: str, kind: _Kind) -> _Round:
        """Call a tool of a new server."""
        command = [self.program("client"), str(kind.calls), str(kind.pause_us)]
        with self._locked() if way == LOCKED else nullcontext():
            done = subprocess.run(
                [*command, *self.server(way, kind.answer_bytes)],
                stdout=subprocess.PIPE,
                check=True,
                text=True,
            )
        if way not in {DIRECT, RELAY}:
            self._called += kind.calls
        main_s, line_s, *calls = (int(line) / 1e9 for line in done.stdout.split())
        p50, p95, p99 = (_percentile(calls, share) for share in (50, 95, 99))
        return _Round(main_s, line_s, p50, p95, p99, len(calls) / sum(calls))

    def recorded(self) -> str:
        """Return the sentence that every call was recorded, or end the program."""
        subprocess.run(
            [COMMAND, "--db", str(self._file), "stats", "--since", "all"],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        with closing(sqlite3.connect(self._file)) as connection:
            (rows,) = connection.execute("SELECT count(*) FROM tool_calls").fetchone()
        if rows != self._called:
            sys.exit(f"Of {self._called} calls, {rows} were recorded.")
        return f"Each of the {rows:,} calls that passed `wrap` here was recorded."

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with closing(sqlite3.connect(self._file, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield

    @contextmanager
    def talking(self, way: str) -> Iterator[tuple[int, Callable[[int], None]]]:
        """Yield the id of the process that a client has started, and a function that calls a tool.

        It is called with the number of calls.
        """
        with ExitStack() as stack:
            process = stack.enter_context(
                subprocess.Popen(
                    self.server(way, 200),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
            )
            to, back = process.stdin, process.stdout
            if to is None or back is None:
                raise AssertionError
            stack.callback(to.close)
            back.readline()

            numbers = count(1)

            def ask(method: bytes, params: bytes) -> None:
                message = b'{"jsonrpc":"2.0","id":%d,"method":"%b","params":%b}\n'
                message %= (next(numbers), method, params)
                to.write(message)
                to.flush()
                back.readline()

            def call(times: int) -> None:
                if way == OURS:
                    self._called += times
                for _ in range(times):
                    ask(b"tools/call", b'{"name":"a","arguments":{}}')

            ask(b"initialize", b'{"clientInfo":{"name":"client","version":"1"}}')
            yield process.pid, call


def _in_turn(
    ways: tuple[str, ...], run: Callable[[str], _Round], rounds: int
) -> dict[str, list[_Round]]:
    """Run each way in each round, each time beginning with another."""
    found: dict[str, list[_Round]] = {way: [] for way in ways}
    for number in range(rounds):
        first = number % len(ways)
        for way in (*ways[first:], *ways[:first]):
            found[way].append(run(way))
    return found


def _pairs(
    rounds: dict[str, list[_Round]], ours: str, floor: str, field: str
) -> list[tuple[float, float]]:
    both = zip(rounds[ours], rounds[floor], strict=True)
    return [(getattr(one, field), getattr(other, field)) for one, other in both]


def _starting(starts: dict[str, list[_Round]]) -> list[Line]:
    lines = []
    for what, field in (
        ("from the start of `wrap` until the server's `main()` runs", "main_s"),
        ("until the server's first line has arrived", "line_s"),
    ):
        line = time_ratio(
            what, "a server in C, started directly", _pairs(starts, OURS, DIRECT, field)
        )
        more_ms = 1000 * (line.ours_s - line.floor_s)
        aim = f"under {AT_MOST_MORE_MS} ms more"
        lines.append(line._replace(aim=aim, reached=more_ms < AT_MOST_MORE_MS))
    return lines


def _calling(rounds: Lines) -> list[Line]:
    aims = {(SMALL, "p50"): 3, (SMALL, "p99"): 5, (LARGE, "p50"): 3}
    return [
        time_ratio(
            f"{kind.what}, {way}, {name}",
            RELAY,
            _pairs(rounds[kind], way, RELAY, f"{name}_s"),
            at_most=aims.get((kind, name)),
        )
        for way in (OURS, LOCKED)
        for kind in KINDS
        for name in ("p50", "p99")
    ]


def _costs(rounds: Lines) -> str:
    rows = ["| a call of 100 B | way | p50 | p95 | p99 | calls/s |\n"]
    rows.append("| --- | --- | ---: | ---: | ---: | ---: |\n")
    for kind, ways in rounds.items():
        for way, seen in ways.items():
            times = [
                _microseconds([getattr(one, field) for one in seen])
                for field in ("p50_s", "p95_s", "p99_s")
            ]
            rate = f"{median(one.calls_a_second for one in seen):,.0f}"
            rows.append(f"| {' | '.join((kind.what, way, *times, rate))} |\n")
    return "".join(rows)


def _microseconds(seconds: list[float]) -> str:
    low, middle, high = Spread(*quantiles([1e6 * one for one in seconds], n=4, method="inclusive"))
    digits = 1 if middle < 100 else 0  # noqa: PLR2004  small ones differ behind the point
    return f"{middle:,.{digits}f} [{low:,.{digits}f}, {high:,.{digits}f}] µs"


def _percentile(numbers: list[float], percent: int) -> float:
    ordered = sorted(numbers)
    return ordered[len(ordered) * percent // 100]


def _memory(place: _Place) -> list[str]:
    """Return what memory the proxy has, in words, and whether that is as little as it should be."""
    notes = []
    for way in (OURS, RELAY):
        with place.talking(way) as (pid, call):
            found = [_settled(pid)]
            call(1)
            found.append(_settled(pid))
            call(MANY)
            found.append(_settled(pid))
        idle, first, many = (f"{one.resident:.1f} MiB ({one.share:.1f})" for one in found)
        aim = ""
        if way == OURS:
            reached = max(one.resident for one in found) < AT_MOST_MIB
            aim = f" Aim: under {AT_MOST_MIB} MiB, {'reached' if reached else '**missed**'}."
        notes.append(
            f"Resident memory of {way}, and in brackets its share of it where pages are shared"
            f" (PSS): {idle} before the first call, {first} after it, {many} after {MANY:,}.{aim}"
        )
    return notes


def _settled(pid: int) -> _Memory:
    """Return the memory of a process once it does nothing more."""
    before = None
    while (found := _memory_of(pid)) != before:
        before = found
        time.sleep(0.5)
    return found


def _memory_of(pid: int) -> _Memory:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    kilobytes = {
        name: int(size) for name, size in re.findall(r"^(\w+): +(\d+) kB", text, re.MULTILINE)
    }
    return _Memory(kilobytes["Rss"] / 1024, kilobytes["Pss"] / 1024)
