"""Rows as lines of CSV, the same on every Python."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence


def write_csv(write: Callable[[str], object], rows: Iterable[Sequence[object]]) -> None:
    """Write rows as lines of CSV, each ended by a line feed; None is an empty field.

    Args:
        write: takes each line.
        rows: the values of the fields in each line.
    """
    csv.writer(_Lines(write), lineterminator="\r\n").writerows(rows)


class _Lines:
    """Lines of CSV, each with an end of our own.

    Before Python 3.13, csv quotes a carriage return in a field only if one ends the lines.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def write(self, line: str) -> None:
        self._write(f"{line[:-2]}\n")
