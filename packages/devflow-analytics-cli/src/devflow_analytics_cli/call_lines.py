"""Calls as lines of a stream, which cannot wait for the widths of those to come."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import datetime
from typing import TYPE_CHECKING
from unicodedata import combining, east_asian_width

import click

from devflow_analytics_cli.output import printable

if TYPE_CHECKING:
    from datetime import tzinfo

    from devflow_analytics_reports import Call

WIDTHS = {"Time": 8, "Tool": 24, "Took": 8, "Status": 7, "Error": 20, "Session": 8}
"""Cells of each column. On a narrow terminal, those of Tool and Error are fewer."""

GAP = "  "
LEAST = 8
"""How many cells are left of a name at least."""

SHOWN_STATUS = {"success": "ok"}
COLOURS = {"error": "red", "timeout": "yellow"}


class CallLines:
    """Makes lines of calls: aligned, and on a terminal cut to its width and coloured."""

    def __init__(self, zone: tzinfo | None, terminal_width: int | None, ellipsis: str) -> None:
        """Choose the widths.

        Args:
            zone: that of the times; None for that of the system.
            terminal_width: None if it is no terminal: then nothing is cut or coloured.
            ellipsis: what stands at the end of a name that is cut.
        """
        self._zone = zone
        self._ellipsis = ellipsis
        self._is_terminal = terminal_width is not None
        self._has_colours = self._is_terminal and os.environ.get("TERM") != "dumb"
        self._widths = dict(WIDTHS)
        if terminal_width is not None:
            missing = sum(WIDTHS.values()) + len(GAP) * (len(WIDTHS) - 1) - terminal_width
            for name in ("Error", "Tool"):
                taken = max(0, min(missing, WIDTHS[name] - LEAST))
                if name == "Error":  # both give, as far as they can
                    taken = max(0, min(taken, missing // 2 + 1))
                self._widths[name] -= taken
                missing -= taken

    def heading(self) -> str:
        """Return the names of the columns."""
        line = self._line(list(WIDTHS))
        return click.style(line, bold=True) if self._has_colours else line

    def line(self, call: Call) -> str:
        """Return a call; its time is the clock's, without the day."""
        try:
            clock = f"{datetime.fromtimestamp(call.timestamp, self._zone):%H:%M:%S}"
        except (OverflowError, OSError, ValueError):  # whatever another program wrote there
            clock = str(call.timestamp)
        cells = [
            clock,
            call.tool,
            took(call.duration_ms),
            SHOWN_STATUS.get(call.status, call.status),
            call.error_type or "",
            call.session[-8:],
        ]
        line = self._line([printable(cell) for cell in cells])
        colour = COLOURS.get(call.status) if self._has_colours else None
        return click.style(line, fg=colour) if colour else line

    def _line(self, cells: list[str]) -> str:
        parts = []
        for (name, width), cell in zip(self._widths.items(), cells, strict=True):
            text = cut(cell, width, self._ellipsis) if self._is_terminal else cell
            padding = " " * (width - cells_of(text))
            parts.append(padding + text if name == "Took" else text + padding)
        return GAP.join(parts).rstrip()


def for_stdout(zone: tzinfo | None) -> CallLines:
    """Return what makes lines for standard output as it is now."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    try:
        ellipsis = "…"
        ellipsis.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        ellipsis = "..."
    return CallLines(zone, width, ellipsis)


def took(milliseconds: float) -> str:
    """Return how long something took as people say it: ``3.2 ms``, ``363 ms``, ``8.64 s``."""
    if milliseconds < 10:  # noqa: PLR2004  so that there are two or three digits
        return f"{milliseconds:.1f} ms"
    if round(milliseconds) < 1000:  # noqa: PLR2004  a second
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 100:  # noqa: PLR2004  from there on, minutes tell more
        return f"{seconds:.{2 if seconds < 10 else 1}f} s"  # noqa: PLR2004  three digits
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 1000 else f"{seconds / 3600:.3g} h"  # noqa: PLR2004  width


def cells_of(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    return sum(map(_cells, text))


def cut(text: str, width: int, ellipsis: str) -> str:
    """Return a text, cut with an ellipsis if it takes more cells than there are."""
    if cells_of(text) <= width:
        return text
    kept, left = [], width - len(ellipsis)
    for char in text:
        left -= _cells(char)
        if left < 0:
            break
        kept.append(char)
    return "".join(kept) + ellipsis


def _cells(char: str) -> int:
    if combining(char):
        return 0
    return 2 if east_asian_width(char) in {"F", "W"} else 1
