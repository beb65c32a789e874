"""What a client is asked to do with one server."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Play:
    """A connection of a client to a server, and the calls that it makes on it."""

    way: str
    directory: str
    """Where the client writes down what it got."""
    command: list[str] = field(default_factory=list)
    """What starts the server, over stdio."""
    env: dict[str, str] = field(default_factory=dict)
    url: str = ""
    """Where the server is, over HTTP."""
    headers: dict[str, str] = field(default_factory=dict)
    client: str = "matrix-client"
    client_version: str = "1.2.3"
    cases: list[str] = field(default_factory=list)
    crowd: int = 200
    """How many calls are made at once, where many are."""
    end: str = "leaves"
    """``leaves``: the client closes the connection; ``kills``: it kills the server during a call;
    ``vanishes``: it kills itself during a call."""


def write_plays(plays: list[Play], file: Path) -> None:
    """Write down what a client is to do."""
    file.write_text(json.dumps([asdict(play) for play in plays]))


def read_plays(file: Path) -> list[Play]:
    """Read what a client is to do."""
    return [Play(**play) for play in json.loads(file.read_text())]
