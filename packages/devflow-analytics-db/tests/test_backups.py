"""Copies: whole, private, checked, never over another file, and made before what may go wrong."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_db import (
    AnalyticsDbError,
    CannotCreateError,
    ConfigurationError,
    CorruptDatabaseError,
    DatabaseNotFoundError,
    DestinationExistsError,
    LockedError,
    MigrationError,
    NotAnAnalyticsDatabaseError,
    backup,
    create_analytics_db,
    migrate,
)
from devflow_analytics_db.backups import backup as backups
from devflow_analytics_db.migrations import latest_version

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Sql = Callable[..., list[tuple[Any, ...]]]
    Python = Callable[..., subprocess.CompletedProcess[str]]

NEWEST = latest_version()
NEXT = NEWEST + 1

SESSIONS = "SELECT id FROM sessions ORDER BY id"


@pytest.fixture
def with_rows(file: Path, sql: Sql, add_call: Callable[..., None]) -> Path:
    """A current file with a session and a call."""
    create_analytics_db().close()
    sql(file, "INSERT INTO sessions (id, started_at, tool_count) VALUES ('s', 1, 2)")
    add_call(file, duration_ms=1.5, error_type="E")
    return file


def dump(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def listed(file: Path) -> list[str]:
    directory = file.parent / "backups"
    return sorted(os.listdir(directory)) if directory.exists() else []


def damage_inside(file: Path) -> None:
    """Destroy a page of rows, which opening does not look at."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'tool_calls'"
        ).fetchone()
        connection.execute("PRAGMA journal_mode = WAL")
    with file.open("r+b") as raw:
        raw.seek((page - 1) * 4096)
        raw.write(b"\xff" * 4096)


def test_a_backup_is_one_private_file_with_every_row(with_rows: Path) -> None:
    made = backup()
    assert made.parent == with_rows.parent / "backups"
    assert listed(with_rows) == [made.name]
    assert made.name.startswith("analytics-20")
    assert made.name.endswith("Z-backup.db")
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.parent.stat().st_mode) == 0o700
    assert dump(made) == dump(with_rows)
    with closing(sqlite3.connect(f"file:{made}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for pragma in ("application_id", "user_version"):
            assert connection.execute(f"PRAGMA {pragma}").fetchone()[0]


def test_whatever_the_umask_a_backup_is_private(with_rows: Path) -> None:
    before = os.umask(0)
    try:
        made = backup()
    finally:
        os.umask(before)
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.parent.stat().st_mode) == 0o700
    assert with_rows.exists()


def test_rows_that_are_in_the_wal_only_are_in_the_backup(with_rows: Path) -> None:
    with create_analytics_db() as db, closing(db.connect()) as connection:
        connection.execute("INSERT INTO sessions (id, started_at) VALUES ('new', 1)")
        assert b"new" not in with_rows.read_bytes()
        assert dump(backup()) == dump(with_rows)


def test_it_goes_where_it_is_told(with_rows: Path, home: Path) -> None:
    to_file = backup(with_rows, home / "copy of mine.db")
    to_directory = backup(with_rows, home)
    in_home = backup(with_rows, "~/another.db")
    assert to_file == home / "copy of mine.db"
    assert to_directory.parent == home
    assert in_home == home / "another.db"
    assert dump(to_file) == dump(to_directory) == dump(in_home) == dump(with_rows)
    assert sorted(os.listdir(with_rows.parent)) == ["analytics.db"]


@pytest.mark.parametrize("what", ["a file", "the database", "a link to nowhere"])
def test_nothing_is_overwritten(what: str, with_rows: Path, tmp_path: Path) -> None:
    destination = with_rows if what == "the database" else tmp_path / "there"
    if what == "a file":
        destination.write_bytes(b"somebody's")
    elif what == "a link to nowhere":
        destination.symlink_to(tmp_path / "nowhere")
    before = destination.read_bytes() if destination.exists() else None
    with pytest.raises(DestinationExistsError, match="already exists and is not overwritten"):
        backup(destination=destination)
    assert (destination.read_bytes() if destination.exists() else None) == before
    assert not (tmp_path / "nowhere").exists()


def test_a_file_that_turns_up_meanwhile_is_not_overwritten(with_rows: Path, tmp_path: Path) -> None:
    destination = tmp_path / "copy.db"

    def meanwhile(done: int, total: int) -> None:
        assert 0 < done <= total
        destination.write_bytes(b"somebody's")

    with pytest.raises(DestinationExistsError, match="already exists"):
        backup(with_rows, destination, progress=meanwhile)
    assert destination.read_bytes() == b"somebody's"
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


@pytest.mark.parametrize("turns_up", [False, True])
def test_a_file_system_without_hard_links_will_do(
    turns_up: bool,  # noqa: FBT001  pytest passes it by name
    with_rows: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    destination = tmp_path / "copy.db"

    def no_links(*_: object) -> None:
        if turns_up:
            destination.write_bytes(b"somebody's")
        raise PermissionError

    monkeypatch.setattr(os, "link", no_links)
    if turns_up:
        with pytest.raises(DestinationExistsError, match="already exists"):
            backup(with_rows, destination)
        assert destination.read_bytes() == b"somebody's"
    else:
        assert dump(backup(with_rows, destination)) == dump(with_rows)
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


@pytest.mark.parametrize(
    ("destination", "error", "sentence"),
    [
        (
            "missing/copy.db",
            CannotCreateError,
            r"Cannot make .*missing/copy\.db: .*/missing does not",
        ),
        ("missing/", CannotCreateError, r"missing/ is not a directory\. Make it first"),
        ("missing/.", CannotCreateError, r"missing/\. is not a directory\. Make it first"),
        ("", ConfigurationError, "is not the path of a file"),
        ("analytics.db/copy.db", CannotCreateError, "Not a directory"),
        (f"{'x' * 250}.db", CannotCreateError, "File name too long"),
        ("x/" * 250 + "x", CannotCreateError, "longer path than"),
    ],
)
def test_a_destination_that_cannot_be_is_a_named_error(
    destination: str, error: type[AnalyticsDbError], sentence: str, with_rows: Path
) -> None:
    named = f"{with_rows.parent}/{destination}" if destination else ""
    with pytest.raises(error, match=sentence) as caught:
        backup(with_rows, named)
    assert "DEVFLOW_ANALYTICS_DB_PATH" not in str(caught.value)  # which is the database
    assert os.listdir(with_rows.parent) == ["analytics.db"]


def test_a_file_in_the_place_of_the_directory_is_named(with_rows: Path) -> None:
    (with_rows.parent / "backups").write_bytes(b"mine")
    for function in (backup, lambda: migrate(to=1, allow_down=True)):
        with pytest.raises(CannotCreateError, match="backups is a file, where a directory should"):
            function()
    assert (with_rows.parent / "backups").read_bytes() == b"mine"


def test_a_directory_of_the_users_keeps_its_mode(with_rows: Path) -> None:
    (with_rows.parent / "backups").mkdir()
    (with_rows.parent / "backups").chmod(0o755)
    backup()
    assert stat.S_IMODE((with_rows.parent / "backups").stat().st_mode) == 0o755


def test_what_is_no_database_of_ours_is_not_copied(file: Path, sql: Sql, home: Path) -> None:
    with pytest.raises(DatabaseNotFoundError, match="does not exist"):
        backup()
    assert os.listdir(home) == []
    file.parent.mkdir()
    sql(file, "PRAGMA application_id = 0x4446416e")
    with pytest.raises(DatabaseNotFoundError, match="holds no tables yet"):
        backup()
    sql(file, "PRAGMA application_id = 7")
    with pytest.raises(NotAnAnalyticsDatabaseError, match="another program"):
        backup()
    file.write_text("no database")
    with pytest.raises(NotAnAnalyticsDatabaseError, match="is not an SQLite database"):
        backup()
    assert os.listdir(file.parent) == ["analytics.db"]


def test_a_servers_file_can_be_copied_before_it_is_taken_over(server_file: Path) -> None:
    assert dump(backup()) == dump(server_file)


@pytest.mark.parametrize(
    "change",
    [
        (
            f"INSERT INTO devflow_migrations VALUES ({NEXT}, 'next', '', {NEXT}, 0, 0, '');"
            f" PRAGMA user_version = {NEXT}"
        ),
        "DELETE FROM devflow_migrations",
    ],
    ids=["newer", "tampered with"],
)
def test_a_file_that_this_release_refuses_can_be_copied(
    change: str, with_rows: Path, sql: Sql
) -> None:
    for statement in change.split(";"):
        sql(with_rows, statement)
    with pytest.raises(AnalyticsDbError):
        create_analytics_db()
    assert dump(backup()) == dump(with_rows)


def test_a_damaged_file_is_named_and_leaves_no_copy(with_rows: Path) -> None:
    damage_inside(with_rows)
    before = with_rows.read_bytes()
    for function in (backup, lambda: migrate(to=1, allow_down=True)):
        with pytest.raises(CorruptDatabaseError, match=r"analytics\.db is damaged \(.*[Pp]age"):
            function()
    assert (with_rows.read_bytes(), listed(with_rows)) == (before, [])


def test_progress_is_told_and_ctrl_c_leaves_nothing(with_rows: Path, sql: Sql) -> None:
    sql(
        with_rows,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 90000)"
        " INSERT INTO sessions (id, started_at) SELECT 'session ' || i, i FROM n",
    )
    told: list[tuple[int, int]] = []
    backup(progress=lambda *pages: told.append(pages)).unlink()
    ((pages,),) = sql(with_rows, "PRAGMA page_count")
    assert pages > 1000
    assert told == [(min(done, pages), pages) for done in range(1000, pages + 1000, 1000)]

    def interrupt(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup(progress=interrupt)
    assert listed(with_rows) == []


def test_a_source_that_stays_locked_is_a_named_error(
    with_rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", "10")
    with closing(sqlite3.connect(with_rows, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LockedError, match=r"analytics\.db is locked"):
            backup()
    assert listed(with_rows) == []


def test_a_copy_is_of_one_state_and_comes_to_its_end_however_others_write(
    with_rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "PAGES_A_STEP", 1)
    before = dump(with_rows)
    copied: list[int] = []
    with closing(sqlite3.connect(with_rows, isolation_level=None)) as other:

        def write(done: int, _: int) -> None:
            assert not copied or done > copied[-1], "it began anew"
            copied.append(done)
            other.execute("INSERT INTO sessions (id, started_at) VALUES (?, 1)", (f"later {done}",))

        copy = backup(progress=write)
    assert len(copied) > 10
    assert dump(copy) == before


@pytest.mark.parametrize("suffix", ["-wal", "-journal", "-shm"])
def test_nothing_is_copied_beside_or_as_what_sqlite_keeps_beside_a_database(
    suffix: str, with_rows: Path, tmp_path: Path
) -> None:
    with pytest.raises(CannotCreateError, match="Choose another name"):
        backup(with_rows, f"{with_rows}{suffix}")
    (tmp_path / f"copy.db{suffix}").write_text("left")
    with pytest.raises(DestinationExistsError, match=rf"copy\.db{suffix} already exists"):
        backup(with_rows, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


# -- before a migration


def test_the_backup_just_made_is_kept_even_if_the_clock_was_ahead(with_rows: Path) -> None:
    directory = with_rows.parent / "backups"
    directory.mkdir()
    for year in (2090, 2091, 2092):
        (directory / f"analytics-{year}0101T000000.000000Z-before-migrate.db").touch()
    made = migrate(with_rows, to=1, allow_down=True).backup
    assert made
    assert made.exists()
    assert len(list(directory.iterdir())) == 3


def test_before_a_way_down_and_a_rebuild_the_file_is_backed_up(with_rows: Path) -> None:
    before = dump(with_rows)
    down = migrate(to=1, allow_down=True)
    at_1 = dump(with_rows)
    up = create_analytics_db().changes
    assert down.backup
    assert up.backup
    assert (dump(down.backup), dump(up.backup)) == (before, at_1)
    assert listed(with_rows) == [down.backup.name, up.backup.name]
    assert stat.S_IMODE(down.backup.stat().st_mode) == 0o600


def test_before_a_servers_file_is_taken_over_it_is_backed_up(server_file: Path) -> None:
    before = dump(server_file)
    made = create_analytics_db().changes.backup
    assert made
    assert dump(made) == before


@pytest.mark.parametrize(
    ("up", "backs_up"),
    [
        ("CREATE TABLE a (b);", False),
        ("-- why\nALTER TABLE sessions ADD COLUMN mood TEXT;", False),
        ("alter table sessions add mood TEXT;", False),
        (
            (
                "CREATE INDEX i ON sessions (id);\n"
                "INSERT INTO sessions (id, started_at) VALUES ('n', 1);"
            ),
            False,
        ),
        ("DROP INDEX tool_name_idx;", True),
        ("CREATE TABLE a (b);\n/* and */ DROP TABLE a;", True),
        ("ALTER TABLE sessions DROP COLUMN tool_count;", True),
        ("ALTER TABLE sessions RENAME COLUMN ended_at TO closed_at;", True),
        ("UPDATE sessions SET tool_count = 0;", True),
        ("DELETE FROM tool_calls;", True),
        ("INSERT OR REPLACE INTO sessions (id, started_at) VALUES ('s', 1);", True),
        ("REPLACE INTO sessions (id, started_at) VALUES ('s', 1);", True),
        (
            (
                "INSERT INTO sessions (id, started_at) VALUES ('s', 1)"
                " ON CONFLICT DO UPDATE SET tool_count = 9;"
            ),
            True,
        ),
    ],
)
def test_a_migration_that_only_adds_needs_no_backup(
    up: str,
    backs_up: bool,  # noqa: FBT001  pytest passes it by name
    with_rows: Path,
    add_migration: Callable[..., None],
) -> None:
    add_migration(up)
    try:
        assert (create_analytics_db().changes.backup is not None) == backs_up
    except MigrationError:  # what is dropped may still be in use
        assert backs_up
    else:
        assert len(listed(with_rows)) == backs_up


def test_a_new_file_is_not_backed_up(file: Path) -> None:
    assert create_analytics_db().changes.backup is None
    assert os.listdir(file.parent) == ["analytics.db"]


def test_the_last_three_are_kept_and_what_a_user_made(with_rows: Path) -> None:
    mine = backup()
    other = with_rows.with_name("analytics2.db")
    create_analytics_db(other).close()
    migrate(other, to=1, allow_down=True)
    stranger = with_rows.parent / "backups" / "analytics-before-migrate.db"
    stranger.write_bytes(b"somebody's")
    aside = set(listed(with_rows))
    made = [migrate(to=to, allow_down=True).backup for to in (1, NEWEST, 1, NEWEST, 1)]
    assert {path.name for path in made[-3:] if path} | aside == set(listed(with_rows))
    assert mine.name in aside
    assert len(aside) == 3


def test_without_room_for_the_backup_nothing_is_migrated(with_rows: Path, python: Python) -> None:
    before = dump(with_rows)
    done = python(
        """
        import resource, signal
        from devflow_analytics_db import StorageError, create_analytics_db, migrate
        from devflow_analytics_db.backups import backup as backups
        create_analytics_db().close()
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            migrate(to=1, allow_down=True)
        except StorageError as error:
            print(error)
        """
    )
    assert re.match(
        r"(No room left to write|Reading or writing) .*-before-migrate\.db ", done.stdout
    )
    assert " Nothing was migrated, as that needs a backup first. " in done.stdout
    assert (dump(with_rows), listed(with_rows)) == (before, [])


def test_a_migration_that_fails_leaves_no_backup_behind(
    with_rows: Path, add_migration: Callable[..., None]
) -> None:
    add_migration("DROP INDEX tool_name_idx;\nINSERT INTO sessions (id) VALUES ('x');")
    kept = [migrate(to=to, allow_down=True).backup for to in (1, NEWEST, 1)]
    for _ in range(4):
        with pytest.raises(MigrationError):
            create_analytics_db()
    assert listed(with_rows) == sorted(path.name for path in kept if path)


@pytest.mark.parametrize(
    ("rows", "call"), [(40_000, "create_analytics_db()"), (10, "restore(mine)")]
)
def test_where_the_disk_fills_up_after_it_no_backup_is_left_behind(
    rows: int, call: str, python: Python
) -> None:
    """SQLite then takes the transaction back by itself, long before the commit."""
    done = python(
        f"""
        import os, resource, signal
        from contextlib import closing
        from devflow_analytics_db import (
            StorageError, backup, create_analytics_db, default_path, migrate, restore
        )
        file = default_path()
        with create_analytics_db() as db, closing(db.connect()) as connection:
            connection.execute("INSERT INTO sessions (id, started_at) VALUES ('full', 1)")
            connection.execute(
                "INSERT INTO tool_calls"
                " (id, tool_name, duration_ms, status, timestamp, session_id)"
                " WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 40000)"
                " SELECT printf('%05d', i), 'tool', 1, 'success', 1, 'full' FROM n"
            )
            mine = backup(destination=file.parent / "mine.db")
            connection.execute("DELETE FROM tool_calls WHERE id > '{rows:05}'")
            migrate(to=1, allow_down=True)
            connection.execute("VACUUM")
        kept = os.listdir(file.parent / "backups")
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        # room for the copy, and not for the log of a transaction that writes more
        resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size, resource.RLIM_INFINITY))
        failed = 0
        for _ in range(4):
            try:
                {call}
            except StorageError:
                failed += 1
        print(failed, os.listdir(file.parent / "backups") == kept)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        {call}
        """
    )
    assert (done.stdout, done.stderr) == ("4 True\n", "")
    assert create_analytics_db().schema_version == NEWEST


def test_what_a_killed_process_left_is_replaced(with_rows: Path) -> None:
    directory = with_rows.parent / "backups"
    directory.mkdir()
    for suffix in ("", "-wal", "-journal"):
        (directory / f"analytics-before-migrate.db.partial{suffix}").write_bytes(b"half a page")
    made = migrate(to=1, allow_down=True).backup
    assert made
    assert listed(with_rows) == [made.name]


def test_old_backups_that_cannot_be_deleted_do_no_harm(
    with_rows: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(backups, "KEPT", 1)
    assert migrate(to=1, allow_down=True).backup

    def denied(path: str) -> None:
        raise PermissionError(13, "no", path)

    unlink = os.unlink
    monkeypatch.setattr(
        os,
        "unlink",
        lambda path: denied(path) if str(path).endswith("migrate.db") else unlink(path),
    )
    assert migrate().schema_version == NEWEST
    assert len(listed(with_rows)) == 2
    assert "could not delete old backups" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc/self/fd")
def test_a_backup_is_on_the_disk_before_it_has_its_name(
    with_rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, link = os.fsync, os.link

    def synced(descriptor: int) -> None:
        steps.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        fsync(descriptor)

    def linked(source: str, target: str) -> None:
        steps.append(f"name {Path(source).name} {Path(target).name}")
        link(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "link", linked)
    made = migrate(to=1, allow_down=True).backup
    assert made
    partial = "analytics-before-migrate.db.partial"
    assert steps == [
        "sync .devflow",
        f"sync {partial}",
        f"name {partial} {made.name}",
        "sync backups",
    ]
    assert with_rows.exists()


def test_other_processes_write_while_a_backup_is_made(with_rows: Path, sql: Sql) -> None:
    with closing(sqlite3.connect(with_rows, isolation_level=None)) as other:
        made = backup(
            progress=lambda *_: other.execute(
                "INSERT INTO sessions (id, started_at) VALUES ('u', 1)"
            )
        )
    assert sql(with_rows, SESSIONS) == [("s",), ("u",)]
    assert sql(made, SESSIONS) in ([("s",)], [("s",), ("u",)])
