"""Calls are kept at once, and brought into the database by a thread."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_capture.noting.line import SUCCESS, line, new_id
from devflow_analytics_capture.noting.spool import Spool
from devflow_analytics_capture.proxy import notes as notes_module
from devflow_analytics_capture.proxy.notes import Notes
from devflow_analytics_db import create_analytics_db, status
from devflow_analytics_recorder import drain

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., list[dict[str, Any]]]

LONG = 20.0
"""In seconds: what is waited for is there long before."""


def _call(tool: str = "search", session: str = "0" * 36) -> bytes:
    return line(
        call=new_id(),
        tool=tool,
        duration_ms=1.5,
        outcome=SUCCESS,
        ended_ms=1_767_323_045_000,
        started_ms=1_767_323_045_000,
        session=session,
        session_started_at=1_767_323_045,
        source="proxy",
    )


def _waits_for(what: Callable[[], object]) -> object:
    """Wait until something is true, and return it."""
    pause = threading.Event()
    for _ in range(int(LONG / 0.01)):
        with suppress(sqlite3.Error):
            if found := what():
                return found
        pause.wait(0.01)
    pytest.fail("it never came")


def test_calls_are_in_the_database_while_the_server_runs(file: Path, rows: Ask) -> None:
    notes = Notes(str(file))
    for expected in (2, 4, 6):  # each time the thread is idle again
        notes.add(_call())
        notes.add(_call())
        count = "SELECT count(*) AS n FROM tool_calls"
        _waits_for(lambda: file.exists() and rows(count)[0]["n"] == expected)  # noqa: B023
    notes.close(LONG)
    assert rows("SELECT tool_count FROM sessions") == [{"tool_count": 6}]
    assert status(file).waiting_calls == 0


def test_nothing_is_made_or_started_before_the_first_call(home: Path, file: Path) -> None:
    before = threading.active_count()
    Notes(str(file)).close(LONG)
    assert threading.active_count() == before
    assert [*home.iterdir()] == []


def test_a_call_is_kept_though_no_thread_can_be_started(
    file: Path, rows: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    notes = Notes(str(file))
    monkeypatch.setattr(notes_module, "start_new_thread", refuse)
    notes.add(_call())
    notes.close(LONG)
    assert drain(file).calls == 1
    assert rows("SELECT count(*) AS n FROM tool_calls") == [{"n": 1}]


def test_calls_wait_while_another_process_has_the_database(
    file: Path, rows: Ask, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", "1")
    create_analytics_db(file).close()
    notes = Notes(str(file))
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        notes.add(_call())
        _waits_for(lambda: notes._is_started and not notes._waits)  # noqa: SLF001  it has tried
        assert rows("SELECT count(*) AS n FROM tool_calls") == [{"n": 0}]
        other.execute("ROLLBACK")
    _waits_for(lambda: rows("SELECT count(*) AS n FROM tool_calls")[0]["n"])
    notes.close(LONG)
    assert capfd.readouterr().err == ""


def test_a_database_that_is_none_is_told_once_and_the_calls_wait(
    file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file.parent.mkdir()
    file.write_text("Dear diary")
    notes = Notes(str(file))
    for _ in range(3):
        notes.add(_call())
    notes.close(LONG)
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith(f"devflow-analytics: calls are not recorded: {file} is not an SQLite")
    file.unlink()
    assert drain(file).calls == 3


def test_a_call_that_cannot_be_kept_is_told_once(
    home: Path, file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (home / ".devflow").write_text("in the way")
    notes = Notes(str(file))
    notes.add(_call())
    notes.add(_call())
    notes.close(LONG)
    assert (
        capfd.readouterr().err
        == f"devflow-analytics: calls are not recorded: Not a directory ({file}-spool)\n"
    )


def test_a_spool_that_was_read_in_is_replaced(file: Path) -> None:
    spool = Spool(str(file))
    for calls in (1, 2):
        for _ in range(calls):
            spool.append(_call())
        assert drain(file).calls == calls
    spool.close()
    assert drain(file).calls == 0


def test_while_a_spool_is_read_calls_go_into_another(file: Path) -> None:
    from devflow_analytics_db import abandoned_spools  # noqa: PLC0415

    spool = Spool(str(file))
    spool.append(_call())
    for held in abandoned_spools(file):
        spool.append(_call())
        spool.append(_call())
        held.close()
    spool.append(_call())
    spool.close()
    assert drain(file).calls == 4


def test_a_line_that_was_cut_off_spoils_no_other(file: Path) -> None:
    spool = Spool(str(file))
    spool.append(_call())
    (path,) = Path(f"{file}-spool").iterdir()
    with path.open("ab") as other:
        other.write(b'[1,"cut')
    spool.append(_call())
    spool.close()
    assert drain(file) == (2, 1)
