"""What DevFlow Analytics records: sessions, and the MCP tool calls made in them.

The tables themselves are made by the migrations of ``devflow-analytics-db``. This package says
what a row means and gives it to Python: as Pony entities (`define_entities`), as typed
dictionaries for code that speaks SQL (`ToolCallRow`, `NewToolCall`, `SessionRow`, `NewSession`),
and as the vocabulary both share (`ToolCallStatus`, `CallSource`, `ErrorKind`, `DurationKind`,
`new_id`).

Importing it costs little: Pony itself is imported by the first call of `define_entities`, and the
row types, which need typing-extensions before Python 3.12, when one is first asked for.
"""

from devflow_analytics_schema.entities import Entities, define_entities
from devflow_analytics_schema.ids import new_id
from devflow_analytics_schema.kinds import CallSource, DurationKind, ErrorKind
from devflow_analytics_schema.status import ToolCallStatus
from devflow_analytics_schema.typed import Query, Session, ToolCall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devflow_analytics_schema.rows import (
        DurationKindLike,
        ErrorKindLike,
        NewSession,
        NewToolCall,
        SessionRow,
        SourceLike,
        StatusLike,
        ToolCallRow,
    )

__all__ = [
    "CallSource",
    "DurationKind",
    "DurationKindLike",
    "Entities",
    "ErrorKind",
    "ErrorKindLike",
    "NewSession",
    "NewToolCall",
    "Query",
    "Session",
    "SessionRow",
    "SourceLike",
    "StatusLike",
    "ToolCall",
    "ToolCallRow",
    "ToolCallStatus",
    "define_entities",
    "new_id",
]

_ROWS = {
    *("NewSession", "NewToolCall", "SessionRow", "ToolCallRow"),
    *("DurationKindLike", "ErrorKindLike", "SourceLike", "StatusLike"),
}


def __getattr__(name: str) -> object:
    if name not in _ROWS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from devflow_analytics_schema import rows  # noqa: PLC0415  seldom needed

    value: object = getattr(rows, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
