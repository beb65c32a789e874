"""What a client got, byte for byte, in a form that compares."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matrix.cases import CROWD
from matrix.rows import compact

if TYPE_CHECKING:
    from matrix.play import Play

RANDOM_HEADERS = {
    "date": "the time",
    "location": "where `/mcp` leads to `/mcp/`; it has the port, which is the system's choice",
    "mcp-session-id": "made by chance, for each session",
}
"""Headers of answers whose values differ from run to run, and why."""


REQUEST_CANCELLED = '"error":{"code":-32800,'

ALIVE = re.compile(r"^: ping .*\r?\n\r?\n", re.MULTILINE)
"""What a server says every 15 seconds on a stream that is open for so long."""

EVENT = re.compile(r"^data: (.+?)\r?$", re.MULTILINE)
"""What a server sends as an event over HTTP."""


def stdio(play: Play) -> list[bytes]:
    """Return the lines that a server wrote to stdout; those of calls made at once are in order."""
    lines = Path(play.directory, "wire").read_bytes().splitlines(keepends=True)
    places = [place for place, line in enumerate(lines) if CROWD.encode() in line]
    for place, line in zip(places, sorted(lines[place] for place in places), strict=True):
        lines[place] = line
    return lines


def http(play: Play) -> list[tuple[Any, ...]]:
    """Return the answers of a server over HTTP. They are sorted: each is a connection's own.

    Whether a client that cancelled a call still reads that it is cancelled, is chance.
    """
    answers = json.loads(Path(play.directory, "answers.json").read_text())
    return sorted(
        (
            answer["method"],
            answer["status"],
            [(name, "*" if name in RANDOM_HEADERS else value) for name, value in answer["headers"]],
            "" if REQUEST_CANCELLED in answer["body"] else ALIVE.sub("", answer["body"]),
        )
        for answer in answers
    )


def session_of(play: Play) -> str:
    """Return the session that a server made over HTTP."""
    answers = json.loads(Path(play.directory, "answers.json").read_text())
    (session,) = {dict(answer["headers"]).get("mcp-session-id") for answer in answers} - {None}
    return str(session)


def result_sizes(play: Play, *, as_they_came: bool = False) -> list[int]:
    """Return the sizes of all results of tools that came over the wire, in the order of the calls.

    A size is that of compact JSON in UTF-8. So it came; only version 2 of the SDK escapes what is
    not ASCII, where there are no sessions: that counts if ``as_they_came``.
    """
    messages = []
    for text in _messages(play):
        message = json.loads(text)
        if "content" in message.get("result", {}):
            result = compact(message["result"])
            escaped = json.dumps(message["result"], separators=(",", ":"))
            assert result in text.encode() or escaped in text
            came = result if result in text.encode() else escaped.encode()
            messages.append((message["id"], len(came if as_they_came else result)))
    return [size for _, size in sorted(messages)]


def _messages(play: Play) -> list[str]:
    if not play.url:
        return [line.decode() for line in stdio(play)]
    bodies = [body for *_, body in http(play)]
    events = [event for body in bodies for event in EVENT.findall(body)]
    return events + [body for body in bodies if body.startswith("{")]
