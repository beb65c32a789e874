"""A JSON document with the place of each value, so that a part can be changed and all else stays.

A value is replaced, inserted or taken out in the text itself. Comments, line ends, indentation and
the order of keys are other people's.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import TypeAlias

    Value: TypeAlias = "Object | Array | Scalar"

_WHITE = re.compile(r"[ \t\n\r]*")
_WHITE_AND_COMMENTS = re.compile(r"(?:[ \t\n\r]+|//[^\n\r]*|/\*.*?\*/)*", re.DOTALL)
_DEEPEST = 200
"""How deeply values may be nested; settings are not."""


class NotParsedError(ValueError):
    """The text is not what it should be."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(reason)
        self.reason = reason
        """What is wrong."""
        self.line = line
        """Where: the line, counted from 1."""
        self.column = column
        """Where in the line: the character, counted from 1."""


class NotJsonError(NotParsedError):
    """The text is no JSON, or has a key twice in one object."""

    def __init__(self, reason: str, text: str, position: int) -> None:
        line = text.count("\n", 0, position) + 1
        super().__init__(reason, line, position - text.rfind("\n", 0, position))


class Scalar(NamedTuple):
    """A string, a number, true, false or null."""

    start: int
    end: int
    value: object


class Array(NamedTuple):
    """An array."""

    start: int
    end: int
    items: list[Value]
    commas: list[int]
    """Where the commas are: one after each item, but perhaps not after the last."""


class Member(NamedTuple):
    """A key of an object and its value."""

    start: int
    key: str
    value: Value

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.value.end


class Object(NamedTuple):
    """An object."""

    start: int
    end: int
    items: list[Member]

    def get(self, key: str) -> Value | None:
        """Return the value of a key; None if it is not there."""
        return next((member.value for member in self.items if member.key == key), None)


def parse(text: str, *, comments: bool = False, trailing_commas: bool = False) -> Value:
    """Return the value that a text is.

    Args:
        text: the text, with or without a mark of its encoding before it.
        comments: whether it may hold ``// ...`` and ``/* ... */``.
        trailing_commas: whether a comma may follow the last item of an array or object.

    Raises:
        NotJsonError: it is no JSON, or not of that kind.
    """
    reader = _Reader(text, comments=comments, trailing_commas=trailing_commas)
    value = reader.value(reader.after_white(1 if text.startswith("\ufeff") else 0), 0)
    end = reader.after_white(value.end)
    if end < len(text):
        raise (
            reader.error(end)
            if reader.is_comment(end)
            else NotJsonError("there is more after the end", text, end)
        )
    return value


class _Reader:
    def __init__(self, text: str, *, comments: bool, trailing_commas: bool) -> None:
        self.text = text
        self.white = _WHITE_AND_COMMENTS if comments else _WHITE
        self.comments = comments
        self.trailing_commas = trailing_commas

    def after_white(self, position: int) -> int:
        found = self.white.match(self.text, position)
        return found.end() if found else position

    def is_comment(self, position: int) -> bool:
        return self.text.startswith(("//", "/*"), position)

    def error(self, position: int) -> NotJsonError:
        found = self.text[position : position + 1]
        if self.is_comment(position):
            reason = (
                "the comment has no end"
                if self.comments
                else "there is a comment, which JSON does not have"
            )
        else:
            reason = f"{found!r} is not expected" if found else "it ends too early"
        return NotJsonError(reason, self.text, position)

    def value(self, start: int, depth: int) -> Value:
        if depth > _DEEPEST:
            raise NotJsonError("it is nested too deeply", self.text, start)
        first = self.text[start : start + 1]
        if first == "{":
            return self.object(start, depth)
        if first == "[":
            return self.array(start, depth)
        if first == '"':
            return Scalar(start, *self.string(start))
        try:
            value, end = _DECODER.raw_decode(self.text, start)
        except json.JSONDecodeError:
            raise self.error(start) from None
        except ValueError:  # a number of too many digits
            raise NotJsonError("the number is too long", self.text, start) from None
        return Scalar(start, end, value)

    def string(self, start: int) -> tuple[int, str]:
        try:
            value, end = _DECODER.raw_decode(self.text, start)
        except json.JSONDecodeError as error:
            raise NotJsonError("the string is not one of JSON's", self.text, error.pos) from None
        return end, value

    def array(self, start: int, depth: int) -> Array:
        items: list[Value] = []
        commas: list[int] = []
        position = self.after_white(start + 1)
        while not self.ends(position, "]", after_comma=bool(commas)):
            items.append(self.value(position, depth + 1))
            position = self.after_white(items[-1].end)
            if self.text[position : position + 1] == "]":
                break
            commas.append(position)
            position = self.after_comma(position)
        return Array(start, position + 1, items, commas)

    def object(self, start: int, depth: int) -> Object:
        items: list[Member] = []
        keys: set[str] = set()
        position = self.after_white(start + 1)
        while not self.ends(position, "}", after_comma=bool(items)):
            if self.text[position : position + 1] != '"':
                raise self.error(position)
            end, key = self.string(position)
            if key in keys:
                raise NotJsonError(f"the key {key!r} is there twice", self.text, position)
            keys.add(key)
            colon = self.after_white(end)
            if self.text[colon : colon + 1] != ":":
                raise self.error(colon)
            items.append(Member(position, key, self.value(self.after_white(colon + 1), depth + 1)))
            position = self.after_white(items[-1].end)
            if self.text[position : position + 1] == "}":
                break
            position = self.after_comma(position)
        return Object(start, position + 1, items)

    def ends(self, position: int, bracket: str, *, after_comma: bool) -> bool:
        """Tell whether an array or object ends where an item could begin."""
        if self.text[position : position + 1] != bracket:
            return False
        if after_comma and not self.trailing_commas:
            raise self.error(position)
        return True

    def after_comma(self, position: int) -> int:
        if self.text[position : position + 1] != ",":
            raise self.error(position)
        return self.after_white(position + 1)


def _refuse(constant: str) -> None:
    raise json.JSONDecodeError(constant, "", 0)


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def replaced(text: str, value: Value, by: object) -> str:
    """Return a text with another value in the place of one that is in it."""
    return text[: value.start] + json.dumps(by, ensure_ascii=False) + text[value.end :]


def appended(text: str, container: Object | Array, value: object, key: str | None = None) -> str:
    """Return a text with a value appended to an array, or with a key to an object."""
    style = _Style(text)
    items: list[Member] | list[Value] = container.items
    if items:
        indent = style.indent_of(items[-1].start)
        if indent is None:
            indent = style.indent_at(container.start) + style.unit
        added = style.dumped(value, indent, key)
        return f"{text[: items[-1].end]},{style.line_end}{indent}{added}{text[items[-1].end :]}"
    outer = style.indent_at(container.start)
    added = style.dumped(value, outer + style.unit, key)
    inner = f"{style.line_end}{outer}{style.unit}{added}{style.line_end}{outer}"
    return f"{text[: container.start + 1]}{inner}{text[container.end - 1 :]}"


def without(text: str, container: Object | Array, item: Value | Member) -> str:
    """Return a text without an item of an array or object."""
    items: list[Member] | list[Value] = container.items
    place = next(number for number, other in enumerate(items) if other.start == item.start)
    if place:
        return text[: items[place - 1].end] + text[item.end :]
    if len(items) > 1:
        return text[: item.start] + text[items[1].start :]
    return text[: container.start + 1] + text[container.end - 1 :]


class _Style:
    """How a text is laid out."""

    def __init__(self, text: str) -> None:
        self.text = text
        first = text.find("\n")
        self.line_end = "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"
        self.unit = self._unit()

    def _unit(self) -> str:
        for line in self.text.split("\n")[1:]:
            indent = line[: len(line) - len(line.lstrip(" \t"))]
            if indent and line.strip():
                return indent
        return "  "

    def indent_of(self, position: int) -> str | None:
        """Return the white space before something, if it is the first in its line."""
        begin = self.text.rfind("\n", 0, position) + 1
        before = self.text[begin:position]
        return before if begin and not before.strip(" \t") else None

    def indent_at(self, position: int) -> str:
        """Return the white space at the beginning of the line in which something is."""
        begin = self.text.rfind("\n", 0, position) + 1
        line = self.text[begin:]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def dumped(self, value: object, indent: str, key: str | None) -> str:
        """Return a value as JSON, with its key if it has one, whose lines are indented."""
        lines = json.dumps(value, ensure_ascii=False, indent=self.unit).split("\n")
        start = "" if key is None else f"{json.dumps(key, ensure_ascii=False)}: "
        return start + f"{self.line_end}{indent}".join(lines)
