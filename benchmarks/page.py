"""Writes what was measured into ``docs/PERFORMANCE.md``, between the two marks of each part."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from devflow_analytics_db.file.system import file_system

if TYPE_CHECKING:
    from benchmarks.harness import Line

PAGE = Path(__file__).resolve().parent.parent / "docs" / "PERFORMANCE.md"
BEGIN = "<!-- Written by 'just bench': {} -->\n"
END = "<!-- Until here. -->\n"

HEAD = """\
| what | the least | ratio, median [quartiles] | aim | time, median | of the least |
| --- | --- | --- | --- | --- | --- |
"""


def write(part: str, lines: list[Line], costs: str, notes: list[str], directory: Path) -> None:
    """Put the machine, the tables and the notes in the place of the last ones.

    Args:
        part: the name in the mark.
        lines: those of the table of ratios.
        costs: the tables of costs.
        notes: sentences.
        directory: where it was measured.
    """
    begin = BEGIN.format(part)
    before, found, rest = PAGE.read_text().partition(begin)
    if not found:
        sys.exit(f"{PAGE} has no part {part!r}.")
    _, _, after = rest.partition(END)
    table = HEAD + "".join(_row(line) for line in lines)
    told = "".join(f"- {note}\n" for note in notes)
    PAGE.write_text(
        f"{before}{begin}\n{_machine(directory)}\n{table}\n{costs}\n{told}\n{END}{after}"
    )


def _row(line: Line) -> str:
    cells = (
        line.what,
        line.floor,
        f"{line.of} {line.ratio.middle:.2f} [{line.ratio.low:.2f}, {line.ratio.high:.2f}]",
        line.aim and f"{line.aim}: {'reached' if line.reached else '**missed**'}",
        _time(line.ours_s),
        _time(line.floor_s),
    )
    return f"| {' | '.join(cells)} |\n"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def _machine(directory: Path) -> str:
    packages = ("click", "pony", "starlette", "uuid-utils", "uvicorn", "devflow-analytics-db")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}. {_processor()}, {os.cpu_count()} cores,"
        f" {platform.system()} {platform.release()}, {file_system(str(directory))}."
        f" Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {versions}.\n"
    )


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(": ")[2]
    except OSError:
        pass
    return platform.machine()
