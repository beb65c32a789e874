"""A cursor tells whether a log is still what was read of it, and where to go on."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_capture import import_calls
from devflow_analytics_capture.logs.calls import Calls, Conversation
from devflow_analytics_capture.logs.cursor import (
    FRESH_SECONDS,
    KEPT_SECONDS,
    NEVER_NS,
    WAITING_FIELDS,
    Cursor,
    hashes,
    load_cursors,
)
from devflow_analytics_capture.logs.log import Fingerprint, Log, Resume, fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Rows = list[dict[str, Any]]

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_bytes(CONTENT)
    return path


def found(path: Path, resume: Resume = Resume.AT_POSITION) -> Log:
    return Log(str(path), fingerprint(path.stat()), resume)


def read_to(path: Path, position: int, **known: Any) -> Cursor:
    """Return the cursor of a log of which so much was read."""
    descriptor = os.open(path, os.O_RDONLY)
    head, tail = hashes(descriptor, position)
    os.close(descriptor)
    fields = {"fingerprint": fingerprint(path.stat()), "head": head, "tail": tail, **known}
    return Cursor(position=position, **fields)


def goes_on(cursor: Cursor, path: Path, since: int = 0, resume: Any = Resume.AT_POSITION) -> bool:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return cursor.can_go_on(found(path, resume), descriptor, since)
    finally:
        os.close(descriptor)


def add(path: Path, content: bytes = b"more") -> None:
    with path.open("ab") as file:
        file.write(content)


def test_a_log_that_did_not_change_is_current(log: Path) -> None:
    cursor = read_to(log, len(CONTENT))
    assert cursor.is_current(found(log), 0)
    os.utime(log, (1, 1))
    assert not cursor.is_current(found(log), 0)
    assert not goes_on(cursor, log)  # rewritten, for all that is known


@pytest.mark.parametrize("position", [0, 1, 255, 256, 257, 4096, 5000, len(CONTENT)])
def test_a_log_that_grew_goes_on_where_it_ended(position: int, log: Path) -> None:
    cursor = read_to(log, position)
    add(log)
    assert not cursor.is_current(found(log), 0)
    assert goes_on(cursor, log)


@pytest.mark.parametrize("at", [0, 100, 4095, 9999 - 255, 9999])
def test_a_log_that_is_another_does_not(at: int, log: Path) -> None:
    cursor = read_to(log, 10_000)
    add(log)
    with log.open("r+b") as file:
        file.seek(at)
        file.write(bytes([CONTENT[at] ^ 1]))
    assert not goes_on(cursor, log)


def test_what_was_not_read_yet_may_change(log: Path) -> None:
    cursor = read_to(log, 5000)
    add(log)
    with log.open("r+b") as file:
        file.seek(5000)
        file.write(b"\xff" * 10)
    assert goes_on(cursor, log)


def test_a_log_that_became_shorter_does_not_go_on(log: Path) -> None:
    cursor = read_to(log, 5000)
    os.truncate(log, len(CONTENT) - 1)
    assert not goes_on(cursor, log)


def test_a_log_that_was_not_read_to_its_end_goes_on_though_it_did_not_grow(log: Path) -> None:
    half = fingerprint(log.stat())._replace(size=5000, modified_ns=NEVER_NS)
    cursor = read_to(log, 5000, fingerprint=half)
    assert not cursor.is_current(found(log), 0)
    assert goes_on(cursor, log)
    os.truncate(log, 5000)
    assert goes_on(cursor, log)


def test_calls_that_were_passed_over_make_a_log_be_read_again(log: Path) -> None:
    cursor = read_to(log, len(CONTENT), since=100)
    assert cursor.is_current(found(log), 100)
    assert cursor.is_current(found(log), 200)
    assert not cursor.is_current(found(log), 99)
    add(log)
    assert goes_on(cursor, log, since=100)
    assert not goes_on(cursor, log, since=99)


def test_a_log_that_is_written_as_a_whole_never_goes_on_and_a_database_always(log: Path) -> None:
    cursor = read_to(log, 5000)
    add(log)
    assert not goes_on(cursor, log, resume=Resume.AT_START)
    os.truncate(log, 3)
    assert goes_on(cursor, log, resume=Resume.BY_STATE)
    assert not goes_on(read_to(log, 3, since=1), log, resume=Resume.BY_STATE)


@pytest.mark.parametrize(
    "state",
    [
        *("", "{", "[]", "null", "1", "{}", '{"context":{}}', '{"context":5,"waiting":{}}'),
        *('{"context":{},"waiting":[1]}', '{"context":{},"waiting":{"a":5}}'),
        '{"context":{},"waiting":{"a":[1]}}',
    ],
)
def test_a_damaged_state_is_none(state: str) -> None:
    assert Cursor(Fingerprint(1, 2, 3, 4), state=state).loaded_state() is None


def test_a_state_that_is_whole_is_what_calls_made_of_it() -> None:
    calls = Calls("claude-code")
    calls.begin("toolu_1", "Read", 1_764_950_000_000, Conversation("S"))
    state = json.loads(json.dumps(calls.state()))
    assert Cursor(Fingerprint(1, 2, 3, 4), state=json.dumps(state)).loaded_state() == state
    assert len(next(iter(state["waiting"].values()))) == WAITING_FIELDS


def test_numbers_of_files_that_sqlite_cannot_hold_are_held_with_a_sign() -> None:
    found = os.stat_result((0o100644, 2**64 - 1, 2**63, 1, 0, 0, 5, 0, 0, 0))
    assert fingerprint(found)[:3] == (-(2**63), -1, 5)


def test_the_cursor_of_a_log_that_is_gone_is_kept_for_a_while(
    claude: Callable[..., Any], rows: Callable[..., Rows], file: Path
) -> None:
    for session in ("S", "T"):
        log = claude(session)
        log.write(log.call(f"toolu_{session}"), log.result(f"toolu_{session}"))
    import_calls()
    claude("T").path.unlink()
    old = int(time.time()) - FRESH_SECONDS - 10
    rows("UPDATE import_cursors SET seen_at = ?", old)
    claude("S").write(claude("S").call("toolu_2"))
    import_calls()
    seen = sorted(row["seen_at"] for row in rows("SELECT seen_at FROM import_cursors"))
    assert seen[0] == old
    assert seen[1] >= old + FRESH_SECONDS
    rows("UPDATE import_cursors SET seen_at = ?", int(time.time()) - KEPT_SECONDS - 10)
    claude("S").write(claude("S").result("toolu_2"))
    import_calls()
    with closing(sqlite3.connect(file)) as connection:
        (cursor,) = load_cursors(connection, "claude-code").values()
        assert load_cursors(connection, "codex") == {}
    assert cursor.fingerprint == fingerprint(claude("S").path.stat())
    assert cursor.position == cursor.fingerprint.size


def test_a_log_that_is_seen_again_and_again_is_noted_once_a_week(
    claude: Callable[..., Any], rows: Callable[..., Rows]
) -> None:
    for session in ("S", "T"):
        log = claude(session)
        log.write(log.call(f"toolu_{session}"))
    import_calls()
    recent = int(time.time()) - FRESH_SECONDS + 600
    rows("UPDATE import_cursors SET seen_at = ?", recent)
    log.write(log.result("toolu_T"))
    import_calls()
    seen = sorted(row["seen_at"] for row in rows("SELECT seen_at FROM import_cursors"))
    assert seen[0] == recent < seen[1]
