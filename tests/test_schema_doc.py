"""docs/schema.md: its questions run, and SQLite answers them in the way that is shown."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import create_analytics_db

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "schema.md").read_text()
QUESTIONS = re.findall(r"```sql\n(.*?)```\n\n```text\n(.*?)```\n", PAGE, re.DOTALL)
HEADINGS = [
    re.findall(r"^#+ (.+)", PAGE[: PAGE.index(question)], re.MULTILINE)[-1]
    for question, _ in QUESTIONS
]
TABLE = r"^\| `(\w+)` \| type \| meaning \|\n((?:\|.*\n)+)"
WORDED_BY = (3, 40)
"""The SQLite that the plans were copied from; others say some steps in other words."""

DAY = 86400


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    now = int(time.time())
    sessions = [("old", now - 100 * DAY, now - 100 * DAY + 60, 1), ("new", now - 60, None, 0)]
    calls = [
        ("1", "git-log", 9.5, "success", None, now - 100 * DAY, "old"),
        ("2", "git-log", 12.5, "success", None, now - 40, "new"),
        ("3", "git-log", 14.0, "error", "GitError", now - 30, "new"),
        ("4", "fetch", 30_000.0, "timeout", None, now - 1, "new"),
    ]
    with create_analytics_db() as db, closing(db.connect()) as connection:
        connection.executemany(
            "INSERT INTO sessions (id, started_at, ended_at, tool_count) VALUES (?, ?, ?, ?)",
            sessions,
        )
        connection.executemany(
            "INSERT INTO tool_calls"
            " (id, tool_name, duration_ms, status, error_type, timestamp, session_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            calls,
        )
        yield connection


def plan(connection: sqlite3.Connection, question: str) -> str:
    return "".join(f"{step}\n" for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {question}"))


def ways(plan: str) -> list[tuple[str, str, str, str]]:
    """Return how each table is gone through, and by which index: what makes a plan good or bad."""
    how = r"^(SCAN|SEARCH) (\w+)(?: USING (COVERING )?INDEX (\w+))?"
    return sorted(re.findall(how, plan, re.MULTILINE))


def test_every_question_has_its_plan() -> None:
    assert len(QUESTIONS) == PAGE.count("```sql\n") >= 12


@pytest.mark.parametrize(("question", "shown"), QUESTIONS, ids=HEADINGS)
def test_a_question_is_answered_by_the_indexes_that_are_shown(
    connection: sqlite3.Connection, question: str, shown: str
) -> None:
    assert ways(plan(connection, question)) == ways(shown) != []
    if sqlite3.sqlite_version_info[:2] == WORDED_BY:
        assert plan(connection, question) == shown


@pytest.mark.parametrize("question", [question for question, _ in QUESTIONS], ids=HEADINGS)
def test_a_question_has_an_answer(connection: sqlite3.Connection, question: str) -> None:
    before = connection.total_changes
    assert connection.execute(question).fetchall() or connection.total_changes > before


def test_deleting_old_sessions_deletes_their_calls_alone(connection: sqlite3.Connection) -> None:
    (delete,) = [question for question, _ in QUESTIONS if question.startswith("DELETE")]
    connection.execute(delete)
    assert connection.execute("SELECT id FROM tool_calls").fetchall() == [("2",), ("3",), ("4",)]


def test_every_index_answers_a_question_and_the_one_with_two_columns_only_one() -> None:
    used = [index for _, shown in QUESTIONS for *_, index in ways(shown)]
    listed = re.findall(r"^\| `(\w+_idx)` \|", PAGE, re.MULTILINE)
    assert set(listed) == set(used) - {""}
    assert used.count("timestamp_tool_name_idx") == 1


def test_the_page_describes_every_table_column_and_index(connection: sqlite3.Connection) -> None:
    described = {
        table: re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE)
        for table, rows in re.findall(TABLE, PAGE, re.MULTILINE)
    }
    tables = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '*_migrations'"
    ).fetchall()
    assert described == {
        table: [
            column
            for (column,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
        ]
        for (table,) in tables
    }
    names = connection.execute(
        "SELECT name FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*'"
    ).fetchall()
    assert [name for (name,) in names if f"`{name}`" not in PAGE] == []
