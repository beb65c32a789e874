"""Which processes are behind a proxy, and that what they record by hand is left to it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from devflow_analytics_recorder import Recorder

if TYPE_CHECKING:
    from pathlib import Path

Rows: TypeAlias = list[dict[str, Any]]
Ask: TypeAlias = Callable[[str], Rows]

SESSION = "0199c82c-c000-7abc-8def-0123456789ab"


@pytest.fixture
def pipe() -> Iterator[int]:
    """The end of a pipe from which a server reads; nobody ever writes into it."""
    reading, writing = os.pipe()
    yield reading
    os.close(reading)
    os.close(writing)


@pytest.fixture
def behind(file: Path, pipe: int) -> Callable[..., list[str]]:
    """Run a program behind a proxy; return the lines that it prints.

    It has ``record(tool)``, which makes a recorder and records a call by hand, and ``run(code)``,
    which does what is said in another process.
    """

    def run(code: str, *, mark: str | None = None, stdin: int = pipe) -> list[str]:
        found = os.fstat(pipe)
        if mark is None:
            mark = f"{SESSION} {found.st_dev}:{found.st_ino} {file.resolve()}"
        done = subprocess.run(
            [sys.executable, "-c", f"{BEGIN}\n{textwrap.dedent(code)}"],
            env=os.environ | {"DEVFLOW_ANALYTICS_WRAP": mark},
            stdin=stdin,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout.splitlines()

    return run


BEGIN = """
import os, subprocess, sys
from devflow_analytics_recorder import Recorder

def record(tool, recorder=None):
    with recorder or Recorder() as recorder:
        recorder.session().record(tool, 1)

def run(code, **how):
    begin = "from devflow_analytics_recorder import Recorder\\n"
    subprocess.run([sys.executable, "-c", begin + code], check=True, **how)

def fork(work):
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""

Behind: TypeAlias = Callable[..., list[str]]

IN_A_CHILD = "with Recorder() as r: r.session().record('child', 1)"


@pytest.fixture
def tools(file: Path, rows: Ask) -> Callable[[], list[str]]:
    """Return which tools were called, as far as that is recorded."""

    def ask() -> list[str]:
        if not file.exists():
            return []
        return [row["tool_name"] for row in rows("SELECT tool_name FROM tool_calls")]

    return ask


Tools: TypeAlias = Callable[[], list[str]]


def test_what_a_wrapped_server_records_by_hand_is_the_proxys(behind: Behind, tools: Tools) -> None:
    code = """
        with Recorder() as recorder:
            session = recorder.session(client="probe", key=("kind", "key"))
            session.record("tool", 1)
            with session.call("tool"):
                pass
            session.recorded(lambda: None)()
            print(recorder.enabled, recorder.flush(10), bool(session.id))
    """
    assert behind(code) == ["True True True"]
    assert tools() == []


def test_that_is_said_once_to_who_debugs(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stdin = os.fstat(0)
    mark = f"{SESSION} {stdin.st_dev}:{stdin.st_ino} {file.resolve()}"
    monkeypatch.setenv("DEVFLOW_ANALYTICS_WRAP", mark)
    caplog.set_level(logging.DEBUG, "devflow_analytics_recorder")
    with Recorder(file) as recorder:
        for _ in range(3):
            recorder.session().record("tool", 1)
    assert [(entry.levelname, entry.getMessage()) for entry in caplog.records] == [
        ("DEBUG", "calls are recorded by the proxy before this server, and not by itself")
    ]


def test_a_child_that_reads_from_the_same_pipe_is_of_the_same_server(
    behind: Behind, tools: Tools
) -> None:
    behind(f"run({IN_A_CHILD!r})\nfork(lambda: record('fork'))\nrecord('server')")
    assert tools() == []


def test_a_child_with_another_standard_input_is_another_program(
    behind: Behind, tools: Tools
) -> None:
    behind(f"run({IN_A_CHILD!r}, stdin=subprocess.DEVNULL)\nrun({IN_A_CHILD!r}, input=b'')")
    assert tools() == ["child", "child"]


def test_a_forked_child_that_lets_go_of_the_pipe_is_another_program(
    behind: Behind, tools: Tools
) -> None:
    code = """
        recorder = Recorder()
        session = recorder.session()
        session.record("parent", 1)

        def leave():
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            session.record("child", 1)
            recorder.close()

        fork(leave)
        session.record("parent", 1)
    """
    behind(code)
    assert tools() == ["child"]


def test_a_server_whose_framework_moves_the_pipe_is_still_wrapped_and_its_children_are_not(
    behind: Behind, tools: Tools
) -> None:
    code = f"""
        import fcntl
        fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        record("server")
        run({IN_A_CHILD!r})
    """
    behind(code)
    assert tools() == ["child"]


def test_a_server_without_standard_input_is_not_wrapped(behind: Behind, tools: Tools) -> None:
    behind("os.close(0)\nrecord('server')")
    assert tools() == ["server"]


@pytest.mark.parametrize(
    "mark",
    [
        "",
        " ",
        "  ",
        SESSION,
        "{session} {pipe}",
        "{session} {pipe} ",
        "{session}  {pipe} {file}",
        "{session} {pipe}  {file}",
        "{session} 1:1 {file}",
        "{session} {pipe} {file}/",
        "{session} {pipe} analytics.db",
        "no-session {pipe} {file}",
        "0199C82C-C000-7ABC-8DEF-0123456789AB {pipe} {file}",
        "0199c82c-c000-4abc-8def-0123456789ab {pipe} {file}",
        "0199c82cc0007abc8def0123456789ab {pipe} {file}",
        "----0199c82cc0007abc8def0123456789ab {pipe} {file}",
        "0199c82c-c000-7abc-8def-0123456789a\u0665 {pipe} {file}",
    ],
)
def test_what_is_no_mark_changes_nothing(
    behind: Behind, tools: Tools, file: Path, pipe: int, mark: str
) -> None:
    found = os.fstat(pipe)
    words = {"session": SESSION, "file": file.resolve()}
    behind("record('tool')", mark=mark.format(pipe=f"{found.st_dev}:{found.st_ino}", **words))
    assert tools() == ["tool"]


def test_a_database_may_have_spaces_in_its_name(behind: Behind, tmp_path: Path, pipe: int) -> None:
    other = tmp_path / "a b  c.db"
    found = os.fstat(pipe)
    mark = f"{SESSION} {found.st_dev}:{found.st_ino} {other.resolve()}"
    behind(f"record('tool', Recorder({str(other)!r}))", mark=mark)
    assert not other.exists()


def test_without_a_mark_nothing_is_imported_for_it(behind: Behind) -> None:
    code = "record('tool'); print('devflow_analytics_recorder.wrapped' in sys.modules)"
    assert behind(code, mark="") == ["False"]
