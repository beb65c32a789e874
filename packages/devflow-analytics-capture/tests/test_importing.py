"""What an import is asked for, what it says, and what it leaves alone."""

from __future__ import annotations

import os
import resource
import sqlite3
import time
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_capture import CLIENTS, import_calls, ledger, run
from devflow_analytics_capture.importers.claude_code import ClaudeCode
from devflow_analytics_capture.importers.importer import Progress, UnreadableLogError
from devflow_analytics_capture.testing.claude_code import write_logs
from devflow_analytics_db import (
    ImportRunningError,
    LockedError,
    NotAnAnalyticsDatabaseError,
    create_analytics_db,
    import_lock,
    migrate,
)
from devflow_analytics_recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Row = dict[str, Any]
    Rows = list[Row]
    Log = Any
    """A `ClaudeLog` of the conftest's."""

DAY_MS = 86_400_000

SECOND, THIRD, FOURTH = (date(2026, 1, day) for day in (2, 3, 4))


@pytest.fixture
def three_days(claude: Callable[..., Log], monkeypatch: pytest.MonkeyPatch) -> Log:
    """Write a call on each of three days."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    log = claude()
    for day in range(3):
        at = day * DAY_MS
        log.write(log.call(f"toolu_{day}", at), log.result(f"toolu_{day}", at + 1250))
    return log


def test_where_no_agent_has_logged_nothing_is_made(home: Path) -> None:
    imported = import_calls()
    assert [(one.client, one.files) for one in imported.clients] == [(name, 0) for name in CLIENTS]
    assert (imported.found, imported.enabled) == (0, True)
    assert [*home.iterdir()] == []
    (asked,) = import_calls(clients=["claude-code"]).clients
    assert (asked.files, asked.found, asked.oldest) == (0, 0, None)
    assert [*home.iterdir()] == []


def test_an_unknown_agent_is_an_error_that_names_it(home: Path) -> None:
    with pytest.raises(ValueError, match=r"no importer for nobody, somebody\.$"):
        import_calls(clients=["somebody", "claude-code", "nobody"])
    assert [*home.iterdir()] == []


def test_nothing_is_done_if_recording_is_off(
    three_days: Log, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert three_days.path.exists()
    monkeypatch.setenv("DEVFLOW_ANALYTICS_ENABLED", "0")
    imported = import_calls()
    assert (imported.enabled, imported.clients) == (False, ())
    assert not (home / ".devflow").exists()


def test_the_database_may_be_another_one(three_days: Log, tmp_path: Path, home: Path) -> None:
    assert three_days.path.exists()
    other = tmp_path / "other.db"
    imported = import_calls(other)
    assert (imported.file, imported.added) == (str(other), 3)
    assert not (home / ".devflow").exists()


@pytest.mark.usefixtures("three_days")
def test_calls_from_before_a_day_are_left_out_until_they_are_asked_for(
    calls: Callable[[], Rows],
) -> None:
    (found,) = import_calls(since=THIRD).clients
    assert (found.added, found.too_old, found.found) == (2, 1, 3)
    (same,) = import_calls(since=FOURTH).clients
    assert (same.read, same.found) == (0, 0)
    (all_of_them,) = import_calls().clients
    assert (all_of_them.read, all_of_them.added, all_of_them.known) == (1, 1, 2)
    assert len(calls()) == 3
    assert import_calls(since=date(1, 1, 1)).clients[0].read == 0


def test_a_log_of_which_some_was_left_out_stays_so_until_that_is_asked_for(
    three_days: Log, calls: Callable[[], Rows]
) -> None:
    import_calls(since=FOURTH)
    at = 3 * DAY_MS
    three_days.write(three_days.call("toolu_3", at), three_days.result("toolu_3", at + 1250))
    assert import_calls(since=FOURTH).added == 1
    assert import_calls(since=FOURTH).clients[0].read == 0
    assert import_calls(since=SECOND).added == 2
    assert len(calls()) == 4


@pytest.mark.parametrize("before", ["nothing", "some", "all"])
def test_a_rehearsal_says_what_would_be_and_writes_nothing(
    before: str, home: Path, file: Path
) -> None:
    write_logs(home, calls=300)
    if before != "nothing":
        import_calls(since=None if before == "all" else date(2025, 6, 16))
    kept = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    rehearsed = import_calls(dry_run=True)
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == kept
    assert file.exists() == (before != "nothing")
    assert rehearsed.dry_run
    assert rehearsed.clients == import_calls().clients
    assert (rehearsed.added > 0) == (before != "all")


def test_a_rehearsal_of_an_older_database_leaves_it_so(three_days: Log, file: Path) -> None:
    assert three_days.path.exists()
    create_analytics_db(file).close()
    migrate(file, 2, allow_down=True)
    assert import_calls(dry_run=True).added == 3
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    assert import_calls().added == 3


def test_what_waits_beside_the_database_is_brought_in_first(
    file: Path, claude: Callable[..., Log], calls: Callable[[], Rows]
) -> None:
    create_analytics_db(file).close()
    log = claude()
    log.write(log.call("toolu_01A"), log.result("toolu_01A"))
    pid = os.fork()
    if pid == 0:  # ends before it has written anything but its line
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            session = Recorder(file).session(client="claude-code", key=("claude-code", "S"))
            session.record("get_issue", 3, native_id="toolu_01A")
            os._exit(0)
    os.waitpid(pid, 0)
    assert len([*Path(f"{file}-spool").iterdir()]) == 1
    rehearsed = import_calls(dry_run=True)
    assert (rehearsed.drained, rehearsed.added) == (0, 1)
    imported = import_calls()
    assert (imported.drained, imported.added, imported.clients[0].known) == (1, 0, 1)
    assert [(call["duration_ms"], call["source"]) for call in calls()] == [(3, "recorder")]


def test_only_one_import_runs_at_a_time(three_days: Log, file: Path) -> None:
    assert three_days.path.exists()
    with import_lock(file), pytest.raises(ImportRunningError):
        import_calls()
    assert import_calls().added == 3


def test_an_import_waits_for_others_who_write_and_then_gives_up(
    three_days: Log, file: Path, calls: Callable[[], Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    create_analytics_db(file).close()
    monkeypatch.setattr(ledger, "LOCK_TIMEOUT_MS", 100)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(LockedError):
            import_calls()
        assert import_calls(dry_run=True).added == 3
    assert import_calls().added == 3
    assert len(calls()) == 3
    assert three_days.path.exists()


def test_what_is_no_database_of_ours_is_left_alone(three_days: Log, file: Path) -> None:
    assert three_days.path.exists()
    file.parent.mkdir()
    file.write_text("something else")
    for dry_run in (True, False):
        with pytest.raises(NotAnAnalyticsDatabaseError):
            import_calls(dry_run=dry_run)
    assert file.read_text() == "something else"


@pytest.mark.usefixtures("three_days")
def test_an_import_is_committed_bit_by_bit(
    calls: Callable[[], Rows], rows: Callable[..., Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "BATCH_CALLS", 1)
    commit, seen = ledger.Database.commit, []

    def commit_and_look(database: ledger.Database, batch: ledger.Batch) -> object:
        counted = commit(database, batch)
        (cursor,) = rows("SELECT size, position, modified_ns FROM import_cursors")
        seen.append((len(calls()), cursor["position"] == cursor["size"], cursor["modified_ns"]))
        return counted

    monkeypatch.setattr(ledger.Database, "commit", commit_and_look)
    assert import_calls().added == 3
    assert [one[:2] for one in seen] == [(1, True), (2, True), (3, True), (3, True)]
    assert [one[2] for one in seen][:3] == [-1, -1, -1]
    assert seen[3][2] > 0


@pytest.mark.parametrize(("name", "most"), [("BATCH_BYTES", 1), ("BATCH_LOGS", 2)])
def test_no_more_is_read_at_once_than_can_be_lost(
    name: str, most: int, claude: Callable[..., Log], calls: Callable[[], Rows],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(run, name, most)
    sizes = []
    commit = ledger.Database.commit
    monkeypatch.setattr(
        ledger.Database,
        "commit",
        lambda database, batch: sizes.append(len(batch.calls)) or commit(database, batch),
    )
    for session in "STUVW":
        log = claude(session)
        log.write(log.call(f"toolu_{session}"), log.result(f"toolu_{session}"))
    import_calls()
    assert len(calls()) == 5
    assert max(sizes) <= 2
    assert sum(sizes) == 5


def test_an_import_that_is_ended_goes_on_where_it_was_committed(
    home: Path, rows: Callable[..., Rows], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_logs(home, calls=200)
    import_calls()
    whole = rows("SELECT * FROM tool_calls ORDER BY id")
    file.unlink()
    monkeypatch.setattr(run, "BATCH_CALLS", 10)
    commit = ledger.Database.commit
    ends = 0

    def commit_once(database: ledger.Database, batch: ledger.Batch) -> object:
        monkeypatch.setattr(ledger.Database, "commit", end)
        return commit(database, batch)

    def end(*_arguments: object) -> None:
        raise KeyboardInterrupt

    while True:
        monkeypatch.setattr(ledger.Database, "commit", commit_once)
        try:
            import_calls()
        except KeyboardInterrupt:
            ends += 1
        else:
            break
    assert ends > 10
    assert rows("SELECT * FROM tool_calls ORDER BY id") == whole


def test_how_far_it_came_is_told_from_nothing_to_all(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "TELL_SECONDS", 0)
    write_logs(home, calls=200)
    told: list[tuple[int, int]] = []
    imported = import_calls(progress=lambda done, total: told.append((done, total)))
    size = sum(path.stat().st_size for path in (home / ".claude").rglob("*.jsonl"))
    assert {total for _, total in told} == {size}
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (size, size)
    assert len(told) > 2 * imported.clients[0].read
    told.clear()
    import_calls(progress=lambda done, total: told.append((done, total)))
    assert told == []


def test_only_what_is_new_counts_as_to_be_read(three_days: Log) -> None:
    import_calls()
    size = three_days.path.stat().st_size
    three_days.write(three_days.call("toolu_3", 3 * DAY_MS))
    told: list[tuple[int, int]] = []
    import_calls(progress=lambda done, total: told.append((done, total)))
    new = three_days.path.stat().st_size - size
    assert set(told) == {(new, new)}
    told.clear()
    os.truncate(three_days.path, 10)
    import_calls(progress=lambda done, total: told.append((done, total)))
    assert told == [(10, 10)]


def test_a_log_that_cannot_be_read_is_named_and_the_others_are_read(
    claude: Callable[..., Log], monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = {name: claude(name) for name in ("unreadable", "failing", "in the middle", "fine")}
    for name, log in logs.items():
        log.write(log.call(f"toolu_{name}"), log.result(f"toolu_{name}"))
        log.write(log.call(f"toolu_{name} 2"), log.result(f"toolu_{name} 2"))
    read = ClaudeCode.read

    def read_or_fail(
        importer: ClaudeCode, log: Any, file: Any, position: int, calls: Any
    ) -> Iterator[Progress]:
        if log.path == str(logs["unreadable"].path):
            raise UnreadableLogError("it is written in Linear B")
        if log.path == str(logs["failing"].path):
            raise OSError(5, "Input/output error")
        for number, progress in enumerate(read(importer, log, file, position, calls)):
            if log.path == str(logs["in the middle"].path) and not number:
                raise OSError(5, "Input/output error")
            yield progress

    monkeypatch.setattr(ClaudeCode, "read", read_or_fail)
    (found,) = import_calls().clients
    assert (found.added, found.malformed) == (3, 3)
    assert {(place.path, place.offset, place.reason) for place in found.places} == {
        (str(logs["unreadable"].path), None, "it is written in Linear B"),
        (str(logs["failing"].path), None, "Input/output error"),
        (str(logs["in the middle"].path), None, "Input/output error"),
    }
    monkeypatch.setattr(ClaudeCode, "read", read)
    (found,) = import_calls().clients
    assert (found.read, found.added, found.known, found.malformed) == (3, 5, 1, 0)


def test_an_error_that_is_of_no_log_ends_the_import(
    three_days: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert three_days.path.exists()

    def fail(*_arguments: object) -> Iterator[Progress]:
        raise PermissionError(13, "Permission denied", "/elsewhere")

    monkeypatch.setattr(ClaudeCode, "read", fail)
    with pytest.raises(PermissionError):
        import_calls()


def test_no_log_stays_open(home: Path) -> None:
    write_logs(home, calls=300)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 8, limit[1]))
    try:
        import_calls()
        import_calls(full=True)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)


def test_of_a_log_whose_calls_are_never_answered_the_first_are_given_up(
    claude: Callable[..., Log], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devflow_analytics_capture.logs.calls.MOST_WAITING", 3)
    log = claude()
    for number in range(5):
        log.write(log.call(f"toolu_{number}", number))
    log.write(log.result("toolu_0"), log.result("toolu_4"))
    (found,) = import_calls().clients
    assert (found.added, found.unanswered, found.found) == (1, 4, 5)
