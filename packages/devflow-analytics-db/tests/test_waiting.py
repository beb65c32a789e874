"""Calls that wait beside a database: how many are told, who writes them, and who may see them."""

from __future__ import annotations

import fcntl
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_db import (
    Diagnosis,
    Finding,
    abandoned_spools,
    create_analytics_db,
    diagnose,
    make_spool,
    status,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    Spooling = Callable[[bytes], AbstractContextManager[subprocess.Popen[bytes]]]

ADVICE = "Any program that records writes them into the database, and so does `drain()`."


@pytest.fixture
def current(file: Path) -> Path:
    create_analytics_db().close()
    return file


def leave(file: Path, content: bytes) -> Path:
    """Leave a file as a process does that ends before its calls are written."""
    spool = make_spool(file)
    os.write(spool.descriptor, content)
    spool.close()
    return Path(spool.path)


def contents(directory: Path) -> dict[str, tuple[Any, ...]]:
    found = {}
    for path in sorted(directory.rglob("*")):
        seen = path.lstat()
        found[str(path)] = (seen.st_mode, seen.st_ino, seen.st_uid)
        if stat.S_ISREG(seen.st_mode):
            found[str(path)] += (seen.st_mtime_ns, path.read_bytes())
    return found


def finding(diagnosis: Diagnosis, subject: str = "waiting calls") -> Finding:
    (found,) = [one for one in diagnosis.findings if one.subject == subject]
    return found


def waiting() -> tuple[int, int]:
    found = status()
    return found.waiting_calls, found.waiting_files


def test_where_no_call_was_ever_recorded_none_waits_and_no_directory_is_made(
    current: Path,
) -> None:
    assert waiting() == (0, 0)
    assert finding(diagnose()) == Finding("waiting calls", "ok", "none")
    assert os.listdir(current.parent) == ["analytics.db"]


def test_calls_of_a_running_process_wait_for_nobody_else(current: Path, spooling: Spooling) -> None:
    with spooling(b"[1]\n[2]\n") as process:
        before = contents(current.parent)
        assert waiting() == (2, 1)
        assert finding(diagnose()) == Finding(
            "waiting calls", "ok", "2 calls in 1 file that running processes hold"
        )
        assert contents(current.parent) == before
        process.kill()
    assert finding(diagnose()).severity == "warn"


def test_calls_that_ended_processes_left_are_a_warning_until_somebody_takes_them_in(
    current: Path,
) -> None:
    leave(current, b"[1]\n")
    leave(current, b"[2]\n[3]\n")
    mine = make_spool(current)
    os.write(mine.descriptor, b"[4]\n")
    before = contents(current.parent)
    assert waiting() == (4, 3)
    found = diagnose()
    assert finding(found) == Finding(
        "waiting calls",
        "warn",
        f"3 calls in 2 files that processes left in {current}-spool when they ended.",
        ADVICE,
    )
    assert found.ok
    assert contents(current.parent) == before
    for spool in abandoned_spools(current):
        spool.remove()
    mine.remove()
    assert waiting() == (0, 0)
    assert finding(diagnose()) == Finding("waiting calls", "ok", "none")


def test_calls_that_hooks_noted_are_no_warning(current: Path) -> None:
    directory = Path(f"{current}-spool")
    directory.mkdir(mode=0o700)
    (directory / "0-686f6f6b.v1.jsonl").write_bytes(b"[1]\n[2]\n")
    assert finding(diagnose()) == Finding(
        "waiting calls", "ok", "2 calls in 1 file that hooks noted, or running processes hold"
    )
    leave(current, b"[1]\n")
    assert finding(diagnose()).severity == "warn"


def test_what_was_left_is_found_by_others_after_it_was_looked_at(current: Path) -> None:
    left = leave(current, b"[1]\n")
    diagnose()
    (spool,) = abandoned_spools(current)
    assert spool.path == str(left)
    spool.remove()


def test_a_line_without_its_end_is_no_call(current: Path) -> None:
    leave(current, b"[1]\n[2]\n[3, 'torn")
    leave(current, b"[4, 'torn")
    leave(current, b"")
    assert waiting() == (2, 1)


def test_a_file_that_is_being_made_is_not_locked_by_who_looks(
    current: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(current, b"")
    asked = []
    monkeypatch.setattr(fcntl, "flock", lambda *_: asked.append(True))
    diagnose()
    assert asked == []


def test_long_files_are_counted_to_the_last_call(current: Path) -> None:
    leave(current, b"[1]\n" * 100_000)
    assert waiting() == (100_000, 1)


def test_before_there_is_a_database_its_calls_wait(file: Path) -> None:
    leave(file, b"[1]\n")
    assert waiting() == (1, 1)
    assert str(status()) == f"{file} does not exist.\n  waiting         1 call in 1 file"
    found = diagnose()
    assert [one.subject for one in found.findings][-2:] == ["database", "waiting calls"]
    assert finding(found).severity == "warn"
    assert not file.exists()


def test_it_is_printed_with_the_rest(current: Path) -> None:
    found = status()
    assert "waiting" not in str(found)
    lines = str(replace(found, waiting_calls=1234, waiting_files=2)).splitlines()
    assert lines[-1] == "  waiting         1,234 calls in 2 files"
    assert current.exists()


def add_links_and_strangers(directory: Path, elsewhere: Path) -> None:
    elsewhere.mkdir()
    (elsewhere / "7-00c0ffee.v1.jsonl").write_text("[1]\n")
    (elsewhere / "7-00c0ffee.v1.jsonl").chmod(0o644)
    (directory / "3-00c0ffee.v1.jsonl").symlink_to(elsewhere / "7-00c0ffee.v1.jsonl")
    (directory / "6-00c0ffee.v1.jsonl").symlink_to(elsewhere / "nothing")
    (directory / "2-00c0ffee.v1.jsonl").mkdir()
    (directory / "2-00c0ffee.v1.jsonl").chmod(0o755)
    (directory / "notes.txt").write_text("mine\n")
    (directory / "notes.txt").chmod(0o644)
    os.mkfifo(directory / "5-00c0ffee.v1.jsonl")


@pytest.mark.parametrize("fix", [False, True])
def test_links_and_what_is_no_spool_are_neither_counted_nor_changed(
    current: Path,
    tmp_path: Path,
    fix: bool,  # noqa: FBT001  a parameter
) -> None:
    leave(current, b"[1]\n")
    add_links_and_strangers(Path(f"{current}-spool"), tmp_path / "elsewhere")
    before = contents(current.parent), contents(tmp_path / "elsewhere")
    found = diagnose(fix=fix)
    assert waiting() == (1, 1)
    assert finding(found).message.startswith("1 call in 1 file that processes left")
    assert finding(found, "rights").severity == "ok"
    assert found.fixed == ()
    assert (contents(current.parent), contents(tmp_path / "elsewhere")) == before


def put_a_file(place: Path, _: Path) -> None:
    place.write_text("[1]\n")
    place.chmod(0o644)


def put_a_link(place: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere").chmod(0o755)
    (tmp_path / "elsewhere" / "8-00c0ffee.v1.jsonl").write_text("[1]\n")
    place.symlink_to(tmp_path / "elsewhere")


def put_a_dangling_link(place: Path, tmp_path: Path) -> None:
    place.symlink_to(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("put", "told"),
    [
        (put_a_file, "-spool is a file, where a directory should be."),
        (put_a_link, "-spool is a symbolic link, where a directory should be."),
        (put_a_dangling_link, "-spool is a symbolic link, where a directory should be."),
    ],
)
def test_what_is_in_the_place_of_the_directory_is_found_and_left_alone(
    put: Callable[[Path, Path], None], told: str, current: Path, tmp_path: Path
) -> None:
    put(Path(f"{current}-spool"), tmp_path)
    before = contents(tmp_path)
    found = finding(diagnose(fix=True))
    assert (found.severity, told in found.message) == ("warn", True), found
    assert found.advice is not None
    assert waiting() == (0, 0)
    assert contents(tmp_path) == before


def test_rights_of_others_are_found_and_with_fix_taken_away(current: Path) -> None:
    left = leave(current, b"[1]\n")
    directory = left.parent
    left.chmod(0o640)
    directory.chmod(0o755)
    assert finding(diagnose(), "rights") == Finding(
        "rights",
        "fail",
        f"other users can access it: {directory} has mode 0755, {left} has mode 0640.",
        "Run `diagnose(fix=True)`.",
    )
    found = diagnose(fix=True)
    assert found.fixed == (
        f"{directory} was 0755 and is 0700 now.",
        f"{left} was 0640 and is 0600 now.",
    )
    assert finding(found, "rights").severity == "ok"
    assert left.read_bytes() == b"[1]\n"


def test_beside_a_database_in_a_directory_of_the_users_choice_they_are_private_too(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o755)
    file = tmp_path / "calls.db"
    create_analytics_db(file).close()
    left = leave(file, b"[1]\n")
    left.parent.chmod(0o755)
    assert diagnose(file, fix=True).fixed == (f"{left.parent} was 0755 and is 0700 now.",)


def test_a_directory_that_cannot_be_read_is_a_warning_and_does_not_hide_the_rest(
    current: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(current, b"[1]\n")
    real = os.listdir

    def refuse(path: Any = ".") -> list[str]:
        if str(path).endswith("-spool"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "listdir", refuse)  # as root, whom no mode keeps out
    found = diagnose()
    assert finding(found).severity == "warn"
    assert f"{current}-spool" in finding(found).message
    assert found.findings[-1].subject == "schema"
    assert waiting() == (0, 0)
