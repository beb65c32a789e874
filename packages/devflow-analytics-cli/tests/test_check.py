from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import devflow_analytics_db
from devflow_analytics_db import Diagnosis, Finding, create_analytics_db

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    Command = Callable[..., subprocess.CompletedProcess[str]]

AGREED = "No differences: the schema is as it should be.\n"


def test_where_nothing_differs_it_says_so(command: Command, file: Path) -> None:
    create_analytics_db(file).close()
    before = file.read_bytes()
    done = command("check")
    assert (done.returncode, done.stdout, done.stderr) == (0, AGREED, "")
    assert json.loads(command("check", "--json").stdout) == {
        "path": str(file),
        "ok": True,
        "findings": [],
    }
    assert command("--quiet", "check").stdout == ""
    assert file.read_bytes() == before


def test_each_difference_is_a_line_and_the_status_is_1(command: Command, file: Path) -> None:
    create_analytics_db(file).close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP INDEX session_id_idx")
        connection.execute("CREATE TABLE notes (note)")
    missing = "is missing; it should be ON tool_calls (session_id)."
    advice = "Put back a backup with 'devflow-analytics restore'."
    more = "comes from no migration; it is not STRICT."
    for options in ([], ["--quiet"]):
        done = command(*options, "check")
        assert (done.returncode, done.stderr) == (1, "")
        assert done.stdout == f"index session_id_idx {missing} {advice}\ntable notes {more}\n"
    done = command("check", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    found = json.loads(done.stdout)
    assert list(found) == ["path", "ok", "findings"]
    assert (found["path"], found["ok"]) == (str(file), False)
    assert [list(finding.items()) for finding in found["findings"]] == [
        [("subject", subject), ("severity", severity), ("message", message), ("advice", told)]
        for subject, severity, message, told in (
            ("index session_id_idx", "fail", missing, advice),
            ("table notes", "warn", more, None),
        )
    ]


def test_what_to_do_about_a_difference_is_told_as_a_command(
    command: Command, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = Finding("schema version", "warn", "is 1, and this release's is 2.", "Run `migrate()`.")
    diagnosis = Diagnosis(file, (older,), ())
    monkeypatch.setattr(devflow_analytics_db, "check", lambda _: diagnosis)
    advice = "Run 'devflow-analytics migrate'."
    done = command("check")
    assert done.returncode == 1
    assert done.stdout == f"schema version is 1, and this release's is 2. {advice}\n"
    (finding,) = json.loads(command("check", "--json").stdout)["findings"]
    assert finding["advice"] == advice


def test_a_name_that_a_terminal_would_obey_is_escaped(command: Command, file: Path) -> None:
    create_analytics_db(file).close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute('CREATE TABLE "\x1b]0;pwned\x07\n" (a)')
    told = "table \\x1b]0;pwned\\x07\\n comes from no migration; it is not STRICT.\n"
    assert command("check").stdout == told
    assert f"WARN  schema        {told}" in command("doctor").stdout
    other = file.with_name("other.db")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute('CREATE TABLE "\x1b]0;pwned\x07" (a)')
    done = command("--db", str(other), "init")
    assert done.returncode == 65
    assert "it holds \\x1b]0;pwned\\x07." in done.stderr
