"""``devflow-analytics init``."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import click

from devflow_analytics_capture import clients_to_enable
from devflow_analytics_cli.output import (
    backup_made,
    echo_json,
    file_mode,
    in_a_row,
    json_option,
    printable,
    unread,
    unread_words,
)
from devflow_analytics_db import create_analytics_db

if TYPE_CHECKING:
    from devflow_analytics_cli.output import Settings
    from devflow_analytics_db import Changes

IMPORT = """\

Your agents have logged {}. Import that with:
    devflow-analytics import"""

ENABLE = """\

{} {} MCP servers in {} settings. Record every call of them with:
    devflow-analytics enable"""

RECORD = """\

To record your own MCP server, add one line to it, as the README shows:
    from devflow_analytics_recorder import record
To see what you can ask then, on made-up calls:
    devflow-analytics demo"""


@click.command()
@json_option
@click.pass_obj
def init(settings: Settings, as_json: bool) -> None:
    """Create the database, or bring it up to date.

    You can run this at any time, and from several processes at once. All rows are kept, and a
    database that is up to date is not changed. A database that DevFlow's own server created is
    taken over with all its rows.

    \b
    The keys of --json:
      path              path of the database
      created           true if it was created just now
      adopted           true if it was taken over from DevFlow's server just now
      schema_version    its schema version now
      applied           list of the migrations applied just now
      journal_mode      wal
      backup            path of the backup made before the upgrade, or null
      unread_logs       number of logs of agents with something to import
      unread_bytes      how much of them is new
      unread_agents     list of the agents whose they are
      mcp_clients       list of the clients whose MCP servers could be recorded
    The three of 'unread' are null if that is not found within 50 ms.
    """
    with create_analytics_db(settings.path) as db, closing(db.connect()) as connection:
        path = os.fspath(db)
        version, changes = db.schema_version, db.changes
        (journal_mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if as_json:
        echo_json(
            {
                "path": path,
                "created": bool(changes and changes.created),
                "adopted": bool(changes and changes.adopted),
                "schema_version": version,
                "applied": changes.applied if changes else (),
                "journal_mode": journal_mode,
                "backup": changes and changes.backup,
                **unread(settings),
                "mcp_clients": clients_to_enable(),
            }
        )
    elif settings.quiet:
        pass
    elif changes is None:
        current = f"schema version {version}, journal mode {journal_mode}"
        click.echo(f"{printable(path)} is current: {current}.")
        _say_what_is_next(settings, is_new=False)
    else:
        click.echo(_sentence(path, changes, journal_mode))
        if changes.backup:
            click.echo(backup_made(changes.backup, settings))
        _say_what_is_next(settings, is_new=changes.created)


def _say_what_is_next(settings: Settings, *, is_new: bool) -> None:
    to_import = unread_words(unread(settings))
    if to_import:
        click.echo(IMPORT.format(to_import))
    clients = list(clients_to_enable())
    if clients:
        has, whose = ("has", "its") if len(clients) == 1 else ("have", "their")
        click.echo(ENABLE.format(in_a_row(clients), has, whose))
    if is_new:
        click.echo(RECORD)


def _sentence(path: str, changes: Changes, journal_mode: str) -> str:
    version = f"schema version {changes.schema_version}"
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
