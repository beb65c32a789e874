"""The proxy, the server or the client is killed amid their conversation: no answered call is lost.

The client notes each answer that it got with one write. All rounds of a test record into one file,
so that each proxy takes in what the one before it left, as it is in life.
"""

from __future__ import annotations

import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    TakeIn = Callable[[Path], list[str]]

COMMAND = str(Path(sys.executable).with_name("devflow-analytics"))
PYTHON = [sys.executable, "-I", "-S", "-c"]

ROUNDS = {"proxy": 70, "server": 65, "client": 65}
WITHIN_S = 0.03
"""The conversation goes on for so long at most until the kill: some hundred calls."""

PATIENCE_S = 30
"""How long anything may take until it counts as a hang."""

# Answers every request, and says which process it is.
SERVER = """
import json, os, sys
while line := sys.stdin.buffer.readline():
    message = json.loads(line)
    if "id" in message:
        result = {"content": [], "pid": os.getpid()}
        answer = {"jsonrpc": "2.0", "id": message["id"], "result": result}
        os.write(1, json.dumps(answer).encode() + b"\\n")
"""

# Starts a server, and calls the tools `ROUND-0`, `ROUND-1` and so on, with so many on their way
# at a time. Prints the ids of the two processes, notes each answer, and ends when the server does.
CLIENT = """
import json, os, subprocess, sys
notes, name, window, *command = sys.argv[1:]
notes = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
def send(id, method, params):
    message = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
    os.write(server.stdin.fileno(), json.dumps(message).encode() + b"\\n")
def call(number):
    try:
        send(number, "tools/call", {"name": f"{name}-{number}", "arguments": {}})
    except BrokenPipeError:
        pass  # what was answered before is still to be read
lines = os.fdopen(os.dup(server.stdout.fileno()), "rb")
send("hello", "initialize", {"clientInfo": {"name": "killed-client", "version": "1"}})
pid = json.loads(lines.readline())["result"]["pid"]
print(server.pid, pid, flush=True)
for number in range(int(window)):
    call(number)
for line in lines:
    if line.endswith(b"\\n"):
        answered = json.loads(line)["id"]
        os.write(notes, f"{name}-{answered}\\n".encode())
        call(answered + int(window))
server.stdin.close()
server.wait()
"""


class Conversations:
    """Lets clients talk with servers through the proxy, and kills one of the three."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "analytics.db"
        self._notes = directory / "notes"

    def kill(self, victim: str, seconds: float, name: str, window: int) -> list[str]:
        """Kill one after so many seconds of conversation, and wait until all have ended.

        Args:
            victim: who is killed.
            seconds: when.
            name: what the tools are named by, in this conversation.
            window: how many calls are on their way at a time.

        Returns:
            the tools of the calls whose answers the client has seen.
        """
        self._notes.write_bytes(b"")
        wrap = [COMMAND, "--db", str(self.file), "wrap", "--server", "s", "--"]
        arguments = [str(self._notes), name, str(window)]
        with ExitStack() as stack:
            client = stack.enter_context(
                subprocess.Popen(
                    [*PYTHON, CLIENT, *arguments, *wrap, *PYTHON, SERVER], stdout=subprocess.PIPE
                )
            )
            assert client.stdout
            pids = dict(zip(("proxy", "server"), client.stdout.readline().split(), strict=True))
            running = {who: os.pidfd_open(int(pid)) for who, pid in pids.items()}
            running["client"] = os.pidfd_open(client.pid)
            for file in running.values():
                stack.callback(os.close, file)
                stack.callback(_kill, file)
            select.select([], [], [], seconds)
            _kill(running[victim])
            for who, file in running.items():
                ended, _, _ = select.select([file], [], [], PATIENCE_S)
                assert ended, f"{name}: the {who} goes on after the {victim} was killed"
            expected = -signal.SIGKILL if victim == "client" else 0
            assert client.wait() == expected, name
        return self._notes.read_text().splitlines()


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(process, signal.SIGKILL)


@pytest.fixture
def conversations(tmp_path: Path) -> Conversations:
    return Conversations(tmp_path)


@pytest.mark.parametrize("victim", ROUNDS)
def test_every_answered_call_is_kept_and_all_processes_end(
    victim: str,
    conversations: Conversations,
    take_in: TakeIn,
    count: Callable[[int], None],
) -> None:
    chance = random.Random(victim)
    rounds = [
        conversations.kill(victim, chance.uniform(0, WITHIN_S), str(number), 1 + number % 2 * 2)
        for number in range(ROUNDS[victim])
    ]
    tools = take_in(conversations.file)
    with closing(sqlite3.connect(conversations.file)) as connection:
        rows = connection.execute(
            "SELECT tool_name, status, error_kind FROM tool_calls ORDER BY rowid"
        ).fetchall()
        who = connection.execute(
            "SELECT DISTINCT server, client, source FROM tool_calls"
            " JOIN sessions ON session_id = sessions.id"
        ).fetchall()
    assert len(tools) == len(set(tools)), "a call is there twice"
    assert who == [("s", "killed-client", "proxy")]
    outcomes = {tool: (status, kind) for tool, status, kind in rows}
    answered = {tool for tools_of_one in rounds for tool in tools_of_one}
    assert len(answered) > 5 * len(rounds), "or they were killed before they talked"
    recorded = {tool for tool, outcome in outcomes.items() if outcome == ("success", None)}
    if victim == "server":  # who is killed may not have noted, or passed on, what had arrived
        assert recorded <= answered
    assert answered <= recorded, f"{len(answered - recorded)} are lost of the killed {victim}'s"
    cut_short = {tool for tool, outcome in outcomes.items() if outcome == ("error", "transport")}
    assert recorded | cut_short == outcomes.keys()
    if victim == "proxy":
        assert cut_short == set()
    else:
        assert len(cut_short) > len(rounds) / 10, "hardly any call was on its way"
    count(len(rounds))
