"""Whether a database is damaged, as far as SQLite can see."""

from __future__ import annotations

import re
import sqlite3

from devflow_analytics_db.file.faults import base_code, damaged
from devflow_analytics_db.log import log

ORDER = "row not in PRIMARY KEY order"
"""What ``PRAGMA quick_check`` says of a table whose order is that of a collation."""


def find_damage(connection: sqlite3.Connection) -> tuple[str | None, str | None]:
    """Return the first damage that ``PRAGMA quick_check`` finds, and what kept it from seeing all.

    An index or a constraint may need a collation or a function that only the program has which
    added it. That is no damage, and the rest can still be looked at: without constraints, and with
    another order in the place of the collation. The connection is no use for anything else then.
    """
    try:
        return _first(_quick_check(connection, most=1)), None
    except sqlite3.OperationalError as fault:
        if base_code(fault) != sqlite3.SQLITE_ERROR:
            raise
        hindrance = str(fault)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    known: set[str] = set()
    while True:
        try:
            lines = _quick_check(connection, most=100)
        except sqlite3.OperationalError as fault:
            if base_code(fault) != sqlite3.SQLITE_ERROR:
                raise
            lacking = re.fullmatch("no such collation sequence: (.+)", str(fault))
            if lacking is None or lacking[1] in known:
                return None, str(fault)
            known.add(lacking[1])
            connection.create_collation(lacking[1], lambda a, b: (a > b) - (a < b))
        else:
            return _first([line for line in lines if ORDER not in line]), hindrance


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


def _quick_check(connection: sqlite3.Connection, most: int) -> list[str]:
    return [line for (line,) in connection.execute(f"PRAGMA quick_check({most})")]


def _first(lines: list[str]) -> str | None:
    damage = [line for line in lines if line != "ok"]
    return damage[0].splitlines()[-1] if damage else None
