"""A process is killed, or the disk fails, at every system call that changes something, in turn."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from contextlib import closing, contextmanager, nullcontext
from itertools import count as count_from
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_db import check, create_analytics_db, migrate
from devflow_analytics_db.schema.structure import structure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    State = tuple[object, list[object]]
    Beside = Callable[[Path], AbstractContextManager[object]]
    Strike = Callable[[str, str, str, int], Any]

WRITING = ("mkdir", "link", "unlink", "pwrite64", "ftruncate", "fsync", "fdatasync")
CHANGING = (*WRITING, "chmod", "fchmod", "rename", "fcntl")

FAULTS = {"signal=KILL": CHANGING, "error=ENOSPC": WRITING, "error=EIO": WRITING}
"""What strikes, and at which calls."""

OPEN = "from devflow_analytics_db import create_analytics_db; create_analytics_db({file!r})"
DOWN = "from devflow_analytics_db import migrate; migrate({file!r}, to=1, allow_down=True)"
RESTORE = "from devflow_analytics_db import restore; restore({source!r}, {file!r})"

RUNS = {
    "first init": ("nothing", OPEN),
    "adoption": ("server's", OPEN),
    "upgrade": ("at 1", OPEN),
    "way down": ("current", DOWN),
}
"""What is interrupted: the file to begin with, and the code."""


NOTHING: State = ({}, [(0,)])
"""No file, or one without a table."""


def state_of(file: Path) -> State:
    """Return the structure and the rows of what a copy of the files, opened by SQLite, has.

    That is all that `check` looks at, too.
    """
    if not file.exists():
        return NOTHING
    copies = file.parent.with_name("copies")
    shutil.copytree(file.parent, copies)
    try:
        with closing(sqlite3.connect(copies / file.name)) as connection:
            connection.execute("PRAGMA synchronous = OFF")  # a copy need not last
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            parts = structure(connection)
            tables = {
                part.table: "*" if "WITHOUT ROWID" in definition else "rowid, *"
                for part, definition in parts.items()
                if part.kind == "table" and part.table != "devflow_migrations"
            }
            rows = [
                connection.execute(f"SELECT {columns} FROM {table} ORDER BY 1").fetchall()
                for table, columns in tables.items()
            ]
            if any(part.table == "devflow_migrations" for part in parts):
                rows += connection.execute(
                    "SELECT version, name, checksum, compatible_with FROM devflow_migrations"
                ).fetchall()
            rows += connection.execute("PRAGMA user_version").fetchall()
            if parts:  # an empty file may be ours already
                rows += connection.execute("PRAGMA application_id").fetchall()
            return parts, rows
    finally:
        shutil.rmtree(copies)


class Ground:
    """A directory in which a run begins anew each time."""

    def __init__(self, directory: Path, start: Path | None, code: str, strike: Strike) -> None:
        self.start, self.code, self.strike = start, code, strike
        self.file = directory / "ground" / ".devflow" / "analytics.db"

    def prepare(self) -> None:
        shutil.rmtree(self.file.parent.parent, ignore_errors=True)
        self.file.parent.parent.mkdir()
        if self.start:
            self.file.parent.mkdir()
            shutil.copy(self.start, self.file)

    def strikes(self, fault: str, calls: Iterable[str], beside: Beside) -> Iterator[str]:
        """Strike at each of these calls in turn, on new ground each time; yield where it was."""
        for call in calls:
            for number in count_from(1):
                self.prepare()
                with beside(self.file):
                    if not self._is_struck(call, fault, number):
                        break
                    yield f"{call} number {number}"

    def _is_struck(self, call: str, fault: str, number: int) -> bool:
        """Tell whether the fault came at that call: there may be fewer."""
        ended = self.strike(self.code.format(file=str(self.file)), call, fault, number)
        if "KILL" in fault:
            assert ended.status in {0, -9}, ended
        else:  # in whatever it was, it succeeded all the same or said by name what was wrong
            assert ended.status == 0 or "\ndevflow_analytics_db.errors." in ended.said, ended
        return ended.was_struck

    def finish(self) -> None:
        """Do in this process what was interrupted."""
        if "migrate" in self.code:
            migrate(self.file, to=1, allow_down=True)
        else:
            create_analytics_db(self.file).close()


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_strikes_the_file_is_whole_and_the_next_run_succeeds(
    fault: str,
    run: str,
    tmp_path: Path,
    starts: dict[str, Path | None],
    strike: Strike,
    count: Callable[[int], None],
) -> None:
    start, code = RUNS[run]
    ground = Ground(tmp_path, starts[start], code, strike)
    ground.prepare()
    before = state_of(ground.file)
    ground.finish()
    after = state_of(ground.file)
    assert run == "way down" or check(ground.file).findings == ()
    backups = ground.file.parent / "backups"
    struck: Counter[str] = Counter()
    for here in ground.strikes(fault, FAULTS[fault], nullcontext):
        struck[here.partition(" ")[0]] += 1
        assert state_of(ground.file) in (before, after), here
        ground.finish()
        assert state_of(ground.file) == after, here
        assert not [*backups.glob("*.partial*")], here
        assert all(copy.stat().st_mode & 0o777 == 0o600 for copy in backups.glob("*")), here
    assert min(struck[call] for call in ("pwrite64", "fdatasync", "unlink")) > 0, struck
    count(struck.total())


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Have a file open, so that its log outlives whoever else closes it."""
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM tool_calls").fetchone() == (60,)
        yield


@pytest.mark.parametrize("run", ["way down", "restore"])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_replaced_is_in_the_file_or_in_what_was_kept(
    fault: str,
    run: str,
    tmp_path: Path,
    starts: dict[str, Path | None],
    strike: Strike,
    count: Callable[[int], None],
) -> None:
    """Even where the log outlives a commit that failed, as it does while others have it open.

    Whoever opens the file after a crash may then find that commit done.
    """
    source = str(starts["at 1"])
    code = RESTORE.replace("{source!r}", repr(source)) if run == "restore" else DOWN
    ground = Ground(tmp_path, starts["current"], code, strike)
    ground.prepare()
    before = state_of(ground.file)
    backups = ground.file.parent / "backups"
    struck: Counter[str] = Counter()
    for here in ground.strikes(fault, ("pwrite64", "fdatasync"), reading):
        struck[here.partition(" ")[0]] += 1
        assert before in [state_of(ground.file), *map(state_of, backups.glob("*.db"))], here
    assert min(struck["pwrite64"], struck["fdatasync"]) > 0, struck
    count(struck.total())
