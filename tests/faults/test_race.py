"""Many processes at one file at once, some of them killed."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import check

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROUNDS = 100
PROCESSES = 8

# Forks the processes of one round, lets them all go at one moment, kills some of them within 30 ms,
# and prints for each how it ended and, if its row was committed before that, the row.
ROUND = """
import json, os, random, signal, sqlite3, sys, time
from contextlib import closing
from devflow_analytics_db import create_analytics_db
import devflow_analytics_db.backups, devflow_analytics_db.migrator

file, seed, processes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(seed)

def work(number, go, say):
    os.read(go, 1)
    with create_analytics_db(file) as db, closing(db.connect()) as connection:
        connection.execute("INSERT INTO sessions VALUES (?, 1, NULL, 0)", (f"row {number}",))
    os.write(say, b"committed")

children = []
ready, start = os.pipe()
for number in range(processes):
    hear, say = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(start)
        status = 1
        try:
            work(number, ready, say)
            status = 0
        finally:
            os._exit(status)
    os.close(say)
    children.append((child, hear))
victims = chance.sample(children, chance.randint(1, 4))
os.write(start, b"." * processes)
for child, _ in victims:
    time.sleep(chance.uniform(0, 0.03 / len(victims)))
    os.kill(child, signal.SIGKILL)
ended = []
for child, hear in children:
    _, status = os.waitpid(child, 0)
    committed = os.read(hear, 100) == b"committed"
    ended.append([os.waitstatus_to_exitcode(status), committed])
print(json.dumps(ended))
"""


@pytest.mark.parametrize("start", ["at 1", "server's"])
def test_eight_processes_migrate_one_file_and_some_are_killed(
    start: str, tmp_path: Path, starts: dict[str, Path], count: Callable[[int], None]
) -> None:
    killed_before_their_row = 0
    for number in range(ROUNDS):
        directory = tmp_path / f"round {number}"
        directory.mkdir()
        file = directory / "analytics.db"
        shutil.copy(starts[start], file)
        done = subprocess.run(
            [sys.executable, "-c", ROUND, file, str(number), str(PROCESSES)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, (number, done)
        ended = json.loads(done.stdout)
        assert {status for status, _ in ended} <= {0, -9}, (number, ended, done.stderr)
        assert all(committed for status, committed in ended if status == 0), (number, ended)
        killed_before_their_row += sum(not committed for _, committed in ended)

        with closing(sqlite3.connect(file)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
            sessions = {name for (name,) in connection.execute("SELECT id FROM sessions")}
            calls = connection.execute("SELECT count(*) FROM tool_calls").fetchone()
            ledger = connection.execute("SELECT version FROM devflow_migrations").fetchall()
        written = {f"row {row}" for row, (_, committed) in enumerate(ended) if committed}
        assert (verdict, calls, ledger) == ("ok", (60,), [(1,), (2,)]), number
        assert {"s", *written} <= sessions, (number, ended, sessions)
        assert check(file) == (), number
        shutil.rmtree(directory)
    assert killed_before_their_row > ROUNDS / 4  # or the kills came too late to mean anything
    count(ROUNDS * PROCESSES)
