"""What is slow: the same fault again and again, at every point where it could strike.

Run by ``just test-faults``; each test counts its cases, and the counts are printed at the end.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from devflow_analytics_db import check, create_analytics_db, migrate
from devflow_analytics_recorder import drain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    Injecting = Callable[[int, str, str, Path], AbstractContextManager[None]]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.faults)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counted = [
        (dict(report.user_properties)["cases"], report.nodeid.rpartition("::")[2])
        for report in terminalreporter.getreports("passed")
        if "cases" in dict(report.user_properties)
    ]
    if counted:
        terminalreporter.section("cases tried")
        for cases, test in sorted(counted, key=lambda count: count[1]):
            terminalreporter.line(f"{cases:6} {test}")
        terminalreporter.line(f"{sum(cases for cases, _ in counted):6} in all")
        for report in terminalreporter.getreports("passed"):
            for name, what in report.user_properties:
                if name == "told":
                    terminalreporter.line(what)


@pytest.fixture(autouse=True)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Let a test that has to be alone wait until no other runs, in whatever process."""
    how = fcntl.LOCK_EX if request.node.get_closest_marker("alone") else fcntl.LOCK_SH
    with (tmp_path_factory.getbasetemp().parent / "faults.lock").open("w") as lock:
        fcntl.flock(lock, how)
        yield


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Callable[[int], None]:
    """Tell how many cases a test tried."""
    return lambda cases: record_property("cases", cases)


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Print what a test found out, at the end."""
    return lambda what: record_property("told", what)


@pytest.fixture(scope="session")
def starts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path | None]:
    """Files to begin with, by what they are; never touched, only copied."""
    directory = tmp_path_factory.mktemp("starts")
    current, at_1, servers = (directory / f"{name}.db" for name in ("current", "at 1", "server's"))
    create_analytics_db(current).close()
    with closing(sqlite3.connect(current)) as connection, connection:
        connection.execute("INSERT INTO sessions (id, started_at, tool_count) VALUES ('s', 1, 60)")
        connection.executemany(
            "INSERT INTO tool_calls (id, tool_name, duration_ms, status, timestamp, session_id)"
            " VALUES (?, 'git-log', 1.5, 'success', 2, 's')",
            [(f"call {number}",) for number in range(60)],
        )
        connection.execute("UPDATE import_floor SET not_before = 1")
        connection.execute("INSERT INTO import_exclusions (call_id, timestamp) VALUES ('c', 1)")
    shutil.copy(current, at_1)
    migrate(at_1, to=1, allow_down=True)
    shutil.copy(at_1, servers)
    with closing(sqlite3.connect(servers)) as connection:
        connection.execute("DROP TABLE devflow_migrations")
        connection.execute("PRAGMA application_id = 0")
        connection.execute("PRAGMA user_version = 0")
    with closing(sqlite3.connect(at_1)) as connection:  # as a backup is
        connection.execute("PRAGMA journal_mode = DELETE")
    return {"nothing": None, "server's": servers, "at 1": at_1, "current": current}


class Ended(NamedTuple):
    """How a run ended that a fault was to strike."""

    status: int
    said: str
    was_struck: bool
    """It made the system call at which the fault was to come."""


@contextmanager
def inject(pid: int, call: str, fault: str, log: Path) -> Iterator[None]:
    """Let strace strike at a system call in each thread of a process, and wait until that ends."""
    with subprocess.Popen(
        [
            *("strace", "-f", "-p", str(pid), "-o", log),
            *("-e", f"trace={call}", "-e", f"inject={call}:{fault}"),
        ],
        stderr=subprocess.PIPE,
        text=True,
    ) as strace:
        assert strace.stderr
        attached = strace.stderr.readline()
        assert "attached" in attached, attached
        yield


@pytest.fixture
def injecting() -> Injecting:
    """Inject faults into a process that runs; the system calls it makes are in the log."""
    if not shutil.which("strace"):
        pytest.fail("strace is needed to inject faults: apt-get install strace")
    return inject


@pytest.fixture
def strike(tmp_path: Path, injecting: Injecting) -> Iterator[Callable[[str, str, str, int], Ended]]:
    """Run code in a process that has imported all, and strike at one system call of this number."""
    directory = tmp_path / "strike"
    directory.mkdir()
    output, log = directory / "output", directory / "strace"
    with subprocess.Popen(
        [
            *(sys.executable, HERE / "run_forked.py", output),
            *("devflow_analytics_db", "devflow_analytics_recorder", "devflow_analytics_capture"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout

        def ask(line: str) -> int:
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        def run(code: str, call: str, fault: str, number: int) -> Ended:
            pid = ask(json.dumps(code))
            with injecting(pid, call, f"{fault}:when={number}", log):
                status = ask("")
            was_struck = status == -signal.SIGKILL or "(INJECTED)" in log.read_text()
            return Ended(status, output.read_text(), was_struck)

        yield run
        process.stdin.close()


@pytest.fixture
def take_in() -> Callable[[Path], list[str]]:
    """Write what processes left in their spools, as the next one does, and hold all to be sound.

    Returns the tools of all calls.
    """

    def take_in_and_check(file: Path) -> list[str]:
        assert drain(file).refused == 0
        assert not [*file.parent.glob("*-spool/*")]
        assert check(file).findings == ()
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            miscounted = connection.execute(
                "SELECT s.id, tool_count, count(*) FROM sessions AS s, tool_calls AS c"
                " WHERE c.session_id = s.id GROUP BY 1 HAVING tool_count <> count(*)"
            )
            assert miscounted.fetchall() == []
            return [tool for (tool,) in connection.execute("SELECT tool_name FROM tool_calls")]

    return take_in_and_check
