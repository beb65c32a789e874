"""Where DevFlow Analytics keeps its records: one private SQLite file that many processes share.

`create_analytics_db` makes, takes over, upgrades and opens it. Importing this package imports
neither Pony nor anything else that is slow; Pony comes with the first use of an entity.
"""

from devflow_analytics_db.database import AnalyticsDb, create_analytics_db
from devflow_analytics_db.errors import (
    AnalyticsDbError,
    CannotCreateError,
    ConfigurationError,
    CorruptDatabaseError,
    IncompatibleSchemaError,
    LockedError,
    MigrationError,
    NotAnAnalyticsDatabaseError,
    PermissionDeniedError,
    StorageError,
    TamperedMigrationError,
)
from devflow_analytics_db.location import default_path
from devflow_analytics_db.opening import Opening
from devflow_analytics_db.version import __version__

__all__ = [
    "AnalyticsDb",
    "AnalyticsDbError",
    "CannotCreateError",
    "ConfigurationError",
    "CorruptDatabaseError",
    "IncompatibleSchemaError",
    "LockedError",
    "MigrationError",
    "NotAnAnalyticsDatabaseError",
    "Opening",
    "PermissionDeniedError",
    "StorageError",
    "TamperedMigrationError",
    "__version__",
    "create_analytics_db",
    "default_path",
]
