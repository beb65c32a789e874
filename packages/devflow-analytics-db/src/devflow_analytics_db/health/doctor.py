"""Examines a database, the files around it, and the system they are on."""

from __future__ import annotations

import os
import sqlite3
from functools import partial
from typing import TYPE_CHECKING

from devflow_analytics_db.errors import AnalyticsDbError
from devflow_analytics_db.file import disk, location, making
from devflow_analytics_db.file.faults import OLDEST_SQLITE, logging_errors, naming_faults
from devflow_analytics_db.health import beside, content, environment, place
from devflow_analytics_db.health.finding import Diagnosis, Finding, refusal
from devflow_analytics_db.health.fix import fix as fix_file
from devflow_analytics_db.health.rights import rights
from devflow_analytics_db.log import log
from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.migrations.identity import identify_file
from devflow_analytics_db.settings import DB_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@logging_errors
def diagnose(path: str | os.PathLike[str] | None = None, *, fix: bool = False) -> Diagnosis:
    """Examine a database, the files around it, and the system they are on.

    What would be raised elsewhere is a finding here. Changes nothing, unless ``fix`` is true. Then
    what is safe to fix is fixed first: other users lose access, the WAL is written back into the
    file and emptied, and unfinished copies that a killed process left more than an hour ago are
    deleted. Another program's file is never touched.

    Args:
        path: the database; without it the one of `default_path`. It need not exist.
        fix: fix what is safe to fix.
    """
    surroundings = (environment.sqlite(), *environment.variables())
    try:
        file = location.resolve(path)
    except AnalyticsDbError as error:
        return Diagnosis(_as_given(path), (*surroundings, refusal("database", error)))
    fixed = tuple(fix_file(file)) if fix else ()
    findings = (
        *surroundings,
        place.file_system(file),
        place.free_space(file),
        *_file(file, fix=fix),
    )
    log("info", "examined %s: %d findings", file, len(findings))
    return Diagnosis(file, findings, fixed)


def _as_given(path: str | os.PathLike[str] | None) -> str:
    if path is None:
        path = DB_PATH.text() or "~/.devflow/analytics.db"
    return os.fspath(path)


def _file(file: str, *, fix: bool) -> Iterator[Finding]:
    """Examine the file itself, as far as it can be used."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        return  # the first finding
    try:
        with naming_faults(file):
            finding, is_usable = _database(file)
    except AnalyticsDbError as error:
        yield refusal("database", error)
        return
    yield finding
    if not is_usable:
        # they outlast a database that is gone, and will be in the next one
        waiting = beside.waiting_calls(file)
        if waiting.severity != "ok":
            yield waiting
        return
    for subject, examine in (
        ("rights", partial(rights, fix=fix)),
        ("backups", beside.copies),
        ("waiting calls", beside.waiting_calls),
        ("processes", beside.processes),
        ("wal", beside.wal),
        ("integrity", content.integrity),
        ("foreign keys", content.foreign_keys),
        ("schema", content.schema),
    ):
        yield _finding(subject, examine, file)


def _database(file: str) -> tuple[Finding, bool]:
    """Tell whether the file is a database of ours, and whether there is more to examine."""
    latest_version()  # raises if the package itself is broken, whatever the file is
    found = disk.check_path(file)
    if found is None or found.st_size == 0:
        making.require_makeable(file)
        state = "does not exist" if found is None else "is empty"
        advice = "Make it with `create_analytics_db()`."
        return Finding("database", "warn", f"{file} {state}.", advice), False
    version = identify_file(file).version
    # Each name has a log of its own:
    # https://www.sqlite.org/howtocorrupt.html#_multiple_links_to_the_same_file
    if found.st_nlink > 1:
        message = f"{file} has {found.st_nlink} hard links: opening it by two of them damages it."
        advice = "Remove all of them but one, or use only one."
        return Finding("database", "warn", message, advice), True
    return Finding("database", "ok", f"{file}: schema version {version}"), True


def _finding(subject: str, examine: Callable[[str], Finding], file: str) -> Finding:
    try:
        with naming_faults(file):
            return examine(file)
    except AnalyticsDbError as error:
        return refusal(subject, error)
