"""The Pony entities describe the tables that the migrations make."""

from __future__ import annotations

import runpy
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pony.orm import Database, Optional, Required

from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.migrations.migration import build
from devflow_analytics_db.schema.structure import structure
from devflow_analytics_schema import define_entities

if TYPE_CHECKING:
    from collections.abc import Callable

    from devflow_analytics_db.schema.structure import Structure

TOOL = runpy.run_path(str(Path(__file__).resolve().parent.parent / "tools" / "compare_entities.py"))


def differences(change: Callable[[Any, Any, Any], object], made: Structure) -> list[str]:
    """The differences once something is added to the entities."""
    database = Database()
    session, call = define_entities(database)
    change(database, session, call)
    return sorted(TOOL["in_entities"](TOOL["describe"](database), made))


def test_the_entities_are_what_the_migrations_make() -> None:
    assert differences(lambda *_: None, TOOL["in_migrations"]()) == []


def test_a_table_of_the_entities_that_no_migration_makes_is_named() -> None:
    def add(database: Any, *_: Any) -> None:
        class Mood(database.Entity):
            _table_ = "moods"
            name = Required(str)
            note = Optional(str)

    assert differences(add, TOOL["in_migrations"]()) == [
        "table moods is there in the entities, and no migration makes it."
    ]


def made_anew(*changes: tuple[str, str]) -> str:
    """What makes tool_calls anew as it is in the newest version, but for these changes."""
    with closing(build(latest_version())) as connection:
        made = connection.execute(
            "SELECT sql FROM sqlite_schema WHERE tbl_name = 'tool_calls' AND sql IS NOT NULL"
        ).fetchall()
    text = "".join(f"{statement};\n" for (statement,) in made)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return f"DROP TABLE tool_calls;\n{text}"


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        (
            "ALTER TABLE tool_calls DROP COLUMN error_type;",
            ["column tool_calls.error_type is TEXT in the entities, and no migration makes it."],
        ),
        (
            "ALTER TABLE sessions ADD COLUMN mood TEXT;",
            ["column sessions.mood is made by the migrations, and no entity has it."],
        ),
        (
            "DROP INDEX timestamp_tool_name_idx;",
            [
                (
                    "index ON tool_calls (timestamp, tool_name) is there in the entities, and no"
                    " migration makes it."
                )
            ],
        ),
        (
            made_anew(
                ("duration_ms REAL", "duration_ms INTEGER"),
                ("status TEXT NOT NULL", "status TEXT"),
                (" ON DELETE CASCADE", ""),
                ("_idx ON", "_of_another_name ON"),
            ),
            [
                (
                    "column tool_calls.duration_ms is REAL NOT NULL in the entities, and INTEGER"
                    " NOT NULL in what migrations make."
                ),
                (
                    "column tool_calls.status is TEXT NOT NULL in the entities, and TEXT in what"
                    " migrations make."
                ),
                (
                    "foreign key tool_calls.session_id is to sessions.id ON UPDATE NO ACTION"
                    " ON DELETE CASCADE in the entities, and to sessions.id ON UPDATE NO ACTION"
                    " ON DELETE NO ACTION in what migrations make."
                ),
            ],
        ),
    ],
)
def test_entities_that_are_not_what_the_migrations_make_are_named(
    change: str, sentences: list[str]
) -> None:
    with closing(build(latest_version())) as connection:
        connection.executescript(change)
        made = structure(connection)
    assert differences(lambda *_: None, made) == sentences
