"""The lock of an import: one process at a time reads logs into a database.

It is a lock (``flock``) on the directory of the spools, which is there anyway: there is no lock
file, and nothing for a crash to leave behind.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator  # noqa: TC003  the types of public functions are known
from contextlib import contextmanager

from devflow_analytics_db.errors import ImportRunningError
from devflow_analytics_db.file import location
from devflow_analytics_db.file.faults import naming_faults
from devflow_analytics_db.file.spool import make_spool_directory, spool_directory


@contextmanager
def import_lock(path: str | os.PathLike[str] | None = None) -> Iterator[None]:
    """Keep other imports out of a database for as long as the ``with`` block lasts.

    The lock ends with the process too, however that ends. A program that it starts does not have
    it; a child that it forks does, until that has ended as well. It keeps nobody from reading or
    writing the database.

    Args:
        path: the database, as for `create_analytics_db`; it need not exist yet. The private
            directory beside it is made if it is missing.

    Raises:
        ImportRunningError: another import has the lock: of another process, or of this one.
        AnalyticsDbError: the directory cannot be made, or not be locked.
    """
    descriptor = _locked(location.resolve(path))
    try:
        yield
    finally:
        os.close(descriptor)


def _locked(file: str) -> int:
    """Return a descriptor that has the lock; closing it gives that back.

    Raises:
        AnalyticsDbError: as for `import_lock`.
    """
    directory = spool_directory(file)
    with naming_faults(directory):
        make_spool_directory(file)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException as fault:
            os.close(descriptor)
            if isinstance(fault, BlockingIOError):
                raise ImportRunningError(
                    f"Another import into {file} is running.",
                    file,
                    "Wait for it to end, and run this again.",
                ) from None
            raise
    return descriptor
