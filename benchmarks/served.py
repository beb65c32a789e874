"""Servers in processes of their own: ours, and the least that serves a page."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import urlsplit

from benchmarks.processes import COMMAND

if TYPE_CHECKING:
    from types import TracebackType

BARE = """
import json, socket, uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

async def page(request):
    return HTMLResponse("<!doctype html><title>Empty</title><p>Empty</p>")

listening = socket.socket(proto=socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY on no other
listening.bind(("127.0.0.1", 0))
listening.listen()
port = listening.getsockname()[1]
print(json.dumps({"url": f"http://127.0.0.1:{port}/#key="}), flush=True)
config = uvicorn.Config(
    Starlette(routes=[Route("/", page)]),
    access_log=False, http="h11", lifespan="off", log_level="critical", loop="asyncio", ws="none",
)
uvicorn.Server(config).run([listening])
"""
"""An application of Starlette's that has one small page, served as ours is."""

PATIENCE_S = 60


class Reply(NamedTuple):
    """An answer, and how long it took."""

    seconds: float
    status: int
    tag: str | None
    body: bytes


class Server:
    """A server that runs until the block ends; it listens once this is made."""

    def __init__(self, command: list[str]) -> None:
        """Start it.

        Args:
            command: prints a JSON object with its ``url`` when it listens.
        """
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        line = self._process.stdout.readline() if self._process.stdout else b""
        if not line:
            sys.exit(f"{' '.join(command)} failed.")
        self.url: str = json.loads(line)["url"]
        self._key = self.url.partition("#key=")[2]
        port = urlsplit(self.url).port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, PATIENCE_S)

    @classmethod
    def ours(cls, file: Path) -> Server:
        """Serve a database by our command."""
        return cls([COMMAND, "--db", str(file), "dashboard", "--no-browser", "--json"])

    @classmethod
    def bare(cls) -> Server:
        """Serve an empty page by a bare application of Starlette's."""
        return cls([sys.executable, "-c", BARE])

    def __enter__(self) -> Self:
        """Return the server."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()

    def stop(self) -> None:
        """Stop it."""
        self._connection.close()
        self._process.terminate()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def connect(self) -> None:
        """Connect anew, as a server closes connections that nobody uses."""
        self._connection.close()
        self._connection.connect()

    def ask(self, path: str, known: str | None = None) -> Reply:
        """Ask for a path.

        Args:
            path: the path, with its query.
            known: the tag of the answer that is there already.
        """
        headers = {"Authorization": f"Bearer {self._key}"}
        if known:
            headers["If-None-Match"] = known
        start = time.perf_counter()
        self._connection.request("GET", path, headers=headers)
        response = self._connection.getresponse()
        body = response.read()
        seconds = time.perf_counter() - start
        if response.status not in {http.client.OK, http.client.NOT_MODIFIED}:
            sys.exit(f"{path} was answered with {response.status}: {body!r}")
        return Reply(seconds, response.status, response.headers["ETag"], body)

    def memory_mib(self) -> float:
        """Return the most memory that it has had so far."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        return int(found[1]) / 1024 if found else 0

    def cpu_s(self) -> float:
        """Return how many seconds of CPU it has used so far."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii")
        ticks = stat.rpartition(")")[2].split()
        return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")


def change(file: Path) -> None:
    """Let a database look as if it was just written, so that each answer is computed anew."""
    os.utime(file)


def settle(file: Path) -> None:
    """Let a database look as if it was written long ago, so that answers are kept."""
    an_hour_ago = time.time() - 3600
    os.utime(file, (an_hour_ago, an_hour_ago))
