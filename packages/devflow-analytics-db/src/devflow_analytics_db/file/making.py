"""How the directory and the file are made: private, and for whom they are meant."""

from __future__ import annotations

import os

from devflow_analytics_db.errors import CannotCreateError
from devflow_analytics_db.file import PRIVATE_DIRECTORY, PRIVATE_FILE
from devflow_analytics_db.file.faults import ANOTHER_FILE, denied
from devflow_analytics_db.file.location import broken_link, is_devflow_directory
from devflow_analytics_db.log import log


def make_file(file: str) -> os.stat_result:
    """Make a file, and its directory if that is missing.

    Raises:
        CannotCreateError, OSError: as for `make_directory`, or the file cannot be made.
    """
    try:
        return make_private_file(file, like=make_parent(file))
    except FileExistsError:
        return os.stat(file)


def make_parent(file: str) -> str | None:
    """Make the directory of a database if it is missing; return it if it is ``~/.devflow``.

    What is made in that one is to have its owner.

    Raises:
        CannotCreateError, OSError: as for `make_directory`.
    """
    directory = os.path.dirname(file)
    at_home = is_devflow_directory(directory)
    make_directory(directory, like=os.path.dirname(directory) if at_home else None)
    return directory if at_home else None


def make_directory(
    directory: str, *, like: str | None = None, otherwise: str = ANOTHER_FILE
) -> None:
    """Make a directory, private to the user, if it is missing; its parent must be there.

    Args:
        directory: its path.
        like: whose owner is to have it, if it is root who makes it.
        otherwise: how the advice of errors ends: what else the user can do.

    Raises:
        CannotCreateError: a file is in its place, or there is no parent.
        OSError: anything else is in the way.
    """
    try:
        os.mkdir(directory, PRIVATE_DIRECTORY)
    except FileExistsError:
        if not os.path.isdir(directory):
            raise not_a_directory(directory, otherwise) from None
        return
    except FileNotFoundError:
        raise _no_parent(directory, otherwise) from None
    _mend_umask(directory, PRIVATE_DIRECTORY, directory)
    if like:
        descriptor = os.open(directory, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            _give_to_owner_of(like, descriptor)
        finally:
            os.close(descriptor)
    log("info", "created directory %s", directory)


def make_private_file(file: str, *, like: str | None = None) -> os.stat_result:
    """Make an empty file that only its owner may read and write.

    Args:
        file: its path.
        like: whose owner is to have it, if it is root who makes it.

    Raises:
        OSError: there is one of that name, or it cannot be made.
    """
    descriptor = open_private_file(file, os.O_WRONLY, like=like)
    try:
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def open_private_file(file: str, flags: int, *, like: str | None = None) -> int:
    """Make an empty file as `make_private_file` does, and return it open: its descriptor.

    Args:
        file: its path.
        flags: how it is to be open, such as `os.O_RDWR`.
        like: whose owner is to have it, if it is root who makes it.

    Raises:
        OSError: there is one of that name, or it cannot be made.
    """
    descriptor = os.open(file, os.O_CREAT | os.O_EXCL | flags, PRIVATE_FILE)
    try:
        _mend_umask(file, PRIVATE_FILE, descriptor)
        if like:
            _give_to_owner_of(like, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _mend_umask(path: str, mode: int, made: str | int) -> None:
    """Give what was just made its mode, whatever the umask took away.

    Where the file system keeps neither modes nor owners, it may belong to another user at once.
    """
    try:
        os.chmod(made, mode)
    except PermissionError as fault:
        log("warning", "could not set the mode of %s to %04o: %s", path, mode, fault.strerror)


def _give_to_owner_of(like: str, descriptor: int) -> None:
    """Let root make nothing in a user's home that the user could not use.

    ``sudo`` may well keep HOME. What root may not give away (in a container, on a network file
    system) stays root's.
    """
    if os.geteuid() != 0:
        return
    owner = os.stat(like)
    try:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    except OSError as fault:
        log("warning", "could not give what was made to the owner of %s: %s", like, fault)


def require_makeable(file: str) -> None:
    """Raise what `disk.make` would raise where the file is missing or empty; nothing is made.

    Raises:
        CannotCreateError: something else is in the way, or the directory's parent is missing.
        PermissionDeniedError: the user may not make it.
    """
    directory = os.path.dirname(file)
    if not os.path.isdir(directory):
        if os.path.lexists(directory):
            raise not_a_directory(directory)
        if not os.path.lexists(os.path.dirname(directory)):
            raise _no_parent(directory)
        if not os.path.isdir(os.path.dirname(directory)):
            raise not_a_directory(os.path.dirname(directory))
    from devflow_analytics_db.file.rights import obstacle  # noqa: PLC0415  seldom needed

    if obstacle(file):
        raise denied(file)


def not_a_directory(path: str, otherwise: str = ANOTHER_FILE) -> CannotCreateError:
    """Return the error for what is in the place of a directory."""
    if os.path.islink(path) and not os.path.exists(path):
        return broken_link(path)
    return CannotCreateError(
        f"{path} is a file, where a directory should be.", path, f"Move it away, or {otherwise}."
    )


def _no_parent(directory: str, otherwise: str = ANOTHER_FILE) -> CannotCreateError:
    return CannotCreateError(
        f"Cannot make the directory {directory}: {os.path.dirname(directory)} does not exist.",
        directory,
        f"Make that first, or {otherwise}.",
    )
