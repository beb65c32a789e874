"""How a call is written down while it waits for the database: one line of JSON, an array.

Each line has all that its rows need, those of the call and of its session, so that any one can be
lost without harm to the others. The spools of a release are read by later ones: a change of
`FIELDS` is a new `VERSION`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = 1

FIELDS = (
    "version",
    # the call
    "id",
    "tool_name",
    "duration_ms",
    "status",
    "error_type",
    "timestamp",
    "agent",
    "error_kind",
    "error_code",
    "request_bytes",
    "result_bytes",
    "started_ms",
    "server",
    # what all calls of a session have in common
    "session_id",
    "source",
    "duration_kind",
    # the session
    "session_started_at",
    "client",
    "client_version",
    "project",
)
"""The elements of a line, in their order."""

CALL_FIELDS = FIELDS.index("session_id")
"""How many of them, from the first, are the call's own."""

LONGEST_NAME = 255
"""In characters; a longer name is cut. Nobody chose one so long for people to read."""

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def clean(name: str | None) -> str | None:
    """Return a name as the database can keep it: no longer than `LONGEST_NAME`, valid UTF-8.

    What is not a character (half of a surrogate pair, NUL) becomes a replacement character.
    """
    if name is None or (name.isascii() and "\0" not in name and len(name) <= LONGEST_NAME):
        return name
    text = name[:LONGEST_NAME].replace("\0", "\ufffd")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def session_part(values: Sequence[str | int | None]) -> str:
    """Return the end of each line of a session, made once for all of them."""
    return f",{_encode(list(values))[1:]}\n"


def line(call: Sequence[str | float | None], session: str) -> bytes:
    """Return the line of a call.

    Args:
        call: the values of its own fields, as `FIELDS` has them, beginning with `VERSION`.
        session: what `session_part` made.

    Raises:
        ValueError: a number is infinite or none.
    """
    return f"{_encode(call)[:-1]}{session}".encode()


def is_sound(found: bytes) -> bool:
    """Tell whether a line is what `line` makes: whole, and of this version."""
    try:
        values = json.loads(found.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return (
        isinstance(values, list)
        and len(values) == len(FIELDS)
        and values[0] == VERSION
        and not any(isinstance(value, (list, dict)) for value in values)
    )


def _refuse(constant: str) -> None:
    raise ValueError(constant)
