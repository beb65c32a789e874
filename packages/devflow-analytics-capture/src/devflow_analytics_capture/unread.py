"""How much agents have logged that is not imported yet, if that is quickly found."""

from __future__ import annotations

from contextlib import suppress
from threading import Thread
from typing import NamedTuple

from devflow_analytics_capture.places import clients_there
from devflow_analytics_db import AnalyticsDbError, is_enabled

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from devflow_analytics_capture.importers.importer import Importer
    from devflow_analytics_capture.logs.cursor import Cursor
    from devflow_analytics_capture.logs.log import Log

SECONDS = 0.05
"""How long to look at most, unless told otherwise."""


class Unread(NamedTuple):
    """Logs that have something new since the last import."""

    agents: tuple[str, ...] = ()
    """Whose they are, as people call them."""
    logs: int = 0
    """How many."""
    size_bytes: int = 0
    """How much of them is new."""


def unread_logs(
    path: str | os.PathLike[str] | None = None, *, seconds: float = SECONDS
) -> Unread | None:
    """Return which logs have something new; only names, sizes and times of files are looked at.

    Args:
        path: the database, as for `import_calls`. It need not exist.
        seconds: how long to look at most.

    Returns:
        None if that took too long, or if recording is off or the database cannot be read.
    """
    found: list[Unread] = []
    with suppress(AnalyticsDbError):
        if is_enabled():
            clients = clients_there()
            if not clients:
                return Unread()
            # Not without agents, and before the time is taken: this brings a lot.
            from devflow_analytics_capture.importers import importers  # noqa: PLC0415
            from devflow_analytics_db import resolve_path  # noqa: PLC0415

            readers = importers(clients)

            # Files that are not in the cache of the system may take as long as they like, and
            # nothing ends a call to it. What is not found in time, the thread finds for nobody.
            looking = Thread(
                target=_look, args=(readers, str(resolve_path(path)), found), daemon=True
            )
            looking.start()
            looking.join(seconds)
    return found[0] if found else None


def _look(readers: list[Importer], file: str, found: list[Unread]) -> None:
    with suppress(AnalyticsDbError, OSError):
        found.append(_unread(readers, file))


def _unread(readers: list[Importer], file: str) -> Unread:
    agents, logs, size = [], 0, 0
    cursors = _all_cursors(file)
    for importer in readers:
        sizes = [
            new
            for log in importer.logs()
            if (new := _new_bytes(log, cursors.get((importer.client, *log.fingerprint[:2]))))
        ]
        if sizes:
            agents.append(importer.title)
            logs += len(sizes)
            size += sum(sizes)
    return Unread(tuple(agents), logs, size)


def _all_cursors(file: str) -> dict[tuple[str, int, int], Cursor]:
    from devflow_analytics_capture.importers import CLIENTS  # noqa: PLC0415  as above
    from devflow_analytics_capture.ledger import read_cursors  # noqa: PLC0415  as above
    from devflow_analytics_db import DatabaseNotFoundError, open_readonly  # noqa: PLC0415  as above

    try:
        with open_readonly(file) as connection:
            return {
                (client, *key): cursor
                for client in CLIENTS
                for key, cursor in read_cursors(connection, client).items()
            }
    except DatabaseNotFoundError:
        return {}


def _new_bytes(log: Log, cursor: Cursor | None) -> int:
    """Return how much of a log is new, as far as its size tells."""
    from devflow_analytics_capture.logs.log import Resume  # noqa: PLC0415  as above

    size = log.fingerprint.size
    if cursor is None:
        return size
    if cursor.fingerprint == log.fingerprint:
        return 0
    if log.resume is Resume.AT_POSITION and size > cursor.position:
        return size - cursor.position
    return size
