from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Rows: TypeAlias = list[dict[str, Any]]

OF_AGENTS = (
    *("CLAUDE_CONFIG_DIR", "CODEX_HOME", "COPILOT_HOME", "OPENCODE_DATA_DIR", "OPENCODE_DB"),
    *("GEMINI_CLI_HOME", "KILO_DB", "XDG_CONFIG_HOME", "XDG_DATA_HOME"),
)
"""Variables that say where an agent keeps its logs."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of the test's own; nothing here ever sees the real one."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in (*os.environ, *OF_AGENTS):
        if name.startswith("DEVFLOW_ANALYTICS_") or name in OF_AGENTS:
            monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def file(home: Path) -> Path:
    """Where the database of this home belongs; not made yet."""
    return home / ".devflow" / "analytics.db"


@pytest.fixture
def rows(file: Path) -> Callable[..., Rows]:
    """Ask a question of the database."""

    def ask(question: str, *values: object) -> Rows:
        with closing(sqlite3.connect(f"file:{file}?mode=rw", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            found = [dict(row) for row in connection.execute(question, values)]
            connection.commit()
            return found

    return ask
