"""Lets a client play with every server, directly and through the proxy."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from real.plays import GIT_ENVIRONMENT, SERVERS

if TYPE_CHECKING:
    from real.environments import Environments
    from real.plays import Server

COMMAND = str(Path(sys.executable).with_name("devflow-analytics"))
VERSION = "1.2.3"
"""That of the client, as it names itself."""

WAYS = ("directly", "wrapped")

TIMES = (
    r"\d\d\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?",
    r"\b\d\d?:\d\d:\d\d( [AP]M)?",
)
MARK = r',\\n *\\"DEVFLOW_ANALYTICS_WRAP\\": \\"[^"]*\\"(?=\\n)'
"""The one variable that is there only with the proxy, in the JSON of a text in JSON."""


@dataclass(frozen=True)
class Played:
    """What one client got, and where the calls are recorded."""

    client: str
    directory: Path

    def outcome(self, server: Server, way: str) -> Any:
        """Return what came of each step, and what the server asked the client."""
        return json.loads((_place(self.directory, server, way) / "output").read_text())

    def comparable(self, server: Server, way: str) -> Any:
        """Return the same without what differs between any two runs: times and the directory."""
        place = _place(self.directory, server, way)
        text = json.dumps(self.outcome(server, way)).replace(str(place), "DIRECTORY")
        for pattern in (*TIMES, MARK):
            text = re.sub(pattern, "", text)
        return json.loads(text)

    def database(self, server: Server) -> Path:
        """Return the file into which the calls of a server's tools were recorded."""
        return _place(self.directory, server, "wrapped") / "analytics.db"

    def stderr(self, server: Server, way: str) -> str:
        """Return what the server wrote to stderr, and the proxy with it."""
        return (_place(self.directory, server, way) / "stderr").read_text()


def _place(directory: Path, server: Server, way: str) -> Path:
    return directory / server.name.replace("/", "-") / way


def play_all(played: Played, environments: Environments) -> None:
    """Let a client play everything."""
    client, directory = played.client, played.directory
    plays = []
    for server in SERVERS:
        for way in WAYS:
            place = _place(directory, server, way)
            data = place / "data"
            data.mkdir(parents=True)
            server.prepare(data)
            command = server.command(environments, data)
            if way == "wrapped":
                name = ["--server", server.name] if server.is_named else []
                file = str(place / "analytics.db")
                command = [COMMAND, "--db", file, "wrap", *name, "--", *command]
            steps = json.loads(
                json.dumps([asdict(step) for step in server.steps]).replace('"{}', f'"{data}')
            )
            plays.append(
                {
                    "command": command,
                    "env": {
                        "PATH": os.environ["PATH"],
                        "HOME": str(place),
                        "MEMORY_FILE_PATH": str(data / "memory.jsonl"),
                        **GIT_ENVIRONMENT,
                    },
                    "client": client,
                    "version": VERSION,
                    "root": str(data),
                    "steps": steps,
                    "stderr": str(place / "stderr"),
                    "output": str(place / "output"),
                }
            )
    file = directory / "plays.json"
    file.write_text(json.dumps(plays))
    done = subprocess.run(
        [*player(client, environments), str(file)],
        env={"PATH": os.environ["PATH"], "HOME": str(directory), "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=100,
    )
    assert (done.returncode, done.stdout) == (0, "")


def player(client: str, environments: Environments) -> list[str]:
    """Return the command of a client, but for what it is to play."""
    if client == "typescript":
        return ["node", str(environments.node / "client.mjs")]
    script = Path(__file__).parent.parent / "clients" / "client.py"
    return [environments.python(client.replace("python", "mcp")), str(script)]
