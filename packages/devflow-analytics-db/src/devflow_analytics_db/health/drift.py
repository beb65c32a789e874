"""Compares the schema of a database with what the migrations make."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from devflow_analytics_db.errors import TamperedMigrationError
from devflow_analytics_db.file import location
from devflow_analytics_db.file.faults import logging_errors, naming_faults
from devflow_analytics_db.health.finding import Diagnosis, Finding
from devflow_analytics_db.log import log
from devflow_analytics_db.migrations import CREATE_LEDGER, latest_version, ledger
from devflow_analytics_db.migrations.identity import reading
from devflow_analytics_db.migrations.migration import build, load_migrations
from devflow_analytics_db.schema.structure import Part, structure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devflow_analytics_db.file.connection import Connection
    from devflow_analytics_db.migrations.identity import Identity
    from devflow_analytics_db.schema.structure import Column, Structure

RESTORE = "Put back a backup with `restore()`."
COLUMN_LOST = (
    "Another program made the table anew, or dropped it. Put back a backup with `restore()`, which"
    " keeps a copy of the file as it is now."
)


@logging_errors
def check(path: str | os.PathLike[str] | None = None) -> Diagnosis:
    """Compare the schema of a database with what the migrations make. Changes nothing.

    Tables, indexes, triggers and views that the user added are differences too, with severity
    ``warn``. They do no harm, and they are kept when the schema changes.

    Args:
        path: the database; without it the one of `default_path`.

    Returns:
        The differences as findings; none if the database and the migrations agree.

    Raises:
        DatabaseNotFoundError: there is no database.
        AnalyticsDbError: any other, as from `create_analytics_db`.
    """
    file = location.resolve(path)
    try:
        with naming_faults(file), reading(file) as (connection, identity):
            differences = tuple(_differences(connection, identity))
    except TamperedMigrationError as error:
        differences = (Finding("ledger", "fail", f"does not fit: {error.what}", error.advice),)
    log("info", "schema of %s checked: %d differences", file, len(differences))
    return Diagnosis(file, differences)


def _differences(connection: Connection, identity: Identity) -> Iterator[Finding]:
    version, known = identity.version, latest_version()
    if version > known:
        yield Finding(
            "schema version",
            "warn",
            f"is {version}, and this release knows only those up to {known}: its tables cannot be"
            " compared.",
            "Use the newer release.",
        )
        return
    if version < known:
        yield Finding(
            "schema version",
            "warn",
            f"is {version}, and this release's is {known}.",
            "Run `migrate()`.",
        )
    with closing(build(version)) as made:
        if version and not identity.made_by_server:
            made.execute(CREATE_LEDGER)
            for change in ledger.edited_migrations(ledger.read(connection), load_migrations()):
                yield Finding(
                    "ledger",
                    "fail",
                    f"does not fit. {change}.",
                    "Reinstall devflow-analytics-db from a release.",
                )
        yield from compare(structure(connection), structure(made))


def compare(actual: Structure, expected: Structure) -> Iterator[Finding]:
    """Yield how a structure differs from the expected one."""
    for part, definition in _all_but_parts_of_missing(expected, actual):
        if part not in actual:
            message = f"is missing; it should be {definition}."
            advice = COLUMN_LOST if part.kind == "column" else RESTORE
            yield Finding(str(part), "fail", message, advice)
        elif actual[part] != definition:
            message = f"is {actual[part]}; it should be {definition}."
            yield Finding(str(part), "fail", message, RESTORE)
    for part, definition in _all_but_parts_of_missing(actual, expected):
        if part not in expected:
            yield Finding(str(part), "warn", f"comes from no migration; it is {definition}.")


def _all_but_parts_of_missing(
    parts: Structure, others: Structure
) -> Iterator[tuple[Part, Column | str]]:
    """Yield the parts; of a table that the others do not have only the table itself."""
    for part, definition in parts.items():
        table = Part("table", part.table, part.table)
        if part == table or table in others or table not in parts:
            yield part, definition
