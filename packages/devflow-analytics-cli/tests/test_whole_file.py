from __future__ import annotations

import errno
import os
import resource
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_cli.whole_file import whole_file
from devflow_analytics_db import DestinationExistsError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_a_file_that_came_meanwhile_is_not_replaced(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = home / "calls.csv"
    link = os.link

    def link_later(partial: str, final: str) -> None:
        target.write_text("another's")  # after the last look
        link(partial, final)

    monkeypatch.setattr(os, "link", link_later)
    with pytest.raises(DestinationExistsError), whole_file(str(target), force=False) as file:
        file.write(b"mine")
    assert (os.listdir(home), target.read_text()) == (["calls.csv"], "another's")


def test_where_there_are_no_links_a_file_is_renamed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: str) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)
    with whole_file(str(home / "new"), force=False) as file:
        file.write(b"mine")
    with pytest.raises(DestinationExistsError), whole_file(str(home / "late"), force=False) as file:
        (home / "late").write_text("another's")
    assert sorted(os.listdir(home)) == ["late", "new"]
    assert ((home / "new").read_text(), (home / "late").read_text()) == ("mine", "another's")


def test_a_directory_that_cannot_be_read_takes_a_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.open

    def open_no_directory(path: str, flags: int, mode: int = 0o777) -> int:
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return really(path, flags, mode)

    monkeypatch.setattr(os, "open", open_no_directory)
    with whole_file(str(home / "calls.csv"), force=False) as file:
        file.write(b"mine")
    assert (home / "calls.csv").read_text() == "mine"


def test_a_second_ctrl_c_leaves_nothing_either(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unlink = os.unlink

    def interrupted(path: str) -> None:
        signal.raise_signal(signal.SIGINT)
        unlink(path)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(os, "unlink", interrupted)
    try:
        with (
            pytest.raises(KeyboardInterrupt, match=r"^$"),
            whole_file(str(home / "calls.csv"), force=False),
        ):
            raise KeyboardInterrupt("the first")
    finally:
        signal.signal(signal.SIGINT, before)
    assert os.listdir(home) == []


def test_only_faults_of_writing_are_called_so(home: Path) -> None:
    fault = OSError(errno.EIO, "reading failed", "elsewhere")
    with pytest.raises(OSError, match="reading failed") as raised:  # noqa: SIM117  one each
        with whole_file(str(home / "calls.csv"), force=False):
            raise fault
    assert raised.value is fault
    with pytest.raises(StorageError, match="No room left to write"):  # noqa: SIM117  one each
        with whole_file(str(home / "calls.csv"), force=False) as file, full_disk():
            file.write(b"x" * 100_000)
    assert os.listdir(home) == []


@contextmanager
def full_disk() -> Iterator[None]:
    """Let files get no larger than 50 kB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
