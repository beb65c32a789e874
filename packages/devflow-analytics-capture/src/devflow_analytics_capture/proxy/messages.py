"""What a line of JSON-RPC says, as far as it matters for the calls; long ones by their ends alone.

A message is an object of what is outermost in it: ``method``, ``id``, ``params`` and so on. Of a
line that is too long to be parsed, or not worth it, the values that nest are left out.
"""

from devflow_analytics_capture.noting.parsing import NO_JSON, scanner
from devflow_analytics_capture.proxy.lines import error_marks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from devflow_analytics_capture.proxy.lines import Line

    Message: TypeAlias = dict[str, object]

_scan = scanner()
_DEPTH = 4
"""How many objects in one another are looked at: a message, its ``params``, their ``_meta``."""

_RESULT_DEPTH = 2
"""In how many objects the pairs of a result are: in the result, and in the message."""

_WHITE = " \t\r\n"
_END = 1_024
"""How much of each end of a whole line is looked at, in bytes."""


def messages(line: "Line") -> "list[Message]":
    """Return the messages of a line: one, or those of a batch; none if it is no JSON-RPC."""
    if not line.is_whole:
        return [outline(line)]
    text = line.head.decode("utf-8", "replace").strip(_WHITE)
    try:
        value, end = _scan(text, 0)
    except NO_JSON:
        return []
    if end != len(text):
        return []
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, dict)]


def outline(line: "Line") -> "Message":
    """Return what a message holds outermost, by the two ends of its line, without parsing the rest.

    A value that nests is there as far as it can be seen: an object with the pairs with which it
    begins and ends, a list as None.
    """
    head = line.head[:_END] if line.is_whole else line.head
    found = _beginning(head.decode("utf-8", "replace"))
    last, inner = _ending((line.tail or line.head[-_END:]).decode("utf-8", "replace"))
    params = found.get("params")
    if isinstance(params, dict):
        found["params"] = {**inner, **params}
    return {**last, **found}


def ends_as_error(tail: bytes) -> bool:
    """Tell whether the result in a line that ends so says that it is an error; not what is in it.

    Args:
        tail: the end of the line.
    """
    return any(
        _unopened(tail[mark:].decode("utf-8", "replace")) == _RESULT_DEPTH
        for mark in error_marks(tail)
    )


def size_of_value(line: "Line", key: str, value: object) -> int | None:
    """Return the size of a value in a line as it is there, in bytes; None if that is not clear.

    Args:
        line: the line.
        key: the key of the value. It is in an object inside the outermost one, as its last.
        value: what is known of it.
    """
    mark = f'"{key}":'.encode()
    start = line.head.find(mark) + len(mark)
    if start < len(mark):
        return None
    if not line.is_whole:
        tail = line.tail.decode("utf-8", "replace").rstrip(_WHITE)
        end = _end_of_nesting(tail[: _end_of_nesting(tail)])
        return line.size - start - len(tail[end:].encode())
    text = line.head[start:].decode("utf-8", "replace").lstrip(_WHITE)
    found = _scanned(text, 0, None)
    if found is None or found[0] != value:  # of another object
        return None
    return len(text[: found[1]].encode())


def _unopened(text: str) -> int:
    """Return how many objects and lists end in a text that do not begin there."""
    found = opened = position = 0
    while position < len(text):
        letter = text[position]
        position += 1
        if letter == '"':
            string = _scanned(text, position - 1, letter)
            if string is None:
                break
            position = string[1]
        elif letter in "[{":
            opened += 1
        elif letter in "]}" and opened:
            opened -= 1
        elif letter in "]}":
            found += 1
    return found


def _beginning(text: str) -> "Message":
    """Return the pairs with which an object begins."""
    start = _after(text, 0, _WHITE)
    return _pairs(text, start + 1) if text[start : start + 1] == "{" else {}


def _ending(text: str) -> "tuple[Message, Message]":
    """Return the pairs with which an object ends, and those with which the last inside it does."""
    text = text.rstrip(_WHITE)
    if not text.endswith("}"):
        return {}, {}
    start = _end_of_nesting(text)
    inner = text[:start]
    return _pairs(text, start), _pairs(inner, _end_of_nesting(inner)) if inner[-1:] == "}" else {}


def _end_of_nesting(text: str) -> int:
    """Return where the last value that nests ends before the end of the object around it."""
    return max(text.rfind("}", 0, -1), text.rfind("]", 0, -1)) + 1


def _pairs(text: str, position: int, depth: int = _DEPTH) -> "Message":
    """Return the pairs of an object from a position on, as far as they are there and whole.

    Args:
        text: the beginning of a message, or its end.
        position: where in it.
        depth: how many objects in one another may be cut off at the end.
    """
    found: Message = {}
    while position and (key := _scanned(text, _after(text, position, _WHITE + ","), '"')):
        start = _after(text, key[1], _WHITE + ":")
        value = _scanned(text, start, None)
        if value is None or value[1] == len(text):  # there is more of it
            if text[start : start + 1] == "{" and depth:
                found[str(key[0])] = _pairs(text, start + 1, depth - 1)
            elif text[start : start + 1] in {"{", "["}:
                found[str(key[0])] = None
            break
        found[str(key[0])], position = value
    return found


def _scanned(text: str, position: int, first: str | None) -> tuple[object, int] | None:
    """Return the value at a position, and where it ends; None if there is none that is whole."""
    if first is not None and text[position : position + 1] != first:
        return None
    try:
        return _scan(text, position)
    except NO_JSON:
        return None


def _after(text: str, position: int, letters: str) -> int:
    while text[position : position + 1] and text[position] in letters:
        position += 1
    return position
