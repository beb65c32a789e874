"""What a whole process costs: importing, opening, the command."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from benchmarks.harness import Line, compare, time_ratio

if TYPE_CHECKING:
    from benchmarks.harness import Timed

COMMAND = str(Path(sys.executable).with_name("devflow-analytics"))

PLAIN_OPEN = """\
import sqlite3
connection = sqlite3.connect({file!r}, timeout=5, isolation_level=None)
connection.execute("PRAGMA foreign_keys = ON")
connection.execute("PRAGMA trusted_schema = OFF")
connection.execute("PRAGMA synchronous = NORMAL")
connection.execute("PRAGMA journal_mode = WAL").fetchone()
connection.execute("PRAGMA application_id").fetchone()
connection.execute("PRAGMA user_version").fetchone()
connection.close()
"""

OURS_OPEN = """\
from devflow_analytics_db import create_analytics_db
create_analytics_db().close()
"""

CLICK = "import sqlite3, click"


def lines(directory: Path) -> list[Line]:
    """Measure all of it."""
    home = directory / "home"
    home.mkdir()
    file = str(home / ".devflow" / "analytics.db")
    _run([COMMAND, "init"], home)
    import_sqlite3 = _python("import sqlite3", home)
    click = _python(CLICK, home)
    return [
        time_ratio(
            "`import devflow_analytics_db`",
            "`import sqlite3`",
            compare(_python("import devflow_analytics_db", home), import_sqlite3, 100),
            at_most=1.15,
        ),
        time_ratio(
            "`import devflow_analytics_recorder`",
            "`import devflow_analytics_db`",
            compare(
                _python("import devflow_analytics_recorder", home),
                _python("import devflow_analytics_db", home),
                60,
            ),
        ),
        time_ratio(
            "a new process opens a current file with `create_analytics_db()`",
            "the same with plain `sqlite3`: connect, four settings, read the header",
            compare(_python(OURS_OPEN, home), _python(PLAIN_OPEN.format(file=file), home), 100),
            at_most=1.15,
        ),
        time_ratio(
            "`devflow-analytics init`, current file",
            f"`{CLICK}`",
            compare(lambda: _run([COMMAND, "init"], home), click, 80),
            at_most=1.15,
        ),
        time_ratio(
            "`devflow-analytics status`, current file",
            f"`{CLICK}`",
            compare(lambda: _run([COMMAND, "status"], home), click, 80),
            at_most=1.15,
        ),
        time_ratio(
            "`devflow-analytics init`, empty home",
            f"`{CLICK}`",
            compare(lambda: _init_anew(directory), click, 80),
            at_most=1.25,
        ),
    ]


def _python(code: str, home: Path) -> Timed:
    return lambda: _run([sys.executable, "-c", code], home)


def _init_anew(directory: Path) -> float:
    home = directory / "new-home"
    home.mkdir()
    try:
        return _run([COMMAND, "init"], home)
    finally:
        shutil.rmtree(home)


def _run(command: list[str], home: Path) -> float:
    """Run a command with its output thrown away, and return how long it took.

    Started as cheaply as the system can, so that little is added to both sides of a ratio.
    """
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    start = time.perf_counter()
    process = os.posix_spawn(command[0], command, environment, file_actions=silent)
    _, status = os.waitpid(process, 0)
    seconds = time.perf_counter() - start
    if status:
        _give_up(command)
    return seconds


def _give_up(command: list[str]) -> NoReturn:
    sys.exit(f"{' '.join(command)} failed.")
