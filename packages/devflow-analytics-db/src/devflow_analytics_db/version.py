"""The release of this package, which the ledger records with each migration."""

__version__ = "0.1.0"

OLDEST_SQLITE = (3, 37, 0)
"""The first SQLite with STRICT tables."""
