"""Each call is given once, whatever happens to the file; other processes are real ones."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import (
    CannotCreateError,
    NotAnAnalyticsDatabaseError,
    backup,
    create_analytics_db,
    migrate,
    restore,
)
from devflow_analytics_reports import Filters, Follower, following

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INSERT = (
    "INSERT INTO tool_calls (id, tool_name, duration_ms, status, timestamp, session_id)"
    " VALUES (?, ?, 1, 'success', ?, 's')"
)


@contextmanager
def connected(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        yield connection


def make(file: Path, *, at: int | None = None) -> None:
    """Make a database, just now or at another time."""
    create_analytics_db(file).close()
    execute(file, "INSERT INTO sessions (id, started_at) VALUES ('s', 1)")
    if at is not None:
        execute(file, f"UPDATE devflow_migrations SET applied_at = {at}")


def execute(file: Path, statement: str) -> None:
    with connected(file) as connection:
        connection.execute(statement)


def add(file: Path, *calls: str, at: int = 1, tool: str = "t") -> None:
    with connected(file) as connection:
        connection.execute("BEGIN")
        connection.executemany(INSERT, [(call, tool, at) for call in calls])
        connection.execute("COMMIT")


def in_another_process(file: Path, *statements: str) -> None:
    script = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "for statement in sys.argv[2:]: connection.execute(statement)\n"
    )
    subprocess.run([sys.executable, "-c", script, file, *statements], check=True, timeout=60)


def ids(follower: Follower) -> list[str]:
    return [call.id for call in follower.poll()]


def delete(file: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "analytics.db"
    make(file)
    return file


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read five rows at once, and remember five."""
    monkeypatch.setattr(following, "AT_ONCE", 5)


def test_what_is_there_is_not_new(file: Path) -> None:
    add(file, "a", "b")
    follower = Follower(file)
    assert ids(follower) == ids(follower) == []
    add(file, "c", "d")
    assert ids(follower) == ["c", "d"]
    assert ids(follower) == []


def test_the_last_calls_come_first_the_oldest_of_them_before_others(file: Path) -> None:
    add(file, "late", at=3)
    add(file, "old", at=1)
    add(file, "middle", at=2)
    follower = Follower(file, last=2)
    assert ids(follower) == ["middle", "late"]
    assert ids(follower) == []


def test_rows_of_another_process_are_given_however_old_their_calls_are(file: Path) -> None:
    follower = Follower(file)
    ids(follower)
    in_another_process(
        file,
        *(
            "INSERT INTO tool_calls (id, tool_name, duration_ms, status, timestamp, session_id)"
            f" VALUES ('{call}', 't', 1, 'success', {at}, 's')"
            for call, at in (("new", 2_000_000_000), ("old", 5), ("older", -5))
        ),
    )
    assert ids(follower) == ["new", "old", "older"]


def test_filters_apply_to_the_last_calls_and_to_new_ones(file: Path) -> None:
    add(file, "a", tool="read")
    add(file, "b", tool="write")
    follower = Follower(file, Filters(tools=("r*",)), last=5)
    assert ids(follower) == ["a"]
    add(file, "c", tool="write")
    assert ids(follower) == []
    add(file, "d", tool="read")
    add(file, "e", tool="write")
    assert ids(follower) == ["d"]
    assert ids(follower) == []


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are opened to be read."""
    opened: list[str] = []
    really = following.open_readonly

    def open_readonly(path: str) -> object:
        opened.append(path)
        return really(path)

    monkeypatch.setattr(following, "open_readonly", open_readonly)
    return opened


def make_old(file: Path) -> None:
    for path in (file, file.with_name(f"{file.name}-wal")):
        if path.exists():
            os.utime(path, (1, 1))


@pytest.mark.parametrize("in_use", [True, False])
def test_while_nothing_changes_no_file_is_opened(
    file: Path, opened: list[str], *, in_use: bool
) -> None:
    with connected(file) as connection:
        connection.execute(INSERT, ("a", "t", 1))
        if not in_use:
            connection.close()
        follower = Follower(file)
        make_old(file)
        ids(follower)
        ids(follower)  # the last one to close may have changed the files
        before = len(opened)
        assert [ids(follower) for _ in range(9)] == [[]] * 9
        assert len(opened) == before
        add(file, "b")
        assert ids(follower) == ["b"]


def test_a_change_of_just_now_is_looked_at_again(file: Path, opened: list[str]) -> None:
    follower = Follower(file)
    for _ in range(5):
        ids(follower)  # another write could have had the same time
    assert len(opened) == 5


def test_a_missing_file_is_waited_for_and_all_in_it_is_new(
    tmp_path: Path, opened: list[str]
) -> None:
    file = tmp_path / "none" / "analytics.db"
    follower = Follower(file, last=1)
    assert ids(follower) == ids(follower) == []
    assert opened == []
    file.parent.mkdir()
    file.touch()
    assert ids(follower) == []
    file.unlink()
    make(file)
    assert ids(follower) == []
    add(file, "a", "b")
    assert ids(follower) == ["a", "b"]


def test_all_rows_of_a_file_that_was_made_between_two_looks_are_new(file: Path) -> None:
    add(file, "a")
    follower = Follower(file)
    ids(follower)
    delete(file)
    make(file)
    add(file, "b", "c")
    assert ids(follower) == ["b", "c"]
    assert ids(follower) == []


def test_vacuum_neither_repeats_nor_loses(file: Path) -> None:
    add(file, *"abcdefgh")
    follower = Follower(file)
    ids(follower)
    execute(file, "DELETE FROM tool_calls WHERE id < 'g'")
    # SQLite may renumber rows in vacuuming; the one here may not
    in_another_process(file, "VACUUM", "UPDATE tool_calls SET rowid = rowid - 6")
    assert ids(follower) == []
    add(file, "i")
    execute(file, "VACUUM")
    add(file, "j")
    assert ids(follower) == ["i", "j"]


def test_rows_whose_numbers_are_used_again_are_new(file: Path) -> None:
    add(file, *"abcd")
    follower = Follower(file)
    ids(follower)
    in_another_process(file, "DELETE FROM tool_calls WHERE id > 'b'")
    add(file, *"xyz")
    with connected(file) as connection:
        (number,) = connection.execute("SELECT rowid FROM tool_calls WHERE id = 'x'").fetchone()
    assert number == 3  # that of c
    assert ids(follower) == ["x", "y", "z"]
    assert ids(follower) == []


def test_after_all_rows_are_deleted_the_next_ones_are_new(file: Path) -> None:
    add(file, *"abcd")
    follower = Follower(file)
    ids(follower)
    execute(file, "DELETE FROM tool_calls")
    add(file, "x")
    assert ids(follower) == ["x"]
    execute(file, "DELETE FROM tool_calls")
    assert ids(follower) == []
    add(file, "y")
    assert ids(follower) == ["y"]


def test_what_a_backup_holds_is_not_new_and_what_comes_then_is(file: Path, tmp_path: Path) -> None:
    add(file, "a", "b")
    copy = backup(file, tmp_path / "copy.db")
    add(file, "c")
    follower = Follower(file)
    ids(follower)
    add(file, "d")
    assert ids(follower) == ["d"]
    restore(copy, file)
    assert ids(follower) == []
    add(file, "e")
    assert ids(follower) == ["e"]
    restore(copy, file)
    add(file, "f")
    assert ids(follower) == ["f"]


@pytest.mark.usefixtures("few")
def test_nor_is_what_an_old_backup_holds(file: Path, tmp_path: Path) -> None:
    add(file, *(f"{number:02}" for number in range(40)))
    copy = backup(file, tmp_path / "copy.db")
    add(file, *(f"{number:02}" for number in range(40, 80)))
    follower = Follower(file)
    ids(follower)
    restore(copy, file)
    now = int(time.time())
    add(file, "new", at=now)
    assert ids(follower) == ["new"]
    add(file, "late")
    assert ids(follower) == ["late"]


def test_nor_is_what_the_backup_of_another_database_holds(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    make(other, at=1)
    add(other, *"xyz")
    add(file, "a")
    follower = Follower(file)
    ids(follower)
    restore(other, file)
    add(file, "new", at=int(time.time()))
    assert ids(follower) == ["new"]
    add(file, "late")
    assert ids(follower) == ["late"]


@pytest.mark.usefixtures("few")
def test_all_that_is_new_in_another_database_comes_at_once(file: Path, tmp_path: Path) -> None:
    """The next time, nothing would tell it from what its backup holds."""
    other = tmp_path / "other.db"
    make(other, at=1)
    add(other, *"xyz")
    follower = Follower(file)
    ids(follower)
    restore(other, file)
    new = [f"{number:02}" for number in range(12)]
    add(file, *new, at=int(time.time()))
    assert ids(follower) == new
    assert not follower.is_behind


@pytest.mark.usefixtures("few")
def test_many_rows_come_in_several_turns(file: Path) -> None:
    follower = Follower(file)
    ids(follower)
    make_old(file)
    expected = [f"{number:03}" for number in range(23)]
    add(file, *expected)
    turns = [ids(follower)]
    while follower.is_behind:
        turns.append(ids(follower))
    assert [len(turn) for turn in turns] == [5, 5, 5, 5, 3]
    assert [call for turn in turns for call in turn] == expected


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_file_of_an_older_schema_is_followed_and_migrated_under_it(
    version: int, file: Path
) -> None:
    add(file, "a")
    migrate(file, to=version, allow_down=True)
    follower = Follower(file, last=9)
    assert ids(follower) == ["a"]
    add(file, "b")
    assert [(call.id, call.server) for call in follower.poll()] == [("b", None)]
    migrate(file)
    assert ids(follower) == []
    add(file, "c")
    assert ids(follower) == ["c"]
    migrate(file, to=version, allow_down=True)
    add(file, "d")
    assert ids(follower) == ["d"]


LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA locking_mode = EXCLUSIVE")
connection.execute("BEGIN EXCLUSIVE")
connection.execute(
    "INSERT INTO tool_calls (id, tool_name, duration_ms, status, timestamp, session_id)"
    " VALUES ('b', 't', 1, 'success', 1, 's')"
)
print("locked", flush=True)
sys.stdin.read()
connection.execute("COMMIT")
"""


def test_a_locked_file_is_read_once_it_is_free(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", "10")
    execute(file, "PRAGMA journal_mode = DELETE")
    add(file, "a")
    early, late = Follower(file, last=1), Follower(file, last=1)
    assert ids(early) == ["a"]
    with subprocess.Popen(
        [sys.executable, "-c", LOCKER, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"locked\n"
        make_old(file)
        assert [ids(early) for _ in range(9)] == [[]] * 9
        assert [ids(late) for _ in range(9)] == [[]] * 9
    assert ids(early) == ["b"]
    assert ids(late) == ["b"]


def test_a_file_that_is_no_good_from_the_start_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database\n" * 99)
    with pytest.raises(NotAnAnalyticsDatabaseError):
        Follower(tmp_path / "notes.txt").poll()
    with pytest.raises(CannotCreateError):
        Follower(tmp_path).poll()


@pytest.mark.usefixtures("few")
def test_one_that_is_being_replaced_is_tried_again_after_a_pause_also_with_more_to_come(
    file: Path, tmp_path: Path
) -> None:
    follower = Follower(file)
    ids(follower)
    add(file, *"abcdefgh")
    assert ids(follower) == list("abcde")
    assert follower.is_behind
    backup(file, tmp_path / "whole.db")
    delete(file)
    file.write_text("half of a cop")
    assert ids(follower) == []
    assert not follower.is_behind
    shutil.move(tmp_path / "whole.db", file)
    assert ids(follower) == list("fgh")


def test_one_that_is_being_replaced_is_an_error_only_if_it_lasts(
    file: Path, tmp_path: Path
) -> None:
    add(file, "a")
    follower = Follower(file)
    ids(follower)
    shutil.move(file, tmp_path / "away.db")
    file.write_text("half of a cop")
    assert [ids(follower) for _ in range(3)] == [[], [], []]
    shutil.move(tmp_path / "away.db", file)
    assert ids(follower) == []
    add(file, "b")
    assert ids(follower) == ["b"]
    file.write_text("half of a cop")
    assert [ids(follower) for _ in range(3)] == [[], [], []]
    with pytest.raises(NotAnAnalyticsDatabaseError):
        follower.poll()


class Clock:
    """What the follower takes for the time; files are made at it too."""

    def __init__(self) -> None:
        self.seconds = 1000

    def time_ns(self) -> int:
        return self.seconds * 1_000_000_000


class Deeds:
    """What can be done to a file that is followed."""

    def __init__(self, file: Path, some: random.Random, clock: Clock) -> None:
        self.file = file
        self.some = some
        self.clock = clock
        self.added: list[str] = []
        self.number = 0
        self.may_be_late = True

    def append(self) -> None:
        new = [f"{self.number + one:05}" for one in range(self.some.randrange(1, 6))]
        self.number += len(new)
        self.added += new
        now = self.clock.seconds
        add(self.file, *new, at=self.some.choice([1 if self.may_be_late else now, now]))

    def delete_last(self) -> None:
        last = "(SELECT rowid FROM tool_calls ORDER BY rowid DESC LIMIT 3)"
        execute(self.file, f"DELETE FROM tool_calls WHERE rowid IN {last}")

    def delete_some(self) -> None:
        execute(self.file, f"DELETE FROM tool_calls WHERE rowid % {self.some.randrange(2, 5)} = 0")

    def delete_all(self) -> None:
        execute(self.file, "DELETE FROM tool_calls")

    def renumber(self) -> None:
        with connected(self.file) as connection:
            connection.execute("VACUUM")
            rows = connection.execute("SELECT rowid FROM tool_calls ORDER BY rowid").fetchall()
            for number, (row,) in enumerate(rows, 1):
                connection.execute("UPDATE tool_calls SET rowid = ? WHERE rowid = ?", (number, row))

    def migrate_down_and_up(self) -> None:
        migrate(self.file, to=self.some.randrange(1, 4), allow_down=True)
        migrate(self.file)

    def make_anew(self) -> None:
        delete(self.file)
        make(self.file, at=self.clock.seconds)

    def some_of_them(self) -> None:
        # if none of the rows that were known is left, and the schema changed, there may be a backup
        # in the place of the file: then old calls are not new
        deletes = [self.delete_last, self.delete_some, self.delete_all]
        changes = [self.renumber, self.migrate_down_and_up]
        self.may_be_late = self.some.random() < 0.5
        others = deletes if self.may_be_late else changes
        deeds = [*[self.append] * 3, self.make_anew, *others]
        for deed in self.some.choices(deeds, k=self.some.randrange(1, 4)):
            deed()

    def new(self) -> list[str]:
        """Return which of the calls that were added since this was last asked are there."""
        with connected(self.file) as connection:
            there = connection.execute("SELECT id FROM tool_calls ORDER BY rowid").fetchall()
        added, self.added = set(self.added), []
        return [call for (call,) in there if call in added]


@pytest.mark.parametrize("seed", range(10))
def test_each_row_is_given_once_whatever_is_done_to_the_file(
    seed: int, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(following, "time", clock)
    monkeypatch.setattr(following, "SETTLED_NS", 10**30)  # never, by that clock
    some = random.Random(seed)
    deeds = Deeds(file, some, clock)
    deeds.make_anew()
    copy = backup(file, tmp_path / "copy.db")
    follower = Follower(file)
    ids(follower)
    for _ in range(30):
        clock.seconds += 100
        match some.randrange(6):
            case 0:  # alone: of what it brings back, all was seen
                restore(copy, file)
            case 1:
                copy.unlink()
                backup(file, copy)
            case _:
                deeds.some_of_them()
        clock.seconds += 1
        assert ids(follower) == deeds.new()
