"""Clients get from a server over HTTP what they get without us, and each call is recorded."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import subprocess
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_recorder import drain
from real.plays import EVERYTHING, Row
from real.running import COMMAND, TIMES, VERSION, player

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from real.environments import Environments

SECONDS = 100

TRANSPORTS = {"streamableHttp": "mcp", "sse": "sse"}
"""What the server calls them, and the path at which it has them."""


@contextmanager
def serving(environments: Environments, transport: str, home: Path) -> Iterator[str]:
    """Run the server, and give its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        (home / "server").open("w+") as said,
        subprocess.Popen(
            [environments.bin("mcp-server-everything"), transport],
            env={"PATH": os.environ["PATH"], "HOME": str(home), "PORT": str(port)},
            stdout=said,
            stderr=said,
        ) as process,
    ):
        try:
            while not _listens(port):
                assert process.poll() is None, (home / "server").read_text()
            yield f"http://127.0.0.1:{port}/{TRANSPORTS[transport]}"
        finally:
            process.kill()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


@contextmanager
def wrapped(url: str, home: Path) -> Iterator[str]:
    """Run the proxy before an address, and give its own; it is ended after that."""
    with subprocess.Popen(
        [COMMAND, "--db", home / "analytics.db", "wrap", "--url", url],
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        try:
            lines = iter(process.stdout.readline, "")
            yield next(line.strip() for line in lines if line.startswith("    http://"))
            process.terminate()
            assert process.communicate(timeout=SECONDS)[1] == ""
        finally:
            process.kill()


def play(client: str, environments: Environments, url: str, home: Path) -> dict[str, Any]:
    """Let a client take all steps, and return what it got."""
    steps = [asdict(step) for step in EVERYTHING]
    home.mkdir()
    (home / "plays.json").write_text(
        json.dumps(
            [
                {
                    "url": url,
                    "client": client,
                    "version": VERSION,
                    "root": "/root-of-the-client",
                    "steps": steps,
                    "stderr": str(home / "stderr"),
                    "output": str(home / "output"),
                }
            ]
        )
    )
    done = subprocess.run(
        [*player(client, environments), str(home / "plays.json")],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert (done.returncode, done.stdout) == (0, "")
    outcome: dict[str, Any] = json.loads((home / "output").read_text())
    return outcome


def comparable(outcome: dict[str, Any]) -> Any:
    """Return what a client got, without the times in it."""
    text = json.dumps(outcome)
    for pattern in TIMES:
        text = re.sub(pattern, "", text)
    return json.loads(text)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("client", ["python-1", "python-2", "typescript"])
def test_a_client_gets_the_same_and_each_call_is_recorded(
    environments: Environments, client: str, transport: str, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        url = stack.enter_context(serving(environments, transport, tmp_path))
        directly = play(client, environments, url, tmp_path / "directly")
        through = stack.enter_context(wrapped(url, tmp_path))
        with_us = play(client, environments, through, tmp_path / "through")
    assert len(with_us["got"]) == len(EVERYTHING)
    pairs = zip(EVERYTHING, comparable(directly)["got"], comparable(with_us)["got"], strict=True)
    for step, one, other in pairs:
        assert one == other, step
    assert with_us["asked"] == directly["asked"]

    file = tmp_path / "analytics.db"
    drain(file)
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(
            "SELECT tool_name, status, error_kind, error_code FROM tool_calls"
            " ORDER BY started_ms, rowid"
        ).fetchall()
        same = connection.execute(
            "SELECT DISTINCT server, client, client_version, source, duration_kind, tool_count"
            " FROM tool_calls JOIN sessions ON session_id = sessions.id"
        ).fetchall()
    expected = [step.row_of(client) for step in EVERYTHING if step.row]
    assert [Row(*row) for row in rows] == expected
    server = "mcp-servers/everything"
    assert same == [(server, client, VERSION, "proxy", "run", len(expected))]
