"""What several commands print."""

from __future__ import annotations

import os

import click

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from devflow_analytics_cli.settings import Settings


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the result as one JSON object."
)


def echo_json(keys: Mapping[str, object]) -> None:
    """Print one JSON object; what is path-like becomes its string."""
    import json  # noqa: PLC0415  seldom needed

    click.echo(json.dumps(keys, default=os.fspath))


def printable(text: str | os.PathLike[str]) -> str:
    """Return text that may hold paths, or names out of a strange file, for any terminal and locale.

    What a terminal would obey is escaped, as are ends of lines.
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in click.format_filename(text)
    )


def backup_made(backup: str | os.PathLike[str], settings: Settings) -> str:
    """Return the lines that tell of a backup, and the command that puts it back."""
    import shlex  # noqa: PLC0415  seldom needed

    words = ["devflow-analytics"]
    if settings.path is not None:
        words += ["--db", printable(settings.path)]
    words += ["restore", printable(backup)]
    return (
        f"  backup of what it was before: {printable(backup)}\n"
        f"  to put it back: {shlex.join(words)}"
    )
