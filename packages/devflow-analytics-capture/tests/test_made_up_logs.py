"""Logs with everything in them, made up by chance: what is imported is the truth about them."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_capture import import_calls
from devflow_analytics_capture.importers.claude_code import ClaudeCode
from devflow_analytics_capture.names import is_counted
from devflow_analytics_capture.testing import claude_code
from devflow_analytics_capture.testing.claude_lines import VERSIONS
from devflow_analytics_capture.testing.truth import SECRET
from devflow_analytics_db import backup
from devflow_analytics_recorder import named_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from devflow_analytics_capture.testing.truth import Truth

    Rows = list[dict[str, Any]]

CALLS = 1_500

EVERYTHING = {table: f"SELECT * FROM {table} ORDER BY id" for table in ("tool_calls", "sessions")}

BELOW = tuple(version for version in VERSIONS if not version.subagents_beside)
"""Versions whose subagents' logs come after those of their sessions, which say their types."""


def rows_of(truth: Truth) -> Rows:
    """Return the rows that must be there, whole."""
    return sorted(
        (
            row
            | {
                "id": named_id(
                    "claude-code",
                    f"{conversation}\0{native_id}" if is_counted(native_id) else native_id,
                ),
                "session_id": named_id("claude-code", conversation),
            }
            for (conversation, native_id), row in truth.rows.items()
        ),
        key=lambda row: str(row["id"]),
    )


@pytest.mark.parametrize("seed", range(3))
def test_what_is_imported_is_the_truth(seed: int, home: Path, rows: Callable[..., Rows]) -> None:
    truth = claude_code.write_logs(home, calls=CALLS, seed=seed)
    kinds = (truth.rows, truth.refused, truth.unanswered, truth.untimed, truth.copies)
    assert all(kinds)  # or it was a poor truth
    (rehearsed,) = import_calls(dry_run=True).clients
    (found,) = import_calls().clients
    assert rehearsed == found
    assert (found.found, found.added, found.known) == (truth.found, len(truth.rows), truth.copies)
    assert (found.refused, found.unanswered, found.untimed, found.malformed) == (
        *(truth.refused, truth.unanswered, truth.untimed, truth.malformed),
    )
    assert rows(EVERYTHING["tool_calls"]) == rows_of(truth)
    counted = rows("SELECT session_id AS id, count(*) AS tool_count FROM tool_calls GROUP BY 1")
    assert rows("SELECT id, tool_count FROM sessions ORDER BY 1") == counted
    (again,) = import_calls(full=True).clients
    assert (again.added, again.known) == (0, len(truth.rows) + truth.copies)
    assert rows(EVERYTHING["tool_calls"]) == rows_of(truth)


@pytest.mark.parametrize("seed", range(5))
def test_imports_of_pieces_add_up_to_one_import(
    seed: int, tmp_path: Path, file: Path, rows: Callable[..., Rows], home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    chance = Random(seed)
    claude_code.write_logs(home, calls=250, seed=seed, versions=BELOW)
    import_calls()
    whole = {table: rows(question) for table, question in EVERYTHING.items()}
    assert len(whole["tool_calls"]) > 150
    file.unlink()
    other = tmp_path / "other"
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(other))
    root = home / ".claude"
    for meta in root.rglob("*.meta.json"):
        copy = other / meta.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(meta.read_bytes())
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(root))
    logs = [Path(log.path) for log in ClaudeCode().logs()]  # in their order
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(other))
    for log in logs:
        copy = other / log.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        content = log.read_bytes()
        cuts = sorted(chance.randrange(len(content)) for _ in range(chance.randint(0, 5)))
        with copy.open("ab") as grows:
            for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
                grows.write(content[start:end])
                grows.flush()
                import_calls()
    assert {table: rows(question) for table, question in EVERYTHING.items()} == whole
    assert import_calls(full=True).added == 0
    assert {table: rows(question) for table, question in EVERYTHING.items()} == whole


def test_nothing_private_is_kept_anywhere(
    home: Path, file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("DEVFLOW_ANALYTICS_PROJECT", "1")
    claude_code.write_logs(home, calls=CALLS)
    logs = [path for path in (home / ".claude").rglob("*") if path.is_file()]
    assert all(SECRET.encode() in path.read_bytes() for path in logs)
    half = sorted(logs)[::2]
    contents = {path: path.read_bytes() for path in half}
    for path in half:  # so that cursors have something to remember
        os.truncate(path, len(contents[path]) // 2)
    import_calls()
    with closing(sqlite3.connect(file)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM tool_calls").fetchone()
        for path in half:
            path.write_bytes(contents[path])
        assert import_calls().added
        backup(file)
        kept = {path.name: path.read_bytes() for path in file.parent.rglob("*") if path.is_file()}
    assert {"analytics.db", "analytics.db-wal"} < set(kept)
    assert len(kept) > 3
    for words in (SECRET, "correct", "horse", *(path.stem for path in logs)):
        assert [name for name, content in kept.items() if words.encode() in content] == []
        assert words not in caplog.text
