"""The words of a command that is recorded: how they are made, and known again.

``devflow-analytics [--db FILE] wrap --server NAME --client ID -- COMMAND ARG...``: they say all
that there is to know, so nothing is kept elsewhere.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from devflow_analytics_capture.hook_commands import COMMAND, MODULE

SERVER, CLIENT = "--server", "--client"

_END = "--"
_WINDOWS_PATH = re.compile(r"[A-Za-z]:[\\/]")

BY_URL = "reached by a URL, not started by a command"
OF_PYTHON = "its environment has PYTHONHOME, with which devflow-analytics cannot be started"
BY_HAND = "started through devflow-analytics by your own settings"


class Program(NamedTuple):
    """How ``devflow-analytics`` is started, and with which database."""

    words: list[str]
    """The command, and what Python needs if it is that."""
    database: str | None
    """The file; None for the default one."""


class Wrapped(NamedTuple):
    """What the words of a command that is recorded say."""

    program: Program
    options: list[str]
    """Those of ``wrap``."""
    length: int
    """How many of the words are ours; the server's own command follows."""


def options_for(server: str, client: str, *, has_args: bool) -> list[str]:
    """Return the options of ``wrap`` for a server.

    Their order tells whether the server's settings had arguments, even an empty list of them, so
    that they can be made again as they were.
    """
    for_server, for_client = [SERVER, server], [CLIENT, client]
    return [*for_server, *for_client] if has_args else [*for_client, *for_server]


def had_args(options: list[str]) -> bool:
    """Tell what `options_for` was told."""
    return options[:1] != [CLIENT]


def our_words(program: Program, options: list[str]) -> list[str]:
    """Return the words that are put before a server's own command."""
    database = [] if program.database is None else ["--db", program.database]
    return [*program.words, *database, "wrap", *options, _END]


def recognised(words: list[str]) -> Wrapped | None:
    """Return what the words of a command say if it is one of ours; None if it is not.

    Without the two dashes it is not: `wrap` takes a command without them, too, but nobody else can
    tell then what belongs to whom.
    """
    if os.path.basename(words[0]) == COMMAND:
        count = 1
    elif words[1:3] == ["-m", MODULE]:
        count = 3
    else:
        return None
    program, database = words[:count], None
    if words[count : count + 1] == ["--db"]:
        database = words[count + 1 : count + 2]
        count += 2
    if words[count : count + 1] != ["wrap"]:
        return None
    end = count + 1
    while end < len(words) and words[end] != _END:
        if not words[end].startswith("-"):
            return None
        end += 2 if words[end] in {SERVER, CLIENT} else 1
    if end + 1 >= len(words):
        return None
    found = Program(program, database[0] if database else None)
    return Wrapped(found, words[count + 1 : end], end + 1)


def why_not(words: list[str]) -> str | None:
    """Return why a command that is not ours cannot be wrapped; None if it can.

    Clients start a command in different ways. What one of them does with it before it is started,
    `wrap` does not do, so the server could not be started any more.
    """
    command = words[0]
    ours = [number for number, word in enumerate(words) if os.path.basename(word) == COMMAND]
    if ours and (ours[0] == 0 or "wrap" in words[ours[0] :]):
        return BY_HAND
    if not command.strip():
        return "its command is empty"
    if command.startswith("~"):
        return 'its command begins with "~", which only its client expands: write the whole path'
    is_path = os.path.exists(command) or _WINDOWS_PATH.match(command)
    if len(command.split()) > 1 and not is_path:
        return 'its command is a whole line: write only the program there, and the rest into "args"'
    return None
