"""Plays a client: ``python -m clients FAMILY PLAYS``, with a file that ``write_plays`` wrote."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from clients.tee import keep_answers, write_answers
from matrix.cases import CASES, SECRET, Case
from matrix.play import Play, read_plays

FAMILY, PLAYS = sys.argv[1:]
SECONDS = 100
"""How long the calls of a case may take."""

sdk = importlib.import_module(f"clients.{FAMILY}")


class Gate:
    """A named pipe through which a tool tells that it has begun."""

    def __init__(self, directory: str) -> None:
        self.path = Path(directory, f"{SECRET} gate")
        os.mkfifo(self.path)
        self.pipe = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        self.begun = asyncio.Event()
        asyncio.get_running_loop().add_reader(self.pipe, self._read)

    def _read(self) -> None:
        os.read(self.pipe, 1)
        self.begun.set()

    async def begin(self, client: Any, case: Case) -> asyncio.Task[Any]:
        """Call a tool, and return once it has begun."""
        self.begun.clear()
        calling = asyncio.create_task(outcome(client, case, {"gate": str(self.path)}))
        await asyncio.wait_for(self.begun.wait(), SECONDS)
        return calling


async def outcome(client: Any, case: Case, arguments: dict[str, Any]) -> str:
    """Call a tool, and say in a word what the client makes of the answer."""
    try:
        result = await sdk.call(client, case.name, arguments)
    except Exception as error:  # noqa: BLE001  whatever it is
        code = getattr(getattr(error, "error", error), "code", None)
        return f"error {code}"
    failed = getattr(result, "isError", None) or getattr(result, "is_error", None)
    return "failure" if failed else "success"


async def play_case(client: Any, play: Play, case: Case, gate: Gate) -> list[str]:
    """Make the calls of a case, and return what came of each."""
    if not case.cancelled:
        arguments = dict(case.arguments)
        times = play.crowd if case.in_crowd else 1
        calls = (outcome(client, case, arguments) for _ in range(times))
        return await asyncio.gather(*calls)
    calling = await gate.begin(client, case)
    await sdk.cancel(client, play, calling)
    await asyncio.wait([calling])
    return ["cancelled" if calling.cancelled() else calling.result()]


async def perform(play: Play) -> None:
    """Connect, make all calls, write down what came of them, and part as asked."""
    directory = Path(play.directory)
    outcomes: dict[str, list[str]] = {}
    gate = Gate(play.directory)
    async with sdk.connect(play) as client:
        for name in play.cases:
            async with asyncio.timeout(SECONDS):
                outcomes[name] = await play_case(client, play, CASES[name], gate)
        (directory / "outcomes.json").write_text(json.dumps(outcomes))
        if play.end != "leaves":
            await gate.begin(client, CASES["is_cancelled"])
        if play.end == "kills":
            os.kill(int((directory / "pid").read_text()), signal.SIGKILL)
            os._exit(0)  # what a client makes of that is its own affair
        if play.end == "vanishes":
            os.kill(os.getpid(), signal.SIGKILL)
    write_answers(directory / "answers.json")


def in_a_process_of_its_own(play: Play) -> int:
    """Play, and return the exit status; importing the SDK once does for all."""
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(perform(play))
        except BaseException:  # noqa: BLE001  whatever it is
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


keep_answers()
for each in read_plays(Path(PLAYS)):
    expected = -signal.SIGKILL if each.end == "vanishes" else 0
    if in_a_process_of_its_own(each) != expected:
        sys.exit(f"{each.directory}: did not end as it should")
