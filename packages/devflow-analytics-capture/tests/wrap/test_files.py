"""That a client may connect us by anything that it could connect the server by."""

from __future__ import annotations

import os
import pty
import select
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Start = Callable[..., Any]
Command = Callable[..., list[str]]

UPPER = "while data := os.read(0, 65536): os.write(1, data.upper())"
BOTH = """
for _ in range(500):
    os.write(1, b'o' * 1000)
    os.write(2, b'e' * 1000)
"""
LARGE = 3_000_000


@contextmanager
def closing(*files: int) -> Iterator[None]:
    with ExitStack() as stack:
        for file in files:
            stack.callback(os.close, file)
        yield


def read_all(file: int) -> bytes:
    found = bytearray()
    while data := os.read(file, 1_048_576):
        found += data
    return bytes(found)


@pytest.mark.parametrize("sockets", ["two", "one"])
def test_sockets_of_which_only_the_clients_mode_counts(
    sockets: str, start: Start, script: Command
) -> None:
    """Two, as Node makes them; or one for both directions."""
    ours, its = socket.socketpair()
    our_output, its_output = (ours, its) if sockets == "one" else socket.socketpair()
    proxy = start(*script(UPPER), stdin=its, stdout=its_output)
    with ours, its, our_output, its_output:
        writer = threading.Thread(target=ours.sendall, args=[b"x" * LARGE])
        writer.start()
        found = bytearray()
        while len(found) < LARGE:
            found += our_output.recv(1_000_000)
        writer.join()
        assert os.get_blocking(its.fileno())
        assert os.get_blocking(its_output.fileno())
        ours.shutdown(socket.SHUT_WR)
        its.close()
        its_output.close()
        assert our_output.recv(9) == b""
        assert found == b"X" * LARGE
        assert proxy.finish() == (0, b"", b"")


def test_a_socket_whose_reader_is_gone(start: Start, script: Command) -> None:
    ours, its = socket.socketpair()
    our_output, its_output = socket.socketpair()
    proxy = start(*script("while True: os.write(1, b'x' * 9999)"), stdin=its, stdout=its_output)
    its.close()
    its_output.close()
    assert our_output.recv(9) == b"x" * 9
    our_output.close()
    ours.close()
    assert proxy.finish()[0] == 1  # BrokenPipeError


def test_files(start: Start, script: Command, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"ab\n" * 300_000)
    with (tmp_path / "in").open("rb") as source, (tmp_path / "out").open("wb") as sink:
        sink.write(b"before ")
        sink.flush()
        proxy = start(*script(UPPER), stdin=source, stdout=sink)
        assert proxy.finish() == (0, b"", b"")
        sink.seek(0, os.SEEK_END)
        sink.write(b" after")
    assert (tmp_path / "out").read_bytes() == b"before " + b"AB\n" * 300_000 + b" after"


def test_the_null_device(start: Start, script: Command) -> None:
    null = subprocess.DEVNULL
    proxy = start(
        *script(f"{UPPER}\nos.write(1, b'x' * 100_000)\nos._exit(4)"), stdin=null, stdout=null
    )
    assert proxy.finish() == (4, b"", b"")


def test_a_terminal(start: Start, script: Command) -> None:
    master, slave = pty.openpty()
    proxy = start(*script(UPPER), stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    with closing(master):
        os.write(master, b"abc\n")
        seen = b""
        while b"ABC\r\n" not in seen:
            seen += os.read(master, 1000)
        os.write(master, b"\x04")
        assert proxy.wait() == 0


def test_named_pipes(start: Start, script: Command, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "out")
    output = os.open(tmp_path / "out", os.O_RDONLY | os.O_NONBLOCK)
    with closing(output), (tmp_path / "out").open("wb") as sink:
        proxy = start(*script(UPPER), stdout=sink)
        proxy.send(b"abc")
        proxy.close_input()
        assert proxy.wait() == 0
        assert os.read(output, 9) == b"ABC"


def test_one_pipe_for_output_and_errors(start: Start, script: Command) -> None:
    proxy = start(*script(BOTH), stderr=subprocess.STDOUT)
    status, out, _ = proxy.finish()
    assert status == 0
    assert (out.count(b"o"), out.count(b"e")) == (500_000, 500_000)
    assert len(out) == 1_000_000


def test_a_pipe_that_others_write_to_waits_for_them_as_before(
    start: Start, script: Command
) -> None:
    output, its_output = os.pipe()
    with closing(output):
        with closing(its_output):
            proxy = start(*script(UPPER), stdout=its_output)
            proxy.send(b"abc")
            assert os.read(output, 9) == b"ABC"
            assert os.get_blocking(its_output)
        assert proxy.finish() == (0, b"", b"")


def test_a_pipe_that_nobody_reads_from_the_first(start: Start, script: Command) -> None:
    output, its_output = os.pipe()
    os.close(output)
    with closing(its_output):
        proxy = start(
            *script("signal.signal(13, signal.SIG_DFL)\nwhile os.write(1, b'x'): pass"),
            stdout=its_output,
        )
        assert proxy.wait() == -13  # SIGPIPE, though the client says nothing yet


@pytest.mark.parametrize("closed", [[0], [1], [2], [0, 1], [0, 1, 2]], ids=str)
def test_what_is_closed_at_the_start_is_empty_for_the_server(
    closed: list[int], start: Start, script: Command
) -> None:
    works = """
assert os.fstat(0) and os.fstat(1) and os.fstat(2)
assert not os.read(0, 9) or 0 not in map(int, sys.argv[1:])
os.write(1, b'out')
os.write(2, b'err')
os._exit(5)
"""
    proxy = start(
        *script(works, *closed), preexec_fn=lambda: [os.close(number) for number in closed]
    )
    if 0 not in closed:
        proxy.send(b"in")
    expected = (5, b"" if 1 in closed else b"out", b"" if 2 in closed else b"err")
    assert proxy.finish() == expected


def test_an_input_that_is_written_only(start: Start, tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        assert start("cat", stdin=file).finish() == (0, b"", b"")


def test_a_reader_that_is_slow_gets_all_of_it(start: Start) -> None:
    proxy = start("sh", "-c", "head -c 5000000 /dev/zero")
    poll = select.poll()
    poll.register(proxy.output, select.POLLIN)
    found = 0
    while data := (poll.poll() and os.read(proxy.output, 5000)):
        found += len(data)
    assert found == 5_000_000
    assert proxy.finish() == (0, b"", b"")
