"""Files in which calls wait: private, held by one process, and found when it ends."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import (
    CannotCreateError,
    PermissionDeniedError,
    abandoned_spools,
    make_spool,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    Spooling = Callable[[bytes], AbstractContextManager[subprocess.Popen[bytes]]]


def names(file: Path) -> list[str]:
    return sorted(os.listdir(f"{file}-spool"))


def found(file: Path) -> list[str]:
    with ExitStack() as stack:
        spools = list(abandoned_spools(file))
        for spool in spools:
            stack.callback(spool.close)
        return [spool.path for spool in spools]


def test_spool_and_its_directory_are_private(file: Path) -> None:
    mask = os.umask(0)
    try:
        spool = make_spool()
    finally:
        os.umask(mask)
    assert Path(spool.path).parent == Path(f"{file}-spool")
    assert stat.S_IMODE(Path(spool.path).stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(f"{file}-spool").stat().st_mode) == 0o700
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert not file.exists()
    spool.close()


def test_nobody_finds_a_spool_that_is_held(file: Path) -> None:
    spool = make_spool(file)
    assert found(file) == []
    spool.close()
    assert found(file) == [spool.path]


def test_a_spool_is_found_when_its_process_is_killed(file: Path, spooling: Spooling) -> None:
    with spooling(b"line\n") as process:
        assert found(file) == []
        process.kill()
    (spool,) = abandoned_spools(file)
    assert os.pread(spool.descriptor, 100, 0) == b"line\n"
    spool.remove()
    assert names(file) == []


def test_two_that_look_at_once_never_find_the_same(file: Path) -> None:
    make_spool(file).close()
    (first,) = abandoned_spools(file)
    assert found(file) == []
    first.remove()
    assert found(file) == []


def test_removing_leaves_what_took_its_place(file: Path) -> None:
    spool = make_spool(file)
    Path(spool.path).unlink()
    Path(spool.path).write_text("another")
    assert not spool.is_in_place()
    spool.remove()
    assert Path(spool.path).read_text() == "another"


def test_nothing_but_spools_is_found(file: Path, tmp_path: Path) -> None:
    make_spool(file).close()
    directory = Path(f"{file}-spool")
    (directory / "2-00c0ffee.v1.jsonl").mkdir()
    (directory / "notes.txt").write_text("mine")
    (directory / "notes.jsonl").write_text("mine")
    (directory / "1-notes123.jsonl.bak").write_text("mine")
    (directory / "3-00c0ffee.v1.jsonl").symlink_to(tmp_path / "elsewhere.jsonl")
    (tmp_path / "elsewhere.jsonl").write_text("not ours")
    os.mkfifo(directory / "4-00c0ffee.v1.jsonl")
    assert len(found(file)) == 1


def test_nothing_is_found_through_a_link_in_the_place_of_the_directory(
    file: Path, tmp_path: Path
) -> None:
    file.parent.mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "1-00c0ffee.v1.jsonl").write_text("precious")
    Path(f"{file}-spool").symlink_to(tmp_path / "data")
    assert found(file) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_nothing_is_found_in_a_directory_of_another_user(file: Path) -> None:
    make_spool(file).close()
    os.chown(f"{file}-spool", 4321, 4321)
    assert found(file) == []


def test_without_a_directory_none_is_found(file: Path) -> None:
    assert found(file) == []
    assert not file.parent.exists()


def test_a_directory_that_others_could_enter_is_made_private(file: Path) -> None:
    make_spool(file).close()
    Path(f"{file}-spool").chmod(0o777)
    make_spool(file).close()
    assert stat.S_IMODE(Path(f"{file}-spool").stat().st_mode) == 0o700


def test_a_link_in_the_place_of_the_directory_is_refused(file: Path, tmp_path: Path) -> None:
    file.parent.mkdir()
    Path(f"{file}-spool").symlink_to(tmp_path)
    with pytest.raises(PermissionDeniedError):
        make_spool(file)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


def test_a_file_in_the_place_of_the_directory_is_named(file: Path) -> None:
    file.parent.mkdir()
    Path(f"{file}-spool").touch()
    with pytest.raises(CannotCreateError, match="-spool is a file, where a directory should be"):
        make_spool(file)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_refused(file: Path) -> None:
    file.parent.mkdir()
    Path(f"{file}-spool").mkdir()
    os.chown(f"{file}-spool", 4321, 4321)
    with pytest.raises(PermissionDeniedError):
        make_spool(file)
    assert names(file) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_root_makes_in_a_home_belongs_to_its_owner(file: Path, home: Path) -> None:
    os.chown(home, 4321, 4321)
    spool = make_spool()
    assert {Path(path).stat().st_uid for path in (spool.path, f"{file}-spool", file.parent)} == {
        4321
    }
    spool.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_root_makes_beside_a_database_belongs_to_its_owner(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "a.db").touch()
    os.chown(tmp_path / "theirs" / "a.db", 4321, 4321)
    spool = make_spool(tmp_path / "theirs" / "a.db")
    assert {Path(path).stat().st_uid for path in (spool.path, Path(spool.path).parent)} == {4321}
    spool.close()
