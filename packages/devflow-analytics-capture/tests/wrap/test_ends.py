"""How a proxy ends: as its server does, with nothing cut and nothing left."""

from __future__ import annotations

import itertools
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Start = Callable[..., Any]
Command = Callable[..., list[str]]

DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
SAY_PID = "os.write(1, b'%d\\n' % os.getpid())\n"
STAY = "while True: signal.pause()\n"
READ_ON = "while os.read(0, 65536): pass\n"


@pytest.mark.parametrize("status", [0, 3, 255])
def test_the_exit_status_is_the_servers(status: int, start: Start, player: Command) -> None:
    assert start(*player(None, status)).finish() == (status, b"", b"")


@pytest.mark.parametrize(
    "name", ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGSEGV", "SIGABRT", "SIGPIPE", "SIGRTMIN"]
)
def test_the_signal_that_ends_the_server_ends_the_proxy(
    name: str, start: Start, script: Command
) -> None:
    number = signal.Signals[name]
    dies = f"signal.signal({number}, signal.SIG_DFL)\n" if number != signal.SIGKILL else ""
    proxy = start(*script(f"os.write(1, b'last')\n{dies}os.kill(os.getpid(), {number})"))
    assert proxy.finish() == (-number, b"last", b"")


def test_a_core_is_the_servers_alone(start: Start, script: Command, tmp_path: Path) -> None:
    pattern = Path("/proc/sys/kernel/core_pattern").read_text(encoding="utf-8").strip()
    if not pattern.startswith("core") or resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("no cores in the working directory here")
    (tmp_path / "cores").mkdir()
    crash = script("signal.signal(11, signal.SIG_DFL); os.kill(os.getpid(), 11)")
    proxy = start(
        *crash,
        cwd=tmp_path / "cores",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1)),
    )
    assert proxy.finish()[0] == -signal.SIGSEGV
    (core,) = (tmp_path / "cores").iterdir()
    with core.open("rb") as file:
        assert b" -I -S -c " in file.read(20_000)  # among the notes, with which a core begins


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        ("missing", 127, "No such file or directory"),
        ("missing in PATH", 127, "No such file or directory"),
        ("empty", 127, "No such file or directory"),
        ("not executable", 126, "Permission denied"),
        ("directory", 126, "Permission denied"),
        ("below a file", 126, "Not a directory"),
    ],
)
@pytest.mark.parametrize("switch", ["1", "0"])
def test_a_command_that_cannot_be_run_is_said(
    kind: str, status: int, said: str, switch: str, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "file").touch(0o644)
    command = {
        "missing": f"{tmp_path}/none",
        "missing in PATH": "there-is-no-such-server",
        "empty": "",
        "not executable": f"{tmp_path}/file",
        "directory": f"{tmp_path}",
        "below a file": f"{tmp_path}/file/none",
    }[kind]
    line = f"devflow-analytics: cannot run {command!r}: {said}\n".encode()
    proxy = start(command, environment={"DEVFLOW_ANALYTICS_ENABLED": switch})
    assert proxy.finish() == (status, b"", line)


@pytest.mark.parametrize("switch", ["1", "0"])
def test_a_program_without_a_first_line_that_names_another_is_a_shells(
    switch: str, start: Start, tmp_path: Path
) -> None:
    """As for whoever starts it by ``execvp`` of the C library, as Node does."""
    server = tmp_path / "server"
    server.write_text('echo "$0" "$@"; exit 7', encoding="utf-8")
    server.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}/none:{tmp_path}:{os.environ['PATH']}",
        "DEVFLOW_ANALYTICS_ENABLED": switch,
    }
    for command in (str(server), "server"):
        proxy = start(command, "a b", environment=environment)
        assert proxy.finish() == (7, f"{server} a b\n".encode(), b"")


def test_the_end_of_what_the_client_says_reaches_the_server_at_once(
    start: Start, script: Command
) -> None:
    proxy = start(*script(f"{READ_ON}os.write(1, b'end\\n')\n{STAY}"))
    proxy.close_input()
    assert proxy.line() == b"end"


def test_a_server_may_answer_for_long_after_the_end_of_its_input(
    start: Start, script: Command
) -> None:
    proxy = start(*script(f"{SAY_PID}{READ_ON}signal.pause()\n", 0))
    proxy.close_input()
    server = proxy.server()
    server.kill(signal.SIGUSR1)
    assert proxy.wait() == -signal.SIGUSR1


def test_a_server_that_ignores_the_end_of_its_input_is_told_by_a_signal(
    start: Start, script: Command
) -> None:
    proxy = start(*script(f"{SAY_PID}{STAY}"))
    server = proxy.server()
    proxy.close_input()
    proxy.kill(signal.SIGTERM)
    server.wait()
    assert proxy.finish() == (-signal.SIGTERM, b"", b"")


def test_a_server_that_ignores_that_too_is_killed_before_its_proxy_would_be(
    start: Start, script: Command
) -> None:
    proxy = start(*script(f"{DEAF}{SAY_PID}{STAY}"))
    server = proxy.server()
    proxy.close_input()
    proxy.kill(signal.SIGTERM)
    server.wait()
    assert proxy.finish() == (-signal.SIGKILL, b"", b"")


def test_a_server_that_is_told_to_end_and_still_has_a_client_is_not_killed(
    start: Start, script: Command
) -> None:
    answers = f"{DEAF}{SAY_PID}while data := os.read(0, 9): os.write(1, data)"
    proxy = start(*script(answers))
    proxy.server()
    proxy.kill(signal.SIGTERM)
    assert proxy.exchange([b"still"], 5) == b"still"
    assert proxy.finish() == (0, b"", b"")


def test_a_server_may_close_its_output_and_live_on(start: Start, script: Command) -> None:
    proxy = start(*script(f"{SAY_PID}os.close(1)\nos.write(2, os.read(0, 9))\nos._exit(5)"))
    proxy.server()
    assert proxy.line() == b""
    os.write(proxy.input, b"here")
    assert proxy.finish() == (5, b"", b"here")


def test_a_server_may_close_its_input_and_live_on(start: Start, script: Command) -> None:
    proxy = start(*script(f"os.close(0)\n{SAY_PID}signal.pause()"))
    server = proxy.server()
    with pytest.raises(BrokenPipeError):  # as the server's own would do
        proxy.exchange(itertools.repeat(b"x" * 65_536), 0)
    server.kill(signal.SIGUSR2)
    assert proxy.finish() == (-signal.SIGUSR2, b"", b"")


def test_nothing_is_cut_of_what_a_child_of_the_server_writes_after_it(
    start: Start, script: Command
) -> None:
    launcher = """
if os.fork():
    os._exit(4)
data = os.read(0, 9)
for _ in range(2000):
    os.write(1, data * 100)
"""
    proxy = start(*script(launcher))
    assert proxy.exchange([b"x"]) == b"x" * 200_000
    assert proxy.finish() == (4, b"", b"")


LEAVES = """
gate, = sys.argv[1:]
child = os.fork()
if child:
    os.write(1, b'%d\\n' % child)
    while os.read(0, 65536): pass
    os._exit(3)
os.open(gate, os.O_RDONLY)
os.write(1, b'late\\n')
"""
"""Ends with its input, but for a process that writes once somebody has opened a named pipe."""


def test_a_client_sees_a_server_end_that_leaves_its_output_to_another(
    start: Start, script: Command, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "gate")
    proxy = start(*script(LEAVES, tmp_path / "gate"))
    proxy.server()
    proxy.close_input()
    assert proxy.wait() == 3
    os.close(os.open(tmp_path / "gate", os.O_WRONLY))
    assert (proxy.line(), proxy.line()) == (b"late", b"")


def test_what_a_server_leaves_behind_is_told_that_nobody_reads_it(
    start: Start, script: Command, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "gate")
    on_and_on = f"{LEAVES}while True: os.write(1, b'late')"  # until it gets SIGPIPE
    proxy = start(
        *script(f"signal.signal(signal.SIGPIPE, signal.SIG_DFL){on_and_on}", tmp_path / "gate")
    )
    left = proxy.server()
    proxy.close_input()
    assert proxy.wait() == 3
    proxy.close_output()
    os.close(os.open(tmp_path / "gate", os.O_WRONLY))
    left.wait()


def test_the_last_that_a_server_writes_before_it_ends_is_there(start: Start) -> None:
    proxy = start("sh", "-c", "head -c 50000000 /dev/zero; exit 9")
    assert proxy.finish() == (9, b"\0" * 50_000_000, b"")


def test_nothing_is_cut_though_the_proxy_is_told_to_end_after_its_server(
    start: Start, script: Command
) -> None:
    proxy = start(*script(f"{SAY_PID}os.write(1, b'x' * 200_000)"))
    proxy.server().wait()
    proxy.kill(signal.SIGTERM)
    status, out, said = proxy.finish()
    assert (status, len(out), said) == (0, 200_000, b"")
