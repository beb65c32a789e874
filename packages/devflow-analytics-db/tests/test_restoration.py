"""Restoring: what comes back, what is kept, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pydantic
import pytest
from pony.orm import db_session

from devflow_analytics_db import (
    AnalyticsDbError,
    CannotCreateError,
    ConfigurationError,
    CorruptDatabaseError,
    DatabaseNotFoundError,
    IncompatibleSchemaError,
    IncompatibleSQLiteError,
    LockedError,
    NotAnAnalyticsDatabaseError,
    Restored,
    TamperedMigrationError,
    backup,
    create_analytics_db,
    migrate,
    restore,
)
from devflow_analytics_db.migrations import latest_version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Sql = Callable[..., list[tuple[Any, ...]]]

NEWEST = latest_version()

SESSIONS = "SELECT id FROM sessions ORDER BY id"


def dump(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def add(sql: Sql, file: Path, session: str) -> None:
    sql(file, "INSERT INTO sessions (id, started_at) VALUES (?, 1)", session)


@pytest.fixture
def saved(file: Path, sql: Sql, tmp_path: Path) -> Path:
    """A backup with the session ``old``; the file has ``new``, too."""
    create_analytics_db().close()
    add(sql, file, "old")
    made = backup(file, tmp_path / "saved.db")
    add(sql, file, "new")
    return made


def test_the_file_is_then_what_the_backup_is(saved: Path, file: Path, sql: Sql) -> None:
    before, source = dump(file), saved.read_bytes()
    restored = restore(saved)
    assert (restored.path, restored.schema_version) == (file, NEWEST)
    assert dump(file) == dump(saved)
    assert sql(file, "PRAGMA journal_mode") == [("wal",)]
    assert sql(file, "PRAGMA integrity_check") == [("ok",)]
    assert saved.read_bytes() == source
    assert restored.replaced
    assert dump(restored.replaced) == before
    assert restored.replaced.parent == file.parent / "backups"
    assert restored.replaced.name.endswith("Z-before-restore.db")
    assert stat.S_IMODE(restored.replaced.stat().st_mode) == 0o600
    assert create_analytics_db().changes is None


def test_it_prints_what_was_done(saved: Path, file: Path, tmp_path: Path) -> None:
    restored = restore(saved)
    done = f"Restored {file}: schema version {NEWEST}."
    assert str(restored) == f"{done} The previous database is in {restored.replaced}."
    place = tmp_path / "new.db"
    assert str(restore(saved, place)) == f"Restored {place}: schema version {NEWEST}."


def test_the_result_is_json_with_the_names_of_its_fields(saved: Path, file: Path) -> None:
    restored = restore(saved)
    assert json.loads(pydantic.TypeAdapter(Restored).dump_json(restored)) == {
        "file": str(file),
        "schema_version": NEWEST,
        "replaced": str(restored.replaced),
    }


def test_what_was_replaced_can_be_restored_in_turn(saved: Path, file: Path) -> None:
    before = dump(file)
    first = restore(saved)
    assert first.replaced
    restore(first.replaced)
    assert dump(file) == before


@pytest.mark.parametrize("state", ["no directory", "no file", "an empty file", "no tables"])
def test_a_file_that_is_not_there_is_made(state: str, saved: Path, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    target = place / "analytics.db"
    if state != "no directory":
        place.mkdir()
    if state == "an empty file":
        target.touch()
    elif state == "no tables":
        with closing(sqlite3.connect(target)) as connection:
            connection.execute("PRAGMA user_version = 0")
            connection.execute("PRAGMA journal_mode = WAL")
    restored = restore(saved, target)
    assert (restored.path, restored.replaced) == (target, None)
    assert dump(target) == dump(saved)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert os.listdir(place) == ["analytics.db"]


def test_an_older_backup_is_restored_as_it_is_and_upgraded_when_it_is_opened(
    file: Path, sql: Sql
) -> None:
    create_analytics_db().close()
    add(sql, file, "old")
    migrate(to=1, allow_down=True)
    older = migrate().backup
    assert older
    restored = restore(older)
    assert (restored.schema_version, sql(file, "PRAGMA user_version")) == (1, [(1,)])
    assert create_analytics_db().changes.applied == tuple(range(2, NEWEST + 1))
    assert sql(file, SESSIONS) == [("old",)]


def test_a_backup_made_before_a_servers_file_was_taken_over_can_be_restored(
    server_file: Path,
) -> None:
    before = dump(server_file)
    made = create_analytics_db().changes.backup
    assert made
    restore(made)
    assert dump(server_file) == before
    assert create_analytics_db().changes.adopted


def test_who_has_the_file_open_goes_on_with_what_was_restored(saved: Path, file: Path) -> None:
    with create_analytics_db() as db, closing(db.connect()) as connection:
        with db_session:
            assert db.Session.select().count() == 2
        restore(saved)
        assert connection.execute(SESSIONS).fetchall() == [("old",)]
        connection.execute("INSERT INTO sessions (id, started_at) VALUES ('later', 1)")
        with db_session:
            assert {session.id for session in db.Session.select()} == {"old", "later"}
    assert create_analytics_db(file).schema_version == NEWEST


def test_a_row_written_meanwhile_is_in_the_file_or_in_what_is_kept(
    saved: Path, file: Path, sql: Sql
) -> None:
    written: list[str] = []
    over = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(file, isolation_level=None, timeout=30)) as connection:
            while not over.is_set():
                session = f"written {len(written)}"
                connection.execute(
                    "INSERT INTO sessions (id, started_at) VALUES (?, 1)", (session,)
                )
                written.append(session)

    writers = [threading.Thread(target=write)]
    for writer in writers:
        writer.start()
    kept = []
    while len(kept) < 10:
        if len(written) > 5 * len(kept):
            kept.append(restore(saved).replaced)
    over.set()
    for writer in writers:
        writer.join()
    found = {name for (name,) in sql(file, SESSIONS)}
    for copy in kept:
        assert copy
        found |= {name for (name,) in sql(copy, SESSIONS)}
    assert set(written) <= found


def test_an_interruption_leaves_the_file_as_it_was(saved: Path, file: Path) -> None:
    before = dump(file)

    def interrupt(done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(saved, progress=interrupt)
    assert dump(file) == before
    assert list((file.parent / "backups").iterdir()) == []


def test_an_interruption_after_the_last_page_comes_too_late_and_what_was_replaced_is_kept(
    saved: Path, file: Path
) -> None:
    before = dump(file)

    def interrupt(done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(saved, progress=interrupt)
    assert dump(file) == dump(saved)
    (kept,) = (file.parent / "backups").iterdir()
    assert dump(kept) == before


def test_progress_is_told_to_the_last_page(saved: Path) -> None:
    told: list[tuple[int, int]] = []
    restore(saved, progress=lambda *pages: told.append(pages))
    assert told[-1][0] == told[-1][1] == len(told)


def test_a_backup_with_other_pages_is_restored(saved: Path, file: Path) -> None:
    with closing(sqlite3.connect(saved, isolation_level=None)) as connection:
        connection.execute("PRAGMA page_size = 16384")
        connection.execute("VACUUM")
    restore(saved)
    assert dump(file) == dump(saved)


def test_a_file_in_use_elsewhere_is_locked_and_not_restored(
    saved: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", "10")
    before = dump(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LockedError, match=r"analytics\.db is locked"):
            restore(saved)
    assert dump(file) == before


# -- what is refused


def no_database(file: Path) -> None:
    file.write_text("no database")


def another_programs(file: Path) -> None:
    file.unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")


def damaged_inside(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'session_id_idx'"
        ).fetchone()
    with file.open("r+b") as raw:
        raw.seek((page - 1) * 4096)
        raw.write(b"\xff" * 4096)


def truncated(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 4096 * 3)


def newer(file: Path) -> None:
    version = NEWEST + 1
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(
            f"INSERT INTO devflow_migrations VALUES ({version}, 'next', '', {version}, 0, 0, '')"
        )
        connection.execute(f"PRAGMA user_version = {version}")


def tampered(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("DELETE FROM devflow_migrations")


def missing(file: Path) -> None:
    file.unlink()


def empty(file: Path) -> None:
    os.truncate(file, 0)


def without_tables(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA application_id = 0x4446416e")


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (no_database, NotAnAnalyticsDatabaseError),
        (another_programs, NotAnAnalyticsDatabaseError),
        (damaged_inside, CorruptDatabaseError),
        (truncated, CorruptDatabaseError),
        (newer, IncompatibleSchemaError),
        (tampered, TamperedMigrationError),
        (missing, DatabaseNotFoundError),
        (empty, DatabaseNotFoundError),
        (without_tables, DatabaseNotFoundError),
    ],
)
@pytest.mark.parametrize("target", ["there", "not there"])
def test_a_source_that_is_no_good_is_refused_and_nothing_is_changed(
    target: str,
    make: Callable[[Path], None],
    error: type[AnalyticsDbError],
    saved: Path,
    file: Path,
    tmp_path: Path,
) -> None:
    make(saved)
    source = saved.read_bytes() if saved.exists() else None
    place = file if target == "there" else tmp_path / "elsewhere" / "analytics.db"
    before = file.read_bytes()
    with pytest.raises(error, match=r"saved\.db") as caught:
        restore(saved, place)
    assert "DEVFLOW_ANALYTICS_DB_PATH" not in str(caught.value)  # which is the database
    assert "create_analytics_db" not in str(caught.value)
    assert (saved.read_bytes() if saved.exists() else None) == source
    assert (file.read_bytes(), os.listdir(file.parent)) == (before, ["analytics.db"])
    assert not (tmp_path / "elsewhere").exists()


def test_the_database_itself_is_no_backup_of_it(saved: Path, file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(file)
    for source in (file, link):
        with pytest.raises(ConfigurationError, match="is the database itself"):
            restore(source)
    assert saved.exists()


@pytest.mark.parametrize("make", [no_database, another_programs])
def test_what_is_not_ours_is_not_replaced(
    make: Callable[[Path], None], saved: Path, file: Path
) -> None:
    make(file)
    before = file.read_bytes()
    with pytest.raises(NotAnAnalyticsDatabaseError, match="Move it away"):
        restore(saved)
    assert (file.read_bytes(), os.listdir(file.parent)) == (before, ["analytics.db"])


def test_a_directory_in_the_place_of_the_database_is_not_replaced(saved: Path, file: Path) -> None:
    file.unlink()
    file.mkdir()
    with pytest.raises(CannotCreateError, match="is a directory"):
        restore(saved)
    assert os.listdir(file.parent) == ["analytics.db"]


@pytest.mark.parametrize("make", [newer, tampered, damaged_inside])
def test_a_file_of_ours_that_is_no_use_is_kept_and_replaced(
    make: Callable[[Path], None], saved: Path, file: Path, tmp_path: Path
) -> None:
    make(file)
    as_it_was = tmp_path / "as it was.db"
    shutil.copy(file, as_it_was)
    restored = restore(saved)
    assert dump(file) == dump(saved)
    assert restored.replaced
    # but for the header's words on how it is written, the same bytes
    kept, before = restored.replaced.read_bytes(), as_it_was.read_bytes()
    assert (kept[4096:], len(kept)) == (before[4096:], len(before))


NEWER = {
    "view": "CREATE VIEW newer AS SELECT 1 AS OF NEXT YEAR",
    "trigger": "CREATE TRIGGER newer UPON sessions BEGIN END",
    "table": "CREATE TABLE newer (a) LENIENT",
    "index": "CREATE INDEX newer ON sessions ((SELECT 1))",
}
"""What only a newer SQLite may be able to read, or none."""


def with_newer(file: Path, kind: str = "view") -> None:
    table = "sessions" if kind == "index" else "newer"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "INSERT INTO sqlite_schema VALUES (?, 'newer', ?, 0, ?)", (kind, table, NEWER[kind])
        )


@pytest.mark.parametrize("kind", NEWER)
@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_a_file_with_something_that_this_sqlite_cannot_read_is_kept_and_replaced(
    journal_mode: str, kind: str, saved: Path, file: Path, sql: Sql
) -> None:
    sql(file, f"PRAGMA journal_mode = {journal_mode}")
    with_newer(file, kind)
    with pytest.raises(IncompatibleSQLiteError, match="cannot read newer in"):
        create_analytics_db()
    restored = restore(saved)
    assert dump(file) == dump(saved)
    assert sql(file, "PRAGMA journal_mode") == [("wal",)]
    assert restored.replaced
    with closing(sqlite3.connect(restored.replaced)) as kept:
        kept.execute("PRAGMA writable_schema = ON")
        assert kept.execute(SESSIONS).fetchall() == [("new",), ("old",)]
        assert kept.execute("SELECT sql FROM sqlite_schema WHERE name = 'newer'").fetchall() == [
            (NEWER[kind],)
        ]
        assert kept.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_another_programs_file_with_such_a_view_is_not_replaced(saved: Path, file: Path) -> None:
    another_programs(file)
    with_newer(file)
    before = file.read_bytes()
    with pytest.raises(IncompatibleSQLiteError, match="cannot read newer in"):
        restore(saved)
    assert (file.read_bytes(), os.listdir(file.parent)) == (before, ["analytics.db"])


def test_a_source_with_such_a_view_is_refused(saved: Path, file: Path) -> None:
    with_newer(saved)
    before = dump(file)
    with pytest.raises(IncompatibleSQLiteError, match=r"cannot read newer in .*saved\.db"):
        restore(saved)
    assert dump(file) == before


def first_page(file: Path) -> None:
    """Destroy the schema, and leave the header."""
    with file.open("r+b") as raw:
        raw.seek(100)
        raw.write(b"\xff" * 3000)


def header(file: Path) -> None:
    with file.open("r+b") as raw:
        raw.write(bytes(100))


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (truncated, CorruptDatabaseError, r"Move it and the files beside it to a safe place"),
        (first_page, CorruptDatabaseError, r"Move it and the files beside it to a safe place"),
        (header, NotAnAnalyticsDatabaseError, r"is not an SQLite database.* Move it away"),
    ],
)
def test_a_file_that_cannot_even_be_copied_is_left_as_it_is(
    make: Callable[[Path], None],
    error: type[AnalyticsDbError],
    sentence: str,
    saved: Path,
    file: Path,
) -> None:
    make(file)
    before = file.read_bytes()
    with pytest.raises(error, match=sentence):
        restore(saved)
    assert file.read_bytes() == before
    file.unlink()
    assert restore(saved).replaced is None
