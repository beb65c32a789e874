"""Notes a call: reads what the agent says of it, and decides whether and where to keep it."""

import posix
import sys
from time import time_ns

from devflow_analytics_capture.noting.calls import line_of, parsed
from devflow_analytics_capture.noting.spool import append

LARGEST_PAYLOAD = 16_000_000
"""In bytes, with arguments and result. A call with more of them is left to the import."""

_PREFIX = b"DEVFLOW_ANALYTICS_"
_ON, _OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_NOT_IN_RELATIVE_PATHS = frozenset("~$%:'\"")


def note(arguments: list[str], environment: dict[bytes, bytes], stdin: int = 0) -> None:
    """Note the call that a payload tells of, if it tells of one, and if calls are recorded.

    Args:
        arguments: the name of the agent; and the database, an absolute path, if it is not the
            default one.
        environment: as in `posix.environ`.
        stdin: the descriptor from which the payload is read.

    Raises:
        Exception: it cannot be noted.
    """
    found = _read(stdin)  # first, so that the agent always finds somebody who listens
    if not found or not _is_on(environment, b"ENABLED", default=True):
        return
    keeps_project = _is_on(environment, b"PROJECT", default=False)
    client, *named = arguments
    line = line_of(client, parsed(found), time_ns() // 1_000_000, keeps_project=keeps_project)
    if line is not None:
        append(
            _named_database(named[0]) if named else _default_database(environment), line.encode()
        )


def _read(descriptor: int) -> str:
    """Return what can be read until the end; nothing if that is too much, or typed by somebody."""
    if posix.isatty(descriptor):
        return ""
    pieces: list[bytes] = []
    size = 0
    while piece := posix.read(descriptor, 2**16):
        size += len(piece)
        if size <= LARGEST_PAYLOAD:
            pieces.append(piece)
        else:
            pieces.clear()
    return b"".join(pieces).removeprefix(b"\xef\xbb\xbf").strip().decode("utf-8", "replace")


def _is_on(environment: dict[bytes, bytes], name: bytes, *, default: bool) -> bool:
    """Return what a switch of ours says, as the settings of the db package do.

    Raises:
        ValueError: it means neither yes nor no.
    """
    value = environment.get(_PREFIX + name)
    if not value:
        return default
    word = value.decode("utf-8", "replace").strip().lower()
    if word not in _ON + _OFF:
        raise ValueError
    return word in _ON


def _named_database(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError
    return path


def _default_database(environment: dict[bytes, bytes]) -> str:
    """Return the path that is meant if none is named.

    Raises:
        ValueError, OSError: it is no plain path, or there is no home. What is wrong with it, the
            db package says; here is nobody to be told.
    """
    path = _text(environment, _PREFIX + b"DB_PATH")
    if not path:
        path = "~/.devflow/analytics.db"
    if path.startswith("~/"):
        home = _text(environment, b"HOME")
        if not home:
            raise ValueError
        path = home + path[1:]
    if path != path.strip() or (path[0] != "/" and not _NOT_IN_RELATIVE_PATHS.isdisjoint(path)):
        raise ValueError
    folder = path.rpartition("/")[0]
    if "$" in folder:
        posix.stat(folder)  # or else no shell has expanded it
    return path


def _text(environment: dict[bytes, bytes], name: bytes) -> str:
    return environment.get(name, b"").decode(sys.getfilesystemencoding(), "surrogateescape")
