from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


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
