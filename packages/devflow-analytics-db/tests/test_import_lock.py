"""One import into a database at a time, for as long as its process lives."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import (
    CannotCreateError,
    ImportRunningError,
    PermissionDeniedError,
    create_analytics_db,
    import_lock,
    make_spool,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOCK = """
import subprocess, sys
from devflow_analytics_db import import_lock
with import_lock(sys.argv[1]):
    {before}
    print("locked", flush=True)
    sys.stdin.read()
    {last}
"""


@contextmanager
def importing(
    file: Path, *, before: str = "pass", last: str = "pass"
) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the lock, and keeps it until its input ends or it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", LOCK.format(before=before, last=last), file],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process


def is_free(file: Path) -> bool:
    try:
        with import_lock(file):
            return True
    except ImportRunningError:
        return False


def test_a_second_import_is_told_that_one_is_running(file: Path) -> None:
    with importing(file), pytest.raises(ImportRunningError) as caught, import_lock():
        pass
    assert caught.value.path == str(file)
    assert str(caught.value) == (
        f"Another import into {file} is running. Wait for it to end, and run this again."
    )
    assert is_free(file)


@pytest.mark.parametrize("last", ["pass", "raise RuntimeError", "sys.exit(1)", "os._exit(1)"])
def test_whatever_ends_an_import_gives_the_lock_back(last: str, file: Path) -> None:
    with importing(file, before="import os", last=last) as process:
        assert not is_free(file)
        process.communicate()
        assert is_free(file)


def test_an_import_that_is_killed_gives_the_lock_back(file: Path) -> None:
    with importing(file) as process:
        process.kill()
        process.wait()
        assert is_free(file)


def test_a_program_that_an_import_started_does_not_keep_the_lock(file: Path) -> None:
    # it inherits every descriptor that can be inherited, and outlives the import
    start = "subprocess.Popen(['sleep', '60'], close_fds=False, stdin=subprocess.DEVNULL,"
    start += "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)"
    with importing(file, before=f"child = {start}; print(child.pid, file=sys.stderr)") as process:
        assert process.stderr is not None
        process.kill()
        process.wait()
        child = int(process.stderr.readline())
        try:
            assert is_free(file)
        finally:
            os.kill(child, 9)


def test_a_process_has_one_import_at_a_time_too(file: Path) -> None:
    with import_lock(file):
        assert not is_free(file)
    assert is_free(file)


def test_an_import_that_fails_gives_the_lock_back_and_its_error_as_it_is(file: Path) -> None:
    with pytest.raises(FileNotFoundError, match="log"), import_lock(file):
        raise FileNotFoundError("log")
    assert is_free(file)


def test_a_database_has_one_lock_by_whatever_path(file: Path, tmp_path: Path) -> None:
    create_analytics_db(file).close()
    (tmp_path / "link.db").symlink_to(file)
    with import_lock(tmp_path / "link.db"):
        assert not is_free(file)
        assert is_free(tmp_path / "another.db")


def test_the_lock_keeps_nobody_from_using_the_database(file: Path) -> None:
    with import_lock(file), create_analytics_db(file) as db, db.transaction() as connection:
        connection.execute("INSERT INTO sessions (id, started_at) VALUES ('s', 1)")
        make_spool(file).remove()


def test_what_the_lock_needs_is_private_and_leaves_nothing_in_it(file: Path) -> None:
    mask = os.umask(0)
    try:
        with import_lock():
            pass
    finally:
        os.umask(mask)
    assert [path.name for path in file.parent.iterdir()] == ["analytics.db-spool"]
    assert list(Path(f"{file}-spool").iterdir()) == []
    assert stat.S_IMODE(Path(f"{file}-spool").stat().st_mode) == 0o700
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_refused_import_leaves_no_file_open(file: Path) -> None:
    with import_lock(file):
        next_descriptor = os.dup(0)
        os.close(next_descriptor)
        assert not is_free(file)
        after = os.dup(0)
        os.close(after)
    assert after == next_descriptor


def a_link(directory: Path) -> None:
    directory.symlink_to(directory.parent.parent)


def a_file(directory: Path) -> None:
    directory.touch()


def another_users(directory: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a directory away")
    directory.mkdir()
    os.chown(directory, 4321, 4321)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (a_link, PermissionDeniedError),
        (a_file, CannotCreateError),
        (another_users, PermissionDeniedError),
    ],
)
def test_what_is_not_our_directory_is_refused(
    make: Callable[[Path], None], error: type[Exception], file: Path
) -> None:
    file.parent.mkdir()
    make(Path(f"{file}-spool"))
    with pytest.raises(error), import_lock(file):
        pass
