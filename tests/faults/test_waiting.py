"""Ctrl-C at random moments: nothing waits for ever for what was interrupted."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

TIMES = 2_000
TIMES_A_PROCESS = 100
BUSY_TIMEOUT = 0.5  # seconds

# Writes in the main thread, which alone hears Ctrl-C and goes on, and in another thread, until
# stdin ends. Prints how long each of the two has waited at most for a write.
WRITING = """
import json, os, signal, sys, threading, time
from pony.orm import DatabaseError, OrmError, db_session
from devflow_analytics_db import create_analytics_db

db = create_analytics_db(sys.argv[1])
armed = over = False

def hear(*_):
    global armed
    if armed:
        armed = False  # until it is caught
        raise KeyboardInterrupt

def write(who):
    start = time.monotonic()
    try:
        with db_session:
            db.Session(started_at=1)
    except (DatabaseError, OrmError) as error:
        assert "locked" in str(error) or "KeyboardInterrupt" in str(error), error
    finally:
        longest[who] = max(longest[who], time.monotonic() - start)

def write_in_thread():
    while not over:
        write("thread")
    write("thread")

def read():
    global over
    sys.stdin.read()
    over = True

longest = {"main": 0, "thread": 0}
write("main")
longest["main"] = 0
signal.signal(signal.SIGINT, hear)
others = [threading.Thread(target=target) for target in (read, write_in_thread)]
for other in others:
    other.start()
print("ready", flush=True)
while not over:
    try:
        armed = True
        while not over:
            write("main")
        armed = False
    except KeyboardInterrupt:
        pass
write("main")
for other in others:
    other.join()
print(json.dumps(longest))
"""


def test_nothing_waits_longer_than_the_busy_timeout_after_ctrl_c(
    tmp_path: Path, count: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", str(round(1000 * BUSY_TIMEOUT)))
    chance = random.Random(1)
    for number in range(TIMES // TIMES_A_PROCESS):
        with subprocess.Popen(
            [sys.executable, "-c", WRITING, tmp_path / f"{number}.db"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as writing:
            assert writing.stdout
            assert writing.stdout.readline() == "ready\n"
            for _ in range(TIMES_A_PROCESS):
                time.sleep(chance.uniform(0, 0.003))  # a moment at random
                writing.send_signal(signal.SIGINT)
            try:
                told, _ = writing.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                writing.kill()
                raise
        assert writing.returncode == 0, number
        assert max(json.loads(told).values()) < BUSY_TIMEOUT + 1, (number, told)
    count(TIMES)
