"""Measure everything, and write it down in ``docs/PERFORMANCE.md``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from benchmarks import (
    hooks,
    importing,
    locks,
    migrating,
    page,
    processes,
    questions,
    race,
    recording,
    rows,
)
from benchmarks.data import make, version_4_id

MILLION = 1_000_000
FEW = 10_000


def main() -> None:
    """Measure in a temporary directory, which is on the disk where those are (``TMPDIR``)."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        os.environ["HOME"] = name
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody compiles at each start
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
        asked, answers = questions.measure(directory, MILLION)
        lines += asked
        grown = (
            f"A process that migrates has at most {memory.few_rows:.0f} MiB of memory for"
            f" {FEW:,} rows, and {memory.many_rows:.0f} MiB for {MILLION:,}."
        )
        costs = f"{costs}\n{hook_costs}\n{answers}"
        notes = [locks.note(directory), grown, recording_note, *importing_notes]
        page.write(lines, costs, notes, directory)


if __name__ == "__main__":  # the racing processes import this module, too
    main()
