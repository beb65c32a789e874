"""The entities, defined on a Pony ``Database`` of the caller's.

    sessions 1 ── n tool_calls        tool_calls.session_id → sessions.id, ON DELETE CASCADE

A tool call belongs to exactly one session and cannot exist without it; a session that is deleted
takes its calls along, whether Pony deletes it or plain SQL does.

Pony binds a ``Database`` to one file for good, so module-level entities would allow one file a
process. `define_entities` makes a fresh pair for each.

These classes describe the tables and do not create them. The tables come from the numbered SQL
files of ``devflow-analytics-db``, and a change of the schema is made in both places: change the
entity here, add the migration there: ``uv run just migration NAME`` drafts it, and
docs/migrations.md goes through the whole change. A released migration never changes.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from devflow_analytics_schema import typed
from devflow_analytics_schema.ids import new_id
from devflow_analytics_schema.kinds import CallSource, DurationKind, ErrorKind
from devflow_analytics_schema.status import ToolCallStatus

if TYPE_CHECKING:
    from enum import StrEnum

    from pony.orm import Database
else:
    Database = Any  # so that typing.get_type_hints() finds something, without Pony's import


class Entities(NamedTuple):
    """The entity classes of one database."""

    Session: type[typed.Session]
    ToolCall: type[typed.ToolCall]


def define_entities(db: Database) -> Entities:
    """Define `Session` and `ToolCall` on a Pony database, bound already or not.

    The caller binds ``db`` and generates its mapping. Reading and writing go on inside Pony's
    ``db_session``, as always with Pony.

    Raises:
        pony.orm.ERDiagramError: the database has entities of these names already.
    """
    # Not at the top: who wants the row types alone need not wait for Pony's import.
    from pony.orm import Optional, PrimaryKey, Required, Set, composite_index  # noqa: PLC0415

    # Pony's own type for a 64-bit integer is BIGINT, which a STRICT table does not know.
    integer = {"size": 64, "sql_type": "INTEGER"}
    # Pony strips white space from strings unless told not to; a record is kept as it came.
    text = {"autostrip": False}

    def one_of(values: type[StrEnum]) -> dict[str, Any]:
        # Stripped after all: that makes an enum member its plain string, as it will be read back.
        return {"py_check": frozenset(value.value for value in values).__contains__}

    def not_negative(number: int) -> bool:
        return number >= 0

    class Session(db.Entity, typed.Session):  # type: ignore[misc]  # Pony's Entity has no type
        _table_ = "sessions"

        id = PrimaryKey(str, default=new_id, **text)
        started_at = Required(int, **integer)
        ended_at = Optional(int, **integer)
        tool_count = Required(int, default=0, py_check=not_negative, **integer)
        client = Optional(str, nullable=True, **text)
        client_version = Optional(str, nullable=True, **text)
        project = Optional(str, nullable=True, **text)
        tool_calls = Set("ToolCall", cascade_delete=True)

    class ToolCall(db.Entity, typed.ToolCall):  # type: ignore[misc]  # Pony's Entity has no type
        _table_ = "tool_calls"

        id = PrimaryKey(str, default=new_id, **text)
        tool_name = Required(str, index="tool_name_idx", **text)
        duration_ms = Required(float, py_check=lambda ms: 0 <= ms < inf)
        status = Required(str, **one_of(ToolCallStatus))
        error_type = Optional(str, nullable=True, **text)
        timestamp = Required(int, index="timestamp_idx", **integer)
        session = Required(Session, column="session_id", index="session_id_idx")
        server = Optional(str, nullable=True, **text)
        agent = Optional(str, nullable=True, **text)
        source = Optional(str, nullable=True, **one_of(CallSource))
        error_kind = Optional(str, nullable=True, **one_of(ErrorKind))
        error_code = Optional(int, **integer)
        request_bytes = Optional(int, py_check=not_negative, **integer)
        result_bytes = Optional(int, py_check=not_negative, **integer)
        started_ms = Optional(int, **integer)
        duration_kind = Optional(str, nullable=True, **one_of(DurationKind))
        composite_index(timestamp, tool_name)

    return Entities(Session, ToolCall)
