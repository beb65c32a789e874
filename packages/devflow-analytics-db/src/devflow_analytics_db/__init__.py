"""Where DevFlow Analytics keeps its records: one private SQLite file that many processes share.

`create_analytics_db` makes, takes over, upgrades and opens it. Importing this package imports
neither Pony nor anything else that is slow; Pony comes with the first use of an entity.
"""

from devflow_analytics_db.changes import Changes
from devflow_analytics_db.database import AnalyticsDb, create_analytics_db
from devflow_analytics_db.errors import (
    AnalyticsDbError,
    CannotCreateError,
    ConfigurationError,
    CorruptDatabaseError,
    DatabaseNotFoundError,
    IncompatibleSchemaError,
    LockedError,
    MigrationError,
    NotAnAnalyticsDatabaseError,
    PermissionDeniedError,
    StorageError,
    TamperedMigrationError,
)
from devflow_analytics_db.location import default_path, resolve_path
from devflow_analytics_db.version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devflow_analytics_db.backups import backup
    from devflow_analytics_db.doctor import Diagnosis, Finding, diagnose
    from devflow_analytics_db.drift import Difference, check
    from devflow_analytics_db.migrator import migrate
    from devflow_analytics_db.overview import Status, status
    from devflow_analytics_db.plan import Plan, plan_migration
    from devflow_analytics_db.restoration import Restored, restore
    from devflow_analytics_db.units import readable_size

__all__ = [
    "AnalyticsDb",
    "AnalyticsDbError",
    "CannotCreateError",
    "Changes",
    "ConfigurationError",
    "CorruptDatabaseError",
    "DatabaseNotFoundError",
    "Diagnosis",
    "Difference",
    "Finding",
    "IncompatibleSchemaError",
    "LockedError",
    "MigrationError",
    "NotAnAnalyticsDatabaseError",
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

_SELDOM_USED = {
    "Diagnosis": "doctor",
    "Difference": "drift",
    "Finding": "doctor",
    "Plan": "plan",
    "Restored": "restoration",
    "Status": "overview",
    "backup": "backups",
    "check": "drift",
    "diagnose": "doctor",
    "migrate": "migrator",
    "plan_migration": "plan",
    "readable_size": "units",
    "restore": "restoration",
    "status": "overview",
}
"""Names imported from their modules when they are first asked for (docs/decisions/0003)."""


def __getattr__(name: str) -> object:
    if name not in _SELDOM_USED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  docs/decisions/0003-imports.md

    value: object = getattr(import_module(f"{__name__}.{_SELDOM_USED[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
