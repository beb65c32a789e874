from __future__ import annotations

import json
import os
import pty
import re
import select
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import create_analytics_db
from devflow_analytics_db.migrations import latest_version

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., subprocess.CompletedProcess[str]]

NEWEST = latest_version()
AFTER_1 = [*range(2, NEWEST + 1)]
APPLIED = ", ".join(map(str, AFTER_1))
UNDONE = ", ".join(map(str, AFTER_1[::-1]))
MIGRATIONS = "migration" if len(AFTER_1) == 1 else "migrations"

COMMAND = Path(sys.executable).with_name("devflow-analytics")

DOWN = f"""\
Migrated {{file}}
  schema version 1 (undone: {UNDONE})
  backup of the previous database: {{backup}}
  to restore it: devflow-analytics restore {{backup}}
"""

UP = f"""\
Migrated {{file}}
  schema version {NEWEST} (applied: {APPLIED})
  backup of the previous database: {{backup}}
  to restore it: devflow-analytics restore {{backup}}
"""

QUESTION = f"""\
{{file}} is at schema version {NEWEST}. Going to version 1 undoes {MIGRATIONS} {UNDONE}, and drops\
 all that was added there. A backup is made first.\r
Continue? [y/N]: """


@pytest.fixture(autouse=True)
def current(file: Path) -> None:
    create_analytics_db(file).close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO sessions (id, started_at) VALUES ('s', 1)")


def version_of(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return int(version)


def newest_backup(file: Path) -> Path:
    return max((file.parent / "backups").iterdir())


def test_down_and_up_say_what_was_done_and_how_to_take_it_back(
    command: Command, file: Path
) -> None:
    done = command("migrate", "--to", "1", "--yes")
    told = DOWN.format(file=file, backup=newest_backup(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, told, "")
    done = command("migrate")
    told = UP.format(file=file, backup=newest_backup(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, told, "")
    done = command("migrate")
    told = f"{file} is at schema version {NEWEST}: nothing to do.\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, told, "")


def test_the_command_that_is_printed_takes_it_back(command: Command, home: Path) -> None:
    file = home / "it's mine.db"
    command("--db", str(file), "init")
    told = command("--db", str(file), "migrate", "--to", "1", "--yes").stdout
    (line,) = re.findall(r"to restore it: (.*)", told)
    path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["sh", "-c", line], env=os.environ | {"PATH": path}, check=True)
    assert (done.returncode, version_of(file)) == (0, NEWEST)


def test_json_has_the_documented_keys(command: Command, file: Path) -> None:
    down = json.loads(command("migrate", "--to", "1", "--yes", "--json").stdout)
    assert list(down.items()) == [
        ("path", str(file)),
        ("schema_version", 1),
        ("applied", []),
        ("undone", AFTER_1[::-1]),
        ("adopted", False),
        ("backup", str(newest_backup(file))),
    ]
    up = json.loads(command("--quiet", "migrate", "--json").stdout)
    assert up == down | {
        "schema_version": NEWEST,
        "applied": AFTER_1,
        "undone": [],
        "backup": str(newest_backup(file)),
    }


def test_quiet_says_nothing(command: Command) -> None:
    assert command("--quiet", "migrate", "--to", "1", "--yes").stdout == ""


def test_a_dry_run_prints_the_sql_and_changes_nothing(command: Command, file: Path) -> None:
    before = file.read_bytes()
    done = command("migrate", "--to", "1", "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("PRAGMA foreign_keys = OFF;\n\n")
    assert done.stdout.endswith("\nPRAGMA user_version = 1;\n\nCOMMIT;\n\n")
    assert "\nDROP TABLE tool_calls;\n" in done.stdout
    assert (file.read_bytes(), os.listdir(file.parent)) == (before, ["analytics.db"])
    plan = json.loads(command("migrate", "--to", "1", "--dry-run", "--json").stdout)
    assert list(plan.items())[:-1] == [
        ("path", str(file)),
        ("schema_version", NEWEST),
        ("target", 1),
        ("applied", []),
        ("undone", AFTER_1[::-1]),
        ("backs_up", True),
    ]
    assert plan["sql"].endswith("COMMIT;\n\n")
    done = command("migrate", "--dry-run")
    assert done.stdout == f"-- {file} is at schema version {NEWEST}: nothing to do.\n"


def test_without_a_terminal_a_way_down_needs_a_yes(command: Command, file: Path) -> None:
    done = command("migrate", "--to", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(
        f"Error: Going to version 1 would undo {MIGRATIONS} {UNDONE}. Run again with --yes.\n"
    )
    assert version_of(file) == NEWEST


def test_a_version_that_there_is_not_is_1(command: Command) -> None:
    done = command("migrate", "--to", "9")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        f"Error: There is no schema version 9: this release knows 1 to {NEWEST}."
    )


def test_a_database_that_there_is_not_is_66(command: Command, home: Path) -> None:
    for arguments in (["migrate"], ["migrate", "--dry-run"], ["check"], ["backup"]):
        done = command("--db", str(home / "none.db"), *arguments)
        assert (done.returncode, done.stdout) == (66, "")
        assert done.stderr.startswith(f"Error: {home / 'none.db'} does not exist: there is no")
    assert os.listdir(home) == [".devflow"]


# As a shell starts a command: the terminal on stdin is the controlling one, so that Ctrl-C there is
# a signal, and that signal is not ignored (CI systems may start everything with it ignored).
AT_ITS_TERMINAL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """The command, run at a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", AT_ITS_TERMINAL, COMMAND, *arguments],
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=slave,
            text=True,
            start_new_session=True,
        )
        os.close(slave)

    def read_until(self, end: str) -> str:
        text = ""
        while not text.endswith(end):
            ready, _, _ = select.select([self.master], [], [], 30)
            assert ready, text
            text += os.read(self.master, 1000).decode()
        return text

    def answer(self, keys: str) -> tuple[int, str]:
        """Type, and return the exit status and what went to stdout."""
        for _ in range(30):
            # Again, as a person would: Python does not hear a Ctrl-C that comes after input() has
            # shown its question and before it reads.
            os.write(self.master, keys.encode())
            with suppress(subprocess.TimeoutExpired):
                stdout, _ = self.process.communicate(timeout=1)
                return self.process.returncode, stdout
        raise TimeoutError(keys)

    def close(self) -> None:
        os.close(self.master)


@pytest.mark.parametrize(
    ("keys", "status", "version"),
    [
        ("y\n", 0, 1),
        ("n\n", 1, NEWEST),
        ("\n", 1, NEWEST),
        ("\x03", 130, NEWEST),
        ("\x04", 130, NEWEST),
    ],
    ids=["yes", "no", "return", "ctrl-c", "ctrl-d"],
)
def test_at_a_terminal_a_way_down_is_asked_about(
    keys: str, status: int, version: int, file: Path
) -> None:
    terminal = Terminal("migrate", "--to", "1")
    try:
        assert terminal.read_until("[y/N]: ") == QUESTION.format(file=file)
        answered, stdout = terminal.answer(keys)
        if status:
            terminal.read_until("Nothing was changed.\r\n" if status == 1 else "half done.\r\n")
    finally:
        terminal.close()
    assert (answered, version_of(file)) == (status, version)
    assert stdout == (DOWN.format(file=file, backup=newest_backup(file)) if status == 0 else "")
