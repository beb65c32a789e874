"""An SQLite from before STRICT tables, as RHEL 9 has one: told as what it is, whatever is asked.

``DEVFLOW_OLD_SQLITE`` names the directory where ``just old-sqlite`` has built its library.
"""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import devflow_analytics_db
from devflow_analytics_db import backup, create_analytics_db

COMMAND = Path(sys.executable).with_name("devflow-analytics")

COMMANDS = (
    *("init", "status", "migrate", "migrate --dry-run", "migrate --to 1 --yes", "check"),
    *("backup", "restore COPY"),
)

CALLS = """
import os, sys
import devflow_analytics_db as db

for name in sys.argv[2:]:
    try:
        returned = getattr(db, name)(*[sys.argv[1]] * (name == "restore"))
        if name.startswith("open_"):  # a context manager
            returned.__enter__()
    except db.IncompatibleSQLiteError as error:
        print(name, error)
"""

NO_DATABASE_NEEDED = {
    *("abandoned_spools", "busy_timeout_ms", "default_path", "diagnose", "import_lock"),
    *("is_enabled", "make_spool", "readable_size", "records_project", "resolve_path"),
}


@pytest.fixture
def old() -> dict[str, str]:
    """An environment in which this Python has the old SQLite."""
    directory = os.environ.get("DEVFLOW_OLD_SQLITE")
    if not directory:
        pytest.skip("DEVFLOW_OLD_SQLITE is not set: see 'just old-sqlite'")
    environment = os.environ | {"LD_LIBRARY_PATH": directory}
    command = [sys.executable, "-c", "import sqlite3; print(sqlite3.sqlite_version)"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.stdout != "3.34.0\n":
        pytest.skip(f"this Python does not load it: {done.stdout}{done.stderr}")
    return environment


@pytest.fixture(params=["nothing", "an empty file", "a database"])
def file(request: pytest.FixtureRequest, home: Path) -> Path:
    """The database, and a copy in the home; or nothing where they would be."""
    file = home / ".devflow" / "analytics.db"
    if request.param != "nothing":
        create_analytics_db().close()
        backup(destination=home / "copy.db")
    if request.param == "an empty file":
        file.write_bytes(b"")
    return file


def contents(directory: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in directory.rglob("*")}


def too_old(file: Path) -> str:
    return (
        f"This Python's SQLite 3.34.0 is too old for {file}, which needs 3.37 or newer. Nothing was"
        " changed. Use a Python with a newer SQLite."
    )


def run(environment: dict[str, str], *words: str | Path) -> tuple[int, str, str]:
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_that_the_sqlite_is_too_old_and_changes_nothing(
    command: str, old: dict[str, str], file: Path, home: Path
) -> None:
    before = contents(home)
    copy = str(home / "copy.db")
    told = run(old, COMMAND, *command.replace("COPY", copy).split())
    named = Path(copy) if "restore" in command else file
    assert told == (78, "", f"Error: {too_old(named)}\n")
    assert contents(home) == before


@pytest.mark.parametrize("command", ["doctor", "doctor --fix"])
def test_doctor_says_it_once(command: str, old: dict[str, str], file: Path, home: Path) -> None:
    before = contents(home)
    status, stdout, stderr = run(old, COMMAND, *command.split())
    lines = stdout.splitlines()
    assert (status, stderr, lines[:2]) == (
        1,
        "",
        [
            "FAIL  sqlite        SQLite 3.34.0 is too old.",
            "                    Use a Python with SQLite 3.37 or newer.",
        ],
    )
    assert [line.split()[1] for line in lines[2:] if not line.startswith(" ")] == [
        *("environment", "file", "free")
    ]
    assert str(file) not in stdout
    assert contents(home) == before


def test_which_file_it_is_needs_no_sqlite(old: dict[str, str], file: Path) -> None:
    assert run(old, COMMAND, "path") == (0, f"{file}\n", "")


def test_every_public_function_raises_it(old: dict[str, str], file: Path, home: Path) -> None:
    before = contents(home)
    exported = {name: getattr(devflow_analytics_db, name) for name in devflow_analytics_db.__all__}
    functions = {name for name, value in exported.items() if inspect.isfunction(value)}
    names = sorted(functions - NO_DATABASE_NEEDED)
    copy = home / "copy.db"
    told = run(old, sys.executable, "-c", CALLS, str(copy), *names)
    sentences = [f"{name} {too_old(copy if name == 'restore' else file)}\n" for name in names]
    assert told == (0, "".join(sentences), "")
    assert contents(home) == before
