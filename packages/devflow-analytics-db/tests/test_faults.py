"""Files and places that no database can be opened in: a named error each, and no byte changed."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import (
    AnalyticsDbError,
    CannotCreateError,
    CorruptDatabaseError,
    Finding,
    IncompatibleSQLiteError,
    LockedError,
    NotAnAnalyticsDatabaseError,
    StorageError,
    backup,
    check,
    create_analytics_db,
    diagnose,
    errors,
    migrate,
    plan_migration,
    restore,
    status,
)
from devflow_analytics_db.file.faults import from_os, from_sqlite
from devflow_analytics_db.migrations import APPLICATION_ID, latest_version
from devflow_analytics_db.testing import BROKEN_FILES

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    Python = Callable[..., subprocess.CompletedProcess[str]]

TEXT = b"no database, but somebody's notes\n" * 100
NOBODY = 65534


def contents(directory: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
        for path in directory.rglob("*")
    }


def another_programs(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(";".join(("CREATE TABLE theirs (x)", *statements)))


def another_programs_file(file: Path) -> None:
    another_programs(file)


SENTENCES = {
    "a single byte": "but a single byte",
    "a text file": "is not an SQLite database",
    "a directory": "is a directory, where the database should be",
    "a pipe": "is not a regular file, where the database should be",
    "a dangling link": "is a symbolic link to .* which is not there",
    "a link to itself": "is a symbolic link to .* which is not there",
    "another program's file": "program: it holds theirs",
    "another program's file with its id": "id is 0x0f055113",
    "another program's id and no tables": "id is 0x0f055112",
    "another program's file with a version": "user version is 2",
    "another program's file in WAL mode": "it holds theirs",
    "a file cut in half": "is damaged",
    "a file cut within its header": "is damaged",
    "a damaged magic string": "is not an SQLite database",
    "a damaged page size": "is not an SQLite database",
    "a damaged schema": "is damaged",
    "a newer file": "may be written only by releases that know version",
    "an edited history": "its ledger does not list migration 1",
    "a ledger without types": "its ledger is missing, or the table devflow_migrations is not what",
    "an impossible version": "schema version -1, and there is no such version",
    "a view in newer SQL": "cannot read v in",
    "a strange journal": "is not a journal of SQLite's",
    "a journal without its file": "is missing .* but .*-wal is there",
}
"""What the error says of each broken file that is not opened."""


def test_every_broken_file_that_is_not_opened_has_a_sentence() -> None:
    assert {name for name, broken in BROKEN_FILES.items() if broken.error} == set(SENTENCES)


@pytest.mark.parametrize("name", SENTENCES)
def test_what_is_in_the_way_is_named_and_left_alone(file: Path, name: str) -> None:
    broken = BROKEN_FILES[name]
    file.parent.mkdir()
    broken.make(file)
    file.parent.chmod(0o755)
    before = contents(file.parent)
    assert broken.error
    with pytest.raises(broken.error, match=SENTENCES[name]) as caught:
        create_analytics_db()
    assert str(file) in str(caught.value)
    assert contents(file.parent) == before
    assert file.parent.stat().st_mode & 0o777 == 0o755


def test_another_programs_unfinished_wal_is_not_written_back(file: Path) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE theirs (x)")
        crashed = file.parent / "crashed"
        crashed.mkdir()
        for name in ("analytics.db", "analytics.db-wal"):
            shutil.copy(file.parent / name, crashed / name)
    before = contents(crashed)
    with pytest.raises(NotAnAnalyticsDatabaseError, match="it holds theirs"):
        create_analytics_db(crashed / "analytics.db")
    after = contents(crashed)
    assert {name: after[name] for name in before} == before


def crash_in_a_transaction(file: Path, python: Python, *before: str) -> None:
    """Leave a rollback journal on the disk and the database half overwritten."""
    file.parent.mkdir()
    python(
        """
        import os, signal, sqlite3, sys
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        for statement in sys.argv[2:]:
            connection.execute(statement)
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE half_done (x)")
        connection.execute("INSERT INTO half_done SELECT zeroblob(100000)")
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        file,
        *before,
    )
    assert file.with_name("analytics.db-journal").exists()


@pytest.fixture
def crashed(file: Path, python: Python) -> Path:
    """Another program's file, which that program left in the middle of a transaction."""
    crash_in_a_transaction(file, python, "CREATE TABLE theirs (x)")
    return file


def test_another_programs_hot_journal_is_not_rolled_back(crashed: Path) -> None:
    before = contents(crashed.parent)
    with pytest.raises(NotAnAnalyticsDatabaseError, match="theirs"):
        create_analytics_db()
    assert contents(crashed.parent) == before


@pytest.mark.parametrize(
    ("place", "first_page"),
    [
        (0, bytes(100)),
        (100, b"\xff" * 3996),
        (100, b"\x0d" + bytes(4) + b"\x10" + bytes(3990)),
    ],
    ids=["without a header", "unreadable", "without a table"],
)
def test_a_crashed_file_that_does_not_show_whose_it_is_is_left_alone(
    crashed: Path, place: int, first_page: bytes
) -> None:
    with crashed.open("r+b") as content:
        content.seek(place)
        content.write(first_page)
    before = contents(crashed.parent)
    with pytest.raises(CorruptDatabaseError, match="does not show whose file it is"):
        create_analytics_db()
    assert contents(crashed.parent) == before


@pytest.mark.parametrize("mode", ["DELETE", "PERSIST"])
@pytest.mark.parametrize("whose", ["the server's", "ours"])
def test_a_writer_killed_in_mid_commit_is_recovered_from(
    whose: str, mode: str, server_file: Path, python: Python
) -> None:
    if whose == "ours":
        create_analytics_db().close()
    with closing(sqlite3.connect(server_file)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    # The kernel kills it as it lets the file grow: its header is written by then, its end is not.
    done = python(
        f"""
        import os, resource, signal, sqlite3, sys
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        connection.execute("PRAGMA journal_mode = {mode}")
        connection.execute("BEGIN IMMEDIATE")
        for number in range(2000):
            connection.execute(
                "INSERT INTO sessions (id, started_at) VALUES (?, 1)", (str(number),)
            )
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        size = os.path.getsize(sys.argv[1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        connection.execute("COMMIT")
        """,
        server_file,
    )
    assert done.returncode == -signal.SIGXFSZ, done
    assert server_file.with_name("analytics.db-journal").stat().st_size
    create_analytics_db().close()
    assert check().findings == ()  # which only looks, and could not roll a journal back
    with closing(sqlite3.connect(server_file)) as connection:
        assert connection.execute("SELECT count(*) FROM tool_calls").fetchone() == (3,)
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (2,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_rollback_journal_beside_an_emptied_file_is_not_deleted(crashed: Path) -> None:
    crashed.write_bytes(b"")
    before = contents(crashed.parent)
    with pytest.raises(CannotCreateError, match=r"is missing or empty, but .*-journal is there"):
        create_analytics_db()
    assert contents(crashed.parent) == before


@pytest.mark.parametrize("rest", [b"", bytes(3), bytes(8192), b"\x37\x7f\x06"])
def test_what_is_left_of_a_wal_is_no_obstacle(file: Path, rest: bytes) -> None:
    create_analytics_db().close()
    file.with_name("analytics.db-wal").write_bytes(rest)
    assert create_analytics_db().schema_version == latest_version()


def test_a_file_where_the_directory_should_be_is_named_and_left_alone(file: Path) -> None:
    file.parent.write_bytes(TEXT)
    with pytest.raises(CannotCreateError, match=r"\.devflow is a file, where a directory"):
        create_analytics_db()
    assert file.parent.read_bytes() == TEXT


def test_a_home_that_does_not_exist_is_named_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    with pytest.raises(CannotCreateError, match="nowhere does not exist"):
        create_analytics_db()
    assert not (tmp_path / "nowhere").exists()


def test_a_home_that_is_a_file_is_a_named_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    with pytest.raises(CannotCreateError, match="Not a directory"):
        create_analytics_db()


def test_a_name_too_long_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(CannotCreateError, match="File name too long"):
        create_analytics_db(tmp_path / ("x" * 300))


def test_a_file_that_another_process_holds_is_locked_and_not_damaged(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", "20")
    file.parent.mkdir()
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        for lock in ("BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"):
            holder.execute(lock)
            with pytest.raises(LockedError, match="Nothing is damaged"):
                create_analytics_db()
            holder.execute("ROLLBACK")
    assert create_analytics_db().changes.created


def test_a_crash_in_the_middle_of_the_first_write_is_recovered(file: Path, python: Python) -> None:
    crash_in_a_transaction(file, python)
    assert create_analytics_db().changes.created
    assert os.listdir(file.parent) == ["analytics.db"]


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A directory that any user can get to, as pytest's own are not."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    yield directory
    directory.chmod(0o755)
    shutil.rmtree(directory)


AS_NOBODY = f"""
    import os, shlex, sys
    from devflow_analytics_db import AnalyticsDbError, backup, create_analytics_db, migrate
    import devflow_analytics_db.schema.structure

    # root may do anything, so it steps down; first it imports what the other may not read
    create_analytics_db(sys.argv[2])
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid({NOBODY})
        os.setuid({NOBODY})
    try:
        create_analytics_db(sys.argv[1])
    except AnalyticsDbError as error:
        print(type(error).__name__, error, sep=": ")
"""


@pytest.mark.parametrize("state", ["missing", "empty", "current", "older"])
def test_a_directory_that_may_not_be_written_is_a_named_error(
    state: str, open_to_all: Path, tmp_path: Path, server_file: Path, python: Python
) -> None:
    file = open_to_all / "analytics.db"
    if state == "current":
        create_analytics_db(file).close()
    elif state == "older":
        shutil.copy(server_file, file)
    elif state == "empty":
        file.touch()
    if state != "missing":
        file.chmod(0o666)
    open_to_all.chmod(0o555)
    before = contents(open_to_all)
    done = python(AS_NOBODY, file, tmp_path / "other.db")
    assert done.stdout.startswith("PermissionDeniedError: No right to read and write"), done
    assert str(file) in done.stdout
    assert contents(open_to_all) == before


def test_a_file_of_another_user_is_a_named_error(
    open_to_all: Path, tmp_path: Path, python: Python
) -> None:
    file = open_to_all / "analytics.db"
    create_analytics_db(file).close()
    file.chmod(0o400)
    open_to_all.chmod(0o777)
    before = contents(open_to_all)
    done = python(AS_NOBODY, file, tmp_path / "other.db")
    assert done.stdout.startswith("PermissionDeniedError: No right to read and write"), done
    assert contents(open_to_all) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for others")
def test_what_root_makes_in_the_home_of_a_user_is_the_users(home: Path) -> None:
    os.chown(home, NOBODY, NOBODY)
    create_analytics_db().close()
    elsewhere = Path(backup(destination=home / "copy.db"))
    migrate(to=1, allow_down=True)
    restore(elsewhere)
    made = [home / ".devflow", *(home / ".devflow").rglob("*"), elsewhere]
    assert len(made) == 6
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(NOBODY, NOBODY)}


def test_what_may_not_be_given_away_stays_as_it_is(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", refuse)
    assert create_analytics_db().changes.created
    assert f"could not give what was made to the owner of {home}: [Errno 1]" in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for others")
def test_what_root_makes_through_a_users_link_is_the_owners_of_the_directory(
    file: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    os.chown(elsewhere, NOBODY, NOBODY)
    elsewhere.chmod(0o2775)
    file.parent.symlink_to(elsewhere)
    create_analytics_db().close()
    create_analytics_db().close()
    assert elsewhere.stat().st_mode & 0o7777 == 0o2775
    assert (elsewhere / "analytics.db").stat().st_uid == NOBODY


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for others")
def test_what_root_keeps_elsewhere_stays_roots(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    os.chown(tmp_path, NOBODY, NOBODY)
    file = tmp_path / "root's" / "analytics.db"
    create_analytics_db(file).close()
    made = (file.parent, file, backup(file, tmp_path), backup(file))
    assert {path.stat().st_uid for path in made} == {0}


@pytest.mark.parametrize("limit", [0, 4096, 20_000])
def test_no_room_is_a_named_error_and_later_a_success(
    limit: int, file: Path, python: Python
) -> None:
    done = python(
        f"""
        import resource
        from devflow_analytics_db import StorageError, create_analytics_db

        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))
        try:
            create_analytics_db()
        except StorageError as error:
            print(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        """
    )
    assert str(file) in done.stdout, done
    with create_analytics_db() as db:
        assert db.changes.created


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (sqlite3.SQLITE_BUSY, errors.LockedError),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, errors.LockedError),
        (sqlite3.SQLITE_LOCKED, errors.LockedError),
        (sqlite3.SQLITE_CORRUPT, errors.CorruptDatabaseError),
        (sqlite3.SQLITE_NOTADB, errors.NotAnAnalyticsDatabaseError),
        (sqlite3.SQLITE_FULL, errors.StorageError),
        (sqlite3.SQLITE_IOERR_WRITE, errors.StorageError),
        (sqlite3.SQLITE_PROTOCOL, errors.StorageError),
        (sqlite3.SQLITE_PERM, errors.PermissionDeniedError),
        (sqlite3.SQLITE_INTERNAL, errors.AnalyticsDbError),
    ],
)
def test_what_sqlite_reports_becomes_a_named_error(
    code: int, error: type[AnalyticsDbError], file: Path
) -> None:
    fault = sqlite3.OperationalError("as SQLite says it")
    fault.sqlite_errorcode = code
    named = from_sqlite(fault, str(file))
    assert type(named) is error
    assert str(file) in str(named)


def test_a_file_that_cannot_be_opened_although_it_may_is_a_fault_of_storage(file: Path) -> None:
    db = create_analytics_db()
    file.with_name("analytics.db-wal").mkdir()
    with pytest.raises(StorageError, match="no directory is in the place of one of them"):
        db.connect()


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
@pytest.mark.parametrize("state", ["missing", "empty", "current", "another program's"])
def test_a_file_with_the_name_of_a_journal_is_named_and_not_deleted(
    suffix: str, state: str, file: Path
) -> None:
    file.parent.mkdir(mode=0o700)
    if state == "empty":
        file.touch()
    elif state == "current":
        create_analytics_db().close()
    elif state == "another program's":
        another_programs(file)
    file.with_name(f"analytics.db{suffix}").write_bytes(TEXT)
    before = contents(file.parent)
    with pytest.raises(
        CannotCreateError, match=f"analytics.db{suffix} is not a journal of SQLite's"
    ):
        create_analytics_db()
    assert contents(file.parent) == before


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_directory_or_a_pipe_with_the_name_of_a_journal_is_named(
    file: Path, make: Callable[[Path], None]
) -> None:
    create_analytics_db().close()
    make(file.with_name("analytics.db-wal"))
    with pytest.raises(CannotCreateError, match=r"analytics\.db-wal is not a regular file"):
        create_analytics_db()


def test_a_wal_without_its_database_is_not_deleted(file: Path, tmp_path: Path) -> None:
    lost = tmp_path / "lost"
    lost.mkdir()
    with create_analytics_db() as db, closing(db.connect()) as connection:
        connection.execute("INSERT INTO sessions (id, started_at) VALUES ('only copy', 1)")
        shutil.copy(f"{file}-wal", lost / "calls.db-wal")
    before = contents(lost)
    with pytest.raises(CannotCreateError, match=r"calls.db is missing .* but .*db-wal is there"):
        create_analytics_db(lost / "calls.db")
    assert contents(lost) == before
    (lost / "calls.db").touch()
    with pytest.raises(CannotCreateError, match=r"calls.db is missing or empty, but .*-wal is"):
        create_analytics_db(lost / "calls.db")
    assert contents(lost) == before | {"calls.db": b""}


def test_where_wal_cannot_be_used_the_file_is_put_back_as_it_was(server_file: Path) -> None:
    with closing(sqlite3.connect(server_file)) as connection:
        assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    in_the_way = server_file.with_name("analytics.db-shm")
    in_the_way.mkdir()
    with pytest.raises(StorageError, match="the files that SQLite keeps beside it"):
        create_analytics_db()
    with closing(sqlite3.connect(server_file)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("SELECT count(*) FROM tool_calls").fetchone() == (3,)
    in_the_way.rmdir()
    assert create_analytics_db().changes.adopted


def test_names_that_are_no_text_are_another_programs(file: Path) -> None:
    file.parent.mkdir()
    another_programs(file, "CREATE TABLE latin (x)")
    file.write_bytes(file.read_bytes().replace(b"latin", b"l\xe4tin"))
    with pytest.raises(NotAnAnalyticsDatabaseError, match="l\ufffdtin"):
        create_analytics_db()


def test_a_schema_that_is_no_text_is_damaged(file: Path) -> None:
    create_analytics_db().close()
    file.write_bytes(file.read_bytes().replace(b"CREATE TABLE devflow", b"CR\xffATE TABLE devflow"))
    before = file.read_bytes()
    with pytest.raises(CorruptDatabaseError, match="is damaged"):
        create_analytics_db()
    assert file.read_bytes() == before


def test_a_file_with_our_id_no_version_and_other_tables_is_not_ours(file: Path) -> None:
    file.parent.mkdir()
    another_programs(file, f"PRAGMA application_id = {APPLICATION_ID}")
    with pytest.raises(NotAnAnalyticsDatabaseError, match="it holds theirs"):
        create_analytics_db()


def test_a_path_too_long_for_sqlite_is_named_and_nothing_is_made(tmp_path: Path) -> None:
    directory = tmp_path.joinpath(*["x" * 100] * 5)
    directory.mkdir(parents=True)
    with pytest.raises(CannotCreateError, match="longer path than the 504 bytes"):
        create_analytics_db(directory / "calls.db")
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "error"),
    [
        ("EACCES", errors.PermissionDeniedError),
        ("EROFS", errors.PermissionDeniedError),
        ("ENOSPC", errors.StorageError),
        ("EDQUOT", errors.StorageError),
        ("EIO", errors.StorageError),
        ("ENOTDIR", errors.CannotCreateError),
    ],
)
def test_what_the_operating_system_reports_becomes_a_named_error(
    number: str, error: type[AnalyticsDbError], file: Path
) -> None:
    named = from_os(OSError(getattr(errno, number), "as it says it"), str(file))
    assert type(named) is error
    assert str(file) in str(named)


def test_each_error_owns_the_exit_status_of_its_kind() -> None:
    statuses = {
        name: error.exit_status
        for name, error in vars(errors).items()
        if isinstance(error, type) and issubclass(error, AnalyticsDbError)
    }
    assert statuses == {
        "AnalyticsDbError": 1,
        "ConfigurationError": 1,
        "MigrationError": 1,
        "OpenedBeforeForkError": 1,
        "CorruptDatabaseError": 65,
        "DatabaseGoneError": 66,
        "DatabaseNotFoundError": 66,
        "NotAnAnalyticsDatabaseError": 65,
        "TamperedMigrationError": 65,
        "InstallationError": 70,
        "CannotCreateError": 73,
        "DestinationExistsError": 73,
        "StorageError": 74,
        "ImportRunningError": 75,
        "LockedError": 75,
        "PermissionDeniedError": 77,
        "IncompatibleSchemaError": 78,
        "IncompatibleSQLiteError": 78,
    }


def test_an_sqlite_without_strict_tables_is_a_named_error(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(IncompatibleSQLiteError, match=r"too old .* needs 3\.37 or newer"):
        create_analytics_db()
    assert list(home.iterdir()) == []


def test_a_handle_opens_nothing_with_an_sqlite_that_is_too_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with create_analytics_db() as db:
        monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
        with pytest.raises(IncompatibleSQLiteError, match=r"too old .* needs 3\.37 or newer"):
            db.connect()


def write_schema(file: Path, statement: str, *values: str) -> None:
    """Change the schema as only a newer SQLite, or damage, could."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(statement, values)
        connection.commit()


def our_file(file: Path) -> None:
    create_analytics_db(file).close()


def our_older_file(file: Path) -> None:
    create_analytics_db(file).close()
    migrate(file, to=1, allow_down=True)
    shutil.rmtree(file.parent / "backups")


UNREADABLE = [
    ("view", "CREATE VIEW later AS EMIT 1", 'near "EMIT": syntax error'),
    ("view", "CREATE VIEW later AS SELECT 1 # 2", 'unrecognized token: "#"'),
    ("view", "CREATE VIEW later AS SELECT", "incomplete input"),
    ("trigger", "CREATE TRIGGER later UPON t BEGIN END", 'near "UPON": syntax error'),
    ("table", "CREATE TABLE later (a) LENIENT", "unknown table option: LENIENT"),
    ("table", "CREATE TABLE later (a UUID) STRICT", 'unknown datatype for later.a: "UUID"'),
    (
        "index",
        "CREATE INDEX later ON mine ((SELECT 1))",
        "subqueries prohibited in index expressions",
    ),
]


@pytest.mark.parametrize("make", [our_file, our_older_file, another_programs_file])
@pytest.mark.parametrize(("kind", "statement", "reason"), UNREADABLE)
def test_what_only_a_newer_sqlite_can_read_is_named_and_no_damage(
    make: Callable[[Path], None], kind: str, statement: str, reason: str, file: Path, tmp_path: Path
) -> None:
    file.parent.mkdir()
    make(file)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE mine (a)")
    added = (kind, "later", "mine" if kind == "index" else "later", statement)
    write_schema(file, "INSERT INTO sqlite_schema VALUES (?, ?, ?, 0, ?)", *added)
    good = tmp_path / "good.db"
    create_analytics_db(good).close()
    before = contents(tmp_path)
    for call in (
        create_analytics_db,
        status,
        check,
        migrate,
        lambda: migrate(to=1, allow_down=True),
        plan_migration,
        backup,
        *((lambda: restore(good),) if make is another_programs_file else ()),  # others are replaced
        lambda: restore(file, good),
    ):
        with pytest.raises(IncompatibleSQLiteError) as caught:
            call()
        assert str(caught.value) == (
            f"This Python's SQLite {sqlite3.sqlite_version} cannot read later in {file} ({reason})."
            " The file was left as it is. Use a Python with a newer SQLite, or drop later with the"
            " program that made it."
        )
    for fix in (False, True):
        told = [finding for finding in diagnose(fix=fix).findings if finding.severity == "fail"]
        assert told == [Finding("database", "fail", caught.value.what, caught.value.advice)]
    assert contents(tmp_path) == before


SET = "UPDATE sqlite_schema SET "


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO sqlite_schema SELECT * FROM sqlite_schema WHERE name = 'sessions'",
        "INSERT INTO sqlite_schema SELECT * FROM sqlite_schema WHERE name = 'session_id_idx'",
        "DELETE FROM sqlite_schema WHERE name = 'sessions'",
        "DELETE FROM sqlite_schema WHERE name = 'tool_calls' OR name GLOB 'sqlite_autoindex_tool*'",
        f"{SET} rootpage = 99999 WHERE name = 'sessions'",
        f"{SET} rootpage = NULL WHERE name = 'sessions'",
        f"{SET} sql = 'CREATE TABLE sessions (id, id)' WHERE name = 'sessions'",
        f"{SET} sql = 'CREATE INDEX timestamp_idx ON tool_calls (x)' WHERE name = 'timestamp_idx'",
        f"{SET} sql = 'XREATE TABLE sessions (id)' WHERE name = 'sessions'",
        f"{SET} name = NULL WHERE name = 'sessions'",
        f"{SET} type = 'tables' WHERE name = 'sessions'",
    ],
)
def test_a_schema_that_can_be_read_and_contradicts_itself_is_damaged(
    statement: str, file: Path
) -> None:
    our_file(file)
    write_schema(file, statement)
    before = contents(file.parent)
    for call in (create_analytics_db, status, check, migrate, plan_migration):
        with pytest.raises(CorruptDatabaseError, match="is damaged"):
            call()
    assert contents(file.parent) == before
