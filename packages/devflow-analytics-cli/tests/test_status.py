from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from devflow_analytics_db import create_analytics_db, make_spool
from devflow_analytics_db.migrations import latest_version

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]

NEWEST = latest_version()

SHOWN = f"""\
{{file}}
  schema version  {NEWEST}, current
  journal mode    wal
  size            61.4 kB
  sessions        1,000
  tool calls      1
  recorded        {{time}} to {{time}}
"""


def make(file: Path, timestamp: object = 1_795_608_000) -> None:
    create_analytics_db(file).close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executemany(
            "INSERT INTO sessions (id, started_at) VALUES (?, 1)", [(str(n),) for n in range(1000)]
        )
        connection.execute(
            "INSERT INTO tool_calls (id, tool_name, duration_ms, status, timestamp, session_id)"
            " VALUES ('c', 't', 1, 'error', ?, '1')",
            (timestamp,),
        )
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("VACUUM")


def test_it_shows_what_there_is_and_makes_nothing(process: Command, file: Path) -> None:
    make(file)
    done = process("status", TZ="UTC")
    assert (done.returncode, done.stderr) == (0, "")
    time = "2026-11-25 12:00:00+00:00"
    size = f"{file.stat().st_size / 1000:.1f} kB"
    assert done.stdout == SHOWN.format(file=file, time=time).replace("61.4 kB", size)
    assert os.listdir(file.parent) == ["analytics.db"]


def test_json_has_the_documented_keys(command: Command, file: Path) -> None:
    make(file)
    assert list(json.loads(command("--quiet", "status", "--json").stdout).items()) == [
        ("path", str(file)),
        ("exists", True),
        ("schema_version", NEWEST),
        ("latest_version", NEWEST),
        ("pending", []),
        ("journal_mode", "wal"),
        ("sessions", 1000),
        ("tool_calls", 1),
        ("first_call", 1_795_608_000),
        ("last_call", 1_795_608_000),
        ("size_bytes", file.stat().st_size),
        ("wal_size_bytes", 0),
        ("waiting_calls", 0),
        ("waiting_files", 0),
        ("unread_logs", 0),
        ("unread_bytes", 0),
        ("unread_agents", []),
    ]


def test_calls_that_wait_are_told_even_before_there_is_a_database(
    command: Command, file: Path
) -> None:
    spool = make_spool(file)
    os.write(spool.descriptor, b"[1]\n[2]\n")
    line = "  waiting         2 calls in 1 file\n"
    assert command("status").stdout.endswith(f"'devflow-analytics init'.\n{line}")
    file.touch()
    assert command("status").stdout.endswith(f"'devflow-analytics init'.\n{line}")
    make(file)
    assert command("status").stdout.endswith(f"\n{line}")
    told = json.loads(command("status", "--json").stdout)
    assert (told["waiting_calls"], told["waiting_files"]) == (2, 1)
    spool.remove()
    assert "waiting" not in command("status").stdout


def test_a_missing_an_empty_and_an_older_file_are_told_apart_and_none_is_current(
    command: Command, file: Path
) -> None:
    done = command("status", "--exit-code")
    assert done.returncode == 1
    assert done.stdout == f"{file} does not exist. Create it with 'devflow-analytics init'.\n"
    assert not file.parent.exists()
    file.parent.mkdir()
    file.touch()
    done = command("status", "--exit-code")
    assert done.returncode == 1
    assert done.stdout == f"{file} is empty. Create its tables with 'devflow-analytics init'.\n"
    command("init")
    assert command("status", "--exit-code").returncode == 0
    command("migrate", "--to", "1", "--yes")
    done = command("status", "--exit-code")
    assert done.returncode == 1
    pending = ", ".join(map(str, range(2, NEWEST + 1)))
    assert (
        f"  schema version  1, not current: 'devflow-analytics migrate' applies {pending}\n"
        in done.stdout
    )
    assert command("status").returncode == 0


def test_what_is_not_written_back_yet_is_told(process: Command, file: Path) -> None:
    with create_analytics_db(file) as db, closing(db.connect()) as writer:
        writer.execute("INSERT INTO sessions (id, started_at) VALUES ('s', 1)")
        assert "kB in the WAL\n" in process("status").stdout


def test_a_time_that_no_clock_shows_is_shown_as_a_number(command: Command, file: Path) -> None:
    make(file, 2**62)
    assert f"  recorded        {2**62} to {2**62}\n" in command("status").stdout


def test_a_file_newer_than_this_release_is_told_of(command: Command, file: Path) -> None:
    make(file)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"PRAGMA user_version = {NEWEST + 1}")
        connection.execute(
            "INSERT INTO devflow_migrations VALUES (?, 'next', '', ?, 0, 0, '')",
            (NEWEST + 1, NEWEST),
        )
    done = command("status", "--exit-code")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"  schema version  {NEWEST + 1}, newer than this release\n" in done.stdout
