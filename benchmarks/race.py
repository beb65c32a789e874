"""Eight processes, started already, open one new file at the same instant."""

from __future__ import annotations

import multiprocessing
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.harness import Line, absolute, compare
from devflow_analytics_db import create_analytics_db

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

    from benchmarks.harness import Timed

PROCESSES = 8

NOTICE_S = 0.02
"""How long before the instant all are told of it."""


def line(directory: Path) -> Line:
    """Measure from the instant on which they agreed to the end of the slowest."""
    with ExitStack() as stack:
        eight = _racing(directory / "race", PROCESSES, stack)
        one = _racing(directory / "alone", 1, stack)
        return absolute(
            f"{PROCESSES} processes open one new file at once, the slowest",
            "one process makes it alone",
            compare(eight, one, 40),
            under_ms=100,
        )


def _racing(directory: Path, processes: int, stack: ExitStack) -> Timed:
    directory.mkdir()
    context = multiprocessing.get_context("spawn")
    pipes = []
    for _ in range(processes):
        mine, theirs = context.Pipe()
        process = context.Process(target=_racer, args=(theirs,))
        process.start()
        stack.callback(process.join)
        stack.callback(mine.send, None)
        pipes.append(mine)
    turns = iter(range(1_000_000))

    def run() -> float:
        file = directory / f"{next(turns)}.db"
        start = time.monotonic() + NOTICE_S
        for pipe in pipes:
            pipe.send((file, start))
        ends: list[float] = [pipe.recv() for pipe in pipes]
        return max(ends) - start

    return run


def _racer(pipe: Connection) -> None:
    while told := pipe.recv():
        file, start = told
        time.sleep(max(0, start - time.monotonic()))  # which is one clock for all processes
        create_analytics_db(file).close()
        pipe.send(time.monotonic())
