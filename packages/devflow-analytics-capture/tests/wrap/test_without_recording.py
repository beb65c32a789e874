"""That a server works, and one line says why, where its calls cannot be recorded."""

from __future__ import annotations

import os
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from devflow_analytics_db import create_analytics_db

Start = Callable[..., Any]
Command = Callable[..., list[str]]
Recorded = Callable[..., list[tuple[Any, ...]]]

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "a"}}
ANSWER = {"jsonrpc": "2.0", "id": 1, "result": {"content": []}}
SAYS = "devflow-analytics: calls are not recorded: "

ANSWERS = f"""
import json
for line in sys.stdin.buffer:
    answer = {ANSWER} | {{"id": json.loads(line)["id"]}}
    sys.stdout.write(json.dumps(answer) + "\\n")
    sys.stdout.flush()
"""


@pytest.fixture
def server(script: Command) -> list[str]:
    """A server that answers each line."""
    return script(ANSWERS)


def test_where_a_call_cannot_be_kept_one_line_says_so(
    start: Start, server: list[str], tmp_path: Path
) -> None:
    proxy = start(*server, environment={"DEVFLOW_ANALYTICS_DB_PATH": f"{tmp_path}/none/none/a.db"})
    for _ in range(3):
        assert proxy.ask(CALL) == ANSWER
    assert proxy.said_line().decode() == f"{SAYS}No such file or directory ({tmp_path}/none/none)\n"
    assert proxy.finish() == (0, b"", b"")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"DEVFLOW_ANALYTICS_ENABLED": "perhaps"}, "DEVFLOW_ANALYTICS_ENABLED is 'perhaps'"),
        ({"DEVFLOW_ANALYTICS_PROJECT": "perhaps"}, "DEVFLOW_ANALYTICS_PROJECT is 'perhaps'"),
        ({"DEVFLOW_ANALYTICS_DB_PATH": "~you/a.db"}, "~you"),
        ({"DEVFLOW_ANALYTICS_DB_PATH": "/$NONE/a.db"}, "$NONE"),
        ({"DEVFLOW_ANALYTICS_DB_PATH": "LINK"}, "LINK"),
    ],
    ids=str,
)
def test_what_is_set_wrong_is_said_and_the_server_takes_our_place(
    settings: dict[str, str], reason: str, start: Start, server: list[str], tmp_path: Path
) -> None:
    (tmp_path / "a.db").symlink_to(tmp_path / "none")
    link = str(tmp_path / "a.db")
    proxy = start(*server, environment={k: v.replace("LINK", link) for k, v in settings.items()})
    said = proxy.said_line().decode()
    assert said.startswith(SAYS)
    assert reason.replace("LINK", link) in said
    assert proxy.ask(CALL) == ANSWER
    assert Path(f"/proc/{proxy.pid}/cmdline").read_bytes().split(b"\0")[1] == b"-I"
    assert proxy.finish() == (0, b"", b"")


def test_a_directory_that_is_gone(
    start: Start, server: list[str], tmp_path: Path, file: Path
) -> None:
    (tmp_path / "gone").mkdir()
    proxy = start(
        *server,
        cwd=tmp_path / "gone",
        preexec_fn=(tmp_path / "gone").rmdir,
        environment={"DEVFLOW_ANALYTICS_PROJECT": "1", "DEVFLOW_ANALYTICS_DB_PATH": str(file)},
    )
    assert proxy.said_line().decode() == f"{SAYS}No such file or directory\n"
    assert proxy.ask(CALL) == ANSWER
    assert proxy.finish() == (0, b"", b"")


@pytest.fixture(params=["damaged", "a directory", "of another program", "of a later release"])
def unusable(request: pytest.FixtureRequest, file: Path) -> Path:
    """A database that cannot be written."""
    file.parent.mkdir()
    if request.param == "damaged":
        file.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    elif request.param == "a directory":
        file.mkdir()
    elif request.param == "of another program":
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("CREATE TABLE notes (text)")
    else:
        create_analytics_db(file).close()
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA user_version = 99")
            connection.commit()
    return file


def test_a_database_that_cannot_be_written_is_said(
    unusable: Path, start: Start, server: list[str]
) -> None:
    before = unusable.read_bytes() if unusable.is_file() else None
    proxy = start(*server)
    assert proxy.ask(CALL) == ANSWER
    said = proxy.said_line().decode()
    assert said.startswith(SAYS)
    assert len(said) > len(SAYS) + 10
    for number in range(2, 5):
        assert proxy.ask(CALL | {"id": number}) == ANSWER | {"id": number}
    assert proxy.finish() == (0, b"", b"")
    assert before is None or unusable.read_bytes() == before


@pytest.fixture
def unwritable(home: Path) -> Iterator[str]:
    """A home in which nothing can be made, for root neither."""
    if os.geteuid() == 0:
        yield "/proc"
        return
    home.chmod(0o500)
    yield str(home)
    home.chmod(0o700)


def test_a_home_that_is_read_only(start: Start, server: list[str], unwritable: str) -> None:
    proxy = start(*server, environment={"HOME": unwritable})
    for _ in range(2):
        assert proxy.ask(CALL) == ANSWER
    assert proxy.said_line().decode().startswith(SAYS)
    assert proxy.finish() == (0, b"", b"")


@pytest.mark.parametrize(
    ("room", "reason"), [(0, "File too large"), (10, "No space left on device")]
)
def test_a_disk_that_is_full(
    room: int,
    reason: str,
    start: Start,
    server: list[str],
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if name.startswith("COVERAGE")]:
        monkeypatch.delenv(name)  # which has files, too
    proxy = start(
        *server, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    )
    assert proxy.ask(CALL) == ANSWER
    assert proxy.said_line().decode() == f"{SAYS}{reason}\n"
    assert proxy.ask(CALL) == ANSWER
    assert proxy.finish() == (0, b"", b"")
    for spool in Path(f"{file}-spool").glob("*"):
        assert spool.read_bytes() in {b"", b"\n"}


def test_nobody_waits_for_a_database_that_is_locked(
    start: Start, server: list[str], file: Path, recorded: Recorded
) -> None:
    create_analytics_db(file).close()
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        proxy = start(*server)
        for number in range(5):
            assert proxy.ask(CALL | {"id": number}) == ANSWER | {"id": number}
        assert proxy.finish() == (0, b"", b"")  # while the lock is held
        other.execute("ROLLBACK")
    assert recorded() == [("a", "success", None)] * 5


def test_rows_appear_while_the_server_runs(
    start: Start, server: list[str], file: Path, calls: Callable[[], list[dict[str, Any]]]
) -> None:
    proxy = start(*server)
    found: list[dict[str, Any]] = []
    number = 0
    while not found:  # bounded by the patience of `ask`, and of whoever runs this
        number += 1
        assert proxy.ask(CALL | {"id": number}) == ANSWER | {"id": number}
        with suppress(sqlite3.OperationalError):  # there is none yet
            found = calls() if file.exists() else []
    assert found[0]["tool_name"] == "a"
    assert proxy.finish() == (0, b"", b"")


def test_a_full_stderr_makes_nobody_wait(start: Start, server: list[str], tmp_path: Path) -> None:
    errors, its_errors = os.pipe()
    os.set_blocking(its_errors, False)
    with suppress(BlockingIOError):
        while True:
            os.write(its_errors, b"x" * 4096)
    os.set_blocking(its_errors, True)
    proxy = start(
        *server,
        stderr=its_errors,
        environment={"DEVFLOW_ANALYTICS_DB_PATH": f"{tmp_path}/none/none/a.db"},
    )
    os.close(its_errors)
    assert proxy.ask(CALL) == ANSWER
    assert proxy.finish() == (0, b"", b"")
    os.close(errors)
