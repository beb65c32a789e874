"""What a program sees of it: recorders, sessions, calls, and the rows that they become."""

from __future__ import annotations

import asyncio
import functools
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from devflow_analytics_recorder import Recorder, named_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

Rows = list[dict[str, Any]]


def of(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def test_a_call_becomes_a_row_of_its_own_and_one_of_its_session(
    recorder: Recorder, calls: Callable[[], Rows], rows: Callable[[str], Rows]
) -> None:
    before = time.time()
    session = recorder.session(client="claude-code", client_version="2.1.39")
    with session.call("read_file", agent="explorer") as call:
        call.request_bytes, call.result_bytes = 20, 300
    (row,) = calls()
    after = time.time()
    duration, started, timestamp = of(row, "duration_ms", "started_ms", "timestamp")
    assert 0 <= duration < 1000
    assert int(before * 1000) <= started <= after * 1000
    assert int(before) <= timestamp <= after
    assert UUID(row["id"]).version == UUID(session.id).version == 7
    assert row == {
        "id": row["id"],
        "tool_name": "read_file",
        "duration_ms": duration,
        "status": "success",
        "error_type": None,
        "timestamp": timestamp,
        "session_id": session.id,
        "server": "files",
        "agent": "explorer",
        "source": "recorder",
        "error_kind": None,
        "error_code": None,
        "request_bytes": 20,
        "result_bytes": 300,
        "started_ms": started,
        "duration_kind": "run",
    }
    (of_session,) = rows("SELECT * FROM sessions")
    assert int(before) <= of_session["started_at"] <= after
    assert of_session == {
        "id": session.id,
        "started_at": of_session["started_at"],
        "ended_at": timestamp,
        "tool_count": 1,
        "client": "claude-code",
        "client_version": "2.1.39",
        "project": None,
    }


def test_who_measured_himself_says_all_there_is(
    recorder: Recorder, calls: Callable[[], Rows]
) -> None:
    recorder.session().record(
        "search",
        12.5,
        "error",
        error_type="KeyError",
        error_kind="protocol",
        error_code=-32602,
        started_ms=1_764_000_000_000,
        request_bytes=1,
        result_bytes=2,
        server="other",
        agent="explorer",
    )
    (row,) = calls()
    del row["id"], row["timestamp"], row["session_id"]
    assert row == {
        "tool_name": "search",
        "duration_ms": 12.5,
        "status": "error",
        "error_type": "KeyError",
        "server": "other",
        "agent": "explorer",
        "source": "recorder",
        "error_kind": "protocol",
        "error_code": -32602,
        "request_bytes": 1,
        "result_bytes": 2,
        "started_ms": 1_764_000_000_000,
        "duration_kind": "run",
    }


def test_without_a_beginning_it_is_the_duration_ago(
    recorder: Recorder, calls: Callable[[], Rows]
) -> None:
    before = time.time_ns() // 1_000_000
    recorder.session().record("a", 5000)
    after = time.time_ns() // 1_000_000
    (row,) = calls()
    assert before - 5000 <= row["started_ms"] <= after - 5000


class Refused(Exception):  # noqa: N818  as somebody may name it
    pass


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (KeyError("secret"), ("error", "tool", "KeyError")),
        (Refused("secret"), ("error", "tool", "Refused")),
        (TimeoutError(), ("timeout", "tool", "TimeoutError")),
        (asyncio.CancelledError(), ("error", "cancelled", "CancelledError")),
        (CancelledError(), ("error", "cancelled", "CancelledError")),
        (KeyboardInterrupt(), ("error", "cancelled", "KeyboardInterrupt")),
        (SystemExit(1), ("error", "cancelled", "SystemExit")),
        (
            ExceptionGroup("one", [ExceptionGroup("one", [KeyError()])]),
            ("error", "tool", "KeyError"),
        ),
        (ExceptionGroup("two", [KeyError(), OSError()]), ("error", "tool", "ExceptionGroup")),
        (BaseExceptionGroup("one", [TimeoutError()]), ("timeout", "tool", "TimeoutError")),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_an_exception_goes_on_and_its_class_is_recorded(
    error: BaseException,
    expected: tuple[str, str, str],
    recorder: Recorder,
    calls: Callable[[], Rows],
) -> None:
    with pytest.raises(type(error)) as raised, recorder.session().call("a"):
        raise error
    assert raised.value is error
    (row,) = calls()
    assert of(row, "status", "error_kind", "error_type") == expected


def test_a_call_can_fail_without_an_exception(
    recorder: Recorder, calls: Callable[[], Rows]
) -> None:
    session = recorder.session()
    with session.call("a") as call:
        call.fail()
    with session.call("a") as call:
        call.fail("E42", kind="arguments")
    assert [of(row, "status", "error_kind", "error_type") for row in calls()] == [
        ("error", "tool", None),
        ("error", "arguments", "E42"),
    ]


def test_an_async_call_is_measured_as_a_whole(
    recorder: Recorder, calls: Callable[[], Rows]
) -> None:
    async def run() -> None:
        session = recorder.session()
        ended = asyncio.Event()
        async with session.call("a"):
            asyncio.get_running_loop().call_later(0.05, ended.set)
            await ended.wait()

        async def waits() -> None:
            async with session.call("b"):
                await asyncio.Event().wait()

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waits(), 0.01)

    asyncio.run(run())
    first, second = calls()
    assert first["duration_ms"] > 40
    # its task was cancelled: what that became further out, the call cannot know
    assert of(second, "status", "error_kind") == ("error", "cancelled")


def test_functions_are_recorded_under_their_names(
    recorder: Recorder, calls: Callable[[], Rows]
) -> None:
    session = recorder.session()

    @session.recorded
    def add(one: int, other: int) -> int:
        """Add."""
        return one + other

    @session.recorded(name="divide")
    async def quotient(one: int, other: int) -> float:
        return one / other

    assert add(1, other=2) == 3
    assert add.__doc__ == "Add."
    assert asyncio.run(quotient(4, 2)) == 2
    with pytest.raises(ZeroDivisionError):
        asyncio.run(quotient(1, 0))
    assert [of(row, "tool_name", "status", "error_type") for row in calls()] == [
        ("add", "success", None),
        ("divide", "success", None),
        ("divide", "error", "ZeroDivisionError"),
    ]


def test_what_is_async_and_does_not_look_so_is_measured_as_a_whole(
    recorder: Recorder, calls: Callable[[], Rows]
) -> None:
    async def tool(*, fails: bool) -> int:
        ended = asyncio.Event()
        asyncio.get_running_loop().call_later(0.05, ended.set)
        await ended.wait()
        if fails:
            raise KeyError
        return 1

    @recorder.session().recorded(name="tool")
    def recorded(*, fails: bool) -> Any:  # as a decorator may make of it
        return tool(fails=fails)

    async def run() -> None:
        assert await recorded(fails=False) == 1
        with pytest.raises(KeyError):
            await recorded(fails=True)

    asyncio.run(run())
    assert [row["status"] for row in calls()] == ["success", "error"]
    assert all(row["duration_ms"] > 40 for row in calls())


def test_what_has_no_name_of_its_own_can_be_recorded_too(
    recorder: Recorder, calls: Callable[[], Rows]
) -> None:
    session = recorder.session()
    assert session.recorded(functools.partial(int, "2"), name="two")() == 2
    assert session.recorded(functools.partial(int, "2"))() == 2
    assert [row["tool_name"] for row in calls()] == ["two", "partial"]


@pytest.mark.parametrize("decorated", [classmethod(print), staticmethod(print), 5], ids=repr)
def test_what_is_not_called_as_it_is_is_refused(decorated: Any, recorder: Recorder) -> None:
    with pytest.raises(TypeError, match="put this decorator below that one"):
        recorder.session().recorded(decorated)


def test_waits_without_end_are_possible(recorder: Recorder) -> None:
    recorder.session().record("a", 1)
    assert recorder.flush(float("inf"))
    recorder.close(float("inf"))


def test_generators_are_refused_as_their_calls_end_before_their_work(recorder: Recorder) -> None:
    def numbers() -> Iterator[int]:
        yield 1

    async def more() -> AsyncIterator[int]:
        yield 1

    for function in (numbers, more):
        with pytest.raises(TypeError, match="is a generator function"):
            recorder.session().recorded(function)


def test_a_session_with_a_key_is_the_same_for_whoever_has_it(
    recorder: Recorder, calls: Callable[[], Rows], rows: Callable[[str], Rows]
) -> None:
    for client in (None, "codex"):
        recorder.session(client=client, key=("codex", "conversation 1")).record("a", 1)
    assert {row["session_id"] for row in calls()} == {named_id("codex", "conversation 1")}
    (session,) = rows("SELECT id, client, tool_count FROM sessions")
    assert session == {"id": session["id"], "client": "codex", "tool_count": 2}
    assert UUID(session["id"]).version == 8


def test_a_call_with_a_name_of_the_clients_is_one_row(
    recorder: Recorder, calls: Callable[[], Rows]
) -> None:
    session = recorder.session(client="claude-code")
    session.record("a", 1, native_id="toolu_1")
    with session.call("a", native_id="toolu_1") as call:
        call.result_bytes = 7
    session.record("a", 1, native_id="toolu_2")
    assert [of(row, "id", "result_bytes", "duration_ms") for row in calls()] == [
        (named_id("claude-code", "toolu_1"), 7, 1),
        (named_id("claude-code", "toolu_2"), None, 1),
    ]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("x" * 300, "x" * 255),
        ("é" * 300, "é" * 255),
        ("a\0b", "a\ufffdb"),
        ("half \ud83d", "half \ufffd"),
        ("😀 \x1b[31m\n\r\t", "😀 \x1b[31m\n\r\t"),
        ("", ""),
        ("123", "123"),
        ("\"'\\]},{", "\"'\\]},{"),
    ],
)
def test_names_are_kept_as_they_are_as_far_as_the_database_can(
    given: str, kept: str, recorder: Recorder, calls: Callable[[], Rows]
) -> None:
    session = recorder.session(client=given, client_version=given)
    session.record(given, 1, "error", error_type=given, server=given, agent=given)
    (row,) = calls()
    assert of(row, "tool_name", "error_type", "server", "agent") == (kept,) * 4
    assert (session.client, session.client_version) == (kept, kept)


@pytest.mark.parametrize(
    "values",
    [
        {"duration_ms": -1},
        {"duration_ms": float("nan")},
        {"duration_ms": float("inf")},
        {"duration_ms": None},
        {"status": "failed"},
        {"status": "error", "error_kind": "bad luck"},
        {"tool": None},
        {"tool": b"bytes"},
        {"error_type": KeyError, "status": "error"},
        {"duration_ms": "the secret text of a result"},
        {"status": "the secret text of a result"},
        {"status": "error", "error_kind": "the secret text of a result"},
        {"result_bytes": "the secret text of a result"},
    ],
    ids=repr,
)
def test_what_is_no_call_is_not_recorded_and_raises_nothing(
    values: dict[str, Any],
    recorder: Recorder,
    calls: Callable[[], Rows],
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = recorder.session()
    session.record(**{"tool": "bad", "duration_ms": 1, **values})
    session.record("good", 1)
    assert [row["tool_name"] for row in calls()] == ["good"]
    assert [record.name for record in caplog.records if "recorded" in record.message] == [
        "devflow_analytics_recorder"
    ]
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "values",
    [{"client": 1}, {"client_version": 2.0}, {"key": "x"}, {"key": ("a",)}, {"key": 3}],
    ids=repr,
)
def test_what_is_no_session_records_nothing_and_raises_nothing(
    values: dict[str, Any], recorder: Recorder, calls: Callable[[], Rows]
) -> None:
    session = recorder.session(**values)
    with session.call("bad"):
        pass
    assert not session.id
    recorder.session().record("good", 1)
    assert [row["tool_name"] for row in calls()] == ["good"]


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**400])
def test_a_number_too_large_for_the_database_is_left_out(
    number: int, recorder: Recorder, calls: Callable[[], Rows]
) -> None:
    recorder.session().record("a", 1, "error", error_code=number)
    assert [row["error_code"] for row in calls()] == [None]


def test_a_success_has_no_error(recorder: Recorder, calls: Callable[[], Rows]) -> None:
    recorder.session().record("a", 1, error_type="KeyError", error_kind="tool", error_code=1)
    assert [of(row, "error_type", "error_kind", "error_code") for row in calls()] == [(None,) * 3]


@pytest.mark.parametrize("value", ["0", "off", "neither"])
def test_switched_off_it_does_nothing_and_makes_no_file(
    value: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_ENABLED", value)
    with Recorder() as recorder:
        assert not recorder.enabled
        session = recorder.session(key=("a", "b"))
        with session.call("a"):
            pass
        assert session.recorded(len)("abc") == 3
        session.record("a", -1)
        assert recorder.flush()
    assert list(home.iterdir()) == []


def test_a_path_that_can_be_no_files_is_logged_and_nothing_is_recorded(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_DB_PATH", ":memory:")
    recorder = Recorder()
    recorder.session().record("a", 1)
    assert not recorder.enabled
    assert "':memory:' is not the path of a file" in caplog.text
    assert list(home.iterdir()) == []


def test_making_recorders_and_sessions_makes_no_file(home: Path) -> None:
    with Recorder() as recorder:
        session = recorder.session(client="probe")
        assert UUID(session.id)
    assert list(home.iterdir()) == []


def test_the_project_is_recorded_only_where_it_is_asked_for(
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows: Callable[[str], Rows],
) -> None:
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path / "shop")
    monkeypatch.setenv("DEVFLOW_ANALYTICS_PROJECT", "1")
    with Recorder(file) as recorder:
        recorder.session().record("a", 1)
    assert rows("SELECT project FROM sessions") == [{"project": "shop"}]


def test_after_close_nothing_more_is_recorded(
    file: Path, rows: Callable[[str], Rows], spools: Callable[[], list[bytes]]
) -> None:
    recorder = Recorder(file)
    session = recorder.session()
    session.record("before", 1)
    recorder.close()
    recorder.close()
    session.record("after", 1)
    assert rows("SELECT tool_name FROM tool_calls") == [{"tool_name": "before"}]
    assert spools() == []


def test_recorders_of_one_file_share_what_they_need(
    file: Path, rows: Callable[[str], Rows], spools: Callable[[], list[bytes]]
) -> None:
    first, second = Recorder(file), Recorder(str(file))
    first.session().record("a", 1)
    second.session().record("b", 1)
    assert len(spools()) == 1
    first.close()
    second.session().record("c", 1)
    second.close()
    assert rows("SELECT count(*) AS n FROM tool_calls") == [{"n": 3}]
    assert spools() == []


def test_threads_record_at_once_and_lose_nothing(
    recorder: Recorder, calls: Callable[[], Rows], rows: Callable[[str], Rows]
) -> None:
    session = recorder.session()

    def record(number: int) -> None:
        for call in range(200):
            session.record(f"{number}/{call}", 1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(record, range(8)))
    names = {f"{number}/{call}" for number in range(8) for call in range(200)}
    found = calls()
    assert {row["tool_name"] for row in found} == names
    assert rows("SELECT tool_count FROM sessions") == [{"tool_count": len(names)}]


def test_tasks_record_at_once_each_with_its_own_duration(
    recorder: Recorder, calls: Callable[[], Rows]
) -> None:
    async def run() -> None:
        session = recorder.session()
        everybody = asyncio.Barrier(200)

        async def tool(number: int) -> None:
            with session.call(f"{number}"):
                await everybody.wait()
                if number % 2:
                    raise KeyError(number)

        await asyncio.gather(*map(tool, range(200)), return_exceptions=True)

    asyncio.run(run())
    found = {row["tool_name"]: row["status"] for row in calls()}
    assert found == {f"{number}": "error" if number % 2 else "success" for number in range(200)}
