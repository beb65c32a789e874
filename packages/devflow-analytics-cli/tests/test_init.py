from __future__ import annotations

import json
import logging
import os
import re
import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.migrations.migration import load_migrations

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]

NEWEST = latest_version()
VERSIONS = [*range(1, NEWEST + 1)]

CREATED = f"""\
Created {{file}}
  schema version {NEWEST} (applied: {", ".join(map(str, VERSIONS))})
  journal mode wal
  file mode 0600: only you can read and write it

To record your own MCP server, add one line to it, as the README shows:
    from devflow_analytics_recorder import record
To see what you can ask then, on made-up calls:
    devflow-analytics demo
"""

CURRENT = f"{{file}} is current: schema version {NEWEST}, journal mode wal.\n"

FROM_DEVFLOWS_SERVER = """
    CREATE TABLE "__drizzle_migrations"
        (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric);
    CREATE TABLE sessions (id text PRIMARY KEY NOT NULL, started_at integer NOT NULL,
        ended_at integer, tool_count integer DEFAULT 0 NOT NULL);
    CREATE TABLE tool_calls (id text PRIMARY KEY NOT NULL, tool_name text NOT NULL,
        duration_ms integer NOT NULL, status text NOT NULL, error_type text,
        timestamp integer NOT NULL, session_id text NOT NULL,
        FOREIGN KEY (session_id) REFERENCES sessions(id));
    CREATE INDEX tool_name_idx ON tool_calls (tool_name);
    CREATE INDEX timestamp_idx ON tool_calls (timestamp);
    CREATE INDEX timestamp_tool_name_idx ON tool_calls (timestamp, tool_name);
    INSERT INTO __drizzle_migrations (hash, created_at) VALUES (
        '56b3ffdc582338e061624085c8a02fa6aa6abf9c187ecfd61e185999faa10c24', 1764959568117);
    INSERT INTO sessions (id, started_at) VALUES ('s', 1795415730);
"""

ADOPTED = f"""\
Took over {{file}} from DevFlow's server, with all its rows
  schema version {NEWEST} (applied: {", ".join(map(str, VERSIONS[1:]))})
  journal mode wal
  file mode 0600: only you can read and write it
  backup of the previous database: {{backup}}
  to restore it: devflow-analytics restore {{backup}}
"""


def query(file: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(sql).fetchall()


def test_it_makes_a_private_database_in_the_home_and_says_what_is_next(
    command: Command, file: Path
) -> None:
    done = command("init")
    assert (done.returncode, done.stdout, done.stderr) == (0, CREATED.format(file=file), "")
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert query(file, "PRAGMA journal_mode") == [("wal",)]


def test_a_second_time_it_changes_no_byte_and_says_that_it_is_current(
    command: Command, file: Path
) -> None:
    command("init")
    before = file.read_bytes()
    done = command("init")
    assert (done.returncode, done.stdout, done.stderr) == (0, CURRENT.format(file=file), "")
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == ["analytics.db"]


def test_it_takes_over_a_database_of_devflows_server(command: Command, file: Path) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(FROM_DEVFLOWS_SERVER)
    done = command("init")
    (backup,) = (file.parent / "backups").iterdir()
    told = ADOPTED.format(file=file, backup=backup)
    assert (done.returncode, done.stdout, done.stderr) == (0, told, "")
    assert query(file, "SELECT id, started_at, ended_at, tool_count FROM sessions") == [
        ("s", 1795415730, None, 0)
    ]


def test_json_has_the_documented_keys(command: Command, file: Path) -> None:
    expected = {
        "path": str(file),
        "created": True,
        "adopted": False,
        "schema_version": NEWEST,
        "applied": VERSIONS,
        "journal_mode": "wal",
        "backup": None,
        "unread_logs": 0,
        "unread_bytes": 0,
        "unread_agents": [],
        "mcp_clients": [],
    }
    first, second = command("init", "--json"), command("init", "--json")
    assert list(json.loads(first.stdout).items()) == list(expected.items())
    assert json.loads(second.stdout) == expected | {"created": False, "applied": []}


def test_mcp_servers_that_could_be_recorded_are_named(command: Command, home: Path) -> None:
    (home / ".claude.json").write_text('{"mcpServers": {"a": {"command": "x"}}}')
    said = (
        "\nClaude Code has MCP servers in its settings. Record every call of them with:\n"
        "    devflow-analytics enable\n"
    )
    assert said in command("init").stdout
    (home / ".cursor").mkdir()
    (home / ".cursor" / "mcp.json").write_text('{"mcpServers": {"a": {"command": "x"}}}')
    assert command("init").stdout.endswith(
        "\nClaude Code and Cursor have MCP servers in their settings. Record every call of them"
        " with:\n    devflow-analytics enable\n"
    )
    assert json.loads(command("init", "--json").stdout)["mcp_clients"] == ["Claude Code", "Cursor"]
    command("enable")
    assert "MCP servers" not in command("init").stdout


def test_quiet_says_nothing_about_what_goes_well_but_answers_json(command: Command) -> None:
    assert command("--quiet", "init").stdout == ""
    assert json.loads(command("--quiet", "init", "--json").stdout)["schema_version"] == NEWEST


def test_verbose_tells_each_step_on_stderr(command: Command, file: Path) -> None:
    done = command("-v", "init")
    assert done.stdout == CREATED.format(file=file)
    assert re.sub(r"[\d.]+ ms", "N ms", done.stderr).splitlines() == [
        f"created directory {file.parent}",
        f"journal mode of {file} is now wal",
        *(
            f"migration {migration} of {file}: {step}"
            for migration in ("1 devflow_baseline", "2 harden", *load_migrations()[2:])
            for step in ("started", "applied in N ms")
        ),
        f"created {file}: schema version {NEWEST}",
    ]


def test_verbose_twice_in_one_process_says_each_thing_once_and_leaves_no_trace(
    command: Command,
) -> None:
    logger = logging.getLogger("devflow_analytics_db")
    before = logger.level, [*logger.handlers]
    for _ in range(2):
        told = command("-v", "init").stderr
    assert told.count("is current") == 1
    assert (logger.level, logger.handlers) == before


def test_another_file_is_named_by_option_or_environment(command: Command, home: Path) -> None:
    by_option, by_variable = home / "by option.db", home / "by variable.db"
    command("--db", str(by_option), "init", DEVFLOW_ANALYTICS_DB_PATH=str(by_variable))
    assert (by_option.exists(), by_variable.exists()) == (True, False)
    command("init", DEVFLOW_ANALYTICS_DB_PATH=str(by_variable))
    assert by_variable.exists()


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_a_name_that_no_locale_can_spell_is_printed_all_the_same(
    locale: str, process: Command, require_start: Callable[..., None], home: Path
) -> None:
    require_start(LC_ALL=locale, PYTHONUTF8="0")
    name = os.fsdecode(b"gr\xc3\xb6\xc3\x9fe-\xff.db")
    done = process("--db", str(home / name), "init", LC_ALL=locale, PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, "")
    assert (home / name).exists()
