"""Which session a call belongs to that comes without one of the server's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devflow_analytics_capture.proxy.calls import Caller
from devflow_analytics_capture.proxy.http import (
    conversations as conversations_module,
    sessions as sessions_module,
)
from devflow_analytics_capture.proxy.http.conversations import Conversations
from devflow_analytics_capture.proxy.http.sessions import IDLE_SECONDS, HttpSessions
from devflow_analytics_capture.proxy.lines import whole
from devflow_analytics_capture.proxy.notes import Notes

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def caller(client: str | None = "cursor", version: str | None = "1") -> Caller:
    return Caller(client, version, {})


def test_a_client_begins_a_new_session_after_it_was_idle() -> None:
    clock = Clock()
    sessions = HttpSessions(clock)
    first = sessions.of_client(caller())
    for _ in range(10):
        clock.now += IDLE_SECONDS
        assert sessions.of_client(caller()) is first
    clock.now += IDLE_SECONDS + 0.1
    second = sessions.of_client(caller())
    assert second.id != first.id
    assert (second.client, second.version) == ("cursor", "1")


def test_each_client_and_version_has_its_session() -> None:
    sessions = HttpSessions(Clock())
    callers = [caller(), caller("codex"), caller("codex", "2"), caller(None, None)]
    found = [sessions.of_client(each).id for each in callers]
    assert len(set(found)) == 4
    assert found == [sessions.of_client(each).id for each in callers]


def test_names_of_any_length_take_little_memory() -> None:
    sessions = HttpSessions(Clock())
    session = sessions.of_client(caller("x" * 1_000_000, "1" * 1_000_000))
    assert (session.client, session.version) == ("x" * 255, "1" * 255)


def test_of_too_many_clients_the_one_idle_for_longest_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sessions_module, "MOST", 2)
    sessions = HttpSessions(Clock())
    first, second = (sessions.of_client(caller(name)) for name in "ab")
    assert sessions.of_client(caller("a")) is first
    sessions.of_client(caller("c"))
    assert sessions.of_client(caller("a")) is first
    assert sessions.of_client(caller("b")) is not second


def test_of_too_many_sessions_what_waits_in_the_one_unused_for_longest_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(conversations_module, "MOST", 2)
    notes = Notes(str(tmp_path / "a.db"))
    conversations = Conversations(notes, server=None, client=None)
    one = conversations.of_session(b"one")
    one.from_client(whole(b'{"id":1,"method":"tools/call","params":{"name":"waits"}}'), 0)
    conversations.of_session(b"two")
    assert conversations.of_session(b"one") is one
    conversations.of_session(b"three")
    assert conversations.of_session(b"one") is one
    assert not (tmp_path / "a.db-spool").exists()
    conversations.of_session(b"three")
    conversations.of_session(b"four")
    (spool,) = (tmp_path / "a.db-spool").iterdir()
    assert b'"waits"' in spool.read_bytes()
    notes.close(0)
