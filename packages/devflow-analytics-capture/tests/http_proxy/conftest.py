"""A proxy between raw sockets: a test is both the client and the server, and sees every byte."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import pytest

from devflow_analytics_capture.proxy.http.proxy import HttpProxy, listen
from devflow_analytics_capture.proxy.http.upstream import upstream_at
from devflow_analytics_capture.proxy.http.watch import Watch
from devflow_analytics_capture.proxy.notes import Notes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECONDS = 60
"""How long anything may take."""

PIECE = 65_536


class End:
    """An end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connection
        self._read = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self, expected: bytes) -> None:
        """Receive exactly these bytes, and so far nothing more."""
        while len(self._read) < len(expected) and (piece := self.socket.recv(PIECE)):
            self._read += piece
        assert self._read == expected
        self._read = b""

    def head(self) -> bytes:
        """Receive up to the empty line after a head, without that."""
        while b"\r\n\r\n" not in self._read:
            piece = self.socket.recv(PIECE)
            assert piece, self._read
            self._read += piece
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        return head

    def body(self, length: int) -> bytes:
        """Receive as many bytes."""
        while len(self._read) < length:
            piece = self.socket.recv(PIECE)
            assert piece, self._read
            self._read += piece
        body, self._read = self._read[:length], self._read[length:]
        return body

    def receive_up_to(self, end: bytes) -> None:
        """Receive until these bytes have come."""
        while end not in self._read:
            piece = self.socket.recv(PIECE)
            assert piece
            self._read = self._read[-len(end) :] + piece

    def rest(self) -> bytes:
        """Receive all until the other end closes the connection."""
        try:
            while piece := self.socket.recv(PIECE):
                self._read += piece
        except ConnectionResetError:
            pass
        rest, self._read = self._read, b""
        return rest

    def message(self) -> tuple[bytes, bytes]:
        """Receive a head, and a body with ``Content-Length``."""
        head = self.head()
        return head, self.body(int(headers_of(head).get("content-length", 0)))

    def close(self) -> None:
        self.socket.close()


def headers_of(head: bytes) -> dict[str, str]:
    """Return the headers of a head, by names in lower case."""
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


class Server:
    """An MCP server, of which the test plays every part."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.socket.settimeout(SECONDS)
        self.host = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.url = f"http://{self.host}/mcp"
        self._ends: list[End] = []

    def accept(self) -> End:
        """Return the next connection."""
        end = End(self.socket.accept()[0])
        self._ends.append(end)
        return end

    @property
    def last(self) -> End:
        """The connection that was accepted last."""
        return self._ends[-1]

    def close(self) -> None:
        for end in self._ends:
            end.close()
        self.socket.close()


class Proxy:
    """A proxy that runs in a thread."""

    def __init__(self, url: str, watch: Watch | None, notes: Notes | None) -> None:
        listening = listen(None)
        self._proxy = HttpProxy(upstream_at(url), listening, watch)
        self._notes = notes
        self._ends: list[End] = []
        self._loop = asyncio.new_event_loop()
        self._end = self._loop.create_future()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self.url = self._proxy.url
        self.port = int(self.url.split(":")[2].split("/")[0])
        self.host = f"127.0.0.1:{self.port}"
        self.listens_at = listening.getsockname()

    def _run(self) -> None:
        self._loop.run_until_complete(self._proxy.serve(self._end))
        self._loop.close()

    def connect(self) -> End:
        """Return a new connection."""
        end = End(socket.create_connection(("127.0.0.1", self.port)))
        self._ends.append(end)
        return end

    def stop(self) -> None:
        """Let it end, as after a signal."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set_result, 0)
            self._thread.join()
            if self._notes is not None:
                self._notes.close(SECONDS)

    def close(self) -> None:
        for end in self._ends:
            end.close()
        self.stop()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


Start: TypeAlias = "Callable[..., Proxy]"


@pytest.fixture
def start(file: Path) -> Iterator[Start]:
    """Start a proxy for an address that notes calls, or not."""
    proxies: list[Proxy] = []

    def start(url: str, *, records: bool = True, **names: str | None) -> Proxy:
        notes = Notes(str(file)) if records else None
        names = {"server": None, "client": None, **names}
        watch = Watch(notes, **names) if notes else None
        proxies.append(Proxy(url, watch, notes))
        return proxies[-1]

    yield start
    for proxy in proxies:
        proxy.close()


@pytest.fixture
def proxy(server: Server, start: Start) -> Proxy:
    """A proxy for the server."""
    return start(server.url)


RUN = """
import json, sys
from devflow_analytics_capture import WrapUrl, wrap_url
sys.exit(wrap_url(WrapUrl(**json.loads(sys.argv[1]))))
"""
BODY = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"}}'
ANSWER = b'{"jsonrpc":"2.0","id":1,"result":{}}'


class Process:
    """A proxy in a process."""

    def __init__(
        self,
        url: str,
        *,
        ignored: tuple[int, ...] = (),
        stdout: IO[bytes] | None = None,
        **rest: str | int,
    ) -> None:
        def ignore() -> None:
            for number in (signal.SIGINT, *ignored):  # CI systems have background processes so
                signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

        environment = {name: str(rest.pop(name)) for name in [*rest] if name.isupper()}
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN, json.dumps({"url": url, **rest})],
            stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | environment,
            text=True,
            preexec_fn=ignore,  # noqa: PLW1509  no threads run here
        )
        self._ends: list[End] = []
        self.said = ""
        if self.process.stdout is None:
            self.host = f"127.0.0.1:{rest['port']}"
            while not self._listens():
                pass
            return
        while not self.said.endswith("end.\n"):
            line = self.process.stdout.readline()
            assert line, self.end()
            self.said += line
        self.host = re.findall(r"127\.0\.0\.1:\d+", self.said)[-1]

    def _listens(self) -> bool:
        try:
            self.connect().close()
        except ConnectionRefusedError:
            assert self.process.poll() is None
            return False
        return True

    def connect(self) -> End:
        host, _, port = self.host.partition(":")
        end = End(socket.create_connection((host, int(port))))
        self._ends.append(end)
        return end

    def ask(self, server: Server, *, is_answered: bool = True) -> End:
        """Make a call; return the connection."""
        client = self.connect()
        head = f"POST /mcp HTTP/1.1\r\nHost: {self.host}\r\nContent-Length: {len(BODY)}"
        client.send(head.encode() + b"\r\n\r\n" + BODY)
        end = server.accept()
        assert end.message()[1] == BODY
        if is_answered:
            end.send(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                % (len(ANSWER), ANSWER)
            )
            assert client.message()[1] == ANSWER
        return client

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        for end in self._ends:
            end.close()

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Send a signal; return the exit status, and what was said on stderr."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, errors


@pytest.fixture
def run() -> Iterator[Callable[..., Process]]:
    """Run a proxy in a process."""
    processes: list[Process] = []

    def run(url: str, **options: Any) -> Process:
        processes.append(Process(url, **options))
        return processes[-1]

    yield run
    for each in processes:
        each.close()


@pytest.fixture
def calls(proxy: Proxy, file: Path) -> Callable[[], list[dict[str, Any]]]:
    """Stop the proxy, and return what is in the database of the calls that it has seen."""

    def read() -> list[dict[str, Any]]:
        proxy.stop()
        with closing(sqlite3.connect(file)) as connection:
            connection.row_factory = sqlite3.Row
            rows = connection.execute(
                "SELECT t.*, s.client, s.client_version, s.tool_count, s.project FROM tool_calls t"
                " JOIN sessions s ON s.id = t.session_id ORDER BY t.rowid"
            )
            return [dict(row) for row in rows]

    return read
