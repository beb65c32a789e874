"""Examines what is in a database: its pages, its rows and its schema."""

from __future__ import annotations

from contextlib import closing

from devflow_analytics_db.file.opening import open_for_reading
from devflow_analytics_db.health.drift import COLUMN_LOST, check
from devflow_analytics_db.health.finding import Finding
from devflow_analytics_db.schema.integrity import find_damage
from devflow_analytics_db.schema.structure import foreign_key_violations


def integrity(file: str) -> Finding:
    """Tell whether SQLite finds damage."""
    with closing(open_for_reading(file)) as connection:
        damage, hindrance = find_damage(connection)
    if damage:
        return Finding(
            "integrity",
            "fail",
            f"the file is damaged: {damage}.",
            "First copy it and the files beside it to a safe place. Then put back a backup with"
            " `restore()`, or try the .recover command of SQLite's shell.",
        )
    if hindrance:
        return Finding(
            "integrity",
            "warn",
            f"quick_check found no damage where it could look; elsewhere: {hindrance}.",
            "Another program added something that only it can read: check the file with that.",
        )
    return Finding("integrity", "ok", "quick_check found no damage")


def foreign_keys(file: str) -> Finding:
    """Tell whether each reference leads to a row."""
    with closing(open_for_reading(file)) as connection:
        violations = foreign_key_violations(connection)
    if not violations:
        return Finding("foreign keys", "ok", "every reference leads to a row")
    (table, parent), count = violations.most_common(1)[0]
    return Finding(
        "foreign keys",
        "fail",
        f"rows of {table} ({count}) refer to a row of {parent} that does not exist.",
        "A connection without PRAGMA foreign_keys wrote them. Delete them, or put back a backup"
        " with `restore()`.",
    )


def schema(file: str) -> Finding:
    """Tell whether the schema is what the migrations make."""
    differences = check(file).findings
    if not differences:
        return Finding("schema", "ok", "the database and the migrations agree")
    # first of all a column that is gone: who writes to it, cannot write
    first = max(differences, key=lambda one: (one.severity == "fail", one.advice == COLUMN_LOST))
    message = f"{first.subject} {first.message}"
    advice = first.advice or "What you added yourself may stay."
    if len(differences) > 1:
        message += f" And {len(differences) - 1} more."
        advice = f"`check()` lists them all. {advice}"
    return Finding("schema", first.severity, message, advice)
