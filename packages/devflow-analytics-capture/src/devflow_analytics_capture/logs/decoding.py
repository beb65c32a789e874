"""Turns a line of JSON into the few fields of it that an importer declares, and nothing else.

msgspec builds only what a ``Struct`` declares: arguments and results never become objects. Where
it is too strict (bytes that are no UTF-8, half a surrogate pair, control characters), Python's own
``json`` reads the line.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from msgspec.json import Decoder

Fields = TypeVar("Fields")


class MalformedError(ValueError):
    """A line is no JSON, or not of the shape that it should have."""


def decode(content: bytes | memoryview, decoder: Decoder[Fields]) -> Fields:
    """Return the fields of a JSON document.

    Args:
        content: the document.
        decoder: what decodes it, made once for its type.

    Raises:
        MalformedError: it is no JSON, or a field is of another type.
    """
    try:
        return decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        text = bytes(content).decode(errors="replace")
        document = json.loads(text, strict=False, parse_constant=lambda _: None)
        text = json.dumps(document, ensure_ascii=False)
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return decoder.decode(whole)
    except (ValueError, RecursionError, msgspec.DecodeError):
        # not chained: it would quote what is private
        raise MalformedError from None


def unix_ms(time: str | float | None) -> int | None:
    """Return a time in Unix milliseconds; None if it is none.

    Args:
        time: in the format of ISO 8601, or in Unix milliseconds already.
    """
    if isinstance(time, (int, float)):
        return int(time) if abs(time) < 2**53 else None
    if not time:
        return None
    try:
        moment = datetime.fromisoformat(time)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
