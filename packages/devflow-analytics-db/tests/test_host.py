"""What the system tells of a file: its file system, and the processes that have it open."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import create_analytics_db
from devflow_analytics_db.file import system

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    Holding = Callable[..., AbstractContextManager[int]]

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/mountinfo").exists(), reason="only Linux tells"
)


def test_a_process_that_has_the_file_open_is_told_of_and_one_that_reads_is_told_apart(
    file: Path, holding: Holding
) -> None:
    create_analytics_db().close()
    assert system.holders(str(file)) == ((), ())
    look = "SELECT count(*) FROM sessions"
    with holding(file, look) as idle, holding(file, "BEGIN", look) as reader:
        found = system.holders(str(file))
        assert found is not None
        assert {holder.pid for holder in found.all} == {idle, reader}
        assert [holder.pid for holder in found.reading] == [reader]
        assert str(found.reading[0]) == f"{reader} ({found.reading[0].name})"
        assert found.reading[0].name.startswith("python")
    assert system.holders(str(file)) == ((), ())


def test_this_process_is_not_told_of(file: Path) -> None:
    with create_analytics_db() as db, closing(db.connect()) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert system.holders(str(file)) == ((), ())


def test_asking_drops_no_lock(file: Path) -> None:
    with create_analytics_db() as db, closing(db.connect()) as connection:
        connection.execute("BEGIN IMMEDIATE")
        system.holders(str(file))
        system.file_system(str(file))
        try_to_write = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0,"
            " isolation_level=None); c.execute('BEGIN IMMEDIATE')"
        )
        done = subprocess.run(
            [sys.executable, "-c", try_to_write, file],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stderr.endswith("database is locked\n")


def test_a_mounted_file_system_is_told_of_also_where_its_name_has_a_space(tmp_path: Path) -> None:
    mounted = tmp_path / "a b"
    mounted.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "none", mounted], check=False, capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")
    try:
        assert system.file_system(str(mounted)) == "tmpfs"
        assert system.file_system(str(mounted / "file")) == "tmpfs"
        assert system.file_system(f"{mounted}beside") == system.file_system(str(tmp_path))
    finally:
        subprocess.run(["umount", mounted], check=True)
    assert system.file_system("/proc/self") == "proc"


def test_where_the_system_does_not_tell_nothing_is_known(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(system, "open", refuse, raising=False)
    assert system.file_system("/") is None
    assert system.holders(str(file)) is None
    assert system._name(1) == "ended"  # noqa: SLF001  as between the two reads
