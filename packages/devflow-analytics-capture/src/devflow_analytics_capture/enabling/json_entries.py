"""The servers in settings that are JSON, with or without comments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devflow_analytics_capture.enabling.entry import Entry, Word, Words
from devflow_analytics_capture.enabling.words import BY_URL, OF_PYTHON
from devflow_analytics_capture.settings.document import (
    Array,
    Member,
    NotJsonError,
    Object,
    Scalar,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from devflow_analytics_capture.enabling.clients import Client, Syntax

    Found: TypeAlias = tuple[Word | None, Words | None, tuple[int, str]] | str | None
    """The parts of an `Entry`; or why there are none; None: there is no command."""

_URLS = ("url", "httpUrl", "serverUrl")
_ENVIRONMENTS = ("env", "environment")
_OF_STDIO = ("stdio", "local")


def json_entries(text: str, client: Client, syntax: Syntax) -> list[Entry]:
    """Return the servers in settings.

    Raises:
        NotJsonError: they are not what the client accepts.
    """
    if not text.strip("\ufeff \t\r\n"):
        return []
    root = parse(text, comments=syntax.comments, trailing_commas=syntax.trailing_commas)
    if not isinstance(root, Object):
        raise NotJsonError("the settings are no object", text, root.start)
    return [
        _entry(text, member, scope, has_lists=client.has_lists)
        for scope, servers in client.servers(root)
        for member in servers.items
    ]


def _entry(text: str, member: Member, scope: str | None, *, has_lists: bool) -> Entry:
    server = member.value
    if not isinstance(server, Object):
        return Entry(member.key, scope, reason="no object")
    reason = next(_reasons(server), None)
    found = None if reason else (_list if has_lists else _words)(text, server)
    if found is None:
        return Entry(member.key, scope, reason=reason or "no command")
    if isinstance(found, str):
        return Entry(member.key, scope, reason=found)
    command, args, new_args = found
    return Entry(member.key, scope, command, args, new_args)


def _reasons(server: Object) -> Iterator[str]:
    """Yield what keeps a server from being wrapped, but for its command itself."""
    if any(server.get(key) is not None for key in _URLS):
        yield BY_URL
    kind = server.get("type")
    if isinstance(kind, Scalar) and kind.value not in _OF_STDIO:
        yield f"of type {_text_of(kind)}, not started by a command"
    if isinstance(server.get("dev"), Object) and "debug" in _keys(server.get("dev")):
        yield "debugged by VS Code, which then starts it itself"
    if any("PYTHONHOME" in _keys(server.get(key)) for key in _ENVIRONMENTS):
        yield OF_PYTHON
    sandbox = server.get("sandboxEnabled")
    if isinstance(sandbox, Scalar) and sandbox.value is True:
        yield "run in a sandbox of VS Code, where nothing can be recorded"
    if server.get("command") is None and ("settings" in _keys(server) or _is_extension(server)):
        yield "started by an extension of Zed"


def _text_of(value: Scalar) -> str:
    """Return a value as people read it in settings."""
    return f'"{value.value}"' if isinstance(value.value, str) else str(value.value)


def _keys(value: object) -> set[str]:
    return {member.key for member in value.items} if isinstance(value, Object) else set()


def _is_extension(server: Object) -> bool:
    source = server.get("source")
    return isinstance(source, Scalar) and source.value == "extension"


def _list(_: str, server: Object) -> Found:
    """Return the words that start a server, where they are one list."""
    command = server.get("command")
    words = _strings(command)
    if words is not None and words.items:
        return None, words, (0, "")
    return None if command is None else "its command is no list of strings"


def _words(text: str, server: Object) -> Found:
    """Return the words that start a server, where they are a command and its arguments."""
    command, args, key = server.get("command"), server.get("args"), "command"
    if isinstance(command, Object):  # as Zed had it until 2025
        server, key = command, "path"
        command, args = server.get("path"), server.get("args")
    if command is None:
        return None
    if not isinstance(command, Scalar) or not isinstance(command.value, str):
        return "its command is no string"
    member = next(member for member in server.items if member.key == key)
    new_args = (command.end, f',{_gap(text, member)}"args": ')
    found = Word(command.start, command.end, command.value)
    if args is None:
        return found, None, new_args
    words = _strings(args)
    return '"args" is no list of strings' if words is None else (found, words, new_args)


def _strings(value: object) -> Words | None:
    if not isinstance(value, Array):
        return None
    items = [
        Word(item.start, item.end, item.value)
        for item in value.items
        if isinstance(item, Scalar) and isinstance(item.value, str)
    ]
    if len(items) < len(value.items):
        return None
    return Words(value.start, value.end, items, value.commas)


def _gap(text: str, member: Member) -> str:
    """Return what separates a member from the one before: a line's end and indent, or a space."""
    begin = max(text.rfind("\n", 0, member.start), text.rfind("\r", 0, member.start)) + 1
    indent = text[begin : member.start]
    if begin and not indent.strip(" \t"):
        return ("\r" if text[begin - 2 : begin] == "\r\n" else "") + text[begin - 1] + indent
    return " "
