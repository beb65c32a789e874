"""Migration 2 on files with rows: its time beside the same SQL by hand, and its memory."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.data import make
from benchmarks.harness import Line, time_ratio
from devflow_analytics_db.migrations.migration import load_migrations

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.harness import Timed

ROUNDS = 3

MIGRATE = """
import sys, devflow_analytics_db
devflow_analytics_db.migrate(sys.argv[1], to=2)
for line in open("/proc/self/status"):  # getrusage() begins with what the parent had
    if line.startswith("VmHWM:"):
        print(line.split()[1])
"""


class Memory(NamedTuple):
    """The most memory that a migrating process had at a time, in MiB."""

    few_rows: float
    many_rows: float


def lines(directory: Path, rows: int, few: int) -> tuple[list[Line], Memory]:
    """Measure it on files at version 1."""
    many = make(directory / "version-1.db", rows, version=1)
    little = make(directory / "version-1-few.db", few, version=1)
    peaks: list[float] = []

    def ours() -> float:
        seconds, peak = _migrate(many)
        peaks.append(peak)
        return seconds

    ways = (ours, _by_hand(many, backup=True), _by_hand(many, backup=False))
    rounds = [_in_turn(ways, first) for first in range(ROUNDS)]
    few_peak = median(_migrate(little)[1] for _ in range(5))
    many.unlink()
    return [
        time_ratio(
            "migration 2 of a million rows, a process with its backup",
            "its SQL in one transaction of plain `sqlite3`, after a copy by SQLite's backup API",
            [(mine, least) for mine, least, _ in rounds],
            at_most=1.3,
        ),
        time_ratio(
            "the same",
            "its SQL alone, without any copy",
            [(mine, least) for mine, _, least in rounds],
        ),
    ], Memory(few_peak, median(peaks))


def _in_turn(ways: tuple[Timed, ...], first: int) -> list[float]:
    """Run each way, beginning with one of them, and return their seconds in the order given."""
    seconds = {way: way() for way in ways[first:] + ways[:first]}
    return [seconds[way] for way in ways]


def _migrate(source: Path) -> tuple[float, float]:
    """Migrate a copy of a file, and return the seconds and the most memory, in MiB."""
    file = _copy(source)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", MIGRATE, file], stdout=subprocess.PIPE, text=True, check=True
    )
    seconds = time.perf_counter() - start
    shutil.rmtree(file.parent)
    return seconds, int(done.stdout) / 1024


def _by_hand(source: Path, *, backup: bool) -> Timed:
    """Do what somebody would who has an hour for it."""

    def run() -> float:
        file = _copy(source)
        start = time.perf_counter()
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            if backup:
                with closing(sqlite3.connect(file.with_suffix(".copy"))) as copy:
                    connection.backup(copy)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            for statement in load_migrations()[1].up:
                connection.execute(statement)
            connection.execute("COMMIT")
        seconds = time.perf_counter() - start
        shutil.rmtree(file.parent)
        return seconds

    return run


def _copy(source: Path) -> Path:
    """Return a copy in a directory of its own, written to the disk before any clock runs."""
    directory = source.with_suffix("")
    directory.mkdir()
    file = directory / source.name
    shutil.copyfile(source, file)
    os.sync()
    return file
