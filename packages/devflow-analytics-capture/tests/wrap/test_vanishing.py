"""That nothing is left where the client, or the proxy itself, is suddenly gone."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

Start = Callable[..., Any]
Command = Callable[..., list[str]]

SAY_PID = "os.write(1, b'%d\\n' % os.getpid())\n"
FLOOD = "while True: os.write(1, b'y' * 9999)\n"
DEAF_FLOOD = """
while True:
    try: os.write(1, b'y' * 9999)
    except OSError: pass
"""
STAY = "while True: signal.pause()\n"
READ_ON = "while os.read(0, 65536): pass\n"
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


@pytest.mark.parametrize(
    ("server", "status"),
    [
        (READ_ON, 0),
        (FLOOD, 1),  # BrokenPipeError
        (STAY, -signal.SIGTERM),
        (DEAF + DEAF_FLOOD, -signal.SIGKILL),
    ],
    ids=["quiet", "flooding", "not listening", "deaf"],
)
def test_nothing_is_left_of_a_server_whose_client_is_gone(
    server: str, status: int, start: Start, script: Command
) -> None:
    proxy = start(*script(f"{SAY_PID}{server}"))
    running = proxy.server()
    proxy.close_output()
    proxy.close_input()
    running.wait()
    assert proxy.wait() == status


def test_nothing_is_left_of_what_a_launcher_left_whose_client_is_gone(
    start: Start, script: Command
) -> None:
    launcher = f"if os.fork(): os._exit(0)\n{SAY_PID}{READ_ON}"
    proxy = start(*script(launcher))
    running = proxy.server()
    proxy.close_input()
    proxy.close_output()
    running.wait()
    assert proxy.wait() == 0


@pytest.mark.parametrize("server", [READ_ON, FLOOD], ids=["quiet", "flooding"])
@pytest.mark.parametrize("kind", ["SIGKILL", "SIGALRM"])
def test_the_server_ends_if_the_proxy_is_killed(
    kind: str, server: str, start: Start, script: Command
) -> None:
    proxy = start(*script(f"{SAY_PID}{server}"))
    running = proxy.server()
    proxy.kill(signal.Signals[kind])
    assert proxy.wait() == -signal.Signals[kind]
    running.wait()


@pytest.mark.parametrize("server", [READ_ON, FLOOD], ids=["quiet", "flooding"])
def test_all_ends_if_the_client_is_killed(server: str, start: Start, script: Command) -> None:
    client = """
import subprocess
proxy = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
os.write(1, b'%d\\n' % proxy.pid + proxy.stdout.readline())
signal.pause()
"""
    wrapped = start("true")
    wrapped.finish()
    inner = [*wrapped.started.args[:3], *script(f"{SAY_PID}{server}")]
    running = start(*script(client, *inner), direct=True)
    proxy, inside = running.server(), running.server()
    running.kill(signal.SIGKILL)
    proxy.wait()
    inside.wait()
