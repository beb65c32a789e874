"""What opening a current file asks of the system, as ``strace`` sees it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.data import CALLS_A_SESSION, make

if TYPE_CHECKING:
    from pathlib import Path

LOCKING_OR_WRITING = "fcntl,flock,pwrite64,ftruncate,unlink,fsync,fdatasync,rename,mkdir,chmod"

OURS = "devflow_analytics_db.create_analytics_db(sys.argv[1]).close()"
PLAIN = "data.plain(sys.argv[1]).execute('PRAGMA user_version').connection.close()"


def note(directory: Path) -> str:
    """Return the sentence for the page."""
    strace = shutil.which("strace")
    if strace is None:
        return "What is locked was not looked at: there is no `strace` here."
    file = make(directory / "locks.db", CALLS_A_SESSION)
    ours, plain = (_calls(strace, code, file) for code in (OURS, PLAIN))
    return (
        "To open a current file that no other process has open, `create_analytics_db()` makes"
        f" {ours} system calls that lock, write, sync or delete anything, and plain `sqlite3`"
        f" {plain}, as `strace` counts them."
    )


def _calls(strace: str, code: str, file: Path) -> int:
    """Count what a process does more for opening the file than for importing what opens it."""
    tracing = [strace, "-e", f"trace={LOCKING_OR_WRITING}", "-o", "/dev/stdout"]

    def counted(program: str) -> int:
        imports = "import sys, devflow_analytics_db.database; from benchmarks import data; "
        traced = subprocess.run(
            [*tracing, sys.executable, "-c", imports + program, str(file)],
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            check=True,
            text=True,
        )
        return traced.stdout.count("(")

    imported = counted("")
    return counted(code) - imported
