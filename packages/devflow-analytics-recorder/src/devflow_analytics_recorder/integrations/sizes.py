"""How many bytes arguments and results are as JSON, at little cost."""

from __future__ import annotations

import importlib
import json
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
"""Up to how many characters a text is encoded to be measured. Ten million take 7 to 57 ms, which
about doubles what the server itself needs to write them, and the event loop waits."""

_SAMPLES = 16
"""At how many places a longer text is sampled."""

_BULK = ("text", "data")
"""Where the content blocks of a result hold what may be long: plain text, and base64."""

_FREE = {
    "structuredContent": "structuredContent",
    "structured_content": "structuredContent",
    "meta": "_meta",
    "_meta": "_meta",
}
"""The fields of a result that may hold anything, as models and as the wire call them."""

_NO_JSON = (TypeError, ValueError, RecursionError)
"""What is raised for a value that JSON cannot hold."""


class Sizes:
    """Measures what a server receives and returns.

    A size is how many bytes the compact JSON of a value is in UTF-8: no spaces, nothing escaped
    that need not be, and nothing that is not set. That is what a stdio connection carries; over
    HTTP the same result may be a little longer. The size of a text longer than `LONG` is an
    estimate, from `_SAMPLES` parts of it; all else is exact. Structured content is always
    encoded. It may hold anything, also what can be gone through only once: that is left alone, and
    the result then has no size.
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
        fields = fields_of(result)
        free = {
            name: _size_of_free(value)
            for field, name in _FREE.items()
            if (value := fields.get(field)) is not None
        }
        for block in content:
            meta = fields_of(block).get("meta", fields_of(block).get("_meta"))
            if meta is not None:
                _size_of_free(meta)  # to know that it can be gone through twice
        parts = [len(f'"{name}":') + size for name, size in free.items()]
        if any(_is_long(block) for block in content):
            frame = self._frame(result, "content", *_FREE)
            blocks = sum(self._block(block) for block in content) + len(content) - 1
            parts.append(len('"content":[]') + blocks)
        else:
            frame = self._frame(result, *_FREE)
        return frame - (not parts and frame > len("{}")) + sum(parts) + max(0, len(parts) - 1)

    def _block(self, block: object) -> int:
        if not _is_long(block):
            return len(self._to_json(block, by_alias=True, exclude_none=True))
        fields = fields_of(block)
        bulk = {name: text for name in _BULK if isinstance(text := fields.get(name), str)}
        size = self._frame(block, *bulk) + len(bulk) - 1
        return size + sum(len(f'"{name}":""') + self._text(text) for name, text in bulk.items())

    def _frame(self, value: object, *without: str) -> int:
        """Return the size of all but some fields, with a comma before what is to come."""
        if isinstance(value, dict):
            rest = self._to_json(
                {name: each for name, each in value.items() if name not in without}
            )
        else:
            rest = self._to_json(value, by_alias=True, exclude_none=True, exclude=set(without))
        return len(rest) + (rest != b"{}")

    def _text(self, text: str) -> int:
        """Return the size of a text, without its quotes."""
        length = LONG // _SAMPLES
        if len(text) <= LONG:
            sample = text
        else:
            last = len(text) - length
            starts = (last * index // (_SAMPLES - 1) for index in range(_SAMPLES))
            sample = "".join(text[start : start + length] for start in starts)
        size = len(self._to_json(sample)) - len('""')
        return size if sample is text else round(size * len(text) / len(sample))


def _size_of_free(value: object) -> int:
    """Return the size of what may be anything, if it is plain JSON.

    pydantic would take values out of an iterator, which the server then finds empty.

    Raises:
        TypeError, ValueError, RecursionError: it is not.
    """
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


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
