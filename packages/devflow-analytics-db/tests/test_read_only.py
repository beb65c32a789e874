"""Reading where nothing can be written: all rows are seen, or the error tells what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import (
    PermissionDeniedError,
    StorageError,
    backup,
    check,
    create_analytics_db,
    diagnose,
    plan_migration,
    restore,
    status,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    Holding = Callable[..., AbstractContextManager[int]]
    Rows = Callable[..., list[tuple[object, ...]]]

SESSION = "INSERT INTO sessions (id, started_at) VALUES ('{}', 1)"


@contextmanager
def read_only(directory: Path) -> Iterator[None]:
    """Put what a directory holds on a file system that is mounted for reading only."""
    kept = shutil.copytree(directory, directory.with_name("kept"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", directory]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")
    try:
        shutil.copytree(kept, directory, dirs_exist_ok=True)
        subprocess.run(["mount", "-o", "remount,ro", directory], check=True)
        yield
    finally:
        subprocess.run(["umount", directory], check=True)


@pytest.fixture
def left(tmp_path: Path, file: Path, holding: Holding) -> Path:
    """A database with one row in the file and another in the ``-wal``, which a crash left."""
    directory = tmp_path / "media"
    directory.mkdir()
    create_analytics_db(file).close()
    written = (SESSION.format("in-file"), "PRAGMA wal_checkpoint", SESSION.format("in-wal"))
    with holding(file, *written):
        for suffix in ("", "-wal", "-shm"):
            shutil.copy(f"{file}{suffix}", directory / f"left.db{suffix}")
    shutil.rmtree(file.parent)
    return directory / "left.db"


@pytest.mark.parametrize("beside", [["-shm", "-wal"], ["-wal"]], ids="".join)
def test_every_reading_function_sees_what_only_the_wal_holds(
    beside: list[str], left: Path, tmp_path: Path, file: Path, sql: Rows
) -> None:
    if "-shm" not in beside:
        left.with_name("left.db-shm").unlink()
    sessions = [("in-file",), ("in-wal",)]
    with read_only(left.parent):
        found = status(left)
        assert (found.sessions, found.journal_mode) == (2, "wal")
        assert check(left).findings == ()
        assert plan_migration(left, to=1).undone == tuple(range(found.latest_version, 1, -1))
        findings = {one.subject: one.severity for one in diagnose(left).findings}
        assert findings["rights"] == "fail"
        assert {findings[name] for name in ("wal", "integrity", "foreign keys", "schema")} == {"ok"}
        copy = backup(left, tmp_path / "copy.db")
        restored = restore(left, file)
        assert sorted(os.listdir(left.parent)) == ["left.db", *(f"left.db{end}" for end in beside)]
    for made in (copy, restored.path):
        assert sql(made, "SELECT id FROM sessions ORDER BY id") == sessions


def test_what_cannot_be_written_to_is_said_to_be_read_only(left: Path) -> None:
    with read_only(left.parent):
        for use in (create_analytics_db, backup):
            with pytest.raises(PermissionDeniedError) as raised:
                use(left)
            assert str(raised.value) in {
                f"{path} is on a read-only file system. Mount it for writing, or name another"
                f" {what}."
                for path, what in (
                    (left, "file with `path` or DEVFLOW_ANALYTICS_DB_PATH"),
                    (left.parent / "backups", "place with `destination`"),
                )
            }


def test_a_crash_that_cannot_be_undone_there_is_an_error_that_says_how(
    left: Path, holding: Holding, tmp_path: Path, sql: Rows
) -> None:
    left.with_name("left.db-shm").unlink()
    left.with_name("left.db-wal").unlink()
    many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000)"
    crashing = (
        *("PRAGMA journal_mode = DELETE", "PRAGMA cache_size = 1", "BEGIN IMMEDIATE"),
        f"{many} INSERT INTO sessions (id, started_at) SELECT 'crashed' || i, 1 FROM n",
    )
    there = tmp_path / "there"
    there.mkdir()
    with holding(left, *crashing):
        for suffix in ("", "-journal"):
            shutil.copy(f"{left}{suffix}", there / f"left.db{suffix}")
    crashed = there / "left.db"
    with read_only(there):
        for use in (status, check, plan_migration, restore):
            with pytest.raises(StorageError) as raised:
                use(crashed)
            assert str(raised.value) == (
                f"A crash left {crashed} in the middle of a write, which can only be undone by"
                f" writing. Nothing was changed. Copy it and {crashed}-journal to a directory that"
                " you can write to, run `create_analytics_db()` on the copy, and use that."
            )
        copy = shutil.copytree(there, tmp_path / "copy") / "left.db"
    create_analytics_db(copy).close()
    assert sql(copy, "SELECT id FROM sessions") == [("in-file",)]
