"""A file that is written whole and privately, or not at all."""

from __future__ import annotations

import errno
import io
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from devflow_analytics_cli.signals import ending_by_exception, signals_waiting
from devflow_analytics_db import (
    CannotCreateError,
    DestinationExistsError,
    PermissionDeniedError,
    StorageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import ReadableBuffer

    from devflow_analytics_db import AnalyticsDbError

BESIDE_A_DATABASE = ("", "-wal", "-shm", "-journal")


@contextmanager
def whole_file(path: str, *, force: bool) -> Iterator[BinaryIO]:
    """Give a file to write into, which gets its name once it is whole and on the disk.

    Until then it is beside that, under a name of its own, and only the user can read it. Nothing
    is left of it if the block raises, or if SIGTERM or SIGHUP comes, which end the process then.

    Args:
        path: where it is to be; of a symbolic link, what that leads to is written.
        force: replace a file that is there.

    Raises:
        DestinationExistsError: there is a file, and it is not to be replaced.
        AnalyticsDbError: the file cannot be made or written.
    """
    final = os.path.realpath(path)
    partial = f"{final}.{secrets.token_hex(4)}.partial"
    _require_free(path, force=force)
    with ending_by_exception():
        try:
            with _naming_faults(path):
                descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with io.BufferedWriter(_File(descriptor, path)) as file:
                with suppress(OSError):  # of a file system that keeps no modes
                    os.fchmod(descriptor, 0o600)  # whatever the umask took away
                yield file
                file.flush()
                with _naming_faults(path):
                    os.fsync(descriptor)
            _require_free(path, force=force)
            with signals_waiting():
                _rename(partial, final, path, force=force)
                _sync_directory(os.path.dirname(final))
        finally:
            with signals_waiting(), suppress(OSError):
                os.unlink(partial)


class _File(io.FileIO):
    """A file that names what goes wrong as it is written."""

    def __init__(self, descriptor: int, path: str) -> None:
        super().__init__(descriptor, "wb")
        self._path = path

    def write(self, content: ReadableBuffer, /) -> int:
        with _naming_faults(self._path):
            return super().write(content)


def require_apart(path: str, database: str | os.PathLike[str]) -> None:
    """Make sure that a file which is to be written is not a database, or one of SQLite's beside it.

    Raises:
        CannotCreateError: it is.
    """
    final = os.path.realpath(path)
    for suffix in BESIDE_A_DATABASE:
        own = f"{os.fspath(database)}{suffix}"
        with suppress(OSError):
            if os.path.samefile(final, own):
                raise _of_database(path)
        if final == own:
            raise _of_database(path)


def _of_database(path: str) -> CannotCreateError:
    return CannotCreateError(f"{path} is a file of the database itself.", path, "Name another.")


def _require_free(path: str, *, force: bool) -> None:
    if not path or path.endswith("/") or os.path.isdir(path):
        raise CannotCreateError(f"{path!r} is not the name of a file.", path, "Name a file.")
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        raise CannotCreateError(
            f"{path} is not a regular file.", path, "Name another, or - for standard output."
        )
    if os.path.lexists(path) and not force:
        raise _exists(path)


def _exists(path: str) -> DestinationExistsError:
    return DestinationExistsError(f"{path} already exists.", path, "Use --force to replace it.")


def _rename(partial: str, final: str, path: str, *, force: bool) -> None:
    """Give a whole file its name. The old name may stay as well.

    Raises:
        DestinationExistsError: there is a file by now, and it is not to be replaced.
        AnalyticsDbError: it cannot be renamed.
    """
    if not force:
        try:
            os.link(partial, final)  # unlike a rename, this never replaces a file
        except FileExistsError:
            raise _exists(path) from None
        except OSError:  # of a file system without links
            _require_free(path, force=False)
        else:
            return
    with _naming_faults(path):
        os.rename(partial, final)


@contextmanager
def _naming_faults(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise _named(fault, path) from fault


def _named(fault: OSError, path: str) -> AnalyticsDbError:
    """Return the error for what the system reported about a file that is written."""
    reason = os.strerror(fault.errno) if fault.errno else str(fault)
    if fault.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StorageError(
            f"No room left to write {path}: the disk is full, or a quota or limit is reached."
            " Nothing was left of it.",
            path,
            "Make room, or name a file on another disk.",
        )
    if fault.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return PermissionDeniedError(
            f"No right to write {path} and the directory it is in ({reason}).",
            path,
            "Name a file in a directory of yours.",
        )
    if fault.errno in (errno.EIO, None):
        return StorageError(f"Writing {path} failed: {reason}.", path, "Check the disk.")
    return CannotCreateError(f"Cannot write {path}: {reason}.", path, "Name another file.")


def _sync_directory(directory: str) -> None:
    """Bring a name to the disk, where the system lets one: the file itself is there already."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
