"""Every error that this package raises on purpose.

The class owns the exit status that a program should end with (the numbers of BSD's
``sysexits.h``). The rows of a file that an error speaks of are as they were; a file that is not
ours is so to the byte.
"""

from __future__ import annotations


class AnalyticsDbError(Exception):
    """Anything that keeps an analytics database from being used.

    As a string it is what failed, and after that what to do next.
    """

    exit_status = 1

    def __init__(self, what: str, path: str | None = None, advice: str | None = None) -> None:
        super().__init__(what, path, advice)
        self.what = what
        """What failed, and why, in sentences."""
        self.path = path
        """The file that this is about; None if it is about none."""
        self.advice = advice
        """What to do next, in sentences; None if nothing helps, or if `what` says it.

        What a Python program can call or pass is in backquotes, so that a program with other words
        for it, such as a command, can put in its own.
        """

    def __str__(self) -> str:
        return f"{self.what} {self.advice}" if self.advice else self.what


class ConfigurationError(AnalyticsDbError):
    """An argument or an environment variable has a value that cannot be used."""


class MigrationError(AnalyticsDbError):
    """A migration does not fit this file, or would undo a version unasked; nothing was done."""


class OpenedBeforeForkError(AnalyticsDbError):
    """The file was in use when this process was forked; what it would write there could be lost."""


class CorruptDatabaseError(AnalyticsDbError):
    """The file is damaged. It is never deleted or overwritten."""

    exit_status = 65


class NotAnAnalyticsDatabaseError(AnalyticsDbError):
    """The file is not an SQLite database, or it is another program's."""

    exit_status = 65


class TamperedMigrationError(AnalyticsDbError):
    """The migrations that were applied to the file are not those of this package."""

    exit_status = 65


class DatabaseNotFoundError(AnalyticsDbError):
    """There is no database to read, migrate or copy."""

    exit_status = 66


class DatabaseGoneError(AnalyticsDbError):
    """The file was deleted, moved or replaced while it was in use."""

    exit_status = 66


class CannotCreateError(AnalyticsDbError):
    """The directory or the file cannot be made: something is in the way, or there is no home."""

    exit_status = 73


class DestinationExistsError(AnalyticsDbError):
    """There is a file in the place of a copy that is to be made; it is never overwritten."""

    exit_status = 73


class InstallationError(AnalyticsDbError):
    """Files of this package are missing: it was installed, or built into a program, without them.

    The fault is the program's, whatever the database: the status is that of an internal fault.
    """

    exit_status = 70


class StorageError(AnalyticsDbError):
    """The disk is full, or reading or writing failed below SQLite."""

    exit_status = 74


class LockedError(AnalyticsDbError):
    """Another process held the database for longer than the busy timeout. Nothing is damaged."""

    exit_status = 75


class ImportRunningError(AnalyticsDbError):
    """Another process is importing into the database: one at a time does."""

    exit_status = 75


class PermissionDeniedError(AnalyticsDbError):
    """The user has no right to read or to write the directory or the file."""

    exit_status = 77


class IncompatibleSchemaError(AnalyticsDbError):
    """A newer release wrote the file, and its schema does not allow this one to write to it."""

    exit_status = 78


class IncompatibleSQLiteError(AnalyticsDbError):
    """This Python's SQLite is too old: for this package, or for something in the file."""

    exit_status = 78
