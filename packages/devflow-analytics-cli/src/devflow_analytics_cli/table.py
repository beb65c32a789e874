"""Tables, headings and CSV on stdout.

rich is imported where it is used: that takes longer than most commands do, and the help imports
them all.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace

import click

from devflow_analytics_cli.layout import GAP, Column, can_write, cut, fitting, isolated, writable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table

DRAWINGS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Options:
    """What there is to print on."""

    width: int | None
    """In cells; None if lines may be as long as they are."""
    coloured: bool
    """Whether colours, bold and dim are wanted."""
    terminal: bool
    """Whether it may show a line from right to left."""
    encoding: str

    @classmethod
    def of_stdout(cls, width: int | None = None) -> Options:
        """Return what stdout is.

        Args:
            width: what ``--width`` says. Without it, a terminal's is that of COLUMNS or its own,
                and nothing else has one.
        """
        from shutil import get_terminal_size  # noqa: PLC0415  seldom needed

        terminal = sys.stdout.isatty()
        if width is None and terminal:
            width = get_terminal_size().columns
        context = click.get_current_context(silent=True)
        coloured = context.color if context else None  # False with NO_COLOR
        if coloured is None:
            coloured = terminal and os.environ.get("TERM") != "dumb"
        return cls(width, coloured, terminal, sys.stdout.encoding or "ascii")

    @property
    def draws(self) -> bool:
        """Whether bars and sparklines are wanted, and can be written."""
        return self.width is not None and can_write(DRAWINGS, self.encoding)

    def text(self, text: str) -> str:
        """Return text, such as anybody's name, as it can be printed here."""
        return self.in_place(writable(text, self.encoding))

    def in_place(self, text: str) -> str:
        """Return printable text so that it reorders nothing beside it."""
        return isolated(text) if self.terminal else text


def print_table(
    columns: Sequence[Column], *, options: Options, header: bool = True
) -> dict[str, int]:
    """Print columns beside each other, and return the widths of those that fit by their titles.

    In a narrow table columns leave, and then names are cut (see `fitting`). Figures never are: what
    is still too wide is printed as it is.

    Args:
        columns: from left to right, all of as many cells.
        options: what stdout is.
        header: print the titles; they are left out, too, if all are empty.
    """
    from rich.text import Text  # noqa: PLC0415  70 ms

    fit = fitting(_written(columns, options), options.width)
    mark = writable("…", options.encoding)
    titled = header and any(column.title for column, _ in fit)
    table = _table(show_header=titled)
    cells = []
    for column, width in fit:
        title = Text.assemble((cut(column.title, width, mark), "dim"))
        table.add_column(title, justify=column.align, width=width, no_wrap=True)
        texts = [cut(cell, width, mark) if column.is_name else cell for cell in column.cells]
        styles = [column.style] * len(texts) if isinstance(column.style, str) else column.style
        pairs = zip(map(options.in_place, texts), styles, strict=True)
        cells.append([Text.assemble(pair) for pair in pairs])
    for row in zip(*cells, strict=True):
        table.add_row(*row)
    _print(table, sum(width + GAP for _, width in fit), options)
    return {column.title: width for column, width in fit}


def room(columns: Sequence[Column], *, options: Options) -> int:
    """Return the width in cells for a drawing to the right of columns; 0 where there is none."""
    if options.width is None or not options.draws:
        return 0
    fit = fitting(_written(columns, options), options.width)
    return max(0, options.width - sum(width + GAP for _, width in fit))


def bar(value: float, largest: float, width: int) -> str:
    """Return a bar, as long as the width in cells for the largest value, and empty only for 0."""
    return "█" * max(1, round(width * (value / largest))) if value > 0 else ""


def heading(title: str, rest: str, *, options: Options) -> None:
    """Print a title and what it is of: ``Tools  last 7 days``. Further lines begin below the rest.

    Its parts are separated by a dot in the middle of the line.
    """
    from rich.text import Text  # noqa: PLC0415  70 ms

    table = _table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    dot = options.text(" \N{MIDDLE DOT} ")
    rest = dot.join(map(options.text, rest.split(" \N{MIDDLE DOT} ")))
    table.add_row(Text.assemble((options.text(title), "bold")), Text(rest))
    _print(table, options.width or 2 * len(title + rest) + GAP, options)


def beside_each_other(items: Sequence[str], width: int | None) -> str:
    """Return as many items as fit into a width in cells, beside each other; at least one."""
    from rich.cells import cell_len  # noqa: PLC0415  4 ms

    fit = list(items)
    while len(fit) > 1 and width is not None and cell_len((" " * GAP).join(fit)) > width:
        fit.pop()
    return (" " * GAP).join(fit)


def csv_rows(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a header and rows as CSV, as they are; None is an empty field."""
    import csv  # noqa: PLC0415  seldom needed

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)


def _written(columns: Sequence[Column], options: Options) -> list[Column]:
    """Return columns in letters that stdout can write, and without drawings if it cannot."""

    def written(text: str) -> str:
        return writable(text, options.encoding)

    return [
        replace(column, title=written(column.title), cells=list(map(written, column.cells)))
        for column in columns
        if options.draws or not column.is_drawing
    ]


def _table(*, show_header: bool) -> Table:
    from rich.table import Table  # noqa: PLC0415  70 ms

    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="")
    table.show_header = show_header
    return table


def _print(table: Table, width: int, options: Options) -> None:
    """Print without spaces at the ends of lines, by click, which knows how stdout may fail."""
    from io import StringIO  # noqa: PLC0415  seldom needed

    from rich.console import Console  # noqa: PLC0415  70 ms

    shown = StringIO()
    Console(
        file=shown,
        force_terminal=options.coloured,
        color_system="standard" if options.coloured else None,
        no_color=False,
        width=width,
        height=1,
        legacy_windows=False,
    ).print(table)
    lines = shown.getvalue().split("\n")
    click.echo("\n".join(map(str.rstrip, lines)), nl=False, color=options.coloured)
