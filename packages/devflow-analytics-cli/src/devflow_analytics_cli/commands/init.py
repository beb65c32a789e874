"""``devflow-analytics init``."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import click

from devflow_analytics_cli.output import backup_made, echo_json, file_mode, json_option, printable
from devflow_analytics_db import create_analytics_db

if TYPE_CHECKING:
    from devflow_analytics_cli.output import Settings
    from devflow_analytics_db import Changes

NEXT_STEP = """\

Next: record tool calls into it from Python,
    from devflow_analytics_db import create_analytics_db
as the README shows, or look inside with any SQLite tool."""


@click.command()
@json_option
@click.pass_obj
def init(settings: Settings, as_json: bool) -> None:
    """Make the database, or bring it up to date.

    Safe at any time and from several processes at once: rows are kept, and a database that is
    current is not changed. A database that DevFlow's own server made is taken over with its rows.

    \b
    The keys of --json:
      path              the database
      created           whether it was made just now
      adopted           whether it was taken over from DevFlow's server just now
      schema_version    its schema version now
      applied           the migrations that were applied just now, a list
      journal_mode      wal
      backup            the copy of what it was before, or null
    """
    with create_analytics_db(settings.path) as db, closing(db.connect()) as connection:
        path = os.fspath(db)
        changes = db.changes
        (journal_mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if as_json:
        echo_json(
            {
                "path": path,
                "created": changes.created,
                "adopted": changes.adopted,
                "schema_version": changes.schema_version,
                "applied": changes.applied,
                "journal_mode": journal_mode,
                "backup": changes.backup,
            }
        )
    elif not settings.quiet:
        click.echo(_sentence(path, changes, journal_mode))
        if changes.backup:
            click.echo(backup_made(changes.backup, settings))
        if changes.created:
            click.echo(NEXT_STEP)


def _sentence(path: str, changes: Changes, journal_mode: str) -> str:
    version = f"schema version {changes.schema_version}"
    if not changes.applied:
        return f"{printable(path)} is current: {version}, journal mode {journal_mode}."
    if changes.created:
        deed = f"Created {printable(path)}"
    elif changes.adopted:
        deed = f"Took over {printable(path)} from DevFlow's server, with all its rows"
    else:
        deed = f"Upgraded {printable(path)}"
    applied = ", ".join(map(str, changes.applied))
    return (
        f"{deed}\n"
        f"  {version} (applied: {applied})\n"
        f"  journal mode {journal_mode}\n"
        f"  {file_mode(path, new=changes.created)}"
    )
