"""Where DevFlow Analytics keeps its records: one private SQLite file that many processes share.

`create_analytics_db` makes, takes over, upgrades and opens it; `open_readonly` opens it for reading
alone. Importing this package imports nothing else: each name brings its module when it is first
asked for, and the first use of an entity brings Pony.
"""

import sys

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:  # what `_MODULES` says, for type checkers
    from devflow_analytics_db.backups.backup import backup as backup
    from devflow_analytics_db.backups.restore import Restored as Restored, restore as restore
    from devflow_analytics_db.database import (
        AnalyticsDb as AnalyticsDb,
        create_analytics_db as create_analytics_db,
    )
    from devflow_analytics_db.errors import (
        AnalyticsDbError as AnalyticsDbError,
        CannotCreateError as CannotCreateError,
        ConfigurationError as ConfigurationError,
        CorruptDatabaseError as CorruptDatabaseError,
        DatabaseGoneError as DatabaseGoneError,
        DatabaseNotFoundError as DatabaseNotFoundError,
        DestinationExistsError as DestinationExistsError,
        ImportRunningError as ImportRunningError,
        IncompatibleSchemaError as IncompatibleSchemaError,
        IncompatibleSQLiteError as IncompatibleSQLiteError,
        InstallationError as InstallationError,
        LockedError as LockedError,
        MigrationError as MigrationError,
        NotAnAnalyticsDatabaseError as NotAnAnalyticsDatabaseError,
        OpenedBeforeForkError as OpenedBeforeForkError,
        PermissionDeniedError as PermissionDeniedError,
        StorageError as StorageError,
        TamperedMigrationError as TamperedMigrationError,
    )
    from devflow_analytics_db.file.connection import Connection as Connection
    from devflow_analytics_db.file.import_lock import import_lock as import_lock
    from devflow_analytics_db.file.path import (
        default_path as default_path,
        resolve_path as resolve_path,
    )
    from devflow_analytics_db.file.spool import (
        Spool as Spool,
        abandoned_spools as abandoned_spools,
        make_spool as make_spool,
    )
    from devflow_analytics_db.health.doctor import diagnose as diagnose
    from devflow_analytics_db.health.drift import check as check
    from devflow_analytics_db.health.finding import Diagnosis as Diagnosis, Finding as Finding
    from devflow_analytics_db.health.status import (
        Status as Status,
        readable_size as readable_size,
        status as status,
    )
    from devflow_analytics_db.migrations.migrate import Changes as Changes, migrate as migrate
    from devflow_analytics_db.migrations.plan import Plan as Plan, plan_migration as plan_migration
    from devflow_analytics_db.reading import open_readonly as open_readonly
    from devflow_analytics_db.settings import (
        busy_timeout_ms as busy_timeout_ms,
        is_enabled as is_enabled,
        records_project as records_project,
    )

_MODULES = {
    "backups.backup": ("backup",),
    "backups.restore": ("Restored", "restore"),
    "database": ("AnalyticsDb", "create_analytics_db"),
    "errors": (
        "AnalyticsDbError",
        "CannotCreateError",
        "ConfigurationError",
        "CorruptDatabaseError",
        "DatabaseGoneError",
        "DatabaseNotFoundError",
        "DestinationExistsError",
        "ImportRunningError",
        "IncompatibleSQLiteError",
        "IncompatibleSchemaError",
        "InstallationError",
        "LockedError",
        "MigrationError",
        "NotAnAnalyticsDatabaseError",
        "OpenedBeforeForkError",
        "PermissionDeniedError",
        "StorageError",
        "TamperedMigrationError",
    ),
    "file.connection": ("Connection",),
    "file.import_lock": ("import_lock",),
    "file.path": ("default_path", "resolve_path"),
    "file.spool": ("Spool", "abandoned_spools", "make_spool"),
    "health.doctor": ("diagnose",),
    "health.drift": ("check",),
    "health.finding": ("Diagnosis", "Finding"),
    "health.status": ("Status", "readable_size", "status"),
    "migrations.migrate": ("Changes", "migrate"),
    "migrations.plan": ("Plan", "plan_migration"),
    "reading": ("open_readonly",),
    "settings": ("busy_timeout_ms", "is_enabled", "records_project"),
}
"""The public names, by the module that has them (docs/decisions/0003-imports.md)."""

__all__ = sorted(["__version__", *(name for names in _MODULES.values() for name in names)])  # noqa: PLE0605  a list all the same


def __getattr__(name: str) -> object:
    found = [module for module, names in _MODULES.items() if name in names]
    if not found:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = f"{__name__}.{found[0]}"
    try:
        __import__(module)  # importlib, which does the same, is one more to import
        value: object = getattr(sys.modules[module], name)
    except AttributeError as error:  # which would say that this package has no such name
        raise ImportError(f"{module} failed to import: {error}", name=module) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
