"""Whose session a call belongs to, and that few are kept in mind."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_recorder import Recorder, Session, named_id
from devflow_analytics_recorder.conversations import conversation, native_id
from devflow_analytics_recorder.integrations import rounds, sessions
from devflow_analytics_recorder.integrations.rounds import Rounds
from devflow_analytics_recorder.integrations.sessions import Caller, Sessions

if TYPE_CHECKING:
    from collections.abc import Mapping

Of = Callable[..., Session]


class Connection:
    """What lives as long as a client's connection."""


@pytest.fixture
def of(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Of:
    """Return the session of a call."""
    monkeypatch.delenv("CLAUDE_CODE_SESSION_ID", raising=False)
    known = Sessions(recorder)

    def ask(
        client: str | None = "probe",
        *,
        version: str = "1",
        meta: Mapping[str, object] | None = None,
        connection: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Session:
        request: Any = None if headers is None else SimpleNamespace(headers=headers)
        return known.of(Caller(client, version, meta or {}, connection, request))

    return ask


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let seconds pass on the monotonic clock."""
    begin = time.monotonic()
    passed = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: begin + passed)

    def wait(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    return wait


@pytest.mark.parametrize(
    ("meta", "client", "key"),
    [
        ({"x-codex-turn-metadata": {"session_id": "1"}, "threadId": "2"}, "any", ("codex", "1")),
        ({"x-codex-turn-metadata": {"session_id": 1}}, "any", None),
        ({"x-codex-turn-metadata": "text"}, "any", None),
        ({"threadId": "2"}, "codex-mcp-client", ("codex", "2")),
        ({"threadId": "2"}, None, ("codex", "2")),
        ({"threadId": "2"}, "other", None),
        ({"vscode.conversationId": "3"}, "any", ("vscode", "3")),
        ({"ai.opencode/sessionID": "4"}, "any", ("opencode", "4")),
        ({"antigravity.google/conversation_id": "5"}, "any", ("antigravity", "5")),
        ({"vscode.conversationId": ""}, "any", None),
        ({"progressToken": 1}, "any", None),
    ],
)
def test_a_conversation_is_known_by_the_name_that_its_agent_gives_it(
    meta: Mapping[str, object], client: str | None, key: tuple[str, str] | None
) -> None:
    assert conversation(meta, client) == key


def test_the_call_has_the_id_that_its_agent_gives_it() -> None:
    assert native_id({"claudecode/toolUseId": "toolu_1"}) == "toolu_1"
    assert native_id({"claudecode/toolUseId": 1, "progressToken": 1}) is None


def test_a_conversation_goes_before_all_else(of: Of) -> None:
    connection, headers = Connection(), {"mcp-session-id": "s"}
    meta = {"vscode.conversationId": "3"}
    for more in ({}, {"connection": connection}, {"headers": headers}):
        assert of(meta=meta, **more).id == named_id("vscode", "3")
    assert of(connection=connection).id != named_id("vscode", "3")


def test_a_process_that_claude_code_started_is_of_its_conversation(
    of: Of, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", "c")
    expected = named_id("claude-code", "c")
    assert of("claude-code", connection=Connection()).id == expected
    assert of("other", connection=Connection()).id != expected
    assert of("claude-code", connection=Connection(), headers={}).id != expected


def test_a_session_of_http_is_known_by_a_hash_of_its_id(of: Of) -> None:
    headers = {"mcp-session-id": "s"}
    expected = named_id("mcp-session-id", "s")
    assert of(headers=headers).id == of(connection=Connection(), headers=headers).id == expected


def test_a_connection_is_a_session(of: Of) -> None:
    first, second = Connection(), Connection()
    assert of(connection=first).id == of(connection=first).id
    assert of(connection=first).id != of(connection=second).id


def test_a_session_says_who_the_client_is(of: Of) -> None:
    session = of("probe", version="2", connection=Connection())
    assert (session.client, session.client_version) == ("probe", "2")


def test_a_thousand_requests_that_stand_alone_are_one_session(of: Of) -> None:
    assert len({of(headers={}).id for _ in range(1000)}) == 1


def test_requests_that_stand_alone_are_told_apart_by_client_and_version(of: Of) -> None:
    clients = [("a", "1"), ("a", "2"), ("b", "1"), (None, "1")]
    assert len({of(client, version=version, headers={}).id for client, version in clients}) == 4


def test_after_half_an_hour_without_a_call_a_client_begins_a_new_session(
    of: Of, later: Callable[[float], None]
) -> None:
    first = of(headers={}).id
    later(29 * 60)
    assert of(headers={}).id == first
    later(29 * 60)
    assert of(headers={}).id == first
    later(31 * 60)
    assert of(headers={}).id != first


def test_few_sessions_are_kept_in_mind(
    of: Of, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST", 2)
    known = Sessions(recorder)
    for number in range(5):
        client = f"client-{number}"
        for meta in ({}, {"vscode.conversationId": client}):
            known.of(Caller(client, None, meta, None, None))
        known.of(Caller(client, None, {}, Connection(), None))
    gc.collect()
    kept = (known._idle, known._keyed, known._connections)  # noqa: SLF001  what it is about
    assert [len(each) for each in kept] == [2, 2, 0]
    assert of(headers={}).id


def test_a_call_goes_on_when_the_answer_comes() -> None:
    waiting = Rounds()
    waiting.wait("key", 2.5, 1000, lambda _, __: None)
    found = waiting.resume("key")
    assert found is not None
    assert (found.duration_ms, found.started_ms) == (2.5, 1000)
    assert waiting.resume("key") is None


def test_a_call_that_nobody_answers_is_given_up(later: Callable[[float], None]) -> None:
    waiting, given_up = Rounds(), list[tuple[float, int]]()

    def give_up(duration_ms: float, started_ms: int) -> None:
        given_up.append((duration_ms, started_ms))

    waiting.wait("first", 1, 1000, give_up)
    later(29 * 60)
    waiting.wait("second", 2, 2000, give_up)
    assert given_up == []
    later(2 * 60)
    waiting.wait("third", 3, 3000, give_up)
    assert given_up == [(1, 1000)]
    assert waiting.resume("second") is not None


def test_few_calls_that_wait_are_kept_in_mind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "MOST", 2)
    waiting, given_up = Rounds(), list[float]()
    for number in range(5):
        waiting.wait(number, number, 1000, lambda duration_ms, _: given_up.append(duration_ms))
    assert given_up == [0, 1, 2]


def test_calls_that_are_asked_alike_go_on_in_their_order() -> None:
    waiting = Rounds()
    for number in (1, 2):
        waiting.wait("key", number, 1000, lambda _, __: None)
    found = [waiting.resume("key") for _ in range(3)]
    assert [None if one is None else one.duration_ms for one in found] == [1, 2, None]


def test_what_nobody_answers_is_given_up_when_the_process_ends() -> None:
    code = (
        "from devflow_analytics_recorder.integrations.rounds import Rounds\n"
        "rounds = Rounds()\n"
        "for n in (1, 2): rounds.wait(n, n, 1000, print)\n"
        "import os, sys\n"
        "child = os.fork()\n"
        "if child == 0: sys.exit()\n"  # what waits is the parent's
        "os.waitpid(child, 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout, done.stderr) == ("1 1000\n2 1000\n", "")
