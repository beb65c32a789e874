"""``devflow-analytics path``."""

from __future__ import annotations

import os

import click

from devflow_analytics_cli.output import echo_json, json_option
from devflow_analytics_db import resolve_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devflow_analytics_cli.output import Settings


@click.command()
@json_option
@click.pass_obj
def path(settings: Settings, as_json: bool) -> None:
    """Print the path of the database file.

    The path is absolute, with symbolic links resolved. The file need not exist.

    \b
    The key of --json:
      path    path of the database
    """
    file = resolve_path(settings.path)
    if as_json:
        echo_json({"path": file})
    else:
        click.echo(os.fsencode(file))  # to the byte, for scripts
