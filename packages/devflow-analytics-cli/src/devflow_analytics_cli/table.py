"""Tables, headings and CSV on stdout.

Of rich, only what knows how wide letters are is imported, and only for letters that are not ASCII:
its tables take longer to import than most questions to answer, and a millisecond for each line.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace

import click

from devflow_analytics_cli.layout import (
    GAP,
    Column,
    Style,
    can_write,
    cell_len,
    cut,
    fitting,
    isolated,
    writable,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


DRAWINGS = "▁▂▃▄▅▆▇"


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
    columns: Sequence[Column],
    *,
    options: Options,
    header: bool = True,
    above: Mapping[int, str] | None = None,
) -> dict[str, int]:
    """Print columns beside each other, and return the widths of those that fit by their titles.

    In a narrow table columns leave, and then names are cut (see `fitting`). Figures never are: what
    is still too wide is printed as it is.

    Args:
        columns: from left to right, all of as many cells.
        options: what stdout is.
        header: print the titles; they are left out, too, if all are empty.
        above: lines to print in front of rows, by the row's number.
    """
    fit = fitting(_written(columns, options), options.width)
    mark = writable("…", options.encoding)
    lines = []
    dim: Style = "dim"
    if header and any(column.title for column, _ in fit):
        titles = [(cut(column.title, width, mark), dim, column, width) for column, width in fit]
        lines.append(_line(titles, options))
    styles = [
        [column.style] * len(column.cells) if isinstance(column.style, str) else column.style
        for column, _ in fit
    ]
    for number in range(len(columns[0].cells)):
        if above and number in above:
            lines.append(options.text(above[number]))
        row = []
        for (column, width), style in zip(fit, styles, strict=True):
            cell = column.cells[number]
            text = cut(cell, width, mark) if column.is_name else cell
            row.append((text, style[number], column, width))
        lines.append(_line(row, options))
    _print(lines, options)
    return {column.title: width for column, width in fit}


def room(columns: Sequence[Column], *, options: Options) -> int:
    """Return the width in cells for a drawing to the right of columns; 0 where there is none."""
    if options.width is None or not options.draws:
        return 0
    fit = fitting(_written(columns, options), options.width)
    return max(0, options.width - sum(width + GAP for _, width in fit))


def bar(value: float, largest: float, width: int) -> str:
    """Return a bar, as long as the width in cells for the largest value, and empty only for 0."""
    return "▇" * max(1, round(width * (value / largest))) if value > 0 else ""


def heading(title: str, rest: str, *, options: Options) -> None:
    """Print a title and what it is of: ``Tools  last 7 days``. Further lines begin below the rest.

    Its parts are separated by a dot in the middle of the line.
    """
    title, dot = options.text(title), options.text(" \N{MIDDLE DOT} ")
    room = None if options.width is None else options.width - len(title) - GAP
    lines: list[str] = []
    for word in dot.join(map(options.text, rest.split(" \N{MIDDLE DOT} "))).split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if not lines or (room is not None and cell_len(longer) > room):
            lines.append(word)
        else:
            lines[-1] = longer
    first = _styled(title, "bold", options)
    indent = " " * (len(title) + GAP)
    _print([f"{first}{' ' * GAP}{lines[0]}", *(indent + line for line in lines[1:])], options)


def beside_each_other(items: Sequence[str], width: int | None) -> str:
    """Return as many items as fit into a width in cells, beside each other; at least one."""
    fit = list(items)
    while len(fit) > 1 and width is not None and cell_len((" " * GAP).join(fit)) > width:
        fit.pop()
    return (" " * GAP).join(fit)


def csv_rows(header: Sequence[str] | None, rows: Iterable[Sequence[object]]) -> None:
    """Print rows as CSV, as they are; None is an empty field.

    Args:
        header: the names of the columns, to be printed first; None if they are printed already.
        rows: the values of the columns in each row.
    """
    from devflow_analytics_reports import write_csv  # noqa: PLC0415  seldom needed

    if header is not None:
        write_csv(sys.stdout.write, [header])
    write_csv(sys.stdout.write, rows)


def _written(columns: Sequence[Column], options: Options) -> list[Column]:
    """Return columns in letters that stdout can write, and without drawings if it cannot."""

    def written(text: str) -> str:
        return writable(text, options.encoding)

    return [
        replace(column, title=written(column.title), cells=list(map(written, column.cells)))
        for column in columns
        if options.draws or not column.is_drawing
    ]


def _line(cells: Sequence[tuple[str, Style, Column, int]], options: Options) -> str:
    """Return texts beside each other, each in its style and padded to its width."""
    padded = []
    for text, style, column, width in cells:
        pad = " " * (width - cell_len(text))
        shown = _styled(options.in_place(text), style, options)
        padded.append(pad + shown if column.align == "right" else shown + pad)
    return (" " * GAP).join(padded).rstrip()


def _styled(text: str, style: Style, options: Options) -> str:
    if not (options.coloured and style and text):
        return text
    if style in {"bold", "dim"}:
        return click.style(text, **{style: True})
    return click.style(text, fg=style)


def _print(lines: Sequence[str], options: Options) -> None:
    """Print by click, which knows how stdout may fail."""
    click.echo("\n".join(lines), color=options.coloured)
