"""Where DevFlow Analytics keeps its records: one private SQLite file that many processes share.

`create_analytics_db` makes, takes over, upgrades and opens it. Importing this package imports
nothing else: each name brings its module when it is first asked for, and the first use of an entity
brings Pony.
"""

import sys

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devflow_analytics_db.backups.backup import backup
    from devflow_analytics_db.backups.restore import Restored, restore
    from devflow_analytics_db.database import AnalyticsDb, create_analytics_db
    from devflow_analytics_db.errors import (
        AnalyticsDbError,
        CannotCreateError,
        ConfigurationError,
        CorruptDatabaseError,
        DatabaseNotFoundError,
        IncompatibleSchemaError,
        IncompatibleSQLiteError,
        InstallationError,
        LockedError,
        MigrationError,
        NotAnAnalyticsDatabaseError,
        OpenedBeforeForkError,
        PermissionDeniedError,
        StorageError,
        TamperedMigrationError,
    )
    from devflow_analytics_db.file.path import default_path, resolve_path
    from devflow_analytics_db.health.doctor import diagnose
    from devflow_analytics_db.health.drift import check
    from devflow_analytics_db.health.finding import Diagnosis, Finding
    from devflow_analytics_db.health.status import Status, readable_size, status
    from devflow_analytics_db.migrations.changes import Changes
    from devflow_analytics_db.migrations.migrate import migrate
    from devflow_analytics_db.migrations.plan import Plan, plan_migration

__all__ = [
    "AnalyticsDb",
    "AnalyticsDbError",
    "CannotCreateError",
    "Changes",
    "ConfigurationError",
    "CorruptDatabaseError",
    "DatabaseNotFoundError",
    "Diagnosis",
    "Finding",
    "IncompatibleSQLiteError",
    "IncompatibleSchemaError",
    "InstallationError",
    "LockedError",
    "MigrationError",
    "NotAnAnalyticsDatabaseError",
    "OpenedBeforeForkError",
    "PermissionDeniedError",
    "Plan",
    "Restored",
    "Status",
    "StorageError",
    "TamperedMigrationError",
    "__version__",
    "backup",
    "check",
    "create_analytics_db",
    "default_path",
    "diagnose",
    "migrate",
    "plan_migration",
    "readable_size",
    "resolve_path",
    "restore",
    "status",
]

_MODULES = {
    "AnalyticsDb": "database",
    "AnalyticsDbError": "errors",
    "CannotCreateError": "errors",
    "Changes": "migrations.changes",
    "ConfigurationError": "errors",
    "CorruptDatabaseError": "errors",
    "DatabaseNotFoundError": "errors",
    "Diagnosis": "health.finding",
    "Finding": "health.finding",
    "IncompatibleSQLiteError": "errors",
    "IncompatibleSchemaError": "errors",
    "InstallationError": "errors",
    "LockedError": "errors",
    "MigrationError": "errors",
    "NotAnAnalyticsDatabaseError": "errors",
    "OpenedBeforeForkError": "errors",
    "PermissionDeniedError": "errors",
    "Plan": "migrations.plan",
    "Restored": "backups.restore",
    "Status": "health.status",
    "StorageError": "errors",
    "TamperedMigrationError": "errors",
    "backup": "backups.backup",
    "check": "health.drift",
    "create_analytics_db": "database",
    "default_path": "file.path",
    "diagnose": "health.doctor",
    "migrate": "migrations.migrate",
    "plan_migration": "migrations.plan",
    "readable_size": "health.status",
    "resolve_path": "file.path",
    "restore": "backups.restore",
    "status": "health.status",
}
"""Where each name is (docs/decisions/0003-imports.md)."""


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = f"{__name__}.{_MODULES[name]}"
    try:
        __import__(module)  # importlib, which does the same, is one more to import
        value: object = getattr(sys.modules[module], name)
    except AttributeError as error:  # which would say that this package has no such name
        raise ImportError(f"{module} failed to import: {error}", name=module) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
