"""Files in which no analytics database can be opened, for tests of programs that use this package.

Each entry of `BROKEN_FILES` makes one kind of broken, foreign or odd file, and names the error that
each function raises for it:

    @pytest.mark.parametrize("broken", BROKEN_FILES.values(), ids=BROKEN_FILES)
    def test_my_program_says_what_is_wrong(broken, tmp_path):
        file = tmp_path / "analytics.db"
        broken.make(file)
        if broken.error is None:  # it can be opened; only a closer look finds the fault
            return
        with pytest.raises(broken.error):
            my_program(file)

A test that needs a working database needs no help from here: `create_analytics_db` makes one
anywhere. A pytest fixture that gives each test an empty home of its own:

    @pytest.fixture(autouse=True)
    def file(tmp_path, monkeypatch):
        file = tmp_path / "analytics.db"
        monkeypatch.setenv("DEVFLOW_ANALYTICS_DB_PATH", str(file))
        return file
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from devflow_analytics_db.database import create_analytics_db
from devflow_analytics_db.errors import (
    CannotCreateError,
    CorruptDatabaseError,
    IncompatibleSchemaError,
    IncompatibleSQLiteError,
    NotAnAnalyticsDatabaseError,
    TamperedMigrationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from devflow_analytics_db.errors import AnalyticsDbError

    Error = type[AnalyticsDbError] | None

__all__ = ["BROKEN_FILES", "USES", "BrokenFile"]

USES: Final = (
    "create_analytics_db",
    "status",
    "check",
    "plan_migration",
    "migrate",
    "backup",
    "restore",
)
"""The functions of this package whose errors a `BrokenFile` knows; it restores from the file."""


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """A kind of file in which no database can be opened, or which is not what it should be."""

    name: str
    """What it is, such as ``a text file``."""
    make: Callable[[Path], None]
    """Makes it at a path where nothing is, in a directory that exists.

    It may make another file beside it, with the ending ``-wal``.
    """
    error: Error
    """What `create_analytics_db` raises; ``None`` if it opens the file."""
    exceptions: Mapping[str, Error] = field(default_factory=dict)
    """What others of `USES` raise, where it is not `error`."""

    def error_of(self, use: str) -> Error:
        """Return the error that one of `USES` raises for the file; ``None`` if it succeeds.

        Every one of these leaves the file as it was, byte by byte.
        """
        return self.exceptions.get(use, self.error)

    def __str__(self) -> str:
        return self.name


TEXT = b"not a database, but somebody's notes\n" * 100


def _ours(file: Path, *statements: str) -> None:
    """Make a database with a row, and change it as no program should."""
    with create_analytics_db(file) as db, closing(db.connect()) as connection:
        connection.execute("INSERT INTO sessions (id, started_at) VALUES ('s', 1)")
    _execute(file, *statements)


def _execute(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def _overwrite(file: Path, offset: int, content: bytes) -> None:
    _ours(file)
    with file.open("r+b") as opened:
        opened.seek(offset)
        opened.write(content)


def _single_byte(file: Path) -> None:
    file.write_bytes(b"x")


def _text(file: Path) -> None:
    file.write_bytes(TEXT)


def _directory(file: Path) -> None:
    file.mkdir()
    (file / "something").write_bytes(TEXT)


def _pipe(file: Path) -> None:
    os.mkfifo(file)


def _dangling_link(file: Path) -> None:
    file.symlink_to(file.with_name("elsewhere.db"))


def _link_to_itself(file: Path) -> None:
    file.symlink_to(file)


def _another_programs(file: Path) -> None:
    _execute(file, "CREATE TABLE theirs (x)")


def _with_its_id(file: Path) -> None:
    _execute(file, "CREATE TABLE theirs (x)", "PRAGMA application_id = 252006675")


def _with_an_id_and_no_tables(file: Path) -> None:
    _execute(file, "PRAGMA application_id = 252006674")  # a fossil repository's


def _with_a_version(file: Path) -> None:
    _execute(file, "CREATE TABLE theirs (x)", "PRAGMA user_version = 2")


def _in_wal_mode(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE theirs (x)")


def _cut_in_half(file: Path) -> None:
    _ours(file)
    os.truncate(file, file.stat().st_size // 2)


def _cut_within_its_header(file: Path) -> None:
    _ours(file)
    os.truncate(file, 50)


def _damaged_magic(file: Path) -> None:
    _overwrite(file, 0, b"\xff" * 16)


def _damaged_page_size(file: Path) -> None:
    _overwrite(file, 16, b"\x00\x03")


def _damaged_schema(file: Path) -> None:
    _overwrite(file, 100, b"\xff" * 3996)


def _damaged_rows(file: Path) -> None:
    _ours(file)
    with closing(sqlite3.connect(file)) as connection:
        (page, size) = connection.execute(
            "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size"
            " WHERE name = 'sessions'"
        ).fetchone()
    with file.open("r+b") as opened:
        opened.seek((page - 1) * size)
        opened.write(b"\xff" * 100)


def _newer(file: Path) -> None:
    with create_analytics_db(file) as db:
        version = db.schema_version + 1
    _execute(
        file,
        f"PRAGMA user_version = {version}",
        f"INSERT INTO devflow_migrations VALUES ({version}, 'next', '', {version}, 0, 0, '')",
    )


def _edited_history(file: Path) -> None:
    _ours(file, "DELETE FROM devflow_migrations WHERE version = 1")


def _ledger_without_types(file: Path) -> None:
    _ours(
        file,
        "DROP TABLE devflow_migrations",
        "CREATE TABLE devflow_migrations (version, name, checksum, compatible_with)",
    )


def _impossible_version(file: Path) -> None:
    _ours(file, "PRAGMA user_version = -1", "DELETE FROM devflow_migrations")


def _newer_sql(file: Path) -> None:
    _ours(
        file,
        "PRAGMA writable_schema = ON",
        "INSERT INTO sqlite_schema VALUES ('view', 'v', 'v', 0, 'CREATE VIEW v AS EMIT 1')",
    )


def _strange_journal(file: Path) -> None:
    _ours(file)
    Path(f"{file}-wal").write_bytes(TEXT)


def _journal_alone(file: Path) -> None:
    with create_analytics_db(file) as db, closing(db.connect()) as connection:
        connection.execute("INSERT INTO sessions (id, started_at) VALUES ('s', 1)")
        content = Path(f"{file}-wal").read_bytes()
    file.unlink()
    Path(f"{file}-wal").write_bytes(content)


_COPIED: Mapping[str, Error] = {"backup": None}
_COPIED_AND_TOLD: Mapping[str, Error] = {"backup": None, "check": None}
"""`check` returns what is wrong as a finding."""

_CATALOGUE = (
    BrokenFile("a single byte", _single_byte, NotAnAnalyticsDatabaseError),
    BrokenFile("a text file", _text, NotAnAnalyticsDatabaseError),
    BrokenFile("a directory", _directory, CannotCreateError),
    BrokenFile("a pipe", _pipe, CannotCreateError),
    BrokenFile("a dangling link", _dangling_link, CannotCreateError),
    BrokenFile("a link to itself", _link_to_itself, CannotCreateError),
    BrokenFile("another program's file", _another_programs, NotAnAnalyticsDatabaseError),
    BrokenFile("another program's file with its id", _with_its_id, NotAnAnalyticsDatabaseError),
    BrokenFile(
        "another program's id and no tables",
        _with_an_id_and_no_tables,
        NotAnAnalyticsDatabaseError,
    ),
    BrokenFile(
        "another program's file with a version", _with_a_version, NotAnAnalyticsDatabaseError
    ),
    BrokenFile("another program's file in WAL mode", _in_wal_mode, NotAnAnalyticsDatabaseError),
    BrokenFile("a file cut in half", _cut_in_half, CorruptDatabaseError),
    BrokenFile("a file cut within its header", _cut_within_its_header, CorruptDatabaseError),
    BrokenFile("a damaged magic string", _damaged_magic, NotAnAnalyticsDatabaseError),
    BrokenFile("a damaged page size", _damaged_page_size, NotAnAnalyticsDatabaseError),
    BrokenFile("a damaged schema", _damaged_schema, CorruptDatabaseError),
    BrokenFile(
        "damaged rows",
        _damaged_rows,
        None,
        {"backup": CorruptDatabaseError, "restore": CorruptDatabaseError},
    ),
    BrokenFile("a newer file", _newer, IncompatibleSchemaError, _COPIED),
    BrokenFile("an edited history", _edited_history, TamperedMigrationError, _COPIED_AND_TOLD),
    BrokenFile(
        "a ledger without types", _ledger_without_types, TamperedMigrationError, _COPIED_AND_TOLD
    ),
    BrokenFile(
        "an impossible version", _impossible_version, TamperedMigrationError, _COPIED_AND_TOLD
    ),
    BrokenFile("a view in newer SQL", _newer_sql, IncompatibleSQLiteError),
    BrokenFile("a strange journal", _strange_journal, CannotCreateError),
    BrokenFile("a journal without its file", _journal_alone, CannotCreateError),
)

BROKEN_FILES: Final[Mapping[str, BrokenFile]] = MappingProxyType(
    {broken.name: broken for broken in _CATALOGUE}
)
"""Every kind of broken, foreign or odd file, by its name."""
