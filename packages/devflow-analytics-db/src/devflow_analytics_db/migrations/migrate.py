"""Brings a file's schema to a version: all the steps there in one transaction, or none of them."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass

from devflow_analytics_db.errors import AnalyticsDbError, MigrationError
from devflow_analytics_db.file import disk, location
from devflow_analytics_db.file.faults import commit_did_not_happen, logging_errors, naming_faults
from devflow_analytics_db.file.opening import MIGRATION_TIMEOUT_MS, configure, open_existing
from devflow_analytics_db.file.transaction import writing
from devflow_analytics_db.migrations.identity import claim, identify, identify_file
from devflow_analytics_db.migrations.route import PRAGMAS, Route, find_route
from devflow_analytics_db.result import Result
from devflow_analytics_db.settings import busy_timeout_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
else:  # for typing.get_type_hints(), without importing pathlib where a new file is made
    Path = os.PathLike


@dataclass(frozen=True, slots=True)
class Changes(Result):
    """What `migrate`, or opening a database that was not current, changed."""

    file: str
    """The database file, symbolic links followed."""
    schema_version: int
    """Its schema version now."""
    created: bool = False
    """It was missing or empty, and this call made it."""
    adopted: bool = False
    """DevFlow's server had made it, and this call took it over."""
    applied: tuple[int, ...] = ()
    """The versions whose way up this call took, in order."""
    undone: tuple[int, ...] = ()
    """The versions whose way down this call took, in order."""
    backup: Path | None = None
    """The copy of the database as it was before, where one was made."""

    def __str__(self) -> str:
        deeds = [
            *(["created"] if self.created else []),
            *(["taken over from DevFlow's server"] if self.adopted else []),
            *([f"applied {', '.join(map(str, self.applied))}"] if self.applied else []),
            *([f"undone {', '.join(map(str, self.undone))}"] if self.undone else []),
        ]
        done = "; ".join(deeds) or "nothing to do"
        text = f"{self.file}: schema version {self.schema_version} ({done})."
        return f"{text} The previous database is in {self.backup}." if self.backup else text


@logging_errors
def migrate(
    path: str | os.PathLike[str] | None = None, to: int | None = None, *, allow_down: bool = False
) -> Changes:
    """Bring the schema of a database that exists to a version.

    Everything happens in one transaction, or nothing. Before anything is rebuilt or dropped, and
    before any way down, a backup is made in ``backups/`` beside the database; the last three of
    these are kept. `create_analytics_db` does the same by itself, up to the newest version.

    Args:
        path: the database; without it the one of `default_path`.
        to: the version; without it the newest that this release knows.
        allow_down: whether versions may be undone; what they added is dropped.

    Raises:
        ConfigurationError: this release knows no such version.
        DatabaseNotFoundError: there is no database.
        IncompatibleSchemaError: a newer release made it; this one does not know the way.
        MigrationError: rows do not fit, or a way down is needed and not allowed.
        AnalyticsDbError: any other, as from `create_analytics_db`; the file is as it was.
    """
    file = location.resolve(path)
    disk.require_database(file)
    with naming_faults(file):
        identify_file(file)
        return bring_to(file, to, allow_down=allow_down)


def bring_to(
    file: str, to: int | None = None, *, allow_down: bool = False, timeout_ms: int | None = None
) -> Changes:
    """Bring a file that may be one of ours to a version, by default the newest.

    Any number of processes may do so at once: the first to get the lock does the work, and the
    others, reading again once they have it, find it done.

    Raises:
        AnalyticsDbError, sqlite3.Error: nothing was changed.
    """
    if timeout_ms is None:
        timeout_ms = busy_timeout_ms(MIGRATION_TIMEOUT_MS)
    backup, committing = None, False
    try:
        with closing(open_existing(file, timeout_ms)) as connection:
            claim(connection)
            configure(connection)
            for statement in PRAGMAS:
                connection.execute(statement)
            with writing(connection):
                # Under the lock: what was seen without it may be out of date.
                route = find_route(connection, file, identify(connection), to)
                _require_allowed(route, allow_down=allow_down)
                disk.keep_private(file)  # not before it is known to be ours
                if route.needs_backup:
                    backup = _back_up(file)
                for _ in route.take(connection):
                    pass
                committing = True
    except BaseException as fault:
        if backup is not None and (not committing or commit_did_not_happen(fault)):
            os.unlink(backup)  # the file itself is still what it is a copy of
        raise
    if backup is not None:
        from devflow_analytics_db.backups.backup import (  # noqa: PLC0415  seldom needed
            forget_old,
        )

        forget_old(file, backup)
    return Changes(
        file,
        route.target,
        created=route.start == 0,
        adopted=route.adopts,
        applied=route.applied,
        undone=route.undone,
        backup=backup,
    )


def _require_allowed(route: Route, *, allow_down: bool) -> None:
    if route.undone and not allow_down:
        versions = ", ".join(map(str, route.undone))
        raise MigrationError(
            f"Going to schema version {route.target} would undo migration"
            f"{'s' if len(route.undone) > 1 else ''} {versions} of {route.file}. Nothing was done.",
            route.file,
            "Run again with `allow_down=True`.",
        )


def _back_up(file: str) -> Path:
    from devflow_analytics_db.backups.backup import (  # noqa: PLC0415  seldom needed
        back_up_before_migrating,
    )

    try:
        return back_up_before_migrating(file)
    except AnalyticsDbError as error:
        what = f"{error.what} Nothing was migrated, as that needs a backup first."
        raise type(error)(what, error.path, error.advice) from error
