"""A client or a server that is killed during a call, and what must never be kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from devflow_analytics_db import backup
from devflow_analytics_recorder import drain
from matrix import wire
from matrix.cases import SECRET
from matrix.rows import found_rows
from matrix.staging import A_FEW

if TYPE_CHECKING:
    from matrix.running import Run
    from matrix.staging import Staged


def counted(run: Run, client: str) -> tuple[dict[str, int], int]:
    """Return how many calls of each tool there are of a client, and how many its session has."""
    drain(run.database)
    with closing(sqlite3.connect(run.database)) as connection:
        ((session, tool_count),) = connection.execute(
            "SELECT id, tool_count FROM sessions WHERE client = ?", (client,)
        )
    found = found_rows(run.database, session)
    return {tool: sum(rows.values()) for tool, rows in found.items()}, tool_count


ANSWERED = dict.fromkeys(A_FEW, 1)


def test_what_a_killed_server_had_answered_is_recorded(staged: Staged) -> None:
    assert counted(staged.killed, "matrix-client") == (ANSWERED, len(ANSWERED))


def test_a_call_whose_client_vanishes_is_recorded_as_cancelled(staged: Staged) -> None:
    for way, run in staged.vanished.items():
        calls = dict(ANSWERED)
        if way == "http" or not staged.flavour.outlives_clients:
            calls["is_cancelled"] = 1
        assert counted(run, "vanishing-client") == (calls, len(calls)), way
        cancelled = found_rows(run.database).get("is_cancelled", {})
        assert {row.error_kind for row in cancelled} <= {"cancelled"}


def test_nothing_of_what_was_said_is_kept(staged: Staged) -> None:
    """Arguments, results, messages of errors, headers, variables, and paths held the secret."""
    runs = [*staged.recorded.values(), staged.killed, *staged.vanished.values()]
    session = wire.session_of(staged.recorded["http"].play)
    assert SECRET.encode() in Path(staged.recorded["stdio"].play.directory, "wire").read_bytes()
    data = staged.directory / "data"
    looked_at = 0
    for moment in ("as the servers left it", "and once all of it is in the databases"):
        files = [file for file in data.glob("**/*") if file.is_file()]
        looked_at += len(files)
        for file in files:
            content = file.read_bytes()
            for secret in (SECRET, session, str(staged.directory)):
                assert secret.encode() not in content, f"{file}, {moment}"
        for run in runs:
            drain(run.database)
            backup(run.database)
    assert looked_at > 2 * len(runs)
    assert sorted((staged.directory / "home").iterdir()) == []
