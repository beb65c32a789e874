"""That no noted call is lost or counted twice, and that nobody else can read it."""

from __future__ import annotations

import fcntl
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from devflow_analytics_capture.noting import spool
from devflow_analytics_db import diagnose, make_spool, status
from devflow_analytics_recorder import drain, named_id

Payload = dict[str, object]
Here = Callable[..., None]
Lines = Callable[[], list[list[Any]]]
Rows = Callable[[str], list[dict[str, Any]]]
Run = Callable[..., "subprocess.CompletedProcess[bytes]"]

HOOK = Path(spool.__file__).parent.with_name("hook.py")
FIRST, SECOND = "0-686f6f6b.v1.jsonl", "1-686f6f6b.v1.jsonl"

WRITER = """
import json, os, sys
from devflow_analytics_capture.noting.note import note
payload, number, calls = json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for call in range(calls):
    read, write = os.pipe()
    os.write(write, json.dumps(payload | {"tool_use_id": f"{number}-{call}"}).encode())
    os.close(write)
    note(["claude-code"], os.environb, read)
    os.close(read)
"""


@pytest.fixture
def directory(file: Path) -> Path:
    """Where the spools of this home's database are; not made yet."""
    return Path(f"{file}-spool")


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a spool as whoever reads it in does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield


def test_all_calls_share_one_file(payload: Payload, here: Here, directory: Path) -> None:
    for _ in range(10):
        here(payload)
    assert os.listdir(directory) == [FIRST]
    assert (directory / FIRST).read_bytes().count(b"\n") == 10


def test_what_waits_is_counted_and_then_read_in(
    payload: Payload, here: Here, file: Path, directory: Path, rows: Rows
) -> None:
    for number in range(3):
        here(payload | {"tool_use_id": f"toolu_{number}"})
    assert drain(file) == (3, 0)
    here(payload | {"tool_use_id": "toolu_3"})
    assert status(file).waiting_calls == 1
    (finding,) = [one for one in diagnose(file).findings if one.subject == "waiting calls"]
    assert finding.severity == "ok"
    assert drain(file) == (1, 0)
    assert os.listdir(directory) == []
    assert status(file).waiting_calls == 0
    assert rows("SELECT count(*) AS calls FROM tool_calls") == [{"calls": 4}]
    assert rows("SELECT tool_count FROM sessions") == [{"tool_count": 4}]


def test_a_call_is_noted_beside_a_spool_that_is_held(
    payload: Payload, here: Here, directory: Path, file: Path
) -> None:
    with held(directory / FIRST):
        here(payload)
    assert sorted(os.listdir(directory)) == [FIRST, SECOND]
    assert drain(file) == (1, 0)


def test_a_call_gets_a_spool_of_its_own_if_all_others_are_held(
    payload: Payload, here: Here, directory: Path, file: Path
) -> None:
    with ExitStack() as stack:
        for number in range(spool.SPOOLS):
            stack.enter_context(held(directory / f"{number}-686f6f6b.v1.jsonl"))
        here(payload)
        (own,) = directory.glob(f"{os.getpid()}-*")
        assert own.read_bytes().count(b"\n") == 1
    assert drain(file) == (1, 0)
    assert os.listdir(directory) == []


def test_a_recorder_of_the_same_database_is_no_hindrance(
    payload: Payload, here: Here, directory: Path, file: Path
) -> None:
    own = make_spool(file)
    here(payload)
    assert sorted(os.listdir(directory)) == sorted([FIRST, Path(own.path).name])
    own.remove()


@pytest.mark.parametrize("kind", ["fifo", "link", "dangling link", "directory"])
def test_a_call_is_noted_beside_what_is_no_spool(
    kind: str, payload: Payload, here: Here, directory: Path, tmp_path: Path, file: Path
) -> None:
    directory.mkdir(parents=True)
    other = tmp_path / "other"
    if kind == "fifo":
        os.mkfifo(directory / FIRST)
    elif kind == "directory":
        (directory / FIRST).mkdir()
    else:
        if kind == "link":
            other.touch()
        (directory / FIRST).symlink_to(other)
    here(payload)
    assert (directory / SECOND).read_bytes().count(b"\n") == 1
    assert not other.exists() or not other.read_bytes()
    assert drain(file) == (1, 0)


@pytest.mark.parametrize("times", [1, spool.TRIES + 1])
def test_a_spool_that_is_removed_before_it_is_held_is_made_anew(
    times: int,
    payload: Payload,
    here: Here,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: Path,
) -> None:
    left = [None] * times

    def flock(descriptor: int, operation: int) -> None:
        if left:
            left.pop()
            (directory / FIRST).unlink()  # as `drain` does at this moment
        fcntl.flock(descriptor, operation)

    monkeypatch.setattr(spool, "flock", flock)
    here(payload)
    assert drain(file) == (1, 0)


def test_a_spool_that_is_replaced_before_it_is_held_is_left(
    payload: Payload, here: Here, directory: Path, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    moved = directory / "moved"

    def flock(descriptor: int, operation: int) -> None:
        if not moved.exists():
            (directory / FIRST).rename(moved)
            (directory / FIRST).touch(0o600)
        fcntl.flock(descriptor, operation)

    monkeypatch.setattr(spool, "flock", flock)
    here(payload)
    assert not moved.read_bytes()
    assert drain(file) == (1, 0)


def test_half_a_line_harms_no_other(
    payload: Payload, here: Here, directory: Path, file: Path
) -> None:
    directory.mkdir(parents=True)
    (directory / FIRST).write_bytes(b'[1,"half a li')
    here(payload)
    here(payload | {"tool_use_id": "toolu_02"})
    assert drain(file) == (2, 1)


def test_a_line_for_which_there_is_no_room_is_not_there_by_halves(
    payload: Payload, here: Here, directory: Path
) -> None:
    here(payload)
    before = (directory / FIRST).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in (0, 20):
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, limits[1]))
        try:
            with pytest.raises(OSError, match="No space left" if room else "File too large"):
                spool.append(str(directory).removesuffix("-spool"), before)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert (directory / FIRST).read_bytes() == before


def test_a_spool_does_not_grow_without_end(
    payload: Payload, here: Here, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "LARGEST_SPOOL", 1000)
    for _ in range(20):
        here(payload)
    assert os.listdir(directory) == [FIRST]
    assert 1000 < (directory / FIRST).stat().st_size < 1400


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
def test_what_is_made_is_private_whatever_the_umask_is(
    umask: int, payload: Payload, here: Here, directory: Path
) -> None:
    before = os.umask(umask)
    try:
        here(payload, "claude-code", directory.with_name("analytics.db"))
    finally:
        os.umask(before)
    modes = [path.stat().st_mode & 0o7777 for path in (directory.parent, directory)]
    assert [*modes, (directory / FIRST).stat().st_mode & 0o7777] == [0o700, 0o700, 0o600]


def test_a_directory_that_others_could_enter_is_closed(
    payload: Payload, here: Here, directory: Path
) -> None:
    directory.mkdir(parents=True)
    directory.chmod(0o755)
    here(payload)
    assert directory.stat().st_mode & 0o7777 == 0o700


@pytest.mark.parametrize("kind", ["link", "file"])
def test_nothing_is_noted_where_the_directory_is_none(
    kind: str, payload: Payload, here: Here, directory: Path, tmp_path: Path
) -> None:
    directory.parent.mkdir()
    (tmp_path / "other").mkdir()
    if kind == "link":
        directory.symlink_to(tmp_path / "other")
    else:
        directory.touch()
    with pytest.raises(PermissionError):
        here(payload)
    assert os.listdir(tmp_path / "other") == []


def test_a_database_beside_which_nothing_can_be_made_has_no_spool(
    payload: Payload, here: Here, tmp_path: Path
) -> None:
    for named in (tmp_path / "none" / "none" / "a.db", Path("/proc/a.db")):
        with pytest.raises(OSError, match=r"none|proc"):
            here(payload, "claude-code", named)


def test_a_file_system_without_modes_will_do(
    payload: Payload, here: Here, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    def fchmod(_: int, __: int) -> None:
        raise PermissionError

    monkeypatch.setattr("posix.fchmod", fchmod)
    here(payload)
    assert len(lines()) == 1


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@needs_root
def test_what_root_makes_in_a_home_is_its_users(
    payload: Payload, here: Here, home: Path, directory: Path
) -> None:
    os.chown(home, 12345, 12345)
    here(payload)
    for path in (directory.parent, directory, directory / FIRST):
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12345)


@needs_root
def test_nothing_is_noted_in_a_directory_of_another_user(
    payload: Payload, here: Here, directory: Path
) -> None:
    directory.mkdir(parents=True)
    os.chown(directory, 12345, 12345)
    with pytest.raises(PermissionError):
        here(payload)
    assert os.listdir(directory) == []


def drain_until(file: Path, is_over: Callable[[], bool]) -> tuple[int, int]:
    """Read in again and again what waits; return how many lines were calls, and how many none."""
    written = refused = 0
    while True:
        last = is_over()
        done = drain(file)
        written, refused = written + done.calls, refused + done.refused
        if last:
            return written, refused


def test_calls_of_many_writers_are_all_there_once_though_they_are_read_in_meanwhile(
    payload: Payload, file: Path, rows: Rows, directory: Path
) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, json.dumps(payload), str(number), "500"])
        for number in range(8)
    ]
    written = drain_until(file, lambda: all(writer.poll() is not None for writer in writers))
    assert [writer.wait() for writer in writers] == [0] * 8
    assert written == (4000, 0)
    expected = {named_id("claude-code", f"{n}-{call}") for n in range(8) for call in range(500)}
    assert {row["id"] for row in rows("SELECT id FROM tool_calls")} == expected
    assert rows("SELECT tool_count FROM sessions") == [{"tool_count": 4000}]
    assert os.listdir(directory) == []


def test_hooks_that_are_killed_leave_whole_calls_or_none(
    payload: Payload, file: Path, rows: Rows, run: Run
) -> None:
    run(payload | {"tool_use_id": "first"})
    chance = random.Random(8)
    whole = {"first"}
    running: list[tuple[str, subprocess.Popen[bytes]]] = []
    for number in range(60):
        name = f"toolu_{number}"
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", HOOK, "claude-code"], stdin=subprocess.PIPE
        )
        assert process.stdin
        process.stdin.write(json.dumps(payload | {"tool_use_id": name}).encode())
        process.stdin.close()
        running.append((name, process))
        if len(running) == 3:
            time.sleep(chance.uniform(0, 0.03))  # any moment is as good as any other
            for name, process in running:
                process.kill()
                if process.wait() == 0:  # it had ended
                    whole.add(name)
            running.clear()
    found = drain(file)
    ids = {row["id"] for row in rows("SELECT id FROM tool_calls")}
    assert {named_id("claude-code", name) for name in whole} <= ids
    assert found.calls == len(ids)
    assert found.refused == 0


def test_a_spool_that_was_read_in_before_makes_no_second_row(
    payload: Payload, here: Here, file: Path, directory: Path, rows: Rows, tmp_path: Path
) -> None:
    here(payload)
    shutil.copytree(directory, tmp_path / "copy")
    drain(file)
    shutil.copytree(tmp_path / "copy", directory, dirs_exist_ok=True)
    drain(file)
    assert rows("SELECT tool_count FROM sessions") == [{"tool_count": 1}]
