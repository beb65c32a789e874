"""The file of an agent's settings: read, replaced as a whole, and kept as it was before."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_capture.errors import SettingsChangedError, SettingsError
from devflow_analytics_db import PermissionDeniedError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST = 16_000_000
"""In bytes; a file that is larger holds no settings."""

TRIES = 5
"""How often a change is made anew, when somebody else has changed the file meanwhile."""

ADVICE = "Have it done by whoever may."
"""What to do where the user has no right."""


class Found(NamedTuple):
    """What is in a file."""

    content: bytes
    status: os.stat_result


class Change(NamedTuple):
    """What was done to a file."""

    changed: bool
    backup: str | None
    """The copy of the file as it was before, if one was asked for."""


def read(path: str, advice: str = ADVICE) -> Found | None:
    """Return what is in a file; None if there is none.

    Args:
        path: the file.
        advice: what to do where the user has no right.

    Raises:
        PermissionDeniedError, SettingsError: it cannot be read, or is no file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        if os.path.islink(path):
            raise SettingsError(
                f"{path} is a symbolic link to {os.readlink(path)}, which is not there.",
                path,
                "Make what it points to, or remove the link.",
            ) from None
        return None
    except OSError as fault:
        raise _fault(fault, path, advice) from fault
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SettingsError(f"{path} is no file.", path, "Move it away.")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(LARGEST + 1)
    finally:
        os.close(descriptor)
    if len(content) > LARGEST:
        raise SettingsError(f"{path} is too large to be settings.", path)
    return Found(content, status)


def text_of(found: Found | None, path: str) -> str:
    """Return the text that is in a file; none if there is no file.

    Raises:
        SettingsError: it is not UTF-8.
    """
    try:
        return found.content.decode() if found else ""
    except UnicodeDecodeError as fault:
        line = fault.object.count(b"\n", 0, fault.start) + 1
        raise SettingsError(
            f"{path} is not UTF-8: line {line} has a byte that is no letter. It was left as it is.",
            path,
            "Correct it first.",
        ) from None


def change(
    path: str,
    edit: Callable[[str], str | None],
    backup_for: Callable[[str], str | None] = lambda _: None,
    advice: str = ADVICE,
) -> Change:
    """Change a file as a whole: whoever reads it finds it as it was, or as it is then.

    Its mode and owner stay, and a symbolic link is followed. What somebody else writes meanwhile is
    not lost.

    Args:
        path: the file; it is made, private, if it is missing.
        edit: gets the text, empty if there is no file, and returns what it should be; None to
            remove the file.
        backup_for: gets the text, and returns the path to which that is copied first unless
            there is a file already; None for no copy.
        advice: as for `read`.

    Raises:
        PermissionDeniedError, SettingsError, StorageError: it cannot be read or written.
        SettingsChangedError: somebody else goes on changing it.
    """
    for _ in range(TRIES):
        found = read(path, advice)
        before = text_of(found, path)
        after = edit(before)
        if after == before or (after is None and found is None):
            return Change(changed=False, backup=None)
        backup = backup_for(before) if found else None
        is_new = done = False
        try:
            is_new = bool(found and backup and _keep(found, backup))
            done = _replace(path, found, after)
        except OSError as fault:
            raise _fault(fault, path, advice) from fault
        finally:
            if is_new and not done and backup:  # a copy of what was not changed
                _unlink(backup)
        if done:
            return Change(changed=True, backup=backup)
    raise SettingsChangedError(
        f"{path} was changed by another program again and again. It was left as it is.",
        path,
        "Try again when the agent does not run.",
    )


def _keep(found: Found, backup: str) -> bool:
    """Copy what was found to a file that only its owner may read; False if there is one.

    Raises:
        OSError: it cannot be written.
    """
    if os.path.lexists(backup):
        return False
    new = _write_beside(backup, found.content, found.status, mode=0o600)
    try:
        return _place(new, backup)
    finally:
        _unlink(new)


def _replace(path: str, found: Found | None, after: str | None) -> bool:
    """Put a text in the place of what was found; False if that is not there any more.

    Raises:
        OSError: it cannot be written.
    """
    real = os.path.realpath(path)
    if found and not os.access(real, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), real)
    if after is None:
        if not _is_unchanged(path, found):
            return False
        os.unlink(real)
        return True
    if found and found.status.st_nlink > 1:
        raise SettingsError(
            f"{path} has {found.status.st_nlink} names (hard links), which a change would part. It"
            " was left as it is.",
            path,
            "Remove the other names, or make them symbolic links.",
        )
    mode = stat.S_IMODE(found.status.st_mode) if found else 0o600
    new = _write_beside(real, after.encode(), found.status if found else None, mode=mode)
    try:
        if not _is_unchanged(path, found):
            return False
        if found:
            os.rename(new, real)
        elif not _place(new, real):
            return False
        _sync_directory(real)
    finally:
        _unlink(new)
    return True


def _place(new: str, path: str) -> bool:
    """Give a new file its name; False if there is a file of that name.

    Raises:
        OSError: it cannot get it.
    """
    try:
        os.link(new, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        os.rename(new, path)
    return True


def _unlink(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)


def _is_unchanged(path: str, found: Found | None) -> bool:
    now = read(path)
    if now is None or found is None:
        return now is found
    same_file = os.path.samestat(now.status, found.status)
    return same_file and now.content == found.content


def _write_beside(path: str, content: bytes, like: os.stat_result | None, *, mode: int) -> str:
    """Write a new file in the directory of another one, to the disk, and return its path.

    Args:
        path: the other one.
        content: what is in it.
        like: whose owner it is to have; without it that of the directory, if root makes it.
        mode: its mode.

    Raises:
        OSError: it cannot be written, or not be given to that owner. Nothing is left.
    """
    directory, name = os.path.split(path)
    new = os.path.join(directory, f".{name}-{os.urandom(4).hex()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if like is None and os.geteuid() == 0:
                like = os.stat(directory)
            now = os.fstat(descriptor)
            if like and (now.st_uid, now.st_gid) != (like.st_uid, like.st_gid):
                os.fchown(descriptor, like.st_uid, like.st_gid)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
    except BaseException:
        _unlink(new)
        raise
    return new


def _sync_directory(path: str) -> None:
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fault(
    fault: OSError, path: str, advice: str
) -> PermissionDeniedError | SettingsError | StorageError:
    reason = fault.strerror or str(fault)
    if isinstance(fault, PermissionError) or fault.errno == errno.EROFS:
        return PermissionDeniedError(f"No right to change {path}: {reason}.", path, advice)
    if fault.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}:
        return StorageError(f"{path} cannot be written: {reason}. It was left as it is.", path)
    return SettingsError(f"{path} cannot be read or written: {reason}.", path)
