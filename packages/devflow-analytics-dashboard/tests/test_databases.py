"""Databases that are missing, in the way, damaged, of other versions, or hold odd rows."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_db import backup, migrate, restore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = 1_795_622_770

ROUTES = (
    "summary",
    "tools",
    "tools/names",
    "errors",
    "calls",
    "sessions",
    "sessions/s",
    "metrics/summary",
    "metrics/tools",
    "metrics/recent",
)

GREATEST = sys.float_info.max


def test_a_database_that_does_not_exist_yet_is_waited_for(
    home: Path, serve: Callable[..., Any], request: pytest.FixtureRequest
) -> None:
    client = serve()
    file = home / ".devflow" / "analytics.db"
    assert client.get("/api/version").json == {
        "version": None,
        "database": "~/.devflow/analytics.db",
        "program": "0.1.0",
        "now": NOW,
    }
    for route in ROUTES:
        assert client.get(f"/api/{route}").error == (
            503,
            "no_database",
            (
                f"{file} does not exist: there is no database. Make it with"
                " `create_analytics_db()`, or name another file with `path` or"
                " DEVFLOW_ANALYTICS_DB_PATH."
            ),
        )
    assert not file.parent.exists()
    request.getfixturevalue("add")({})
    assert client.get("/api/version").json["version"] is not None
    assert client.get("/api/summary").json["totals"]["calls"] == 1


def test_an_empty_file_is_no_database(file: Path, serve: Callable[..., Any]) -> None:
    file.write_bytes(b"")
    client = serve()
    assert client.get("/api/version").json["version"] is None
    status, kind, sentence = client.get("/api/summary").error
    assert (status, kind) == (503, "no_database")
    assert sentence.startswith(f"{file} is empty: there is no database.")


def test_a_new_database_has_nothing_to_tell(client: Any) -> None:
    replies = {route: client.get(f"/api/{route}") for route in ROUTES if route != "sessions/s"}
    assert {route: reply.status for route, reply in replies.items()} == dict.fromkeys(replies, 200)
    found = replies["summary"].json
    assert (found["totals"]["calls"], found["before"], found["recorded"]) == (0, None, None)
    assert client.get("/api/summary?since=all").json["buckets"] == []


def test_a_database_may_be_deleted_and_restored_while_it_is_served(
    client: Any, add: Callable[..., None], file: Path, tmp_path: Path
) -> None:
    add({"id": "kept"})
    backup(destination=tmp_path / "backup.db")
    add({"id": "later"})
    versions = [client.get("/api/version").json["version"]]
    for beside in file.parent.glob("analytics.db*"):
        beside.unlink()
    assert client.get("/api/calls").error[:2] == (503, "no_database")
    versions.append(client.get("/api/version").json["version"])
    restore(tmp_path / "backup.db")
    versions.append(client.get("/api/version").json["version"])
    found = client.get("/api/calls?written_after=later").json
    assert ([call["id"] for call in found["calls"]], found["is_restart"]) == (["kept"], True)
    assert versions[1] is None
    assert len(set(versions)) == 3


def test_a_locked_database_is_said_to_be_locked(
    client: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", "10")
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("DELETE FROM tool_calls")
        assert client.get("/api/summary").error == (
            503,
            "locked",
            (
                f"{file} is locked: another process kept it busy for longer than the timeout."
                " Nothing is damaged. Try again, or raise DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS."
            ),
        )
        assert client.get("/api/version").status == 200
        connection.execute("ROLLBACK")
    assert client.get("/api/summary").status == 200


def test_what_is_no_database_is_said_to_be_none(client: Any, file: Path) -> None:
    file.write_bytes(b"no database at all, " * 1000)
    status, kind, sentence = client.get("/api/summary").error
    assert (status, kind) == (503, "unreadable")
    assert sentence.startswith(f"{file} is not an SQLite database, or its first bytes are damaged.")
    assert client.get("/api/version").json["version"] is not None


def test_a_damaged_database_is_said_to_be_damaged(
    client: Any, add: Callable[..., None], file: Path, settle: Callable[[Path], None]
) -> None:
    add(*({"tool_name": f"tool {number}" * 20} for number in range(200)))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(file.read_bytes())
    content[8192:] = b"\xaa" * len(content[8192:])
    file.write_bytes(content)
    settle(file)
    status, kind, sentence = client.get("/api/calls").error
    assert (status, kind) == (503, "unreadable")
    assert f"{file} is damaged" in sentence


def test_the_database_of_another_program_is_not_read(client: Any, file: Path) -> None:
    for beside in file.parent.glob("analytics.db*"):
        beside.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE notes (text)")
    status, kind, sentence = client.get("/api/tools").error
    assert (status, kind) == (503, "unreadable")
    assert sentence.startswith(f"{file} is an SQLite database of another program")


AS_NOBODY = """
import importlib, os, pkgutil, uvicorn.lifespan.off
import devflow_analytics_dashboard, devflow_analytics_db, devflow_analytics_reports

# what is imported later might be out of reach
for package in (devflow_analytics_dashboard, devflow_analytics_db, devflow_analytics_reports):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
os.setgid(65534)
os.setuid(65534)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_database_of_another_user_is_said_to_be_theirs(
    file: Path, add: Callable[..., None], server: Callable[..., Any]
) -> None:
    add({})
    file.chmod(0o600)
    for directory in (file.parent, *file.parents):
        if directory.is_relative_to(file.parents[2]):
            directory.chmod(0o755)
    client = server(AS_NOBODY).client
    status, kind, sentence = client.get("/api/summary").error
    assert (status, kind) == (503, "unreadable")
    assert sentence.startswith("No right to read and write ")


def test_a_link_to_nothing_is_told(tmp_path: Path, serve: Callable[..., Any]) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "nothing.db")
    client = serve(link)
    assert client.get("/api/version").json["version"] is None
    status, kind, sentence = client.get("/api/summary").error
    assert (status, kind) == (503, "unreadable")
    assert sentence.startswith(f"{link} is a symbolic link to {tmp_path / 'nothing.db'}")


def test_a_path_that_is_none_is_told(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_DB_PATH", ":memory:")
    client = serve()
    assert client.get("/api/version").json["database"] == ""
    assert client.get("/api/summary").error == (
        503,
        "unreadable",
        (
            "':memory:' is not the path of a file. Name a file, in a temporary directory if it is"
            " not to last."
        ),
    )


def test_a_path_of_any_bytes_is_told_as_text(
    tmp_path: Path, serve: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # pytest-xdist cannot carry such a path in a report
    client = serve(os.fsdecode(os.fsencode(tmp_path) + b"/x\xe9.db"))
    shown = f"{tmp_path}/x\N{REPLACEMENT CHARACTER}.db"
    assert client.get("/api/version").json["database"] == shown
    assert client.get("/api/summary").error[2].startswith(f"{shown} does not exist")


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_file_of_an_older_version_is_answered_from_as_it_is(
    version: int, client: Any, add: Callable[..., None], file: Path, settle: Callable[[Path], None]
) -> None:
    add({"status": "error"}, {"timestamp": NOW - 5})
    before = {route: client.get(f"/api/{route}").json for route in ROUTES}
    migrate(to=version, allow_down=True)
    settle(file)
    content = file.read_bytes()
    after = {route: client.get(f"/api/{route}").json for route in ROUTES}
    assert (after, file.read_bytes()) == (before, content)


def test_names_of_any_bytes_are_answered_as_text(
    client: Any, file: Path, add: Callable[..., None], settle: Callable[[Path], None]
) -> None:
    odd = "<img src=x onerror=alert(1)>\u202e\x00\x1b[31m\x85\U0001f4a9" + "長" * 200
    add({"tool_name": odd, "session_id": odd})
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "INSERT INTO tool_calls (id, tool_name, duration_ms, status, timestamp, session_id)"
            " VALUES ('x', CAST(x'ff4aed9fbf' AS TEXT), 1.0, 'success', ?, ?)",
            [NOW, odd],
        )
    settle(file)
    for route in ROUTES:
        reply = client.get(f"/api/{route}")
        assert json.loads(reply.body.decode("utf-8")) == reply.json
    names = client.get("/api/tools/names").json["tools"]
    assert odd in names
    assert any("\N{REPLACEMENT CHARACTER}" in name for name in names)


def test_numbers_at_the_limits_are_answered(client: Any, add: Callable[..., None]) -> None:
    sizes = {"request_bytes": 2**63 - 1, "result_bytes": 2**63 - 1, "started_ms": 2**63 - 1}
    add(
        {"duration_ms": GREATEST, "error_code": -(2**63), **sizes},
        {"duration_ms": GREATEST, **sizes},
        {"timestamp": 2**63 - 1, "started_ms": -(2**63)},
        {"timestamp": -(2**63)},
        {"timestamp": 0, "duration_ms": 5e-324},
    )
    for since in ("7d", "all", "1970-01-01", "2026-11-25T15:00"):
        for route in ROUTES:
            query = "" if route in {"tools/names", "sessions/s"} else f"?since={since}"
            reply = client.get(f"/api/{route}{query}")
            assert reply.status in {200, 400}, reply.body
            json.loads(reply.body, parse_constant=pytest.fail)
    bounds = client.get("/api/calls?since=all").json["period"]
    assert (bounds["since"], bounds["until"]) == (-(2**53 - 1), 2**53 - 1)  # as JavaScript reads
    found = client.get("/api/calls?order=slowest&limit=1").json["calls"][0]
    assert (found["duration_ms"], found["result_bytes"]) == (GREATEST, 2**63 - 1)
    assert client.get("/api/summary").json["totals"]["total_ms"] == GREATEST
    assert client.get("/api/tools").json["tools"][0]["result_bytes"] == 2**64 - 2


def test_a_row_that_no_version_allows_is_left_out_and_nothing_is_infinite(
    client: Any, add: Callable[..., None], file: Path, settle: Callable[[Path], None]
) -> None:
    add({})
    migrate(to=1, allow_down=True)
    with closing(sqlite3.connect(file)) as connection, connection:
        for number, value in enumerate([9e999, -9e999, "text", None, b"x", 3]):
            try:
                connection.execute(
                    "INSERT INTO tool_calls (id, tool_name, duration_ms, status, timestamp,"
                    " session_id) VALUES (?, 't', ?, 'success', ?, 's')",
                    [f"odd{number}", value, NOW],
                )
            except sqlite3.IntegrityError:
                continue
    settle(file)
    for route in ROUTES:
        reply = client.get(f"/api/{route}")
        assert reply.status == 200
        json.loads(reply.body, parse_constant=pytest.fail)
    assert client.get("/api/summary").json["totals"]["calls"] == 2


def test_reading_changes_neither_the_file_nor_its_version(
    client: Any, add: Callable[..., None], file: Path
) -> None:
    add({})
    content, version = file.read_bytes(), client.get("/api/version").json["version"]
    for route in ROUTES:
        assert client.get(f"/api/{route}").status == 200
    assert file.read_bytes() == content
    assert client.get("/api/version").json["version"] == version


def test_a_copy_is_another_database(
    client: Any, add: Callable[..., None], file: Path, tmp_path: Path, serve: Callable[..., Any]
) -> None:
    add({})
    copy = shutil.copy2(file, tmp_path / "copy.db")
    other = serve(copy)
    versions = {one.get("/api/version").json["version"] for one in (client, other)}
    assert len(versions) == 2
