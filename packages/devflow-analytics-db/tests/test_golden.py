"""Files as each released schema version left them, kept for good: today's code takes every one.

``just golden`` makes that of a new version, which the version's release adds.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pony.orm import db_session

from devflow_analytics_db import check, create_analytics_db, migrate, status
from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.schema.structure import structure

if TYPE_CHECKING:
    from collections.abc import Callable

    from devflow_analytics_db.schema.structure import Structure

    Sql = Callable[..., list[tuple[Any, ...]]]

GOLDEN = Path(__file__).with_name("golden")
VERSIONS = range(1, latest_version() + 1)

SIZES = {
    "sessions": 3,
    "tool_calls": 4,
    "__drizzle_migrations": 1,
    "import_cursors": 2,
    "import_exclusions": 2,
    "import_floor": 1,
}
"""How many rows each table of a golden file has, if it has that table."""


@pytest.fixture(params=VERSIONS, ids="v{}".format)
def golden(request: pytest.FixtureRequest, file: Path) -> Path:
    """A copy of a golden file, where the database belongs."""
    file.parent.mkdir()
    shutil.copyfile(GOLDEN / f"v{request.param}.db", file)
    return file


def structure_of(file: Path) -> Structure:
    with closing(sqlite3.connect(file)) as connection:
        return structure(connection)


def columns_of(sql: Sql, file: Path) -> dict[str, str]:
    """The columns of each table as they are now: later versions may add to them."""
    tables = sql(
        file,
        "SELECT name, iif(wr, '', 'rowid, ') FROM pragma_table_list WHERE schema = 'main'"
        " AND type = 'table' AND name NOT GLOB 'sqlite_*' AND name <> 'devflow_migrations'",
    )
    return {
        table: rowid
        + ", ".join(name for (name,) in sql(file, "SELECT name FROM pragma_table_info(?)", table))
        for table, rowid in tables
    }


def rows_of(sql: Sql, file: Path, columns: dict[str, str]) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: sql(file, f"SELECT {names} FROM {table} ORDER BY 1")
        for table, names in columns.items()
    }


def test_every_released_version_has_its_golden_file() -> None:
    assert {path.name for path in GOLDEN.glob("*.db")} == {f"v{version}.db" for version in VERSIONS}


def test_a_golden_file_becomes_what_a_new_file_is_with_every_row(
    golden: Path, tmp_path: Path, sql: Sql
) -> None:
    columns = columns_of(sql, golden)
    before = rows_of(sql, golden, columns)
    version = status().schema_version
    assert version is not None
    with create_analytics_db() as db:
        applied = db.changes.applied if db.changes else ()
        assert applied == tuple(range(version + 1, latest_version() + 1))
        db.connect().close()

    new = tmp_path / "new.db"
    create_analytics_db(new).close()
    assert structure_of(golden) == structure_of(new)
    ledger = "SELECT version, name, checksum, compatible_with FROM devflow_migrations"
    for same in (ledger, "PRAGMA application_id", "PRAGMA user_version", "PRAGMA journal_mode"):
        assert sql(golden, same) == sql(new, same)
    assert rows_of(sql, golden, columns) == before
    assert {table: len(rows) for table, rows in before.items()} == {
        table: SIZES[table] for table in before
    }
    assert check().findings == ()
    assert sql(golden, "PRAGMA quick_check") == [("ok",)]  # every row satisfies every new rule


def test_pony_reads_a_golden_file_that_was_upgraded(golden: Path) -> None:
    with create_analytics_db(golden) as db, db_session:
        calls = {call.id: call for call in db.ToolCall.select()}
        assert len(calls) == SIZES["tool_calls"]
        assert {call.session.id for call in calls.values()} < {
            session.id for session in db.Session.select()
        }
        assert calls[" c "].session.id == "ärger's “session”"
        assert calls[" c "].session.tool_count == 2**63 - 1


def test_a_golden_file_that_went_up_and_down_again_is_as_it_was(golden: Path, sql: Sql) -> None:
    version = status().schema_version
    columns = columns_of(sql, golden)
    before = structure_of(golden), rows_of(sql, golden, columns)
    create_analytics_db().close()
    migrate(to=version, allow_down=True)
    assert (structure_of(golden), rows_of(sql, golden, columns)) == before
