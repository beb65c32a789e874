"""Runs servers and a client, and keeps what they leave: calls, bytes and databases."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.cases import SECRET
from matrix.environments import python_of
from matrix.play import Play, write_plays

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from matrix.flavours import Flavour

HERE = Path(__file__).resolve().parent.parent
SECONDS = 300
"""How long anything may take."""


@dataclass(frozen=True)
class Run:
    """What a client did with a server that recorded, and where that is."""

    play: Play
    database: Path
    server: str
    """Its name."""


@dataclass(frozen=True)
class Stage:
    """A directory in which one version's servers and clients run."""

    flavour: Flavour
    directory: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables of every process; one is a secret."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory / "home"),
            "PYTHONPATH": str(HERE),
            "API_KEY": SECRET,
            "FASTMCP_LOG_ENABLED": "false",  # its tracebacks, drawn in boxes, take seconds
            "FASTMCP_CHECK_FOR_UPDATES": "off",
        }

    def data(self, name: str) -> Path:
        """Return the directory in which a server keeps what it records; it is made."""
        directory = self.directory / "data" / name
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def python(self, *arguments: str) -> list[str]:
        return [str(python_of(self.flavour)), "-P", "-m", *arguments]

    def server(self, data: Path | None, *way: str) -> list[str]:
        """Return the command of a server that records into a directory, or not at all."""
        flavour = self.flavour
        where = str(data) if data else "-"
        return self.python("servers", flavour.family, flavour.level, where, *way)

    def play(self, name: str, way: str, **rest: Any) -> Play:
        """Make a directory for what a client gets, and say what it is to do."""
        directory = self.directory / name
        directory.mkdir(parents=True)
        return Play(way, str(directory), env=self.environment, **rest)

    def stdio(self, name: str, way: str, data: Path | None, **rest: Any) -> Play:
        """Return a play with a server on stdio that the client starts."""
        play = self.play(name, way, **rest)
        os.mkfifo(Path(play.directory, "alive"))
        launch = str(HERE / "servers" / "launch.sh")
        play.command = [launch, play.directory, *self.server(data, "stdio")]
        return play

    def http(self, name: str, way: str, sockets: list[socket.socket], **rest: Any) -> Play:
        """Return a play with a server that listens on one of two sockets."""
        port = sockets[way == "stateless"].getsockname()[1]
        return self.play(
            name,
            way,
            url=f"http://127.0.0.1:{port}/mcp",
            headers={"X-Api-Key": SECRET},
            **{"crowd": 50, **rest},  # the time that httpx takes grows with the square
        )

    @contextmanager
    def serving(self, data: Path | None, name: str) -> Iterator[list[socket.socket]]:
        """Run servers over HTTP, and yield the sockets on which they listen."""
        with ExitStack() as stack:
            sockets = [
                stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=300))
                for _ in ("with sessions", "without")
            ]
            numbers = [one.fileno() for one in sockets]
            stderr = stack.enter_context((self.directory / f"{name}-stderr").open("w"))
            server = stack.enter_context(
                subprocess.Popen(
                    self.server(data, "http", *map(str, numbers)),
                    env=self.environment,
                    pass_fds=numbers,
                    stderr=stderr,
                )
            )
            try:
                yield sockets
                server.terminate()
                server.wait(SECONDS)
            finally:
                server.kill()

    def perform(self, plays: list[Play]) -> None:
        """Let the client play all, and wait until every server that it started has ended."""
        file = self.directory / "plays.json"
        write_plays(plays, file)
        with ExitStack() as stack:
            pipes = [Path(play.directory, "alive") for play in plays if play.command]
            alive = [os.open(pipe, os.O_RDONLY | os.O_NONBLOCK) for pipe in pipes]
            for pipe in alive:
                stack.callback(os.close, pipe)
            errors = self.directory / "clients-stderr"  # a pipe would be open as long as a server
            done = subprocess.run(
                self.python("clients", self.flavour.family, str(file)),
                env=self.environment,
                stdout=subprocess.DEVNULL,
                stderr=stack.enter_context(errors.open("w")),
                check=False,
                timeout=SECONDS,
            )
            assert done.returncode == 0, errors.read_text()
            for play in plays:
                if play.command and play.end == "vanishes" and self.flavour.outlives_clients:
                    os.kill(int(Path(play.directory, "pid").read_text()), signal.SIGTERM)
            for pipe in alive:
                ended, _, _ = select.select([pipe], [], [], SECONDS)
                assert ended, "a server goes on"
