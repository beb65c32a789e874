"""That a server is given what it would be given without us."""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devflow_analytics_recorder import call_id

Start = Callable[..., Any]
Command = Callable[..., list[str]]

MARK = "DEVFLOW_ANALYTICS_WRAP"
SHOW_ENVIRONMENT = ["sh", "-c", "exec cat /proc/self/environ"]
STATE = """
import json, resource
json.dump({
    "limits": [resource.getrlimit(number) for number in range(16)],
    "group": os.getpgid(0),
    "session": os.getsid(0),
    "umask": os.umask(0),
    "directory": os.getcwd(),
    "nice": os.nice(0),
    "files": sorted(map(int, os.listdir("/proc/self/fd"))),
}, sys.stdout)
"""


def environment_of(proxy: Any) -> dict[bytes, bytes]:
    status, out, said = proxy.finish()
    assert (status, said) == (0, b"")
    pairs = [pair.partition(b"=") for pair in out.split(b"\0") if pair]
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize("switch", [None, "0"])
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"LC_CTYPE": "C"},
        {"LC_CTYPE": "C.UTF-8"},
        {"LC_CTYPE": "C", "LC_ALL": "C"},
        {"LC_ALL": "C.UTF-8", "LC_CTYPE": "UTF-8"},
        {"LANG": "C", "EMPTY": "", "TWO": "1\n=2", "\udcff": "\udcff"},
    ],
    ids=repr,
)
def test_the_environment_is_the_same_but_for_our_mark(
    given: dict[str, str], switch: str | None, start: Start, home: Path
) -> None:
    usual = {"PATH": os.environ["PATH"], "HOME": str(home), **given}
    if switch is not None:
        usual["DEVFLOW_ANALYTICS_ENABLED"] = switch
    found = environment_of(start(*SHOW_ENVIRONMENT, env=usual))
    shells = environment_of(start(*SHOW_ENVIRONMENT, env=usual, direct=True))
    mark = found.pop(MARK.encode(), None)
    assert found == shells
    assert (mark is None) == (switch is not None)


def test_the_mark_names_the_session_the_input_and_the_database(
    start: Start, script: Command, file: Path
) -> None:
    shows = f"""
found = os.fstat(0)
os.write(1, f"{{os.environ['{MARK}']}}\\n{{found.st_dev}}:{{found.st_ino}}\\n".encode())
"""
    proxy = start(*script(shows), environment={MARK: "of another, around us"})
    session, its_input, database = proxy.line().decode().split(" ", 2)
    assert proxy.line().decode() == its_input
    assert database == str(file)
    assert call_id(session, 1)  # a UUID of version 7, or it raises
    assert proxy.finish() == (0, b"", b"")


def test_the_mark_has_no_links_in_it(start: Start, home: Path, tmp_path: Path, file: Path) -> None:
    (tmp_path / "link").symlink_to(home)
    found = environment_of(start(*SHOW_ENVIRONMENT, environment={"HOME": str(tmp_path / "link")}))
    assert found[MARK.encode()].split(b" ", 2)[2] == os.fsencode(file)


def test_without_a_home_in_the_environment_it_is_the_users(start: Start) -> None:
    usual = {"PATH": os.environ["PATH"]}
    found = environment_of(start(*SHOW_ENVIRONMENT, env=usual))
    database = Path(pwd.getpwuid(os.getuid()).pw_dir).resolve() / ".devflow" / "analytics.db"
    assert found[MARK.encode()].split(b" ", 2)[2] == os.fsencode(database)


Outputs = Callable[..., list[bytes]]


@pytest.fixture
def outputs(start: Start) -> Outputs:
    """Return what a command prints behind the proxy, and without it."""

    def outputs(*command: str, switch: str, prepare: Callable[[], None]) -> list[bytes]:
        found = []
        for direct in (False, True):
            environment = {"DEVFLOW_ANALYTICS_ENABLED": switch}
            proxy = start(*command, environment=environment, preexec_fn=prepare, direct=direct)
            status, out, said = proxy.finish()
            assert (status, said) == (0, b"")
            found.append(re.sub(rb"\b%d\b" % proxy.pid, b"PID", out))
        return found

    return outputs


@pytest.mark.parametrize("switch", ["1", "0"])
def test_limits_group_and_the_like_are_the_same(
    switch: str, outputs: Outputs, script: Command
) -> None:
    def prepare() -> None:
        os.setpgid(0, 0)
        os.umask(0o27)
        os.nice(3)

    ours, without = outputs(*script(STATE), switch=switch, prepare=prepare)
    assert ours == without
    assert json.loads(ours.replace(b"PID", b"0"))["group"] == 0


@pytest.mark.parametrize("switch", ["1", "0"])
@pytest.mark.parametrize("kind", ["usual", "blocked and ignored"])
def test_what_is_done_with_signals_is_the_same(kind: str, switch: str, outputs: Outputs) -> None:
    def prepare() -> None:
        if kind != "usual":
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR1])
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    command = ["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]
    masks = [
        # without the two that the C library keeps for itself
        [int(line.split()[1], 16) & ~(3 << 31) for line in out.splitlines()]
        for out in outputs(*command, switch=switch, prepare=prepare)
    ]
    assert masks[0] == masks[1]
    assert any(masks[0]) == (kind != "usual")


@pytest.mark.parametrize("switch", ["1", "0"])
def test_a_file_beside_the_usual_three_is_the_servers_alone(
    switch: str, start: Start, script: Command
) -> None:
    """As Node passes the channel over which a parent and its child talk."""
    ours, its = socket.socketpair()
    talks = """
import socket
with socket.socket(fileno=int(sys.argv[1])) as other:
    other.sendall(other.recv(9).upper())
os.read(0, 1)
"""
    proxy = start(
        *script(talks, its.fileno()),
        pass_fds=[its.fileno()],
        environment={"DEVFLOW_ANALYTICS_ENABLED": switch},
    )
    its.close()
    with ours:
        ours.sendall(b"hello")
        assert ours.recv(9) == b"HELLO"
        assert ours.recv(9) == b""  # it has closed it, and nobody else has it
    assert proxy.finish() == (0, b"", b"")


def test_what_the_proxy_opens_the_server_does_not_get(start: Start, script: Command) -> None:
    lists = "os.write(1, repr(sorted(map(int, os.listdir('/proc/self/fd')))).encode())"
    # the fourth is that of the directory that is listed
    assert start(*script(lists)).finish() == (0, b"[0, 1, 2, 3]", b"")


def test_the_switch_puts_the_server_in_our_place(start: Start, script: Command, home: Path) -> None:
    proxy = start(
        *script("os.write(1, b'%d\\n' % os.getpid()); os.read(0, 1)"),
        environment={"DEVFLOW_ANALYTICS_ENABLED": "no"},
    )
    assert proxy.line() == b"%d" % proxy.pid
    assert proxy.finish() == (0, b"", b"")
    assert os.listdir(home) == []


def test_without_a_call_nothing_is_made(start: Start, home: Path) -> None:
    assert start("cat").finish() == (0, b"", b"")
    assert os.listdir(home) == []


def test_arguments_reach_the_server_as_they_are(start: Start, script: Command) -> None:
    words = ["", " ", "--", "-x", "\udcff\udc80é", "a\nb", "--server"]
    shows = "os.write(1, b'\\0'.join(map(os.fsencode, sys.argv[1:])))"
    proxy = start(*script(shows, *words))
    assert proxy.finish() == (0, b"\0".join(map(os.fsencode, words)), b"")


def test_the_servers_parent_is_the_proxy(start: Start, script: Command) -> None:
    proxy = start(*script("os.write(1, b'%d' % os.getppid())"))
    assert proxy.finish() == (0, b"%d" % proxy.pid, b"")
