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
from devflow_analytics_db.migrations import latest_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROUNDS = 100
PROCESSES = 8
VERSIONS = [(version,) for version in range(1, latest_version() + 1)]

# For each line that it reads, forks the processes of one round, lets them all go at one moment,
# kills so many of them within 30 ms, and prints for each how it ended and whether its row was
# committed before that. The first may be strangers, which write to the file all the time, and by
# SQLite alone. It opens no database itself.
ROUNDS_OF_PROCESSES = """
import json, os, random, signal, sqlite3, sys, time, traceback
from contextlib import closing
from devflow_analytics_db import create_analytics_db
import devflow_analytics_db.backups.backup, devflow_analytics_db.migrations.migrate

def work(file, number, strangers, go, say):
    insert = "INSERT INTO sessions (id, started_at) VALUES (?, 1)"
    os.read(go, 1)
    if number < strangers:
        with closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as connection:
            for turn in (*range(5), "last"):
                connection.execute("BEGIN IMMEDIATE")
                name = f"row {number}" if turn == "last" else f"row {number}, turn {turn}"
                connection.execute(insert, (name,))
                time.sleep(0.001)
                connection.execute("COMMIT")
    else:
        with create_analytics_db(file) as db, closing(db.connect()) as connection:
            connection.execute(insert, (f"row {number}",))
    os.write(say, b"committed")

def play(file, seed, processes, strangers, most_killed):
    signal.alarm(60)  # a hang is a failure
    chance = random.Random(seed)
    children = []
    ready, start = os.pipe()
    for number in range(processes):
        hear, say = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(start)
            try:
                work(file, number, strangers, ready, say)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        os.close(say)
        children.append((child, hear))
    victims = chance.sample(children, chance.randint(min(1, most_killed), most_killed))
    os.write(start, b"." * processes)
    for child, _ in victims:
        time.sleep(chance.uniform(0, 0.03 / len(victims)))
        os.kill(child, signal.SIGKILL)
    ended = []
    for child, hear in children:
        _, status = os.waitpid(child, 0)
        committed = os.read(hear, 100) == b"committed"
        ended.append([os.waitstatus_to_exitcode(status), committed])
        os.close(hear)
    os.close(ready)
    os.close(start)
    return ended

for line in sys.stdin:
    print(json.dumps(play(*json.loads(line))), flush=True)
"""


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[..., list[tuple[int, bool]]]]:
    """Play one round, and return how each process ended, and whether its row was committed."""
    errors = tmp_path / "errors"
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-c", ROUNDS_OF_PROCESSES],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):

        def play_one(file: Path, *numbers: int) -> list[tuple[int, bool]]:
            assert process.stdin
            assert process.stdout
            process.stdin.write(f"{json.dumps([str(file), *numbers])}\n")
            process.stdin.flush()
            ended = json.loads(process.stdout.readline() or "[]")
            told = errors.read_text()
            assert len(ended) == PROCESSES, told
            assert {status for status, _ in ended} <= {0, -9}, f"{numbers}: {ended}\n{told}"
            return [(status, committed) for status, committed in ended]

        try:
            yield play_one
        finally:
            process.kill()


@pytest.mark.parametrize("start", ["nothing", "at 1", "server's"])
@pytest.mark.parametrize("most_killed", [0, 4], ids=["none killed", "some killed"])
def test_eight_processes_open_one_file_and_every_committed_row_is_there(
    most_killed: int,
    start: str,
    tmp_path: Path,
    starts: dict[str, Path | None],
    play: Callable[..., list[tuple[int, bool]]],
    count: Callable[[int], None],
) -> None:
    killed_before_their_row = 0
    start_file = starts[start]
    there = ({"s"}, 60) if start_file else (set(), 0)
    strangers = 2 if start == "at 1" else 0
    for number in range(ROUNDS):
        file = tmp_path / f"round {number}" / "analytics.db"
        if start_file:
            file.parent.mkdir()
            shutil.copy(start_file, file)
        ended = play(file, number, PROCESSES, strangers, most_killed)
        assert all(committed for status, committed in ended if status == 0), (number, ended)
        assert sum(status != 0 for status, _ in ended) <= most_killed, (number, ended)
        killed_before_their_row += sum(not committed for _, committed in ended)

        with closing(sqlite3.connect(file)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
            sessions = {name for (name,) in connection.execute("SELECT id FROM sessions")}
            (calls,) = connection.execute("SELECT count(*) FROM tool_calls").fetchone()
            ledger = connection.execute("SELECT version FROM devflow_migrations").fetchall()
        written = {f"row {row}" for row, (_, committed) in enumerate(ended) if committed}
        assert (verdict, calls, ledger) == ("ok", there[1], VERSIONS), number
        assert there[0] | written <= sessions, (number, ended, sessions)
        assert check(file).findings == (), number
        shutil.rmtree(file.parent)
    # or the kills came too late to mean anything
    assert most_killed == 0 or killed_before_their_row > ROUNDS / 4
    count(ROUNDS * PROCESSES)
