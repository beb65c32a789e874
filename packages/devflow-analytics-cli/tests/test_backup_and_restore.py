from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import backup, create_analytics_db
from devflow_analytics_db.migrations import latest_version

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., subprocess.CompletedProcess[str]]


def add_session(file: Path, session: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO sessions (id, started_at) VALUES (?, 1)", (session,))


def sessions(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return [session for (session,) in connection.execute("SELECT id FROM sessions")]


@pytest.fixture(autouse=True)
def current(file: Path) -> None:
    create_analytics_db(file).close()
    add_session(file, "s")


def test_a_backup_is_made_and_restored(command: Command, file: Path) -> None:
    done = command("backup")
    (made,) = (file.parent / "backups").iterdir()
    assert (done.returncode, done.stdout, done.stderr) == (0, f"Backed up to {made}\n", "")
    add_session(file, "t")
    done = command("restore", str(made))
    (kept,) = set((file.parent / "backups").iterdir()) - {made}
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"Restored {file} from {made}\n"
        f"  schema version {latest_version()}\n"
        f"  backup of the previous database: {kept}\n"
        f"  to restore it: devflow-analytics restore {kept}\n"
    )
    assert (sessions(file), sessions(kept)) == (["s"], ["s", "t"])


def test_json_has_the_documented_keys(command: Command, file: Path, home: Path) -> None:
    made = json.loads(command("backup", str(home / "copy.db"), "--json").stdout)
    size = (home / "copy.db").stat().st_size
    assert list(made.items()) == [("backup", str(home / "copy.db")), ("size_bytes", size)]
    restored = json.loads(command("restore", made["backup"], "--json").stdout)
    (kept,) = (file.parent / "backups").iterdir()
    assert list(restored.items()) == [
        ("path", str(file)),
        ("schema_version", latest_version()),
        ("replaced", str(kept)),
    ]
    assert json.loads(
        command("--db", str(home / "new.db"), "restore", made["backup"], "--json").stdout
    ) == {"path": str(home / "new.db"), "schema_version": latest_version(), "replaced": None}


LEAVES_CALLS = """
import os
from devflow_analytics_recorder import Recorder
session = Recorder().session()
for _ in range(3): session.record("search", 1)
os._exit(0)
"""


@pytest.fixture
def left(file: Path) -> Path:
    """A process that recorded three calls, and ended before they were in the database."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        subprocess.run([sys.executable, "-c", LEAVES_CALLS], check=True, timeout=60)
        connection.execute("ROLLBACK")
    (spool,) = Path(f"{file}-spool").iterdir()
    return spool


def calls(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM tool_calls").fetchone()
    return int(count)


def test_what_processes_left_is_in_the_backup(
    command: Command, file: Path, home: Path, left: Path
) -> None:
    done = command("backup", str(home / "copy.db"))
    assert (done.returncode, done.stderr) == (0, "")
    assert calls(home / "copy.db") == calls(file) == 3
    assert not left.exists()


def test_what_cannot_be_taken_in_is_said_and_waits_on(
    command: Command, file: Path, home: Path, left: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", "10")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        done = command("backup", str(home / "copy.db"))
        connection.execute("ROLLBACK")
    assert done.returncode == 0
    assert done.stderr.startswith(
        f"Warning: Calls that wait beside the database are not in the backup. {file} is locked"
    )
    assert calls(home / "copy.db") == 0
    assert left.exists()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("no call\n", "1 line was no call, and was dropped"),
        ("no call\nnor this\n", "2 lines were no calls, and were dropped"),
    ],
)
def test_lines_that_are_no_calls_are_said(
    lines: str, said: str, command: Command, file: Path, left: Path
) -> None:
    with left.open("a") as spool:
        spool.write(lines)
    done = command("--quiet", "backup")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"Warning: {said}, of those that waited beside the database.\n"
    assert calls(file) == 3


def test_quiet_says_nothing(command: Command, home: Path) -> None:
    done = command("--quiet", "backup", str(home / "copy.db"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = command("--quiet", "restore", str(home / "copy.db"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_new_place_needs_no_word_on_a_backup(command: Command, home: Path) -> None:
    command("backup", str(home / "copy.db"))
    done = command("--db", str(home / "new.db"), "restore", str(home / "copy.db"))
    assert done.stdout == (
        f"Restored {home / 'new.db'} from {home / 'copy.db'}\n  schema version {latest_version()}\n"
    )


def test_what_is_there_is_not_overwritten(command: Command, home: Path, file: Path) -> None:
    (home / "there").write_text("mine")
    done = command("backup", str(home / "there"))
    assert (done.returncode, done.stdout) == (73, "")
    assert done.stderr == (
        f"Error: {home / 'there'} already exists and is not overwritten."
        " Name a new file with 'devflow-analytics backup DEST'.\n"
    )
    assert (home / "there").read_text() == "mine"
    assert os.listdir(file.parent) == ["analytics.db"]


def test_a_source_that_is_no_good_is_a_named_error(
    command: Command, home: Path, file: Path
) -> None:
    (home / "notes.txt").write_text("no database")
    for source, status in ((home / "notes.txt", 65), (home / "none", 66), (file, 1)):
        done = command("restore", str(source))
        assert (done.returncode, done.stdout) == (status, "")
        assert done.stderr.startswith(f"Error: {source} ")
    assert command("restore").returncode == 2


ODD_NAMES = {
    "usual": "calls.db",
    "quoted": "a'b\"c ?*#%41$HOME`id`\\!id.db",
    "Latin": "größe.db",
    "Cyrillic": "вызовы.db",
    "lines": "two\nlines.db",
    "escape": "\x1b[31m'\\!red\x07.db",
    "turning": "\u202egnp.db",
    "bytes": "gr\u00f6\udcff.db",
    "dash": "--nope",
}


def shells() -> list[list[str]]:
    """Return those shells that are here, of all that know ``$'...'``."""
    found = [[path] for name in ("bash", "zsh", "ksh", "mksh") if (path := shutil.which(name))]
    return [*found, [path, "sh"]] if (path := shutil.which("busybox")) else found


@pytest.fixture
def recorder(tmp_path: Path) -> Path:
    """A directory with a ``devflow-analytics`` that prints its words, each ended by a NUL."""
    directory = tmp_path / "bin"
    directory.mkdir()
    stand_in = directory / "devflow-analytics"
    stand_in.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    stand_in.chmod(0o755)
    return directory


def paste(shell: list[str], line: str, encoding: str, directory: Path) -> bytes:
    """Return what a line prints in a shell that finds the command in a directory."""
    # as at a terminal, where bash would expand a "!"
    expanding = "set -o history -o histexpand\n" if shell[0].endswith("bash") else ""
    done = subprocess.run(
        shell,
        input=f"{expanding}{line}\n".encode(encoding),
        capture_output=True,
        env=os.environ | {"PATH": f"{directory}:{os.environ['PATH']}"},
        check=False,
        timeout=60,
    )
    assert (shell, done.returncode, done.stderr) == (shell, 0, b"")
    return done.stdout


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
@pytest.mark.parametrize("how", ["option", "variable", "option, latin-1"])
def test_the_command_that_is_printed_puts_the_backup_back(
    name: str, how: str, command: Command, home: Path, recorder: Path
) -> None:
    file, copy = home / name, home / "copy.db"
    create_analytics_db(file).close()
    add_session(file, "before")
    backup(file, copy)
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("UPDATE sessions SET id = 's'")
    encoding = how.partition(", ")[2] or "utf-8"
    variable = {"DEVFLOW_ANALYTICS_DB_PATH": str(file)} if how == "variable" else {}
    option = [] if variable else ["--db", str(file)]
    done = command(*option, "restore", str(copy), encoding=encoding, **variable)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(char.isprintable() or char == "\n" for char in done.stdout)
    (kept,) = (home / "backups").iterdir()
    *_, line = done.stdout.splitlines()
    restore = line.removeprefix("  to restore it: ")
    # what each shell makes of the line, to the byte
    words = [os.fsencode(word) for word in ("--db", file, "restore", kept)]
    assert shells()
    for shell in shells():
        assert paste(shell, restore, encoding, recorder).split(b"\0") == [*words, b""]
    # and one of them with the command itself
    assert sessions(file) == ["s"]
    told = paste(shells()[0], f"{restore} --json", encoding, Path(sys.executable).parent)
    assert json.loads(told)["path"] == str(file)
    assert sessions(file) == ["before"]
