"""Lets the client of one version make all calls, of servers that record and of some that do not."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matrix.cases import CASES
from matrix.flavours import ways
from matrix.rows import can_be_made
from matrix.running import Run, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from matrix.flavours import Flavour
    from matrix.play import Play

A_FEW = ["answers", "raises_key_error"]
"""What is called before a process is killed."""


@dataclass(frozen=True)
class Staged:
    """All that was done with one flavour."""

    flavour: Flavour
    directory: Path
    began: float
    ended: float
    recorded: dict[str, Run]
    """By way."""
    plain: dict[str, Play]
    """The same, where nothing recorded."""
    killed: Run
    """The client killed the server during a call."""
    vanished: dict[str, Run]
    """The client was killed during a call, by way."""


def stage(flavour: Flavour, directory: Path) -> Staged:
    """Run everything."""
    (directory / "home").mkdir()
    stage = Stage(flavour, directory)
    began = time.time()
    with stage.serving(stage.data("http"), "on") as on, stage.serving(None, "off") as off:
        recorded: dict[str, Run] = {}
        plain: dict[str, Play] = {}
        for way in ways(flavour):
            names = [case.name for case in CASES.values() if can_be_made(case, flavour, way)]
            if way in {"stdio", "legacy"}:
                play = stage.stdio(f"on-{way}", way, stage.data(way), cases=names)
                recorded[way] = Run(play, stage.data(way) / "stdio.db", "stdio")
                plain[way] = stage.stdio(f"off-{way}", way, None, cases=names)
            else:
                play = stage.http(f"on-{way}", way, on, cases=names)
                recorded[way] = Run(play, stage.data("http") / f"{way}.db", way)
                plain[way] = stage.http(f"off-{way}", way, off, cases=names)
        killed = stage.stdio("killed", "stdio", stage.data("killed"), cases=A_FEW, end="kills")
        gone = {"cases": A_FEW, "end": "vanishes", "client": "vanishing-client"}
        stdio = stage.stdio("gone", "stdio", stage.data("gone"), **gone)
        http = stage.http("gone-http", "http", on, **gone)
        runs = [run.play for run in recorded.values()]
        stage.perform([*runs, *plain.values(), killed, stdio, http])
    vanished = {
        "stdio": Run(stdio, stage.data("gone") / "stdio.db", "stdio"),
        "http": Run(http, stage.data("http") / "http.db", "http"),
    }
    killed_run = Run(killed, stage.data("killed") / "stdio.db", "stdio")
    return Staged(flavour, directory, began, time.time(), recorded, plain, killed_run, vanished)
