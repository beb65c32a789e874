"""What of a table fits into a width in cells, and what of its text can be written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from devflow_analytics_cli.output import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

Style = Literal["", "bold", "dim", "red", "yellow", "green", "cyan"]
"""Those for light and dark terminals. Yellow is faint on a light one: let no text be only that."""

GAP = 2
LEAST_NAME = 8

IN_ASCII = {
    "\N{EN DASH}": "-",
    "\N{MINUS SIGN}": "-",
    "\N{MIDDLE DOT}": "|",
    "…": "...",
    "▲": "+",
    "▼": "-",
}
FLAGS = "".join(map(chr, range(0x1F1E6, 0x1F200)))
"""Two of these letters are the flag of a country."""


@dataclass(frozen=True)
class Column:
    """A column of a table: its title, and a text for each row."""

    title: str
    cells: Sequence[str]
    align: Literal["left", "right"] = "left"
    priority: int = 0
    """Columns leave a narrow table in the order of these, the highest first; 0 stays."""
    style: Style | Sequence[Style] = ""
    """That of all cells, or one for each."""
    is_name: bool = False
    """Its cells may be cut."""
    is_drawing: bool = False
    """Bars or sparklines: only where the width is known and the encoding has them."""
    least: int = 0
    """Its width in cells at least, to go on with a table printed before."""

    @property
    def width(self) -> int:
        """Its widest text in cells."""
        return max(self.least, *map(cell_len, (self.title, *self.cells)))


def fitting(columns: Sequence[Column], width: int | None) -> list[tuple[Column, int]]:
    """Return the columns that there is room for, each with its width.

    First columns leave, then names are cut, the longest first and none to less than 8 cells. While
    columns leave, names count for half the width at most in all, so that one of 200 letters does
    not take the place of the figures.
    """
    natural = [(column, column.width) for column in columns]
    if width is None:
        return natural
    names = sum(column.is_name for column in columns) or 1
    staying = sorted(range(len(columns)), key=lambda index: columns[index].priority)
    kept = natural
    while _over(kept, width, width // 2 // names) > 0 and columns[staying[-1]].priority:
        staying.pop()
        kept = [natural[index] for index in sorted(staying)]
    longest = width
    while _over(kept, width, longest) > 0 and longest > LEAST_NAME:
        longest -= 1
    return [(column, _at_most(column, cells, longest)) for column, cells in kept]


def _over(columns: Sequence[tuple[Column, int]], width: int, longest: int) -> int:
    """Return by how much columns are too wide if names have a longest width."""
    widths = [_at_most(column, cells, longest) for column, cells in columns]
    return sum(widths) + GAP * (len(widths) - 1) - width


def _at_most(column: Column, cells: int, longest: int) -> int:
    return min(cells, max(longest, LEAST_NAME)) if column.is_name else cells


def cell_len(text: str) -> int:
    """Return the width of a printable text in the cells of a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len as of_any  # noqa: PLC0415  15 ms

    return of_any(text)


def cut(text: str, width: int, mark: str) -> str:
    """Return text, or as much of it and the mark as fits into the width in cells.

    A letter is never separated from its accents, nor an emoji from what is joined to it.
    """
    if cell_len(text) <= width:
        return text
    from rich.cells import split_graphemes  # noqa: PLC0415  15 ms

    room, end = width - cell_len(mark), 0
    for _, following, cells in split_graphemes(text)[0]:
        room -= cells
        if room < 0:
            break
        end = following
    kept = text[:end]
    letters = len(kept) - len(kept.rstrip(FLAGS))
    return (kept[:-1] if letters % 2 and text[end] in FLAGS else kept) + mark


def can_write(text: str, encoding: str) -> bool:
    """Tell whether an encoding has all letters of a text."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def writable(text: str, encoding: str) -> str:
    """Return text without what a terminal would obey and what an encoding lacks.

    Where our own signs are lacking there are their nearest in ASCII, and escapes of other letters,
    so that what is measured is what is written.
    """
    text = printable(text)
    if can_write(text, encoding):
        return text
    return "".join(
        char if can_write(char, encoding) else IN_ASCII.get(char) or ascii(char)[1:-1]
        for char in text
    )


def isolated(text: str) -> str:
    """Return text so that it does not reorder what stands beside it.

    Terminals that show Arabic and Hebrew from right to left take the whole line: figures to the
    right of such a name would move to its left. Isolates keep that within the name. Terminals that
    know nothing of it show the letters in the order of their writing, and isolates as nothing.
    """
    if text.isascii():
        return text
    from unicodedata import bidirectional  # noqa: PLC0415  seldom needed

    if {"R", "AL", "AN"}.isdisjoint(map(bidirectional, text)):
        return text
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"
