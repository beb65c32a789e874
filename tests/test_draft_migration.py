"""`just migration`: from changed entities to a migration that the engine takes, and back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db.migrations import latest_version

if TYPE_CHECKING:
    from collections.abc import Callable

NEWEST = latest_version()

pytest.importorskip("sqlite_utils", reason="needs the dependency group 'tools'")

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = Path("packages/devflow-analytics-schema/src/devflow_analytics_schema/entities.py")
MIGRATIONS = Path("packages/devflow-analytics-db/src/devflow_analytics_db/migrations")

# A file with rows goes up to what was drafted and down again; each time all must fit.
THERE_AND_BACK = """
import sqlite3, sys
from contextlib import closing
from devflow_analytics_db import check, create_analytics_db, migrate
from devflow_analytics_db.schema.structure import structure

def state():
    with closing(sqlite3.connect(sys.argv[1])) as connection:
        return structure(connection), [
            connection.execute(f"SELECT rowid, {columns} FROM {table} ORDER BY rowid").fetchall()
            for table, columns in (
                ("sessions", "id, started_at, ended_at, tool_count"), ("tool_calls", sys.argv[2])
            )
        ]

newest = int(sys.argv[3])
create_analytics_db(sys.argv[1]).close()
migrate(sys.argv[1], to=newest, allow_down=True)
with closing(sqlite3.connect(sys.argv[1])) as connection, connection:
    connection.execute("INSERT INTO sessions (id, started_at, tool_count) VALUES ('s', 1, 2)")
    connection.execute("INSERT INTO tool_calls"
        " (id, tool_name, duration_ms, status, error_type, timestamp, session_id) VALUES"
        " ('1', 'a', 5, 'error', 'E', 2, 's'),"
        " ('2', 'b', 7, 'success', NULL, 3, 's')")
before = state()
up = migrate(sys.argv[1])
assert up.applied == (newest + 1,), up
assert not check(sys.argv[1]).findings, check(sys.argv[1])
assert state()[1] == before[1]
print(up.backup is not None)
migrate(sys.argv[1], to=newest, allow_down=True)
assert state() == before
"""

ALL = "id, tool_name, duration_ms, status, error_type, timestamp, session_id"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A copy of the packages and the tools, in which a maintainer may change what they like."""
    workspace = tmp_path / "workspace"
    ignored = shutil.ignore_patterns("__pycache__", "tests")
    for folder in ("tools", "packages/devflow-analytics-schema", "packages/devflow-analytics-db"):
        shutil.copytree(ROOT / folder, workspace / folder, ignore=ignored)
    return workspace


@pytest.fixture
def python(workspace: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Python with the packages of the workspace."""
    source = [str(workspace / SCHEMA.parents[1]), str(workspace / MIGRATIONS.parents[1])]

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=workspace,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(source)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


def change(workspace: Path, *replacements: tuple[str, str]) -> None:
    file = workspace / SCHEMA
    text = file.read_text()
    for old, new in replacements:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file.write_text(text)


ENDED_AT = "        ended_at = Optional(int, **integer)\n"
ERROR_TYPE = "        error_type = Optional(str, nullable=True, **text)\n"
CALLS = '        tool_calls = Set("ToolCall", cascade_delete=True)\n'
COMPOSITE = "        composite_index(timestamp, tool_name)\n"

COLUMN = f"""\
-- Say here what this is for, and why it is done in this way.
--
-- compatible-with: {NEWEST}

-- migrate:up

ALTER TABLE sessions ADD COLUMN mood TEXT;

-- migrate:down

ALTER TABLE sessions DROP COLUMN mood;
"""

TABLE = f"""\
-- Say here what this is for, and why it is done in this way.
--
-- compatible-with: {NEWEST}

-- migrate:up

CREATE TABLE moods (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  created_at INTEGER
) STRICT;

ALTER TABLE sessions ADD COLUMN mood INTEGER REFERENCES moods (id) ON DELETE SET NULL;

CREATE INDEX mood_name_idx ON moods (name);

CREATE INDEX idx_sessions__mood ON sessions (mood);

-- migrate:down

DROP INDEX mood_name_idx;

DROP INDEX idx_sessions__mood;

ALTER TABLE sessions DROP COLUMN mood;

DROP TABLE moods;
"""

INDEX = """\
-- Say here what this is for, and why it is done in this way.

-- migrate:up

DROP INDEX timestamp_tool_name_idx;

CREATE INDEX error_type_idx ON tool_calls (error_type);

-- migrate:down

DROP INDEX error_type_idx;

CREATE INDEX timestamp_tool_name_idx ON tool_calls (timestamp, tool_name);
"""

REQUIRED_COLUMN = f"""\
-- Say here what this is for, and why it is done in this way.
--
-- compatible-with: {NEWEST}

-- migrate:up

ALTER TABLE sessions ADD COLUMN weather TEXT NOT NULL DEFAULT 'nobody''s';

-- migrate:down

ALTER TABLE sessions DROP COLUMN weather;
"""


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ([(ENDED_AT, f"{ENDED_AT}        mood = Optional(str, nullable=True)\n")], COLUMN),
        (
            [
                (CALLS, f'{CALLS}        mood = Optional("Mood")\n'),
                (
                    "    class ToolCall(",
                    (
                        '    class Mood(db.Entity):\n        _table_ = "moods"\n\n'
                        '        name = Required(str, index="mood_name_idx")\n'
                        "        created_at = Optional(int, **integer)\n"
                        '        sessions = Set("Session")\n\n    class ToolCall('
                    ),
                ),
            ],
            TABLE,
        ),
        (
            [
                (COMPOSITE, ""),
                (
                    ERROR_TYPE,
                    ERROR_TYPE.replace("nullable=True", 'nullable=True, index="error_type_idx"'),
                ),
            ],
            INDEX,
        ),
        (
            [(ENDED_AT, f"""{ENDED_AT}        weather = Required(str, default="nobody's")\n""")],
            REQUIRED_COLUMN,
        ),
    ],
    ids=["column", "table", "index", "required column"],
)
def test_what_is_added_or_dropped_is_written_out(
    changes: list[tuple[str, str]],
    text: str,
    workspace: Path,
    tmp_path: Path,
    python: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    change(workspace, *changes)
    done = python("tools/draft_migration.py", "next")
    path = workspace / MIGRATIONS / f"{NEWEST + 1:04}_next.sql"
    shown = path.relative_to(workspace)
    told = f"Drafted {shown}. Read it, then run 'uv run just docs' and 'uv run just test'.\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, told, "")
    assert path.read_text() == text
    done = python("-c", THERE_AND_BACK, tmp_path / "a.db", ALL, str(NEWEST))
    backs_up = "compatible-with" not in text
    assert (done.returncode, done.stdout) == (0, f"{backs_up}\n"), done.stderr


@pytest.mark.parametrize(
    ("changes", "columns"),
    [
        ([("duration_ms = Required(float,", "duration_ms = Required(int,")], ALL),
        ([("cascade_delete=True", "cascade_delete=False")], ALL),
        (
            [(ERROR_TYPE, '        error_type = Required(str, default="none")\n')],
            "id, tool_name, duration_ms, status, nullif(error_type, 'none'), timestamp, session_id",
        ),
        ([("ended_at = Optional(int, **integer)", "ended_at = Optional(float)")], ALL),
        (
            [
                ("tool_calls = Set(", "note = Optional(str)\n        calls = Set("),
                (', column="session_id"', ', reverse="calls", column="session_id"'),
                ("ended_at = Optional(int, **integer)", "ended_at = Optional(float)"),
            ],
            ALL,
        ),
    ],
    ids=["type", "cascade", "required", "optional type", "more and another type"],
)
def test_what_sqlite_cannot_alter_is_rebuilt(
    changes: list[tuple[str, str]],
    columns: str,
    workspace: Path,
    tmp_path: Path,
    python: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    change(workspace, *changes)
    done = python("tools/draft_migration.py", "next")
    assert done.returncode == 0, done
    assert "by hand" not in done.stdout
    done = python("-c", THERE_AND_BACK, tmp_path / "a.db", columns, str(NEWEST))
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ([], "the migrations make what the entities describe."),
        (
            [(ENDED_AT, f"{ENDED_AT}        mood = Required(str)\n")],
            (
                "sessions.mood is required, and the rows that are there have none. Give the"
                " attribute a default, or make it Optional."
            ),
        ),
        (
            [("        status = Required(str, **one_of(ToolCallStatus))\n", "")],
            "Cannot drop column 'status': it is used by CHECK constraint 'status_known'",
        ),
        (
            [(ENDED_AT, f"{ENDED_AT}        mood = Optional(bool)\n")],
            'unknown datatype for sessions.mood: "BOOLEAN"',
        ),
    ],
    ids=["nothing", "required without a default", "checked", "no type of STRICT"],
)
def test_what_cannot_be_drafted_is_said(
    changes: list[tuple[str, str]],
    sentence: str,
    workspace: Path,
    python: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    change(workspace, *changes)
    before = sorted((workspace / MIGRATIONS).glob("[!_]*"))  # without what Python compiles
    done = python("tools/draft_migration.py", "next")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Nothing was drafted: {sentence}\n"
    assert sorted((workspace / MIGRATIONS).glob("[!_]*")) == before


@pytest.mark.parametrize("name", ["", "Add Projects", "../evil", "add__x", "3rd"])
def test_a_name_must_be_one(
    name: str, python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = python("tools/draft_migration.py", name)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{name!r} is no name for a migration.")


def test_what_a_draft_leaves_to_do_is_said(
    workspace: Path, python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (workspace / MIGRATIONS / f"{NEWEST + 1:04}_add_note.sql").write_text(
        "-- migrate:up\nALTER TABLE sessions ADD COLUMN note TEXT CHECK (note <> '');\n"
        "-- migrate:down\nALTER TABLE sessions DROP COLUMN note;\n"
    )
    done = python("tools/draft_migration.py", "drop_note")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:] == [
        (
            "It leaves to be written by hand: constraint CHECK (note <> '') of sessions is missing;"
            " it should be CHECK (note <> '')."
        )
    ]
