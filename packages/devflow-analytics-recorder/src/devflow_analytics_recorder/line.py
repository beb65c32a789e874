"""How a call is written down while it waits for the database: one line of JSON, an array.

Each line has all that its rows need, those of the call and of its session, so that any one can be
lost without harm to the others. The spools of a release are read by later ones: a change of
`FIELDS` is a new `VERSION`.
"""

from __future__ import annotations

import json
from functools import lru_cache

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

LARGEST = 2**63 - 1
"""The largest integer of SQLite's."""

LONGEST_NAME = 255
"""In characters; a longer name is cut. Nobody chose one so long for people to read."""


def clean_name(name: str | None) -> str | None:
    """Return a name as the database can keep it: no longer than `LONGEST_NAME`, valid UTF-8.

    What is not a character (half of a surrogate pair, NUL) becomes a replacement character.
    """
    if name is None or (name.isascii() and "\0" not in name and len(name) <= LONGEST_NAME):
        return name
    text = name[:LONGEST_NAME].replace("\0", "\ufffd")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def quoted(name: str | None) -> str:
    """Return a name as JSON, as the database can keep it.

    Raises:
        TypeError: it is no name.
    """
    if name is None:
        return "null"
    if not isinstance(name, str):
        raise TypeError(f"{type(name).__name__} is no name")
    # cut before it is remembered: a client may send names of any length
    return _quoted(name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME])


@lru_cache(maxsize=1024)
def _quoted(name: str) -> str:
    return json.dumps(clean_name(name))


def number(value: int | None, least: int = -LARGEST) -> str:
    """Return an integer as JSON; null if there is none, or if the database cannot keep it.

    Args:
        value: the integer.
        least: the smallest that the column may hold.

    Raises:
        ValueError, TypeError: it is no integer.
    """
    if value is None or not least <= value <= LARGEST:
        return "null"
    return str(int(value))


def session_part(  # noqa: PLR0913, PLR0917  one an element
    session_id: str,
    source: str,
    duration_kind: str,
    started_at: int,
    client: str | None,
    client_version: str | None,
    project: str | None,
) -> str:
    """Return the end of each line of a session, made once for all of them.

    Raises:
        TypeError: a name is none.
    """
    return (
        f',"{session_id}","{source}","{duration_kind}",{started_at},{quoted(client)},'
        f"{quoted(client_version)},{quoted(project)}]\n"
    )


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
