"""Whether a database is damaged, as far as SQLite can see."""

from __future__ import annotations

import sqlite3

from devflow_analytics_db.faults import base_code, damaged
from devflow_analytics_db.log import log
from devflow_analytics_db.schema_reader import table_names


def find_damage(connection: sqlite3.Connection) -> tuple[str | None, str | None]:
    """Return the first damage that ``PRAGMA quick_check`` finds, and what kept it from some tables.

    An index or a constraint may need a collation or a function that only the program has which
    added it. That is no damage, and the other tables can still be looked at.
    """
    try:
        return _damage(connection.execute("PRAGMA quick_check(1)")), None
    except sqlite3.OperationalError as fault:
        if base_code(fault) != sqlite3.SQLITE_ERROR:
            raise
        hindrance = str(fault)
    for table in sorted(table_names(connection)):
        try:
            damage = _damage(connection.execute("SELECT * FROM pragma_quick_check(?)", (table,)))
        except sqlite3.OperationalError as fault:
            if base_code(fault) != sqlite3.SQLITE_ERROR:
                raise
        else:
            if damage:
                return damage, hindrance
    return None, hindrance


def require_sound(connection: sqlite3.Connection, file: str) -> None:
    """Make sure that a database is not damaged, as far as can be seen.

    Raises:
        CorruptDatabaseError: it is.
    """
    damage, hindrance = find_damage(connection)
    if damage:
        raise damaged(file, damage)
    if hindrance:
        log("warning", "not all of %s could be checked for damage: %s", file, hindrance)


def _damage(check: sqlite3.Cursor) -> str | None:
    (verdict,) = check.fetchone()
    return None if verdict == "ok" else str(verdict.splitlines()[-1])
