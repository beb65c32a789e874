"""Every call of a real client leaves exactly its row, and the client gets what it always got."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_recorder import drain, named_id
from matrix import wire
from matrix.cases import CASES, SECRET
from matrix.rows import differing, expected_rows, found_rows, row_of

if TYPE_CHECKING:
    from matrix.cases import Case
    from matrix.rows import Row
    from matrix.running import Run
    from matrix.staging import Staged


@pytest.fixture
def run(staged: Staged, way: str) -> Run:
    return staged.recorded[way]


def cases_of(run: Run) -> list[Case]:
    gate = {"gate": str(Path(run.play.directory, f"{SECRET} gate"))}
    cases = [CASES[name] for name in run.play.cases]
    return [replace(case, arguments=gate) if case.cancelled else case for case in cases]


def session_of(run: Run) -> tuple[object, ...]:
    """Return the one session of a run, other than that of a client that vanished."""
    drain(run.database)
    with closing(sqlite3.connect(run.database)) as connection:
        (session,) = connection.execute(
            "SELECT id, started_at, ended_at, tool_count, client, client_version, project"
            " FROM sessions WHERE client IS NOT 'vanishing-client'"
        )
    return tuple(session)


def test_every_call_leaves_its_row_and_no_other(staged: Staged, run: Run) -> None:
    session, *_ = session_of(run)
    sizes = wire.result_sizes(run.play)
    expected = expected_rows(cases_of(run), staged.flavour, run.play, run.server, sizes)
    assert differing(found_rows(run.database, str(session)), expected) == {}


def test_the_client_gets_the_same_bytes_as_without_recording(
    staged: Staged, way: str, run: Run
) -> None:
    got = wire.http if run.play.url else wire.stdio
    with_us, without_us = got(run.play), got(staged.plain[way])
    assert len(with_us) == len(without_us)
    pairs = zip(with_us, without_us, strict=True)
    assert [number for number, (one, other) in enumerate(pairs) if one != other] == []


def outcome_of(row: Row) -> set[str]:
    """Return what a client may make of an answer of which that row is left."""
    if row.error_kind == "cancelled":
        return {"cancelled", "error 0"}
    if row.error_code is not None:
        return {f"error {row.error_code}"}
    return {"success"} if row.status == "success" else {"failure"}


def test_the_client_sees_what_the_row_says(staged: Staged, way: str, run: Run) -> None:
    told = json.loads(Path(run.play.directory, "outcomes.json").read_text())
    for case in cases_of(run):
        assert len(told[case.name]) == (run.play.crowd if case.in_crowd else 1)
        assert set(told[case.name]) <= outcome_of(row_of(case, staged.flavour, way)), case.name


def test_all_calls_of_a_client_are_one_session(staged: Staged, way: str, run: Run) -> None:
    session, started_at, ended_at, tool_count, *of_client = session_of(run)
    with closing(sqlite3.connect(run.database)) as connection:
        calls, first, last = connection.execute(
            "SELECT count(*), min(started_ms / 1000), max(timestamp) FROM tool_calls"
            " WHERE session_id = ?",
            (session,),
        ).fetchone()
    named = way != "stateless" or staged.flavour.sdk > 1  # in 1, what says so is another session
    assert of_client == ["matrix-client" if named else None, "1.2.3" if named else None, None]
    assert (tool_count, ended_at) == (calls, last)
    assert int(staged.began) <= started_at <= first + 1
    if way == "http":
        assert session == named_id("mcp-session-id", wire.session_of(run.play))
    else:
        assert str(session)[14] == "7"


def test_the_times_of_a_call_are_those_when_it_ran(staged: Staged, run: Run) -> None:
    drain(run.database)
    with closing(sqlite3.connect(run.database)) as connection:
        rows = connection.execute(
            "SELECT id, started_ms / 1000.0, duration_ms / 1000.0, timestamp, tool_name"
            " FROM tool_calls ORDER BY rowid"
        ).fetchall()
    for id_, started, duration, timestamp, tool in rows:
        assert id_[14] == "7"
        assert staged.began <= started <= started + duration <= staged.ended
        assert abs(started + duration - timestamp) < 1.1, "to the second"
        assert tool != "times_out" or duration >= 0.01
    assert all(one[3] <= other[3] for one, other in pairwise(rows))
