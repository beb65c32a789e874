"""What `devflow_analytics_db.testing` says of each broken file is so, and no byte of it changes."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import devflow_analytics_db
from devflow_analytics_db import backup, diagnose, restore
from devflow_analytics_db.testing import BROKEN_FILES, USES, BrokenFile

if TYPE_CHECKING:
    from pathlib import Path


def contents(directory: Path) -> dict[str, bytes | None]:
    return {
        path.name: path.read_bytes() if path.is_file() else None for path in directory.iterdir()
    }


def call(use: str, file: Path, elsewhere: Path) -> None:
    if use == "backup":
        backup(file, elsewhere / "copy.db")
    elif use == "restore":
        restore(file, elsewhere / "restored.db")
    else:
        result = getattr(devflow_analytics_db, use)(file)
        if use == "create_analytics_db":
            result.close()


@pytest.mark.parametrize("broken", BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_each_function_raises_what_the_catalogue_says_and_changes_nothing(
    broken: BrokenFile, tmp_path: Path
) -> None:
    directory, elsewhere = tmp_path / "directory", tmp_path / "elsewhere"
    directory.mkdir(mode=0o700)
    elsewhere.mkdir()
    file = directory / "analytics.db"
    broken.make(file)
    before = contents(directory)
    for use in USES:
        expected = broken.error_of(use)
        if expected is None:
            call(use, file, elsewhere)
        else:
            with pytest.raises(expected) as caught:
                call(use, file, elsewhere)
            assert (use, type(caught.value)) == (use, expected)
            assert str(file) in str(caught.value), use
        assert contents(directory) == before, use


@pytest.mark.parametrize("broken", BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_diagnose_raises_nothing_and_finds_each(broken: BrokenFile, tmp_path: Path) -> None:
    file = tmp_path / "analytics.db"
    broken.make(file)
    before = contents(tmp_path)
    assert not diagnose(file).ok
    assert contents(tmp_path) == before


def test_each_name_is_used_once() -> None:
    assert [broken.name for broken in BROKEN_FILES.values()] == list(BROKEN_FILES)
    assert str(BROKEN_FILES["a text file"]) == "a text file"
    assert len(BROKEN_FILES) == 24


def test_nothing_that_users_run_imports_it() -> None:
    code = (
        "import sys, devflow_analytics_db\n"
        "[getattr(devflow_analytics_db, name) for name in devflow_analytics_db.__all__]\n"
        "print('devflow_analytics_db.testing' in sys.modules, 'pytest' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
