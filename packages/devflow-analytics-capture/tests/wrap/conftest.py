"""A proxy as a client starts it: a process between two pipes, with a real server behind it.

Nothing here waits for time to pass. What takes longer than `PATIENCE` hangs, and the test fails.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from devflow_analytics_recorder import drain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    Rows: TypeAlias = list[dict[str, Any]]

PATIENCE = 60.0
"""In seconds: far more than anything here takes."""

WRAP = "import sys; from devflow_analytics_capture import wrap; wrap(sys.argv[1:])"

PLAYER = """
import json, os, sys
for step in json.loads(sys.argv[1]):
    if step == "<":
        sys.stdin.buffer.readline()
    elif isinstance(step, str):
        rest = step.encode()
        while rest:
            rest = rest[os.write(1, rest):]
    elif step is None:
        sys.stdin.buffer.read()
    else:
        os._exit(step)
"""


class Process:
    """A process that can be waited for, whoever's child it is."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._file = os.pidfd_open(number)

    def wait(self) -> None:
        """Wait until it has ended."""
        poll = select.poll()
        poll.register(self._file, select.POLLIN)
        assert poll.poll(PATIENCE * 1000), f"process {self.number} runs on"

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send it a signal, if it runs."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._file, number)

    def close(self) -> None:
        """Kill it, and let go of it."""
        self.kill()
        os.close(self._file)


class Proxy:
    """A proxy, seen from its client."""

    def __init__(self, started: subprocess.Popen[bytes], stack: ExitStack) -> None:
        self.started = started
        self.pid = started.pid
        self._stack = stack
        self._read = b""
        # descriptors of its own, so that closing one is seen at the other side at once
        self.input = os.dup(started.stdin.fileno()) if started.stdin else -1
        self.output = os.dup(started.stdout.fileno()) if started.stdout else -1
        self.errors = os.dup(started.stderr.fileno()) if started.stderr else -1
        for file in (started.stdin, started.stdout, started.stderr):
            if file:
                file.close()
        for number in (self.output, self.input):
            if number >= 0:
                os.set_blocking(number, False)

    def process(self, number: int) -> Process:
        """Watch a process, and kill it when the test is over."""
        found = Process(number)
        self._stack.callback(found.close)
        return found

    def server(self) -> Process:
        """Read the first line that the server writes, which is its process id, and watch it."""
        return self.process(int(self.line()))

    def send(self, *lines: object) -> None:
        """Write lines; what is no bytes is written as JSON."""
        self.exchange([line if isinstance(line, bytes) else _json(line) for line in lines], 0)

    def line(self) -> bytes:
        """Read a line, without its end; b"" if there is none any more."""
        while b"\n" not in self._read:
            _ready(self.output, select.POLLIN)
            data = os.read(self.output, 65_536)
            if not data:
                break
            self._read += data
        line, _, self._read = self._read.partition(b"\n")
        return line

    def ask(self, line: object) -> Any:
        """Write a line, and return the one that comes, read as JSON."""
        self.send(line)
        return json.loads(self.line())

    def exchange(self, pieces: Iterable[bytes], size: int | None = None) -> bytes:
        """Write pieces and read at the same time.

        Args:
            pieces: what to write.
            size: how much to read; without it all, and the input is closed after the last piece.
        """
        found, self._read = bytearray(self._read), b""
        left = iter(pieces)
        piece = memoryview(next(left, b""))
        while piece or size is None or len(found) < size:
            poll = select.poll()
            if piece:
                poll.register(self.input, select.POLLOUT)
            if size is None or len(found) < size:
                poll.register(self.output, select.POLLIN)
            if not piece and size is None:
                self.close_input()
            events = dict(poll.poll(PATIENCE * 1000))
            assert events, "nothing passes"
            if self.output in events:
                data = os.read(self.output, 1_048_576)
                if not data:
                    break
                found += data
            if piece and self.input in events:
                piece = piece[os.write(self.input, piece) :] or memoryview(next(left, b""))
        if size is None:
            return bytes(found)
        self._read = bytes(found[size:])
        return bytes(found[:size])

    def close_input(self) -> None:
        """Close what the proxy reads."""
        if self.input >= 0:
            os.close(self.input)
            self.input = -1

    def close_output(self) -> None:
        """Close what the proxy writes to."""
        if self.output >= 0:
            os.close(self.output)
            self.output = -1

    def wait(self) -> int:
        """Wait until it has ended; return its exit status, or less than 0 for a signal."""
        return self.started.wait(PATIENCE)

    def kill(self, number: int) -> None:
        """Send it a signal."""
        self.started.send_signal(number)

    def finish(self) -> tuple[int, bytes, bytes]:
        """Close its input and wait; return its exit status, what was not read, and its stderr."""
        self.close_input()
        out = self.exchange([]) if self.output >= 0 else b""
        errors = self.said() if self.errors >= 0 else b""
        return self.wait(), out, errors

    def said_line(self) -> bytes:
        """Read a line of its stderr."""
        found = b""
        while not found.endswith(b"\n"):
            _ready(self.errors, select.POLLIN)
            data = os.read(self.errors, 1)
            assert data
            found += data
        return found

    def said(self) -> bytes:
        """Read its stderr to the end."""
        found = b""
        while True:
            _ready(self.errors, select.POLLIN)
            data = os.read(self.errors, 65_536)
            if not data:
                return found
            found += data

    def close(self) -> None:
        """Kill it, if it runs, and let go of everything."""
        self.started.kill()
        self.started.wait()
        self.close_input()
        self.close_output()
        if self.errors >= 0:
            os.close(self.errors)


def _json(line: object) -> bytes:
    return json.dumps(line).encode() + b"\n"


def _ready(file: int, events: int) -> None:
    poll = select.poll()
    poll.register(file, events)
    assert poll.poll(PATIENCE * 1000), "nothing comes"


@pytest.fixture
def start() -> Iterator[Callable[..., Proxy]]:
    """Start a proxy before a command; its streams are pipes unless others are named."""
    with ExitStack() as stack:

        def start(*command: object, direct: bool = False, **options: Any) -> Proxy:
            before = [] if direct else [sys.executable, "-c", WRAP]
            given = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
            environment = options.pop("env", os.environ) | options.pop("environment", {})
            proxy = Proxy(
                subprocess.Popen(
                    [*before, *map(str, command)], **{**given, **options, "env": environment}
                ),
                stack,
            )
            stack.callback(proxy.close)
            return proxy

        yield start


@pytest.fixture
def script() -> Callable[..., list[str]]:
    """Return the command that runs some Python, which knows os, sys and signal."""

    def script(source: str, *arguments: object) -> list[str]:
        source = f"import os, sys, signal\n{source}"
        return [sys.executable, "-I", "-S", "-c", source, *map(str, arguments)]

    return script


@pytest.fixture
def player() -> Callable[..., list[str]]:
    """Return the command of a server that does one thing after the other, and ends.

    It reads a line for ``<``, writes any other text, reads to the end for None, and ends with a
    number as its exit status.
    """

    def player(*steps: object) -> list[str]:
        return [sys.executable, "-I", "-S", "-c", PLAYER, json.dumps(steps)]

    return player


@pytest.fixture
def recorded(file: Path, calls: Callable[[], Rows]) -> Callable[..., list[tuple[Any, ...]]]:
    """Return what is recorded of each call, after whatever waits is written."""

    def recorded(*columns: str) -> list[tuple[Any, ...]]:
        names = columns or ("tool_name", "status", "error_kind")
        drain(file)
        return [tuple(row[name] for name in names) for row in calls()]

    return recorded
