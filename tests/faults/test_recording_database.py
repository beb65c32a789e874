"""The database is locked, changed or gone while a process records: it waits, and loses nothing.

The process does what it is told, and says how long the slowest `record` took.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import backup, create_analytics_db, migrate, restore
from devflow_analytics_db.migrations import latest_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    TakeIn = Callable[[Path], list[str]]

LOCKED_S = 3

LONGEST_S = 1
"""How long a call may wait for us at most, whatever the database does; on a busy machine."""

MANY = 30_000
"""Rows that are rewritten by a way down, in about a second."""

RECORDER = """
import json, resource, sys, time
from devflow_analytics_recorder import Recorder

recorder = Recorder(sys.argv[1])
session = recorder.session(client="test")
for line in sys.stdin:
    command, *arguments = json.loads(line)
    if command == "record":
        longest = 0
        for call in arguments:
            start = time.perf_counter()
            session.record(call, 1)
            longest = max(longest, time.perf_counter() - start)
        said = longest
    elif command == "flush":
        said = recorder.flush(*arguments)
    elif command == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (arguments[0], resource.RLIM_INFINITY))
        said = True
    print(json.dumps(said), flush=True)
"""


class Recording:
    """A process that records."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.calls: set[str] = set()
        """All that it recorded."""

    def record(self, count: int = 20) -> None:
        """Record so many calls, each in no time."""
        calls = [f"call {len(self.calls) + number}" for number in range(count)]
        longest = self.tell("record", *calls)
        assert longest < LONGEST_S or not self.calls  # the first brings what it needs
        self.calls.update(calls)

    def flush(self, timeout: float = 20) -> bool:
        return bool(self.tell("flush", timeout))

    def tell(self, command: str, *arguments: object) -> float:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{json.dumps([command, *arguments])}\n")
        self.process.stdin.flush()
        said: float = json.loads(self.process.stdout.readline())
        return said

    def end(self) -> None:
        """Let it end as a program does."""
        assert self.process.communicate(timeout=30) == ("", None)
        assert self.process.returncode == 0


@contextmanager
def recording(file: Path) -> Iterator[Recording]:
    with subprocess.Popen(
        [sys.executable, "-c", RECORDER, file],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Recording(process)
        finally:
            process.kill()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "place" / "analytics.db"
    file.parent.mkdir()
    create_analytics_db(file).close()
    return file


@pytest.fixture
def recorder(file: Path) -> Iterator[Recording]:
    """A process that has recorded already."""
    with recording(file) as recorder:
        recorder.record()
        assert recorder.flush()
        yield recorder


@pytest.fixture(autouse=True)
def one_case(count: Callable[[int], None]) -> None:
    count(1)


def execute(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, timeout=30)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_while_the_database_is_locked_calls_wait_and_nobody_waits_for_them(
    file: Path, recorder: Recording, take_in: TakeIn
) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        end = time.monotonic() + LOCKED_S
        while time.monotonic() < end:
            recorder.record()
            assert not recorder.flush(0.1)
    assert recorder.flush()
    recorder.end()
    assert set(take_in(file)) == recorder.calls


def test_while_many_rows_are_migrated_calls_wait_and_nobody_waits_for_them(
    file: Path, recorder: Recording, take_in: TakeIn
) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "INSERT INTO sessions (id, started_at, tool_count) VALUES ('s', 1, ?)", (MANY,)
        )
        connection.executemany(
            "INSERT INTO tool_calls (id, tool_name, duration_ms, status, timestamp, session_id)"
            " VALUES (?, 'many', 1, 'success', 2, 's')",
            [(f"{number}",) for number in range(MANY)],
        )
    down = "import sys, devflow_analytics_db as db; db.migrate(sys.argv[1], to=1, allow_down=True)"
    with subprocess.Popen([sys.executable, "-c", down, file]) as migrating:
        while True:
            recorder.record()
            try:
                migrating.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
            break
    assert migrating.returncode == 0
    recorder.record()
    assert recorder.flush()  # which brings it up again
    recorder.end()
    tools = take_in(file)
    assert tools.count("many") == MANY
    assert set(tools) == recorder.calls | {"many"}


def test_a_file_that_is_migrated_down_and_up_all_the_time_gets_every_call(
    file: Path, recorder: Recording, take_in: TakeIn
) -> None:
    for _ in range(10):
        for version in (1, latest_version(), 2):
            migrate(file, to=version, allow_down=True)
            recorder.record()
    assert recorder.flush()
    recorder.end()
    assert set(take_in(file)) == recorder.calls


def test_a_newer_schema_that_forbids_it_is_not_written_to_and_the_calls_wait(
    file: Path, recorder: Recording, take_in: TakeIn
) -> None:
    newer = latest_version() + 1
    execute(
        file,
        f"PRAGMA user_version = {newer}",
        f"INSERT INTO devflow_migrations VALUES ({newer}, 'next', '', {newer}, 0, 0, '')",
    )
    recorder.record()
    assert not recorder.flush(1)
    recorder.end()
    execute(
        file,
        f"DELETE FROM devflow_migrations WHERE version = {newer}",
        f"PRAGMA user_version = {newer - 1}",
    )
    assert set(take_in(file)) == recorder.calls


def test_a_database_that_is_deleted_is_made_anew_for_the_calls_that_follow(
    file: Path, recorder: Recording, take_in: TakeIn
) -> None:
    for ending in ("", "-wal", "-shm"):
        Path(f"{file}{ending}").unlink(missing_ok=True)
    before = set(recorder.calls)
    recorder.record()
    assert recorder.flush()
    recorder.end()
    assert set(take_in(file)) == recorder.calls - before


def test_when_its_directory_is_deleted_calls_wait_for_another(
    file: Path, recorder: Recording, take_in: TakeIn
) -> None:
    """The directory alone is made anew; that it is in must be there."""
    shutil.rmtree(file.parent)
    before = set(recorder.calls)
    recorder.record()
    assert recorder.flush()
    recorder.record()  # to a spool that the next process finds
    recorder.process.kill()
    recorder.process.wait()
    assert set(take_in(file)) == recorder.calls - before


@pytest.mark.parametrize("how", ["restored", "put in its place"])
def test_a_database_that_is_replaced_by_a_backup_gets_the_calls_that_follow(
    how: str, file: Path, recorder: Recording, take_in: TakeIn
) -> None:
    copy = backup(file)
    kept = set(recorder.calls)
    recorder.record()
    assert recorder.flush()
    replaced = recorder.calls - kept
    if how == "restored":
        restore(copy, file)
    else:
        for ending in ("-wal", "-shm"):
            Path(f"{file}{ending}").unlink(missing_ok=True)
        copy.rename(file)
    recorder.record()
    assert recorder.flush()
    recorder.end()
    assert set(take_in(file)) == recorder.calls - replaced


def test_a_session_that_is_deleted_while_it_goes_on_is_there_again_for_the_calls_that_follow(
    file: Path, recorder: Recording, take_in: TakeIn
) -> None:
    before = set(recorder.calls)
    execute(file, "PRAGMA foreign_keys = ON", "DELETE FROM tool_calls", "DELETE FROM sessions")
    recorder.record()
    assert recorder.flush()
    recorder.end()
    assert set(take_in(file)) == recorder.calls - before


def test_where_no_larger_file_may_be_written_calls_wait_for_the_limit_to_be_lifted(
    file: Path, recorder: Recording, take_in: TakeIn
) -> None:
    recorder.tell("limit", 8192)
    recorder.record(200)  # the spool meets the limit, too
    assert not recorder.flush(0.5)
    recorder.tell("limit", resource.RLIM_INFINITY)
    assert recorder.flush()
    recorder.end()
    assert set(take_in(file)) == recorder.calls


@pytest.mark.parametrize("free", [0, 4096, 16384, 65536])
def test_on_a_full_disk_calls_wait_for_room(free: int, take_in: TakeIn) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    with ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory())
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "recording", place], check=True)
        stack.callback(subprocess.run, ["umount", place], check=True)
        file, ballast = Path(place) / "analytics.db", Path(place) / "ballast"
        create_analytics_db(file).close()
        recorder = stack.enter_context(recording(file))
        recorder.record()
        assert recorder.flush()
        found = os.statvfs(place)
        ballast.write_bytes(b"\0" * max(0, found.f_bavail * found.f_frsize - free))
        for _ in range(5):
            recorder.record(100)
        recorder.flush(0.5)
        ballast.unlink()
        assert recorder.flush()
        recorder.end()
        assert set(take_in(file)) == recorder.calls
