"""Examines what this process brings along: its SQLite and its environment variables."""

from __future__ import annotations

import difflib
import os
import sqlite3
from typing import TYPE_CHECKING

from devflow_analytics_db.errors import AnalyticsDbError
from devflow_analytics_db.file.faults import OLDEST_SQLITE
from devflow_analytics_db.health.finding import Finding, refusal
from devflow_analytics_db.settings import (
    DB_PATH,
    ENABLED,
    MARKS,
    PREFIX,
    SETTINGS,
    busy_timeout_ms,
    is_enabled,
    records_project,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SIMILAR = 0.4
"""How alike an unknown variable and a setting must be, from 0 to 1, to suggest the setting."""


def sqlite() -> Finding:
    """Tell whether this Python's SQLite is new enough, and free of the WAL-reset bug."""
    version, number = sqlite3.sqlite_version, sqlite3.sqlite_version_info
    if number < OLDEST_SQLITE:
        return Finding(
            "sqlite",
            "fail",
            f"SQLite {version} is too old.",
            "Use a Python with SQLite 3.37 or newer.",
        )
    if has_wal_reset_bug(number):
        return Finding(
            "sqlite",
            "warn",
            f"SQLite {version} may, very rarely, damage a file that several processes write"
            " (https://www.sqlite.org/wal.html#walresetbug).",
            "Use a Python with SQLite 3.51.3 or newer, and make backups.",
        )
    return Finding("sqlite", "ok", f"SQLite {version}")


def has_wal_reset_bug(version: tuple[int, ...]) -> bool:
    """Tell whether an SQLite has the WAL-reset bug: 3.7.0 to 3.51.2, except for two fixed ones."""
    fixed = (3, 44, 6) <= version < (3, 45) or (3, 50, 7) <= version < (3, 51)
    return (3, 7) <= version < (3, 51, 3) and not fixed


def variables() -> Iterator[Finding]:
    """Examine the environment variables that begin as our settings do."""
    known = [setting.name for setting in SETTINGS]
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known and name not in MARKS:
            yield _unknown(name, known)
    named = DB_PATH.text()
    if named and not os.path.isabs(named) and not named.startswith("~"):
        yield Finding(
            "environment",
            "warn",
            f"{DB_PATH.name} is {named!r}, which is another file in each directory.",
            "Use an absolute path.",
        )
    try:
        timeout = busy_timeout_ms()
    except AnalyticsDbError as error:
        yield refusal("environment", error)
    else:
        yield Finding("environment", "ok", f"busy timeout {timeout} ms")
    try:
        if not is_enabled():
            yield Finding("environment", "ok", f"{ENABLED.name} turns recording off")
        records_project()
    except AnalyticsDbError as error:
        yield refusal("environment", error)


def _unknown(name: str, known: list[str]) -> Finding:
    message = f"{name} is not a setting of devflow-analytics."
    # Without the beginning, which all have: it would make any two of them similar.
    ends = [setting.removeprefix(PREFIX) for setting in known]
    given = name.removeprefix(PREFIX)
    similar = difflib.get_close_matches(given, ends, n=len(ends), cutoff=SIMILAR)
    # the nearest is the first; better still is one that begins alike
    for end in sorted(similar, key=lambda end: end[:1] != given[:1])[:1]:
        message += f" Did you mean {PREFIX}{end}?"
    *others, last = known
    settings = f"{', '.join(others)} and {last}" if others else last
    return Finding("environment", "warn", message, f"Unset it. The settings are {settings}.")
