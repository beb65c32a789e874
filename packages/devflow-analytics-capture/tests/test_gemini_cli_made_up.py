from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_capture import import_calls
from devflow_analytics_capture.testing.gemini_cli import write_logs
from devflow_analytics_capture.testing.truth import SECRET
from devflow_analytics_recorder import named_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from devflow_analytics_capture.result import ClientImport
    from devflow_analytics_capture.testing.truth import Truth

    Ask = Callable[..., list[dict[str, Any]]]

ALL = """
SELECT
    id, session_id, tool_name, server, agent, duration_ms, duration_kind, status, error_type,
    error_kind, error_code, timestamp, started_ms, source
FROM tool_calls ORDER BY id
"""


def found() -> ClientImport:
    (client,) = import_calls(clients=["gemini-cli"]).clients
    return client


def rows_of(truth: Truth) -> list[dict[str, Any]]:
    return sorted(
        (
            {
                "id": named_id("gemini-cli", native_id),
                "session_id": named_id("gemini-cli", session),
                **row,
            }
            for (session, native_id), row in truth.rows.items()
        ),
        key=lambda row: str(row["id"]),
    )


@pytest.mark.parametrize("seed", range(3))
def test_what_was_made_up_is_found_again(seed: int, home: Path, rows: Ask) -> None:
    truth = write_logs(home, calls=1_000, seed=seed)
    client = found()
    assert rows(ALL) == rows_of(truth)
    assert {
        "refused": client.refused,
        "unanswered": client.unanswered,
        "untimed": client.untimed,
        "copies": client.known,
        "malformed": client.malformed,
        "found": client.found,
    } == {
        name: getattr(truth, name)
        for name in ("refused", "unanswered", "untimed", "copies", "malformed", "found")
    }
    assert {row["agent"] for row in rows_of(truth)} > {None, "generalist"}
    again = found()
    assert (again.read, again.found) == (0, 0)
    assert import_calls(clients=["gemini-cli"], full=True).added == 0


def test_nothing_private_is_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_PROJECT", "1")
    write_logs(home, calls=500)
    assert found().added > 300
    kept = b"".join(path.read_bytes() for path in (home / ".devflow").rglob("*") if path.is_file())
    assert b"get_issue" in kept
    assert SECRET.encode() not in kept
    assert b"correct-horse" not in kept


def without_types(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out of which type a subagent is, which a log says that may be read later."""
    return [row | {"agent": row["agent"] is not None} for row in found]


@pytest.mark.parametrize("seed", range(5))
def test_logs_that_are_read_while_they_grow_give_the_same_rows(
    seed: int, home: Path, rows: Ask
) -> None:
    truth = write_logs(home, calls=200, seed=seed)
    chance = random.Random(seed)
    whole = {path: path.read_bytes() for path in home.rglob("*.jsonl")}
    malformed = 0
    for path in whole:
        path.write_bytes(b"")
    # as in life: what starts a subagent is logged after what the subagent does
    left = dict.fromkeys(sorted(whole, key=lambda path: path.name.startswith("session-")), 0)
    while left:
        for path, at in list(left.items()):
            left[path] = at + chance.randrange(1, 40_000)
            with path.open("ab") as file:
                file.write(whole[path][at : left[path]])
            if left[path] >= len(whole[path]):
                del left[path]
        malformed += found().malformed
    assert without_types(rows(ALL)) == without_types(rows_of(truth))
    assert malformed == truth.malformed
