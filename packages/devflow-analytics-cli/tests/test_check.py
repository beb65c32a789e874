from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from devflow_analytics_db import create_analytics_db

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]

AGREED = "No differences: the schema is as it should be.\n"


def test_where_nothing_differs_it_says_so(command: Command, file: Path) -> None:
    create_analytics_db(file).close()
    before = file.read_bytes()
    done = command("check")
    assert (done.returncode, done.stdout, done.stderr) == (0, AGREED, "")
    assert json.loads(command("check", "--json").stdout) == {"ok": True, "findings": []}
    assert command("--quiet", "check").stdout == ""
    assert file.read_bytes() == before


def test_each_difference_is_a_line_and_the_status_is_1(command: Command, file: Path) -> None:
    create_analytics_db(file).close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP INDEX session_id_idx")
        connection.execute("CREATE TABLE notes (note)")
    missing = "is missing; it should be ON tool_calls (session_id)."
    more = "comes from no migration; it is not STRICT."
    for options in ([], ["--quiet"]):
        done = command(*options, "check")
        assert (done.returncode, done.stderr) == (1, "")
        assert done.stdout == f"index session_id_idx {missing}\ntable notes {more}\n"
    done = command("check", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout) == {
        "ok": False,
        "findings": [
            {"subject": "index session_id_idx", "difference": missing, "severity": "fail"},
            {"subject": "table notes", "difference": more, "severity": "warn"},
        ],
    }


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
