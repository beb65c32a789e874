"""``devflow-analytics restore``."""

from __future__ import annotations

import click

import devflow_analytics_db
from devflow_analytics_cli.output import (
    PATH,
    backup_made,
    echo_json,
    json_option,
    printable,
    progress_bar,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devflow_analytics_cli.output import Settings


@click.command()
@click.argument("source", metavar="SRC", type=PATH)
@json_option
@click.pass_obj
def restore(settings: Settings, source: str, as_json: bool) -> None:
    """Make the database what the backup SRC holds.

    SRC is checked first, and not changed. What the database was is kept in backups beside it.
    Others may have it open meanwhile.

    \b
    The keys of --json:
      path              the database
      schema_version    its schema version now
      replaced          the copy of what it was before, or null
    """
    with progress_bar("Restoring", settings) as progress:
        restored = devflow_analytics_db.restore(source, settings.path, progress=progress)
    if as_json:
        echo_json(restored._asdict())
    elif not settings.quiet:
        click.echo(
            f"Restored {printable(restored.path)} from {printable(source)}\n"
            f"  schema version {restored.schema_version}"
        )
        if restored.replaced:
            click.echo(backup_made(restored.replaced, settings))
