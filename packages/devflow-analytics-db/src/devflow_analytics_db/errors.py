"""Every error this package raises on purpose.

Each message says what failed, on which path, and what to do next; the class owns the exit status
that a program should end with (the numbers of BSD's ``sysexits.h``). The rows of a file that an
error speaks of are as they were; a file that is not ours is so to the byte.
"""


class AnalyticsDbError(Exception):
    """Anything that keeps an analytics database from being used."""

    exit_status = 1


class ConfigurationError(AnalyticsDbError):
    """An argument or an environment variable has a value that means nothing."""


class MigrationError(AnalyticsDbError):
    """A migration cannot be done on this file; nothing of it was."""


class OpenedBeforeForkError(AnalyticsDbError):
    """The file was in use when this process was forked; what it would write there could be lost."""


class CorruptDatabaseError(AnalyticsDbError):
    """The file is damaged. It is never deleted or overwritten."""

    exit_status = 65


class NotAnAnalyticsDatabaseError(AnalyticsDbError):
    """The file is no SQLite database, or another program's."""

    exit_status = 65


class TamperedMigrationError(AnalyticsDbError):
    """What the file says was applied to it is not what this package has."""

    exit_status = 65


class DatabaseNotFoundError(AnalyticsDbError):
    """There is no database to read, to migrate or to copy."""

    exit_status = 66


class CannotCreateError(AnalyticsDbError):
    """The directory or the file cannot be made: something is in the way, or no such home."""

    exit_status = 73


class InstallationError(AnalyticsDbError):
    """Files of this package are missing: whoever installed it, or built a program of it, left them.

    The fault is the program's, whatever the database: the status is that of an internal fault.
    """

    exit_status = 70


class StorageError(AnalyticsDbError):
    """The disk is full, or reading or writing failed below SQLite."""

    exit_status = 74


class LockedError(AnalyticsDbError):
    """Another process held the database for longer than the timeout. Nothing is damaged."""

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
