"""Which file the database is."""

from __future__ import annotations

import os

from devflow_analytics_db.errors import CannotCreateError, ConfigurationError
from devflow_analytics_db.settings import DB_PATH

LONGEST_PATH = 512 - len("-journal")
"""In bytes; SQLite's own limit is 512 for each of its files."""


def devflow_directory() -> str:
    """Return ``~/.devflow``, whether it exists or not.

    Raises:
        CannotCreateError: the user has no home directory.
    """
    return os.path.join(_absolute(_home()), ".devflow")


def is_devflow_directory(directory: str) -> bool:
    """Tell whether a directory, symbolic links followed, is the one of `devflow_directory`."""
    try:
        return os.path.realpath(devflow_directory()) == directory
    except CannotCreateError:
        return False


def is_private_directory(directory: str) -> bool:
    """Tell whether a directory is ``~/.devflow`` itself, which nobody else may enter.

    One that a symbolic link of that name leads to may be shared with others, and keeps its mode.
    """
    return is_devflow_directory(directory) and not os.path.islink(devflow_directory())


def _home() -> str:
    home = os.environ.get("HOME")
    if not home:
        import pwd  # noqa: PLC0415  seldom needed

        try:
            home = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            raise CannotCreateError(
                f"No home directory: HOME is not set, and user {os.getuid()} has none on record.",
                None,
                f"Set HOME, or name the file with `path` or {DB_PATH.name}.",
            ) from None
    return home


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except FileNotFoundError:
        raise CannotCreateError(
            f"{path} counts from the current directory, which was deleted.",
            path,
            "Change to another, or give the path from the root.",
        ) from None


def absolute(path: str | os.PathLike[str] | None) -> str:
    """Return the absolute path that an argument or, without one, the environment names.

    Raises:
        CannotCreateError: neither names a file and the user has no home directory.
        ConfigurationError: the path can be no file's.
    """
    named = os.fspath(path) if path is not None else DB_PATH.text()
    if path is None and not named:
        return os.path.join(devflow_directory(), "analytics.db")
    if not named or named == ":memory:" or "\0" in named:
        raise ConfigurationError(
            f"{named!r} is not the path of a file.",
            None,
            "Name a file, in a temporary directory if it is not to last.",
        )
    if path is None and named != named.strip():
        raise ConfigurationError(
            f"{DB_PATH.name} is {named!r}, with white space at its beginning or end.",
            named,
            "Remove that, or name the file with `path` if that is its name.",
        )
    _require_path(named)
    return _absolute(_expanded(named))


def _require_path(named: str) -> None:
    """Refuse text that a shell or a program should have turned into a path, and did not.

    It would make a file of a strange name in the current directory.

    Raises:
        ConfigurationError: it is such text.
    """
    as_name = f"{f'./{named}'!r} if that is its name"
    first = named.partition("/")[0]
    if len(named) > 1 and named[0] == named[-1] and named[0] in "\"'":
        raise ConfigurationError(
            f"{named!r} has quotes around it.", named, f"Leave them out, or write {as_name}."
        )
    scheme, colon, rest = first.partition(":")
    if colon and (scheme.lower() == "file" or (not rest and named.startswith(f"{first}//"))):
        raise ConfigurationError(
            f"{named!r} is a URI.", named, f"Write only the path of the file, or {as_name}."
        )
    if (first.startswith("$") and _holds_variable(first)) or _is_windows_variable(first):
        raise ConfigurationError(
            f"{named!r} begins with {first!r}, which no shell has expanded.",
            named,
            f"Write out what it stands for, or {as_name}.",
        )


def _expanded(named: str) -> str:
    """Return a path with a ``~`` at its beginning replaced by the home.

    Raises:
        CannotCreateError: the user has no home directory.
        ConfigurationError: there is no such user; or a variable in the middle is not expanded.
    """
    path = named
    if named.partition("/")[0] == "~":
        path = _home() + named[1:]
    elif named.startswith("~"):
        path = os.path.expanduser(named)
        if path.startswith("~"):
            raise ConfigurationError(
                f"{named!r} begins with a user who does not exist.",
                named,
                "Correct it, or write ./~ if that is its name.",
            )
    if "$" in path:
        directory = ""
        for part in path.split("/")[:-1]:
            directory += part
            if _holds_variable(part) and not os.path.lexists(directory):
                raise ConfigurationError(
                    f"{named!r} holds {part!r}, which no shell has expanded.",
                    named,
                    f"Write out what it stands for, or make the directory {directory} first if"
                    " that is its name.",
                )
            directory += "/"
    return path


def _holds_variable(part: str) -> bool:
    """Tell whether there is a ``$`` in it that a shell would expand."""
    return any(after[:1].isalpha() or after[:1] in {*"_{("} for after in part.split("$")[1:])


def _is_windows_variable(first: str) -> bool:
    start, _, rest = first.partition("%")
    name, percent, after = rest.partition("%")
    return not start and bool(percent) and name.isidentifier() and after[:1] in {"", "\\"}


def resolve(path: str | os.PathLike[str] | None) -> str:
    """Return the real path of the database, with every symbolic link followed.

    SQLite derives the names of its ``-wal`` and ``-shm`` files from the path, so every process
    must use the same one.

    Raises:
        CannotCreateError: see `absolute`; or the file or its directory is a link to nothing.
        ConfigurationError: see `absolute`.
    """
    named = absolute(path)
    for link in (os.path.dirname(named), named):
        if os.path.islink(link) and not os.path.exists(link):
            raise broken_link(link)
    return require_short(os.path.realpath(named))


def broken_link(link: str) -> CannotCreateError:
    """Return the error for a symbolic link that leads nowhere."""
    return CannotCreateError(
        f"{link} is a symbolic link to {os.readlink(link)}, which is not there.",
        link,
        "Mount or make what it points to, or remove the link.",
    )


def require_short(file: str) -> str:
    """Return a path if SQLite can use it.

    Raises:
        CannotCreateError: it is too long.
    """
    if len(os.fsencode(file)) > LONGEST_PATH:
        raise CannotCreateError(
            f"{file} is a longer path than the {LONGEST_PATH} bytes that SQLite can use.",
            file,
            "Use a shorter one.",
        )
    return file
