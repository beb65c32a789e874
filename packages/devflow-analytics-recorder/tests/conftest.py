from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from devflow_analytics_recorder import Recorder

Rows: TypeAlias = list[dict[str, Any]]
Python: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of the test's own; nothing here ever sees the real one."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in [name for name in os.environ if name.startswith("DEVFLOW_ANALYTICS_")]:
        monkeypatch.delenv(name)
    return home


@pytest.fixture
def file(home: Path) -> Path:
    """Where the database of this home belongs; not made yet."""
    return home / ".devflow" / "analytics.db"


@pytest.fixture
def recorder(file: Path) -> Iterator[Recorder]:
    with Recorder(file, server="files") as recorder:
        yield recorder


@pytest.fixture
def rows(file: Path) -> Callable[[str], Rows]:
    """Ask a question of the database."""

    def ask(question: str, *values: object) -> Rows:
        with closing(sqlite3.connect(f"file:{file}?mode=rw", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            found = [dict(row) for row in connection.execute(question, values)]
            connection.commit()
            return found

    return ask


@pytest.fixture
def calls(recorder: Recorder, rows: Callable[[str], Rows]) -> Callable[[], Rows]:
    """Return the calls in the database, once all that was recorded is there."""

    def ask() -> Rows:
        assert recorder.flush(30)
        return rows("SELECT * FROM tool_calls ORDER BY rowid")

    return ask


@pytest.fixture
def spools(file: Path) -> Callable[[], list[bytes]]:
    """Return what is in each spool."""

    def read() -> list[bytes]:
        return [path.read_bytes() for path in Path(f"{file}-spool").glob("*")]

    return read


@pytest.fixture
def python() -> Python:
    """Run code in a new Python process, with a recorder ``r`` and a session ``s`` of it."""

    def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        begin = "import os, sys\nfrom devflow_analytics_recorder import Recorder\n"
        begin += "r = Recorder(); s = r.session()\n"
        return subprocess.run(
            [sys.executable, "-c", begin + textwrap.dedent(code), *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.fixture
def locked(file: Path) -> Callable[[], Any]:
    """Hold the lock for writing while the block runs."""

    @contextmanager
    def hold() -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    return hold
