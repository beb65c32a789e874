"""Whether the proxy of ``wrap`` started this server, and records what passes.

It says so in an environment variable, which every process below it inherits. So it also says by
which pipe the server reads, and which database it writes itself: the mark is only for a process
that has that pipe, and that would write to that database.

The mark is three words, parted by a space: the session, the pipe, and the database, which may hold
spaces. The session is a UUID of version 7 in lower case; the pipe is its device and its inode, in
decimal, with a colon between them; the database is an absolute path without symbolic links.
"""

from __future__ import annotations

import os

_WORDS = 3
_HEXADECIMAL = frozenset("0123456789abcdef")
_SHAPE = [len(part) for part in ["00000000", "0000", "7000", "0000", "000000000000"]]

_STDIN = 0

_MOST = 64
"""Below which descriptor the pipe is looked for, if it is not the standard input.

While it serves, ``stdio_server`` of mcp 2 has the null device there, and the pipe at the lowest
descriptor that was free.
"""


class Wrapped:
    """The mark of a proxy before this process."""

    def __init__(self, session: str, pipe: str) -> None:
        self.session = session
        """The key of the connection's session, made when the proxy began."""
        self._pipe = pipe
        self._look()

    @property
    def began_at(self) -> int:
        """When the proxy began, in Unix seconds."""
        return int(self.session.replace("-", "")[:12], 16) // 1_000

    def holds(self) -> bool:
        """Return whether this process is the server, or is forked from it, and still has the pipe.

        Looked up once in each process.
        """
        if os.getpid() != self._process:
            self._look()
        return self._holds

    def _look(self) -> None:
        self._holds = any(_file(number) == self._pipe for number in range(_STDIN, _MOST))
        self._process = os.getpid()


def read(mark: str, database: str) -> Wrapped | None:
    """Return what a mark says; None if it is none, or is for who writes to another database.

    Args:
        mark: the mark.
        database: where this process would write, as `devflow_analytics_db.resolve_path` returns it.
    """
    words = mark.split(" ", _WORDS - 1)
    if len(words) < _WORDS:
        return None
    session, pipe, path = words
    if path != database or not _is_key(session):
        return None
    return Wrapped(session, pipe)


def _is_key(text: str) -> bool:
    parts = text.split("-")
    if [*map(len, parts)] != _SHAPE or not parts[2].startswith("7"):
        return False
    return _HEXADECIMAL.issuperset("".join(parts))


def _file(descriptor: int) -> str | None:
    """Return which file a descriptor is of, as the mark says it; None if it is closed."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return f"{found.st_dev}:{found.st_ino}"
