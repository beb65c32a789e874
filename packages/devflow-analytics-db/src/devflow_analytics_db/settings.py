"""The environment variables that this package reads: looked up at each use, never at import."""

from __future__ import annotations

import os

from devflow_analytics_db.errors import ConfigurationError

PREFIX = "DEVFLOW_ANALYTICS_"
"""How the names of all begin."""

LARGEST_TIMEOUT_MS = 2**31 - 1
"""The longest busy timeout that SQLite takes, in milliseconds."""


class Setting:
    """An environment variable; one that is empty counts as not set."""

    __slots__ = ("default", "meaning", "name")

    def __init__(self, name: str, meaning: str, default: str) -> None:
        self.name = f"{PREFIX}{name}"
        self.meaning = meaning
        """What it is for, as the documentation says it."""
        self.default = default
        """What counts if it is not set, as the documentation says it."""

    def text(self) -> str | None:
        """Return its value; None if it is not set."""
        return os.environ.get(self.name) or None


DB_PATH = Setting(
    "DB_PATH",
    "the database file; `~` is the home; a relative path counts from the current directory",
    "`~/.devflow/analytics.db`",
)

BUSY_TIMEOUT_MS = Setting(
    "BUSY_TIMEOUT_MS",
    f"how long to wait for another process's write, in milliseconds, 0 to {LARGEST_TIMEOUT_MS}",
    "5000, and 30000 while the schema is changed or a backup restored",
)

ENABLED = Setting(
    "ENABLED",
    "whether tool calls are recorded: `0`, `false`, `no` and `off` turn it off, and make no file",
    "on",
)

PROJECT = Setting(
    "PROJECT",
    "whether the last part of the working directory is recorded with each session: `1` turns it on",
    "off",
)

IN_CONTAINER = Setting(
    "IN_CONTAINER",
    "whether the dashboard may listen on all addresses, as in a container, whose network is its"
    " own: `1` allows it",
    "off",
)

SETTINGS = (DB_PATH, BUSY_TIMEOUT_MS, ENABLED, PROJECT, IN_CONTAINER)
"""All of them."""

MARKS = (f"{PREFIX}WRAP",)
"""Variables that are no settings: what our programs tell those that they start."""

_SWITCH = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def is_enabled() -> bool:
    """Tell whether tool calls are to be recorded.

    Raises:
        ConfigurationError: the value means neither yes nor no. Whoever set it wanted something
            else than usual, so nothing should be recorded.
    """
    return _is_on(ENABLED, default=True)


def records_project() -> bool:
    """Tell whether the last part of the working directory is to be recorded.

    Raises:
        ConfigurationError: the value means neither yes nor no.
    """
    return _is_on(PROJECT, default=False)


def _is_on(setting: Setting, *, default: bool) -> bool:
    value = setting.text()
    if value is None:
        return default
    switch = _SWITCH.get(value.strip().lower())
    if switch is None:
        raise ConfigurationError(
            f"{setting.name} is {value!r}, which is neither 1 nor 0, so nothing is recorded.",
            None,
            "Correct it or unset it.",
        )
    return switch


def busy_timeout_ms(default: int = 5_000) -> int:
    """Return how long a connection waits for another's write, in milliseconds.

    Args:
        default: what counts if the environment does not say.

    Raises:
        ConfigurationError: the value is not such a number.
    """
    value = BUSY_TIMEOUT_MS.text()
    if value is None:
        return default
    # the length first: Python refuses to read numbers of thousands of digits
    short = len(value) <= len(str(LARGEST_TIMEOUT_MS))
    if short and value.isascii() and value.isdigit() and int(value) <= LARGEST_TIMEOUT_MS:
        return int(value)
    raise ConfigurationError(
        f"{BUSY_TIMEOUT_MS.name} is {value!r}, which is not a whole number of milliseconds from 0"
        f" to {LARGEST_TIMEOUT_MS}.",
        None,
        "Correct it or unset it.",
    )
