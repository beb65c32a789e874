"""The text of settings in which servers are started through ``wrap``, and as they were before.

What is put in can be told from what was there, whatever is around it. So to take it out again gives
the very text of before.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from devflow_analytics_capture.enabling.entry import applied
from devflow_analytics_capture.enabling.words import (
    had_args,
    options_for,
    our_words,
    recognised,
    why_not,
)
from devflow_analytics_capture.settings.document import NotParsedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from devflow_analytics_capture.enabling.entry import Edit, Entry, Key, Words
    from devflow_analytics_capture.enabling.words import Program, Wrapped

    Read = Callable[[str], list[Entry]]
    Choose = Callable[[Entry], bool]

_WHITE = re.compile(r"[ \t\r\n]*")
_NO_LETTER = re.compile("[\x7f\ud800-\udfff]")
"""What JSON may hold as it is, but TOML or UTF-8 may not."""


def with_wraps(
    text: str, read: Read, client: str, program: Program, choose: Choose
) -> tuple[str, bool]:
    """Return settings whose servers are started through ``wrap``, and whether that can be undone.

    Those that are already are pointed to another program or database, if it is not that one. They
    keep their database if none is named.

    Args:
        text: the settings.
        read: finds the servers in a text.
        client: whose settings they are.
        program: how ``devflow-analytics`` is started.
        choose: which servers are meant.
    """
    outdated = {
        entry.key: found
        for entry in read(text)
        if choose(entry) and (found := wrapped(entry)) and found.program != _kept(found, program)
    }
    before = without_wraps(text, read, lambda entry: entry.key in outdated)
    chosen = [entry for entry in read(before) if choose(entry) and can_be_wrapped(entry)]
    edits = [
        edit for entry in chosen for edit in _wrapping(before, entry, client, program, outdated)
    ]
    after = applied(before, edits)
    keys = {entry.key for entry in chosen}
    try:
        return after, without_wraps(after, read, lambda entry: entry.key in keys) == before
    except NotParsedError:
        return after, False


def _kept(found: Wrapped, program: Program) -> Program:
    """Return how a server is started that is already: with its own database if none is named."""
    if program.database is None:
        return program._replace(database=found.program.database)
    return program


def without_wraps(text: str, read: Read, choose: Choose) -> str:
    """Return settings whose servers are started as they were before `with_wraps`.

    Args:
        text: the settings.
        read: finds the servers in a text.
        choose: which servers are meant.
    """
    return applied(
        text,
        [
            edit
            for entry in read(text)
            if choose(entry) and entry.args and (found := wrapped(entry))
            for edit in _unwrapping(text, entry, entry.args, found)
        ],
    )


def wrapped(entry: Entry) -> Wrapped | None:
    """Return what the words of a server say if it is started through ``wrap``."""
    return recognised(entry.words) if entry.reason is None else None


def can_be_wrapped(entry: Entry) -> bool:
    """Tell whether a server can be, and is not, started through ``wrap``."""
    return entry.reason is None and not wrapped(entry) and why_not(entry.words) is None


def _wrapping(
    text: str, entry: Entry, client: str, program: Program, outdated: Mapping[Key, Wrapped]
) -> Iterator[Edit]:
    options = options_for(entry.name, client, has_args=entry.args is not None)
    found = outdated.get(entry.key)
    if found is not None:
        program, options = _kept(found, program), found.options
    words = our_words(program, options)
    literals = [_literal(word) for word in words]
    if entry.command is not None:
        yield entry.command.start, entry.command.end, literals.pop(0)
        literals.append(text[entry.command.start : entry.command.end])
    line = ", ".join(literals)
    if entry.args is None:
        place, before = entry.new_args
        yield place, place, f"{before}[{line}]"
        return
    white = _white_after(text, entry.args.start + 1)
    place = entry.args.start + 1 + len(white)
    yield place, place, f"{line},{white or ' '}" if entry.args.items else line


def _unwrapping(text: str, entry: Entry, args: Words, found: Wrapped) -> Iterator[Edit]:
    count = found.length
    if entry.command is not None:
        own = args.items[count - 1]
        yield entry.command.start, entry.command.end, text[own.start : own.end]
        if len(args.items) == count and not had_args(found.options):
            place, before = entry.new_args
            if _without_white(text[place : args.start]) == _without_white(before):
                yield place, args.end, ""
                return
    yield args.items[0].start, _end_of(text, args, count), ""


def _end_of(text: str, words: Words, count: int) -> int:
    """Return where the first of some words end, with what separates them from the next."""
    if len(words.commas) < count:
        return words.items[count - 1].end
    end = words.commas[count - 1] + 1
    return end if len(words.items) == count else end + len(_white_after(text, end))


def _white_after(text: str, position: int) -> str:
    found = _WHITE.match(text, position)
    return found[0] if found else ""


def _without_white(text: str) -> str:
    return "".join(text.split())


def _literal(word: str) -> str:
    """Return a string as JSON and TOML both have it."""
    text = json.dumps(word, ensure_ascii=False)
    return _NO_LETTER.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
