"""Measure everything, or the parts that are named, and write it into ``docs/PERFORMANCE.md``."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks import (
    dashboard,
    hooks,
    importing,
    locks,
    migrating,
    page,
    processes,
    proxying,
    questions,
    race,
    recording,
    rows,
)
from benchmarks.data import make, version_4_id

MILLION = 1_000_000
FEW = 10_000

PACKAGES = "packages"
PROXY = "proxy"
DASHBOARD = "dashboard"
PARTS = (PACKAGES, PROXY, DASHBOARD)
"""The parts of the page that can be measured alone."""


def main(parts: list[str]) -> None:
    """Measure in a temporary directory, which is on the disk where those are (``TMPDIR``).

    Args:
        parts: which; all if none is named.
    """
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        sys.exit(f"There is no part {unknown[0]!r}. The parts are {', '.join(PARTS)}.")
    wanted = parts or PARTS
    if DASHBOARD in wanted:
        dashboard.require_chromium()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        os.environ["HOME"] = name
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody compiles at each start
        if PROXY in wanted:
            page.write(PROXY, *proxying.measure(directory), directory)
        if PACKAGES not in wanted and DASHBOARD not in wanted:
            return
        asked = questions.make(directory / "asked.db", MILLION)
        if PACKAGES in wanted:
            _packages(directory, asked)
        if DASHBOARD in wanted:
            page.write(DASHBOARD, *dashboard.measure(asked), directory)


def _packages(directory: Path, asked: Path) -> None:
    lines = processes.lines(directory)
    hook_lines, hook_costs = hooks.measure(directory)
    lines += hook_lines
    lines.append(rows.opening(directory))
    lines.append(race.line(directory))
    lines += rows.single_rows(directory)
    million = make(directory / "million.db", MILLION)
    random = make(directory / "random.db", MILLION, new=version_4_id)
    lines.append(rows.batches(million, random))
    random.unlink()
    lines.append(rows.counting(million))
    lines.append(rows.deleting(million))
    million.unlink()
    migrated, memory = migrating.lines(directory, MILLION, FEW)
    lines += migrated
    recorded, costs, recording_note = recording.measure(directory, MILLION)
    lines += recorded
    imported, importing_notes = importing.measure(directory)
    lines += imported
    questioned, answers = questions.measure(asked, MILLION)
    lines += questioned
    grown = (
        f"A process that migrates has at most {memory.few_rows:.0f} MiB of memory for"
        f" {FEW:,} rows, and {memory.many_rows:.0f} MiB for {MILLION:,}."
    )
    costs = f"{costs}\n{hook_costs}\n{answers}"
    notes = [locks.note(directory), grown, recording_note, *importing_notes]
    page.write(PACKAGES, lines, costs, notes, directory)


if __name__ == "__main__":  # the racing processes import this module, too
    main(sys.argv[1:])
