"""That a signal reaches the server as if it had been sent to it, once."""

from __future__ import annotations

import os
import pty
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Start = Callable[..., Any]
Command = Callable[..., list[str]]

COUNTS = """
import select
signals, tell = os.pipe()
os.set_blocking(tell, False)
signal.set_wakeup_fd(tell)
for number in map(int, sys.argv[2:]):
    signal.signal(number, lambda *_: None)
os.write(1, b'%d\\n' % os.getpid())
while True:
    for file in select.select([0, signals], [], [])[0]:
        data = os.read(file, 4096)
        if file == signals:
            for number in data:
                os.write(1, b'got %d\\n' % number)
        elif data:
            os.write(1, data)
        else:
            os._exit(int(sys.argv[1]))
"""
"""A handler in Python would not run if its signal came just before a read that waits."""

EARLY = """
number = int(sys.argv[1])
signal.pthread_sigmask(signal.SIG_BLOCK, {number})
os.kill(os.getppid(), number)
signal.sigwait({number})
os._exit(8)
"""

ALL = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")


@pytest.fixture
def counts(script: Command) -> list[str]:
    """A server that says which signals it gets, repeats each line, and ends with 6."""
    return script(COUNTS, 6, *(int(signal.Signals[name]) for name in ALL))


@pytest.mark.parametrize("name", ALL)
def test_a_signal_reaches_the_server_once(name: str, start: Start, counts: list[str]) -> None:
    number = signal.Signals[name]
    proxy = start(*counts)
    proxy.server()
    for _ in range(3):
        proxy.kill(number)
        assert proxy.line() == b"got %d" % number
    proxy.send(b"all\n")
    assert proxy.line() == b"all"
    assert proxy.finish() == (6, b"", b"")


def test_a_signal_from_the_very_first_moment_reaches_the_server(
    start: Start, script: Command
) -> None:
    """Its parent, which is the proxy, gets it while it imports what it needs."""
    proxy = start(*script(EARLY, int(signal.SIGUSR1)))
    assert proxy.finish() == (8, b"", b"")


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGTERM"])
def test_what_the_client_has_us_ignore_the_server_ignores(
    name: str, start: Start, script: Command
) -> None:
    """As under nohup."""
    number = signal.Signals[name]
    proxy = start(*script(COUNTS, 6), preexec_fn=lambda: signal.signal(number, signal.SIG_IGN))
    proxy.server()
    proxy.kill(number)
    proxy.send(b"on\n")
    assert proxy.line() == b"on"
    assert proxy.finish() == (6, b"", b"")


def test_a_client_that_ignores_the_ends_of_its_children_gets_the_status_all_the_same(
    start: Start, script: Command
) -> None:
    ignored = f"os._exit(signal.getsignal({int(signal.SIGCHLD)}) == signal.SIG_IGN)"
    proxy = start(
        *script(ignored), preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    )
    assert proxy.finish() == (1, b"", b"")


Terminal = tuple[int, Callable[[], None]]


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A terminal: its other end, and what makes it that of a process that begins."""
    master, slave = pty.openpty()

    def become() -> None:
        os.login_tty(slave)

    yield master, become
    os.close(slave)
    os.close(master)


def until(master: int, wanted: bytes) -> bytes:
    """Read what a terminal shows up to something."""
    found = b""
    while wanted not in found:
        found += os.read(master, 1000)
    return found


@pytest.fixture
def on_terminal(start: Start, terminal: Terminal) -> Callable[..., Any]:
    """Start a proxy with a terminal for everything; as its leader, or by a shell that is."""

    def on_terminal(*command: str, leader: str) -> Any:
        streams = dict.fromkeys(("stdin", "stdout", "stderr"))
        if leader == "proxy":
            return start(*command, preexec_fn=terminal[1], **streams)
        words = start("true").started.args[:3]
        shell = """trap "" INT QUIT HUP; (trap - INT QUIT HUP; exec "$@"); exit $?"""
        line = ["sh", "-c", shell, "sh", *words, *command]
        return start(*line, direct=True, preexec_fn=terminal[1], **streams)

    return on_terminal


@pytest.mark.parametrize("leader", ["proxy", "shell"])
@pytest.mark.parametrize(("key", "name"), [(b"\x03", "SIGINT"), (b"\x1c", "SIGQUIT")])
def test_a_key_at_the_terminal_reaches_the_server_once(
    key: bytes,
    name: str,
    leader: str,
    on_terminal: Callable[..., Any],
    counts: list[str],
    terminal: Terminal,
) -> None:
    master = terminal[0]
    proxy = on_terminal(*counts, leader=leader)
    until(master, b"\n")
    os.write(master, key)
    seen = until(master, b"got %d\r\n" % signal.Signals[name])
    os.write(master, b"all\n")
    seen += until(master, b"all\r\nall\r\n")
    assert seen.count(b"got") == 1
    os.write(master, b"\x04")
    assert proxy.wait() == 6


def test_the_end_of_the_terminal_ends_a_server_that_has_it(start: Start, script: Command) -> None:
    master, slave = pty.openpty()
    said, say = os.pipe()
    stays = "os.write(3, b'%d' % os.getpid())\nwhile True: signal.pause()"

    def become() -> None:
        os.login_tty(slave)
        os.dup2(say, 3)

    proxy = start(
        *script(stays),
        preexec_fn=become,
        pass_fds=[3],
        **dict.fromkeys(("stdin", "stdout", "stderr")),
    )
    os.close(slave)
    os.close(say)
    server = proxy.process(int(os.read(said, 100)))
    os.close(said)
    os.close(master)
    server.wait()
    assert proxy.wait() == -signal.SIGHUP
