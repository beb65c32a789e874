"""A real file system that keeps no modes: what every command says of it is true."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[..., subprocess.CompletedProcess[str]]

COMMAND = Path(sys.executable).with_name("devflow-analytics")


def made(*command: str | Path) -> str:
    """Run a command that prepares a mount; skip the test where it cannot."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip(f"cannot mount exFAT here: no {command[0]}")
    if done.returncode:
        pytest.skip(f"cannot mount exFAT here: {done.stderr.strip()}")
    return done.stdout.strip()


@contextmanager
def mounted_exfat(directory: Path) -> Iterator[Path]:
    image, home = directory / "image", directory / "home"
    home.mkdir()
    with image.open("wb") as content:
        content.truncate(16_000_000)
    made("mkfs.exfat", image)
    device = made("losetup", "--find", "--show", image)
    try:
        made("mount.exfat-fuse", device, home)
        try:
            yield home
        finally:
            subprocess.run(["umount", home], check=True)
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


@pytest.fixture
def exfat() -> Iterator[Path]:
    """A home on exFAT, where everything has mode 0777, and chmod does nothing without an error."""
    with (
        tempfile.TemporaryDirectory(prefix="exfat-") as directory,
        mounted_exfat(Path(directory)) as home,
    ):
        yield home


@pytest.fixture
def run(exfat: Path) -> Run:
    """Run the command with that home."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments],
            check=False,
            capture_output=True,
            text=True,
            env=os.environ | {"HOME": str(exfat)},
            timeout=60,
        )

    return run


NO_MODES = (
    "file mode 0777: other users can access it, because its file system keeps no modes."
    " Keep it on another file system"
)


def test_init_and_backup_do_not_call_private_what_is_not(
    exfat: Path, run: Run, tmp_path: Path
) -> None:
    file = exfat / ".devflow" / "analytics.db"
    done = run("--verbose", "init")
    assert (done.returncode, done.stdout.splitlines()[3]) == (0, f"  {NO_MODES}")
    told = [line for line in done.stderr.splitlines() if "other users" in line]
    assert told == [
        f"other users can access {path}: its file system keeps no modes"
        for path in (f"{file}-shm", f"{file}-wal", file, file.parent)
    ]
    shutil.copy(file, tmp_path / "private.db")
    copy = exfat / "copy.db"
    done = run("--db", tmp_path / "private.db", "--verbose", "backup", copy)
    assert (done.returncode, done.stdout) == (0, f"Backed up to {copy}\n  {NO_MODES}\n")
    assert f"other users can access {copy}: its file system keeps no modes\n" in done.stderr


def test_doctor_claims_no_success_and_does_not_send_to_itself_for_ever(
    exfat: Path, run: Run
) -> None:
    run("init")
    directory, file = exfat / ".devflow", exfat / ".devflow" / "analytics.db"
    message = f"other users can access it: {directory} has mode 0777, {file} has mode 0777."
    for arguments, advice, fixed in (
        (
            (),
            (
                "Run 'devflow-analytics doctor --fix'. If that changes nothing, fuseblk keeps no"
                " modes. Keep the file on another file system: set DEVFLOW_ANALYTICS_DB_PATH."
            ),
            [],
        ),
        (
            ("--fix",),
            (
                "The file system keeps no modes. Keep the file on another file system: set"
                " DEVFLOW_ANALYTICS_DB_PATH."
            ),
            [
                f"{path} is still 0777: its file system keeps no modes."
                for path in (directory, file)
            ],
        ),
    ):
        done = run("doctor", "--json", *arguments)
        found = json.loads(done.stdout)
        (rights,) = [one for one in found["findings"] if one["subject"] == "rights"]
        assert (done.returncode, found["fixed"]) == (1, fixed)
        assert rights == {
            "subject": "rights",
            "severity": "fail",
            "message": message,
            "advice": advice,
        }
