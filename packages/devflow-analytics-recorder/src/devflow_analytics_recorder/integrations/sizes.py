"""How many bytes arguments and results are as JSON, at little cost."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ToJson(Protocol):
    """`pydantic_core.to_json`: compact JSON in UTF-8, of models too."""

    def __call__(
        self,
        value: object,
        *,
        by_alias: bool = ...,
        exclude_none: bool = ...,
        exclude: set[str] | None = ...,
    ) -> bytes:
        """Return a value as JSON."""
        ...


LONG = 65_536
"""From how many characters on a text is measured instead of encoded: encoding takes 0.5 µs a KiB
of plain text, and eight times that where much is escaped."""

_BULK = ("text", "data")
"""Where the content blocks of a result hold what may be long: plain text, and base64."""

_NO_JSON = (TypeError, ValueError, RecursionError)
"""What is raised for a value that JSON cannot hold."""

_SHORT_ESCAPES = '"\\\n\r\t'
"""Characters which JSON writes as two."""


class Sizes:
    """Measures what the given server receives and returns.

    A size is what the value's compact JSON is in UTF-8: no spaces, only what must be escaped
    is, and what is not set is left out, as on a stdio connection. Over HTTP the same result may be
    a little longer. Of texts longer than `LONG`, control characters other than newline, return
    and tab count as one byte, not six.
    """

    def __init__(self) -> None:
        # what every version of mcp writes its messages with, so it is imported already
        self._to_json = cast("ToJson", importlib.import_module("pydantic_core").to_json)

    def arguments(self, arguments: object) -> int | None:
        """Return the size of a call's arguments, in bytes; 0 where none were sent.

        None if they are no JSON.
        """
        try:
            return 0 if arguments is None else len(self._to_json(arguments))
        except _NO_JSON:
            return None

    def result(self, result: object, content: Sequence[object]) -> int | None:
        """Return the size of a result, in bytes; None if it is no JSON, and cannot be sent.

        Args:
            result: the result, as a model or as the object that is sent.
            content: its content blocks.
        """
        try:
            return self._result(result, content)
        except _NO_JSON:
            return None

    def _result(self, result: object, content: Sequence[object]) -> int:
        if not any(_is_long(block) for block in content):
            return len(self._to_json(result, by_alias=True, exclude_none=True))
        frame = len(self._rest(result, "content")) + len(',"content":[]') + len(content) - 1
        return frame + sum(self._block(block) for block in content)

    def _block(self, block: object) -> int:
        if not _is_long(block):
            return len(self._to_json(block, by_alias=True, exclude_none=True))
        size = len(self._rest(block, *_BULK))
        fields = fields_of(block)
        for name in _BULK:
            text = fields.get(name)
            if isinstance(text, str):
                size += len(f',"{name}":""') + _string_size(text)
        return size

    def _rest(self, value: object, *without: str) -> bytes:
        if isinstance(value, dict):
            rest = {name: each for name, each in value.items() if name not in without}
            return self._to_json(rest)
        return self._to_json(value, by_alias=True, exclude_none=True, exclude=set(without))


def _is_long(block: object) -> bool:
    fields = fields_of(block)
    for name in _BULK:
        text = fields.get(name)
        if isinstance(text, str) and len(text) > LONG:
            return True
    return False


def fields_of(value: object) -> Mapping[str, object]:
    """Return the fields of an object that is sent, or of the model of one.

    Asking a model for an attribute that it has not takes longer than all else that a call costs.
    """
    if isinstance(value, dict):
        return cast("Mapping[str, object]", value)
    return cast("Mapping[str, object]", getattr(value, "__dict__", {}))


def _string_size(text: str) -> int:
    """Return how many bytes a text is in a JSON string, without the quotes."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return size + sum(text.count(character) for character in _SHORT_ESCAPES)
