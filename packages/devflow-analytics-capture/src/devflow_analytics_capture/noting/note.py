"""Notes a call: reads what the agent says of it, and decides whether and where to keep it."""

import posix
from time import time_ns

from devflow_analytics_capture.noting.calls import line_of
from devflow_analytics_capture.noting.environment import (
    ENABLED,
    PROJECT,
    default_database,
    is_on,
    named_database,
)
from devflow_analytics_capture.noting.parsing import parsed
from devflow_analytics_capture.noting.spool import append

LARGEST_PAYLOAD = 16_000_000
"""In bytes, with arguments and result. A call with more of them is left to the import."""


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
    if not found or not is_on(environment, ENABLED, default=True):
        return
    keeps_project = is_on(environment, PROJECT, default=False)
    client, *named = arguments
    line = line_of(client, parsed(found), time_ns() // 1_000_000, keeps_project=keeps_project)
    if line is not None:
        append(named_database(named[0]) if named else default_database(environment), line)


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
