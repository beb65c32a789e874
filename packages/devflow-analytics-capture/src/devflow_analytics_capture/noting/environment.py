"""What the environment says: whether calls are recorded, and where; as in the db package."""

import posix
import sys

_PREFIX = b"DEVFLOW_ANALYTICS_"
ENABLED, PROJECT = b"ENABLED", b"PROJECT"
"""The switches: whether calls are recorded, and whether the last part of the directory is."""

_ON, _OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_NOT_IN_RELATIVE_PATHS = frozenset("~$%:'\"")


def is_on(environment: dict[bytes, bytes], name: bytes, *, default: bool) -> bool:
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


def named_database(path: str) -> str:
    """Return the path that a command of ours names, which is an absolute one.

    Raises:
        ValueError: it is not.
    """
    if not path.startswith("/"):
        raise ValueError
    return path


def default_database(environment: dict[bytes, bytes]) -> str:
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
