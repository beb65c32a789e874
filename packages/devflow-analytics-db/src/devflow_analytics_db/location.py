"""Where the database lives, and the private directory and file that hold it."""

from __future__ import annotations

import _thread
import os
import stat

from devflow_analytics_db.errors import CannotCreateError, ConfigurationError
from devflow_analytics_db.faults import naming_faults
from devflow_analytics_db.log import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

PATH_VARIABLE = "DEVFLOW_ANALYTICS_DB_PATH"

PRIVATE_DIRECTORY = 0o700
PRIVATE_FILE = 0o600
OTHERS = stat.S_IRWXG | stat.S_IRWXO

# SQLite's locks belong to the process: closing any descriptor of the file drops them all. A new
# file is closed once before SQLite opens it, so no thread may get to SQLite in between.
_creation = _thread.allocate_lock()


def default_path() -> Path:
    """Return where the database is when nobody names a file.

    That is ``DEVFLOW_ANALYTICS_DB_PATH`` if it is set and not empty, else
    ``~/.devflow/analytics.db``. Looked up at each call; nothing is made or opened.

    Raises:
        CannotCreateError: the user has no home directory.
    """
    from pathlib import Path  # noqa: PLC0415  docs/decisions/0003-imports.md

    return Path(absolute(None))


def home_directory() -> str:
    """Return ``~/.devflow``, whether it exists or not.

    Raises:
        CannotCreateError: the user has no home directory.
    """
    home = os.environ.get("HOME")
    if not home:
        import pwd  # noqa: PLC0415  seldom needed

        try:
            home = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            raise CannotCreateError(
                f"No home directory: HOME is not set, and user {os.getuid()} has none on record."
                f" Set HOME, or name the file with {PATH_VARIABLE}."
            ) from None
    return os.path.join(os.path.abspath(home), ".devflow")


def absolute(path: str | os.PathLike[str] | None) -> str:
    """Return the absolute path that an argument or, without one, the environment names.

    Raises:
        CannotCreateError: neither names a file and the user has no home directory.
        ConfigurationError: the path can be no file's.
    """
    named = os.fspath(path) if path is not None else os.environ.get(PATH_VARIABLE)
    if path is None and not named:
        return os.path.join(home_directory(), "analytics.db")
    if not named or named == ":memory:" or "\0" in named:
        raise ConfigurationError(
            f"{named!r} is not the path of a file. Name a file, in a temporary directory if it"
            " is not to last."
        )
    return os.path.abspath(os.path.expanduser(named))


def find(path: str | os.PathLike[str] | None) -> str:
    """Return the real path of the database, with every symbolic link followed.

    SQLite derives the names of its ``-wal`` and ``-shm`` files from the path, so every process
    must use the same one.

    Raises:
        CannotCreateError: see `absolute`; or the file or its directory is a link to nothing.
        ConfigurationError: see `absolute`.
    """
    named = absolute(path)
    with naming_faults(named):
        for link in (os.path.dirname(named), named):
            if os.path.islink(link) and not os.path.exists(link):
                raise CannotCreateError(
                    f"{link} is a symbolic link to {os.readlink(link)}, which is not there."
                    " Mount or make what it points to, or remove the link."
                )
        return os.path.realpath(named)


def make(file: str) -> None:
    """Make the directory and the file, if they are missing.

    The directory gets mode 0700 and the file, empty, 0600; SQLite gives its ``-wal`` and ``-shm``
    the mode of the file. Only one directory is made: a missing home or a mistyped path is an
    error, not a tree of new directories.

    Raises:
        CannotCreateError: something else is in the way, or the directory's parent is missing.
        PermissionDeniedError: the user may not make it.
        StorageError: no room.
    """
    with naming_faults(file):
        mode = _mode(file)
        if mode is None:
            _make_directory(os.path.dirname(file))
            with _creation:
                mode = _make_file(file)
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
            raise CannotCreateError(
                f"{file} is {kind}, where the database should be. Move it away, or name another"
                f" file with {PATH_VARIABLE}."
            )


def keep_private(file: str) -> None:
    """Take away all rights that others have on a database of ours, and on ``~/.devflow``.

    Any other directory is the user's own affair.

    Raises:
        AnalyticsDbError: the file is gone.
    """
    with naming_faults(file):
        if os.stat(file).st_mode & OTHERS:
            for part in (file, f"{file}-wal", f"{file}-shm"):
                _make_private(part, PRIVATE_FILE)
        directory = os.path.dirname(file)
        if os.path.basename(directory) == ".devflow" and os.stat(directory).st_mode & OTHERS:
            _make_private(directory, PRIVATE_DIRECTORY)


def _mode(path: str) -> int | None:
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _make_directory(directory: str) -> None:
    try:
        os.mkdir(directory, PRIVATE_DIRECTORY)
    except FileExistsError:
        if not os.path.isdir(directory):
            raise CannotCreateError(
                f"{directory} is a file, where the database's directory should be. Move it away,"
                f" or name another file with {PATH_VARIABLE}."
            ) from None
        return
    except FileNotFoundError:
        parent = os.path.dirname(directory)
        raise CannotCreateError(
            f"Cannot make the directory {directory}: {parent} does not exist. Make that first, or"
            f" name another file with {PATH_VARIABLE}."
        ) from None
    log("info", "created directory %s", directory)


def _make_file(file: str) -> int:
    try:
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE)
    except FileExistsError:
        return os.stat(file).st_mode
    os.close(descriptor)
    return stat.S_IFREG | PRIVATE_FILE


def _make_private(path: str, mode: int) -> None:
    try:
        os.chmod(path, mode)
    except FileNotFoundError:
        return
    except PermissionError:
        log("warning", "others have rights on %s, which only its owner can take away", path)
    else:
        log("warning", "others had rights on %s; its mode is now %04o", path, mode)
