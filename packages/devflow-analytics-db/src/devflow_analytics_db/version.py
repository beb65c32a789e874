"""The release of this package, which the ledger records with each migration."""

__version__ = "0.1.0"
