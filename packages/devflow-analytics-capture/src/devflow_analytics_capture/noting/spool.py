"""Appends a line to a spool beside a database, as `devflow_analytics_db.file.spool` has them.

A process that records keeps a spool of its own and holds it. A hook is gone at once, and a file for
each call would be many: so all hooks append to the same few, one at a time. Whoever reads one in
holds it meanwhile, and then removes it.
"""

import posix
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock

SPOOLS = 8
"""How many all hooks share. While one is held, by a hook or a reader, the next is used."""

LARGEST_SPOOL = 128_000_000
"""In bytes, about 500,000 calls. What comes on top of that is dropped."""

TRIES = 8
"""How often a spool is opened anew that was read in and removed meanwhile."""

_FLAGS = posix.O_RDWR | posix.O_APPEND | posix.O_NOFOLLOW | posix.O_NONBLOCK | posix.O_CLOEXEC
_ENOSPC = 28  # of errno, everywhere
_TYPE, _DIRECTORY, _FILE = 0o170000, 0o040000, 0o100000  # of st_mode
_ENDING = ".v1.jsonl"
_OF_HOOKS = "686f6f6b"


def append(file: str, line: bytes) -> None:
    """Append a line to a spool of a database.

    Args:
        file: the database; it need not exist.
        line: one line with its end.

    Raises:
        OSError: it cannot be appended.
    """
    file = real(file)
    directory = f"{file}-spool"
    _require_directory(directory, file)
    names = [f"{number}-{_OF_HOOKS}" for number in range(SPOOLS)]
    names.append(f"{posix.getpid()}-{posix.urandom(4).hex()}")  # in case all of them are held
    for name in names:
        descriptor = _held(f"{directory}/{name}{_ENDING}")
        if descriptor is not None:
            try:
                _write(descriptor, line, like=_parent(file))
            finally:
                posix.close(descriptor)
            return


class Spool:
    """A spool of one process, for who appends again and again: it stays open, and is not held.

    So whoever reads spools in takes it like those of the hooks. If that happens, there is a new
    one with the next line.
    """

    def __init__(self, file: str) -> None:
        """Say of which database; nothing is opened yet."""
        self._file = file
        self._descriptor = -1
        self._size = 0
        """Where our last line ended; 0 if that is not known."""

    def append(self, line: bytes) -> None:
        """Append a line; the arguments and errors are those of the function `append`."""
        if self._descriptor < 0 or not self._append(line):
            self.close()
            file = real(self._file)
            directory = f"{file}-spool"
            _require_directory(directory, file)
            descriptor = _held(f"{directory}/{posix.getpid()}-{_OF_HOOKS}{_ENDING}")
            if descriptor is None:  # somebody reads it
                append(self._file, line)
                return
            self._descriptor = descriptor
            try:
                self._size = _write(descriptor, line, like=_parent(file))
            finally:
                flock(descriptor, LOCK_UN)

    def close(self) -> None:
        """Close it; what is in it waits for whoever reads it in."""
        if self._descriptor >= 0:
            posix.close(self._descriptor)
            self._descriptor = -1

    def _append(self, line: bytes) -> bool:
        """Append to what is open; False if somebody holds it, or has removed it."""
        descriptor = self._descriptor
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
        except OSError:
            return False
        try:
            found = posix.fstat(descriptor)
            if not found.st_nlink:
                return False
            if found.st_size != self._size or self._size > LARGEST_SPOOL:  # others wrote, or read
                self._size = _write(descriptor, line, like=_parent(self._file))
            elif posix.write(descriptor, line) == len(line):
                self._size += len(line)
            else:
                posix.ftruncate(descriptor, self._size)
                raise _no_room()
        finally:
            flock(descriptor, LOCK_UN)
        return True


def real(path: str) -> str:
    """Return the absolute path of a database, links followed, by which SQLite names its files.

    Raises:
        OSError: a link leads to nothing, or in a circle.
    """
    path = path if path.startswith("/") else f"{posix.getcwd()}/{path}"
    while True:
        try:
            target = posix.readlink(path)
        except OSError:
            return path
        posix.stat(path)
        path = target if target.startswith("/") else f"{_parent(path)}/{target}"


def _held(path: str) -> int | None:
    """Return a spool, made if it is missing, open and locked; None if another process holds it.

    None also if something else is in its place, or something that this user may not open.
    """
    for _ in range(TRIES):
        try:
            descriptor = posix.open(path, _FLAGS | posix.O_CREAT, 0o600)
        except OSError:
            return None
        is_held = False
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
            found, there = posix.fstat(descriptor), posix.lstat(path)
            if found.st_mode & _TYPE != _FILE:
                return None
            is_held = (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino)
            if is_held:
                return descriptor
        except FileNotFoundError:  # read in and removed, after it was opened and before it was held
            continue
        except OSError:
            return None
        finally:
            if not is_held:
                posix.close(descriptor)
    return None


def _write(descriptor: int, line: bytes, like: str) -> int:
    """Write a line to a spool that is held, or nothing of it; return where the next may begin.

    0 if that has to be looked at.

    Raises:
        OSError: it cannot be written.
    """
    size = posix.fstat(descriptor).st_size
    if not size:
        _make_private(descriptor, 0o600, like)
    elif size > LARGEST_SPOOL:
        return 0
    elif posix.pread(descriptor, 1, size - 1) != b"\n":
        line = b"\n" + line  # somebody was killed in the middle of one
    if posix.write(descriptor, line) < len(line):
        posix.ftruncate(descriptor, size)
        raise _no_room()
    return size + len(line)


def _no_room() -> OSError:
    return OSError(_ENOSPC, posix.strerror(_ENOSPC))


def _require_directory(directory: str, file: str) -> None:
    """Make the directory of the spools if it is missing, and that of the database.

    Raises:
        OSError: it cannot be made, or it is a link, or another user's.
    """
    home = _parent(file)
    try:
        found = posix.lstat(directory)
    except FileNotFoundError:
        _make_directory(home, like=_parent(home))
        _make_directory(directory, like=home)
        found = posix.lstat(directory)
    trusted = {0, posix.geteuid(), posix.stat(home).st_uid}
    try:  # noqa: SIM105  contextlib takes as long to import as all of these modules
        trusted.add(posix.stat(file).st_uid)
    except FileNotFoundError:
        pass
    if found.st_mode & _TYPE != _DIRECTORY or found.st_uid not in trusted:
        raise PermissionError
    if found.st_mode & 0o7077:
        posix.chmod(directory, 0o700)


def _make_directory(path: str, like: str) -> None:
    try:
        posix.mkdir(path, 0o700)
    except FileExistsError:
        return
    descriptor = posix.open(path, posix.O_RDONLY | posix.O_DIRECTORY | posix.O_NOFOLLOW)
    try:
        _make_private(descriptor, 0o700, like)
    finally:
        posix.close(descriptor)


def _make_private(descriptor: int, mode: int, like: str) -> None:
    """Give what was made its mode, whatever the umask is, and its owner, if root has made it."""
    try:
        posix.fchmod(descriptor, mode)
        if posix.geteuid() == 0:
            owner = posix.stat(like)
            posix.fchown(descriptor, owner.st_uid, owner.st_gid)
    except OSError:  # a file system without modes or owners
        pass


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"
