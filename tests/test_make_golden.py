"""`just golden`: the file that a release keeps for the tests of the next ones."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.schema.structure import structure

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "packages/devflow-analytics-db/tests/golden"


def make_golden(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "tools/make_golden.py", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def state_of(file: Path) -> tuple[object, ...]:
    # read-only: a missing file is not made, which `just golden` would then refuse to make
    read_only = f"{file.as_uri()}?mode=ro"
    with closing(sqlite3.connect(read_only, uri=True)) as connection:
        tables = connection.execute(  # but the ledger, which has the time
            "SELECT name, iif(wr, '*', 'rowid, *') FROM pragma_table_list"
            " WHERE schema = 'main' AND type = 'table'"
            " AND name NOT GLOB 'sqlite_*' AND name <> 'devflow_migrations' ORDER BY name"
        ).fetchall()
        queries = [f"SELECT {columns} FROM {table} ORDER BY 1" for table, columns in tables]
        return structure(connection), *(connection.execute(sql).fetchall() for sql in queries)


@pytest.mark.parametrize("version", range(1, latest_version() + 1))
def test_a_golden_file_made_today_is_like_the_one_that_is_kept(
    version: int, tmp_path: Path
) -> None:
    done = make_golden(version, tmp_path)
    made = tmp_path / f"v{version}.db"
    assert done.stdout == f"Made {made}. Commit it with the migration.\n", done
    assert [*tmp_path.glob("v*")] == [made]
    assert state_of(made) == state_of(GOLDEN / made.name)
    kept = (GOLDEN / "migrations.sha256").read_text().splitlines()
    assert (tmp_path / "migrations.sha256").read_text().splitlines() == [kept[version - 1]]


def test_a_golden_file_is_never_made_anew(tmp_path: Path) -> None:
    file = tmp_path / f"v{latest_version()}.db"
    file.write_text("kept")
    done = make_golden(latest_version(), tmp_path)
    assert (done.returncode, file.read_text()) == (1, "kept")
    assert done.stderr == f"{file} exists: a golden file is made once, for its release.\n"
