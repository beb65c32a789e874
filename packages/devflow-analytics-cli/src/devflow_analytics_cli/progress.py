"""A bar on stderr that shows how far a copy is, if somebody is watching."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress

import click

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devflow_analytics_cli.settings import Settings


@contextmanager
def progress_bar(label: str, settings: Settings) -> Iterator[Callable[[int, int], None] | None]:
    """Give a function that takes the pages copied so far and those to copy in all.

    None where stderr is no terminal.
    """
    if settings.quiet or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=100, label=label, file=sys.stderr) as bar:

        def show(copied: int, total: int) -> None:
            with suppress(OSError):  # a terminal that hung up is no reason to stop
                bar.update(100 * copied // max(total, 1) - bar.pos)

        yield show
