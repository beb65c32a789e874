"""That neither side waits for ever, and that little memory is used, however much is said."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

Start = Callable[..., Any]
Command = Callable[..., list[str]]

MIB = 1_048_576

ECHO_LINES = """
sys.stdout = sys.stdout.buffer
for line in sys.stdin.buffer:
    sys.stdout.write(line)
    sys.stdout.flush()
"""
WRITES_UNTIL_STOPPED = """
import select
os.set_blocking(1, False)
written = 0
while not select.select([0], [1], [])[0]:
    written += os.write(1, b'y' * 4096)
os.write(2, b'%d\\n' % written)
"""
WRITES_FIRST = """
left = int(sys.argv[1])
while left:
    left -= os.write(1, b'y' * min(left, 65536))
read = 0
while data := os.read(0, 65536):
    read += len(data)
os.write(1, b'%d' % read)
"""


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure no coverage, which takes memory."""
    for name in [name for name in os.environ if name.startswith("COVERAGE")]:
        monkeypatch.delenv(name)


def unread(file: int) -> int:
    """Return how much there is to be read of a pipe."""
    return int(struct.unpack("i", fcntl.ioctl(file, termios.FIONREAD, b"    "))[0])


def most_memory(proxy: Any) -> float:
    """Return the most memory that a proxy has had, in MiB."""
    status = Path(f"/proc/{proxy.pid}/status").read_text(encoding="utf-8")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    ("source", "size"), [("cat /dev/zero", 200 * MIB), ("yes", 20 * MIB)], ids=["line", "lines"]
)
def test_large_answers_pass_in_little_memory(source: str, size: int, start: Start) -> None:
    proxy = start("sh", "-c", f"{source} | head -c {size}; read x")
    assert len(proxy.exchange([], size)) == size
    assert most_memory(proxy) < 30
    proxy.send(b"\n")
    assert proxy.finish() == (0, b"", b"")


@pytest.mark.usefixtures("plain")
def test_what_nobody_reads_waits_with_the_server(start: Start, script: Command) -> None:
    """The server writes without end, up to when it is told to stop."""
    proxy = start(*script(WRITES_UNTIL_STOPPED))
    room = fcntl.fcntl(proxy.output, fcntl.F_GETPIPE_SZ)
    end = monotonic() + 60
    while unread(proxy.output) < room - select.PIPE_BUF:
        assert monotonic() < end
        os.sched_yield()
    proxy.send(b"\n")
    written = int(proxy.said_line())
    assert room <= written < MIB
    assert most_memory(proxy) < 30
    assert proxy.exchange([]) == b"y" * written
    assert proxy.finish() == (0, b"", b"")


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("kind", ["a call", "noise"])
def test_a_line_of_100_mib_passes_both_ways(kind: str, start: Start, script: Command) -> None:
    head = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":"'
    begin, end = (head, b'"}}}\n') if kind == "a call" else (b"x", b"\n")
    filling = b"a" * MIB
    size = len(begin) + 100 * MIB + len(end)

    def pieces() -> Iterator[bytes]:
        yield begin
        for _ in range(100):
            yield filling
        yield end

    proxy = start(*script(ECHO_LINES))
    found = proxy.exchange(pieces(), size)
    assert len(found) == size
    assert found.startswith(begin)
    assert found.endswith(end)
    assert found.count(b"a" * MIB) == 100 or kind == "a call"
    assert most_memory(proxy) < 30
    assert proxy.finish() == (0, b"", b"")


def test_both_may_write_8_mib_before_they_read(start: Start, script: Command) -> None:
    size = 8 * MIB
    proxy = start(*script(WRITES_FIRST, size))
    found = proxy.exchange([b"x" * size], size)
    assert found == b"y" * size
    assert proxy.finish() == (0, b"%d" % size, b"")


def test_a_client_may_write_8_mib_before_it_reads(start: Start, script: Command) -> None:
    size = 8 * MIB
    proxy = start(*script(f"{WRITES_FIRST}", 0))
    proxy.exchange([b"x" * size], 0)
    assert proxy.finish() == (0, b"%d" % size, b"")
