"""The servers in settings that are TOML: Codex's.

tomlkit knows the tables; where in the text a value is, it does not say. So marks are put in the
place of the values, and then looked for.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, NamedTuple

from devflow_analytics_capture.enabling.entry import Entry, Word, Words
from devflow_analytics_capture.enabling.words import BY_URL, OF_PYTHON
from devflow_analytics_capture.settings.document import NotParsedError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARK = "\ufeff"
_WHERE = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'')
_FIELDS = ("command", "args")
_TOKEN = re.compile(
    r"""
      (?P<string>
          \"{3} (?: \\. | [^\\] )*? \"{3,5} | '{3} .*? '{3,5}
        | " (?: \\. | [^"\\] )* " | ' [^']* '
      )
    | (?P<comma> , )
    | \#[^\n]* | \s+
    """,
    re.VERBOSE | re.DOTALL,
)


class NotTomlError(NotParsedError):
    """The text is no TOML."""


class _Value(NamedTuple):
    start: int
    end: int


def toml_entries(text: str, key: str) -> list[Entry]:
    """Return the servers in settings.

    Args:
        text: the settings.
        key: the table in which the servers are.

    Raises:
        NotTomlError: they are no TOML, or laid out so that they cannot be changed safely.
    """
    skipped = len(_MARK) if text.startswith(_MARK) else 0
    body = text[skipped:]
    servers = _parsed(body).get(key)
    if not isinstance(servers, dict):
        return []
    places = _places(body, key, servers)
    return [_entry(text, name, server, places, skipped) for name, server in servers.items()]


def _parsed(body: str) -> dict[str, Any]:
    try:
        return tomllib.loads(body)
    except tomllib.TOMLDecodeError as error:
        found = _WHERE.fullmatch(str(error))
        reason, line, column = found.groups() if found else (str(error), None, None)
        lines = body.split("\n")
        raise NotTomlError(
            f"{reason[:1].lower()}{reason[1:]}",
            int(line or len(lines)),
            int(column or len(lines[-1]) + 1),
        ) from None


def _places(body: str, key: str, servers: dict[str, Any]) -> dict[tuple[str, str], _Value]:
    """Return where the commands and the arguments of servers are."""
    import tomlkit  # noqa: PLC0415  takes longer than all else, and only Codex needs it

    prefix = "@"
    while prefix in body:
        prefix += "@"
    document: Any = tomlkit.parse(body)
    literals: dict[str, tuple[tuple[str, str], str]] = {}
    for number, (name, server) in enumerate(servers.items()):
        for field in _FIELDS:
            if isinstance(server, dict) and field in server:
                table = document[key][name]
                mark = f"{prefix}{number}{field}"
                literals[f'"{mark}"'] = ((name, field), table[field].as_string())
                table[field] = mark
    found: dict[tuple[str, str], _Value] = {}
    text = tomlkit.dumps(document)
    for mark in sorted(literals, key=text.find):
        place, literal = literals[mark]
        start = text.find(mark)
        found[place] = _Value(start, start + len(literal))
        text = text.replace(mark, literal, 1)
    if text != body:
        raise NotTomlError("it is laid out so that it cannot be changed safely", 1, 1)
    return found


def _reason(server: object) -> str | None:
    """Return why a server cannot be recorded; None if it can."""
    return next(_reasons(server), None) if isinstance(server, dict) else "no table"


def _reasons(server: dict[str, Any]) -> Iterator[str]:
    if "url" in server:
        yield BY_URL
    if "command" not in server:
        yield "no command"
    elif not isinstance(server["command"], str):
        yield "its command is no string"
    if "PYTHONHOME" in server.get("env", {}):
        yield OF_PYTHON
    args = server.get("args", [])
    if not isinstance(args, list) or not all(isinstance(item, str) for item in args):
        yield '"args" is no list of strings'


def _entry(
    text: str,
    name: str,
    server: Any,  # noqa: ANN401  any table of a TOML document
    places: dict[tuple[str, str], _Value],
    skipped: int,
) -> Entry:
    reason = _reason(server)
    if reason:
        return Entry(name, None, reason=reason)
    command, args = server["command"], server.get("args")
    place = places[name, "command"]
    word = Word(place.start + skipped, place.end + skipped, command)
    new_args = _new_args(text, word)
    if args is None:
        return Entry(name, None, word, None, new_args)
    place = places[name, "args"]
    words = _words(text, place.start + skipped, place.end + skipped, args)
    return Entry(name, None, word, words, new_args)


def _words(text: str, start: int, end: int, values: list[str]) -> Words:
    """Return an array with the places of what is in it; that it is one is known."""
    tokens = list(_tokens(text, start + 1, end - 1))
    places = [(found.start(), found.end()) for found in tokens if found["string"]]
    commas = [found.start() for found in tokens if found["comma"]]
    items = [Word(*place, value) for place, value in zip(places, values, strict=True)]
    return Words(start, end, items, commas)


def _tokens(text: str, position: int, end: int) -> Iterator[re.Match[str]]:
    while position < end and (found := _TOKEN.match(text, position, end)):
        yield found
        position = found.end()


def _new_args(text: str, command: Word) -> tuple[int, str]:
    """Return where arguments are put, and what is to stand before them."""
    begin = text.rfind("\n", 0, command.start) + 1 or len(_MARK) * text.startswith(_MARK)
    before = text[begin : command.start]
    unquoted = _QUOTED.sub(lambda found: "_" * len(found[0]), before)
    inline = max(unquoted.rfind("{"), unquoted.rfind(",")) + 1
    key, _, after = before[inline:].rpartition("command")
    if inline:
        return command.end, f", {key.lstrip()}args{after}"
    end = text.find("\n", command.end)
    end = len(text) if end < 0 else end - (text[end - 1] == "\r")
    line_end = "\r\n" if text[end : end + 1] == "\r" else "\n"
    return end, f"{line_end}{key}args{after}"
