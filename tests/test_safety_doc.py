"""docs/safety.md: what it says of the network and of deleting is so."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from devflow_analytics_db import backup, create_analytics_db

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "safety.md").read_text()
MARK = b"only-this-row-has-it"

FORBIDDING_SOCKETS = """
import sys

def forbid(event, arguments):
    if event.startswith("socket."):
        sys.stderr.write(f"{event}{arguments}")
        sys.exit(99)

sys.addaudithook(forbid)
"""
COMMANDING = """
from devflow_analytics_cli.main import main
main()
"""
RECORDING = """
from pony.orm import db_session
from devflow_analytics_db import create_analytics_db
with create_analytics_db() as db, db_session:
    db.Session(started_at=1)
"""


def where_marked(directory: Path) -> set[str]:
    return {
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if path.is_file() and MARK in path.read_bytes()
    }


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", FORBIDDING_SOCKETS + code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    "command",
    [
        *("init", "status", "migrate --to 1 --yes", "check", "doctor --fix", "backup", "path"),
        *("import", "stats", "hooks", "wrap -- true"),
    ],
)
def test_no_command_opens_a_socket(command: str) -> None:
    create_analytics_db().close()
    done = python(COMMANDING, *command.split())
    assert done.returncode in {0, 1}, done.stderr  # 1: what check and doctor find


def test_recording_opens_no_socket() -> None:
    done = python(RECORDING)
    assert done.returncode == 0, done.stderr


def test_a_socket_would_be_seen() -> None:
    assert python("import socket; socket.socket()").returncode == 99


SQL = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


def test_deleted_rows_are_gone_once_the_file_is_rebuilt_and_the_wal_emptied(home: Path) -> None:
    rebuild, _ = SQL
    with create_analytics_db() as db, closing(db.connect()) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("INSERT INTO sessions (id, started_at) VALUES (?, 1)", (MARK.decode(),))
        connection.execute("PRAGMA wal_checkpoint")
        connection.execute("DELETE FROM sessions")
        assert "analytics.db" in where_marked(home / ".devflow")
        for statement in rebuild.splitlines():
            connection.execute(statement).fetchall()
        assert where_marked(home / ".devflow") == set()


def test_nothing_of_a_deleted_call_is_kept_where_nothing_older_is_to_come_in() -> None:
    _, forget = SQL
    call = "5b0c4f2e-0d9a-8c11-9f6e-3a7d2c1b0e4f"
    with create_analytics_db() as db, closing(db.connect()) as connection:
        connection.execute("INSERT INTO sessions (id, started_at) VALUES ('s', 1)")
        connection.execute(
            "INSERT INTO tool_calls (id, tool_name, duration_ms, status, timestamp, session_id)"
            " VALUES (?, 't', 1, 'success', 1, 's')",
            (call,),
        )
        connection.execute("DELETE FROM tool_calls")
        kept = "SELECT call_id FROM import_exclusions"
        assert connection.execute(kept).fetchall() == [(call,)]
        for statement in forget.splitlines():
            connection.execute(statement)
        assert connection.execute(kept).fetchall() == []
        assert connection.execute("SELECT not_before > 1 FROM import_floor").fetchall() == [(1,)]


def test_everything_is_forgotten_once_the_files_and_the_backups_are_deleted(home: Path) -> None:
    (delete,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    with create_analytics_db() as db, closing(db.connect()) as connection:
        connection.execute("INSERT INTO sessions (id, started_at) VALUES (?, 1)", (MARK.decode(),))
        backup()
        connection.execute("DELETE FROM sessions")
    assert any(name.startswith("backups/") for name in where_marked(home / ".devflow"))
    subprocess.run(delete, shell=True, check=True)
    assert list((home / ".devflow").iterdir()) == []
