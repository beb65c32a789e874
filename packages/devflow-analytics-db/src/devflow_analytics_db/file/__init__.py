"""Where the database is, and how it is opened."""

BESIDE = ("-shm", "-wal", "-journal")
"""The endings of the files that SQLite keeps beside a database."""
