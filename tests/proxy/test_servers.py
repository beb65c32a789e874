"""Clients get from servers what they get without the proxy, and each call is recorded."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_recorder import drain
from real.plays import SERVERS, Row
from real.running import VERSION

if TYPE_CHECKING:
    from real.plays import Server
    from real.running import Played

each_server = pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)


@each_server
def test_a_client_gets_the_same_answers_as_without_the_proxy(
    played: Played, server: Server
) -> None:
    directly, wrapped = (played.comparable(server, way) for way in ("directly", "wrapped"))
    assert len(wrapped["got"]) == len(server.steps)
    for step, one, other in zip(server.steps, directly["got"], wrapped["got"], strict=True):
        assert one == other, step
    assert wrapped["asked"] == directly["asked"]


@each_server
def test_each_call_is_recorded_with_its_outcome(played: Played, server: Server) -> None:
    expected = [step.row_of(played.client) for step in server.steps if step.row]
    drain(played.database(server))
    with closing(sqlite3.connect(played.database(server))) as connection:
        rows = connection.execute(
            "SELECT tool_name, status, error_kind, error_code FROM tool_calls"
            " ORDER BY started_ms, rowid"
        ).fetchall()
        same = connection.execute(
            "SELECT DISTINCT server, client, client_version, source, duration_kind, tool_count"
            " FROM tool_calls JOIN sessions ON session_id = sessions.id"
        ).fetchall()
    assert [Row(*row) for row in rows] == expected
    assert same == [(server.name, played.client, VERSION, "proxy", "run", len(expected))]


@each_server
def test_the_proxy_writes_nothing_to_stderr(played: Played, server: Server) -> None:
    directly, wrapped = (played.stderr(server, way).splitlines() for way in ("directly", "wrapped"))
    assert len(wrapped) == len(directly), wrapped
    assert "devflow" not in "\n".join(wrapped)


def test_the_server_asks_the_client_and_tells_of_progress(played: Played) -> None:
    """Or the rest would say little."""
    everything = SERVERS[0]
    outcome = played.outcome(everything, "wrapped")
    assert outcome["asked"] == ["elicitation/create", "roots/list", "sampling/createMessage"]
    hows = [step.how for step in everything.steps]
    assert outcome["got"][hows.index("progress")][0] == [1, 2]
    assert outcome["got"][hows.index("cancel")] == "cancelled"
    timeout = outcome["got"][hows.index("timeout")]["error"]
    assert "timed out" in timeout["message"].lower()
