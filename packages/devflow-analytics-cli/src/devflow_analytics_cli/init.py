"""``devflow-analytics init``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from devflow_analytics_db import create_analytics_db

if TYPE_CHECKING:
    from devflow_analytics_cli.settings import Settings
    from devflow_analytics_db import Opening

NEXT_STEP = """\

Next: record tool calls into it from Python,
    from devflow_analytics_db import create_analytics_db
as the README shows, or look inside with any SQLite tool."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.pass_obj
def init(settings: Settings, as_json: bool) -> None:
    """Make the database, or bring it up to date.

    Safe at any time and from several processes at once: rows are kept, and a database that is
    current is not changed. A database that DevFlow's own server made is taken over with its rows.
    """
    with create_analytics_db(settings.path) as db:
        path = os.fspath(db)
        opening = db.opening
        journal_mode = db.journal_mode()
    if as_json:
        import json  # noqa: PLC0415  seldom needed

        keys = {
            "path": path,
            "created": opening.created,
            "adopted": opening.adopted,
            "schema_version": opening.schema_version,
            "applied": opening.applied,
            "journal_mode": journal_mode,
        }
        click.echo(json.dumps(keys))
    elif not settings.quiet:
        click.echo(_sentence(click.format_filename(path), opening, journal_mode))
        if opening.created:
            click.echo(NEXT_STEP)


def _sentence(path: str, opening: Opening, journal_mode: str) -> str:
    version = f"schema version {opening.schema_version}"
    if not opening.applied:
        return f"{path} is current: {version}. Nothing to do."
    if opening.created:
        deed = f"Created {path}"
    elif opening.adopted:
        deed = f"Took over {path} from DevFlow's server, with all its rows"
    else:
        deed = f"Upgraded {path}"
    applied = ", ".join(map(str, opening.applied))
    return (
        f"{deed}\n"
        f"  {version} (applied: {applied})\n"
        f"  journal mode {journal_mode}: many processes may use it at once\n"
        "  readable and writable by you alone"
    )
