"""Tags of answers: a client that has an answer is told so, and nothing is asked twice."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

import devflow_analytics_dashboard.api

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW = 1_795_622_770

ROUTES = (
    "summary",
    "tools",
    "tools/names",
    "errors",
    "calls",
    "sessions",
    "sessions/s",
    "metrics/summary",
    "metrics/tools",
    "metrics/recent",
    "openapi.json",
)

_listeners: list[Callable[[str, tuple[Any, ...]], None]] = []


def _hear(event: str, values: tuple[Any, ...]) -> None:
    for listener in _listeners:
        listener(event, values)


@pytest.fixture(scope="session")
def hook() -> None:
    """Python's own hook for what is opened; once it is there, it stays."""
    sys.addaudithook(_hear)


@pytest.fixture
def opened(hook: None) -> Iterator[list[str]]:  # noqa: ARG001  it is only to be there
    """What this process opens while the test runs."""
    found: list[str] = []

    def note(event: str, values: tuple[Any, ...]) -> None:
        if event in {"open", "sqlite3.connect"}:
            found.append(f"{event} {values[0]}")

    _listeners.append(note)
    yield found
    _listeners.remove(note)


@pytest.mark.parametrize("route", ROUTES)
def test_a_known_answer_is_told_without_opening_anything(
    route: str, client: Any, add: Callable[..., None], opened: list[str]
) -> None:
    add({})
    path = f"/api/{route}"
    first = client.get(path)
    del opened[:]
    second = client.get(path, If_None_Match=first.headers["etag"])
    assert (second.status, second.body, opened) == (304, b"", [])
    assert second.headers["etag"] == first.headers["etag"]
    assert second.headers["cache-control"] == "no-store"


def test_a_known_answer_in_a_zone_opens_nothing(client: Any, opened: list[str]) -> None:
    path = "/api/summary?zone=Europe/Berlin"
    first = client.get(path)
    del opened[:]
    assert client.get(path, If_None_Match=first.headers["etag"]).status == 304
    assert opened == []


def test_an_answer_that_is_asked_for_again_is_kept(client: Any, opened: list[str]) -> None:
    first = client.get("/api/summary")
    assert any("analytics.db" in one for one in opened)
    del opened[:]
    assert client.get("/api/summary").body == first.body
    assert opened == []


@pytest.mark.parametrize(
    ("known", "status"),
    [("{}", 304), ("W/{}", 304), ('"other", {}', 304), ('"other"', 200), ("*", 200), ("", 200)],
)
def test_any_of_several_tags_may_be_known(known: str, status: int, client: Any) -> None:
    tag = client.get("/api/tools").headers["etag"]
    assert client.get("/api/tools", If_None_Match=known.format(tag)).status == status


def test_tags_differ_by_route_and_query(client: Any) -> None:
    paths = ("summary", "tools", "tools?since=24h", "tools?since=30d")
    assert len({client.get(f"/api/{path}").headers["etag"] for path in paths}) == len(paths)


def test_the_commit_of_another_process_changes_every_tag(
    client: Any, add: Callable[..., None], file: Path, settle: Callable[[Path], None], python: Any
) -> None:
    add({})
    before = client.get("/api/calls")
    version = client.get("/api/version").json["version"]
    done = python(
        """
        import sqlite3, sys
        with sqlite3.connect(sys.argv[1]) as connection:
            connection.execute(
                "INSERT INTO tool_calls (id, tool_name, duration_ms, status, timestamp, session_id)"
                " SELECT 'new', tool_name, duration_ms, status, timestamp, session_id"
                " FROM tool_calls"
            )
        """,
        file,
    )
    assert done.returncode == 0, done
    after = client.get("/api/calls", If_None_Match=before.headers["etag"])
    assert (after.status, len(after.json["calls"])) == (200, 2)
    assert "etag" not in after.headers  # as another write could have the same time
    assert client.get("/api/version").json["version"] != version
    settle(file)
    tag = client.get("/api/calls").headers["etag"]
    assert tag != before.headers["etag"]


def test_a_write_that_is_only_in_the_wal_changes_the_tag(
    client: Any, add: Callable[..., None], file: Path
) -> None:
    add({})
    wal = file.with_name("analytics.db-wal")
    first = client.get("/api/calls").headers["etag"]
    with closing(sqlite3.connect(file)) as connection:
        with connection:
            connection.execute("UPDATE tool_calls SET duration_ms = 2")
        assert wal.stat().st_size > 0
        os.utime(wal, (time.time() - 3600,) * 2)  # the database itself is as it was
        second = client.get("/api/calls", If_None_Match=first)
        assert (second.status, second.json["calls"][0]["duration_ms"]) == (200, 2.0)
        assert second.headers["etag"] != first


def test_a_settled_version_is_another_than_that_of_the_last_write(
    client: Any, add: Callable[..., None], file: Path, settle: Callable[[Path], None]
) -> None:
    add({})
    file.touch()
    new = client.get("/api/version").json["version"]
    assert new == client.get("/api/version").json["version"]
    assert new.endswith("-new")
    settle(file)
    assert not client.get("/api/version").json["version"].endswith("-new")


def test_a_tag_is_good_for_five_minutes(
    serve: Callable[..., Any], file: Path, settle: Callable[[Path], None]
) -> None:
    settle(file)
    times = [NOW - NOW % 300, NOW - NOW % 300 + 299, NOW - NOW % 300 + 300]
    given = iter(times)
    client = serve(file, clock=lambda: next(given))
    tag = client.get("/api/summary").headers["etag"]
    known = [client.get("/api/summary", If_None_Match=tag).status for _ in times[1:]]
    assert known == [304, 200]


def test_a_clock_may_give_parts_of_seconds(serve: Callable[..., Any], file: Path) -> None:
    assert serve(file, clock=lambda: NOW + 0.9).get("/api/version").json["now"] == NOW


def test_an_error_has_no_tag(client: Any, file: Path) -> None:
    assert "etag" not in client.get("/api/sessions/nothing").headers
    file.unlink()
    assert "etag" not in client.get("/api/summary").headers


def test_equal_requests_at_the_same_time_are_asked_once(
    serve: Callable[..., Any], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(file, (time.time() + 3600,) * 2)  # never settled, so that no answer is kept
    go_on, asked, arrived = threading.Event(), [], threading.Semaphore(0)
    reports = devflow_analytics_dashboard.api.reports
    real = reports.failures

    def slow(*arguments: Any, **options: Any) -> Any:
        asked.append(1)
        go_on.wait(30)
        return real(*arguments, **options)

    def clock() -> int:
        arrived.release()
        return NOW

    monkeypatch.setattr(reports, "failures", slow)
    client = serve(file, clock=clock)
    replies = []
    threads = [
        threading.Thread(target=lambda: replies.append(client.get("/api/errors"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert arrived.acquire(timeout=30)
    # when this is answered, each of them has asked, or waits for who has
    assert client.get("/api/version").status == 200
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert len({reply.body for reply in replies}) == 1
    assert [reply.status for reply in replies] == [200] * 8
    assert len(asked) == 1
    assert client.get("/api/errors").status == 200
    assert len(asked) == 2


def test_at_most_two_questions_are_asked_at_the_same_time(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = devflow_analytics_dashboard.api.reports
    real, lock = reports.failures, threading.Lock()
    meet = threading.Barrier(2)
    running, most = 0, 0

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        meet.wait(30)  # two are let in, or this fails
        found = real(*arguments, **options)
        with lock:
            running -= 1
        return found

    monkeypatch.setattr(reports, "failures", counted)
    replies = []
    threads = [
        threading.Thread(
            target=lambda days: replies.append(client.get(f"/api/errors?since={days}d").status),
            args=[days],
        )
        for days in range(1, 7)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (replies, most) == ([200] * 6, 2)


def test_answers_are_kept_as_far_as_there_is_room(
    client: Any, monkeypatch: pytest.MonkeyPatch, opened: list[str]
) -> None:
    monkeypatch.setattr("devflow_analytics_dashboard.answering.MOST_ANSWERS", 2)
    for path in ("tools", "errors", "tools", "calls", "tools"):
        client.get(f"/api/{path}")
    del opened[:]
    client.get("/api/tools")
    client.get("/api/calls")
    assert opened == []
    client.get("/api/errors")
    assert opened != []
