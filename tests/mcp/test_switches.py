"""Recording that is off, many calls, and the example of the README."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_recorder import drain
from matrix.environments import ROOT, python_of
from matrix.flavours import FLAVOURS, Flavour
from matrix.running import SECONDS, Stage

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

NEWEST = tuple(
    flavour
    for flavour in FLAVOURS
    if flavour.environment in {"mcp-1.30.0", "mcp-2.3.0", "fastmcp-3.4.11", "fastmcp-4.2.3"}
)
"""The newest of each family, at each level."""

ONE_OF_EACH_CLIENT = tuple(
    flavour for flavour in NEWEST if str(flavour) in {"mcp-1.30.0", "mcp-2.3.0", "fastmcp-4.2.3"}
)

FASTMCP = tuple(flavour for flavour in FLAVOURS if flavour.library == "fastmcp")


def each(flavours: Collection[Flavour]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("flavour", flavours, ids=str)


@each(NEWEST)
def test_where_recording_is_off_no_file_is_made_and_no_server_touched(
    flavour: Flavour, tmp_path: Path
) -> None:
    stage = Stage(flavour, tmp_path)
    done = subprocess.run(
        stage.python("servers.untouched", flavour.family, flavour.level),
        env=stage.environment | {"DEVFLOW_ANALYTICS_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert (done.returncode, done.stderr[-2000:]) == (0, "")
    assert os.listdir(tmp_path / "home") == []


@each(ONE_OF_EACH_CLIENT)
def test_1000_stateless_calls_are_one_session_and_200_at_once_are_200_rows(
    flavour: Flavour, tmp_path: Path
) -> None:
    stage = Stage(flavour, tmp_path)
    many = "is_called_many_times_at_once"
    first = "answers"  # or each of the many asks for the list of tools, too
    with stage.serving(stage.data("http"), "on") as sockets:
        stage.perform(
            [
                stage.http("1000", "stateless", sockets, cases=[first, *[many] * 50], crowd=20),
                stage.http("200", "http", sockets, cases=[first, many], crowd=200),
            ]
        )
    for name, calls in (("stateless", 1000), ("http", 200)):
        database = stage.data("http") / f"{name}.db"
        drain(database)
        with closing(sqlite3.connect(database)) as connection:
            sessions = connection.execute("SELECT tool_count FROM sessions").fetchall()
            rows = connection.execute("SELECT tool_name, status FROM tool_calls").fetchall()
        assert sessions == [(1 + calls,)]
        assert Counter(rows) == {(first, "success"): 1, (many, "success"): calls}


# Calls the tool of the example, over stdio.
CLIENT = """
import asyncio, sys
from fastmcp import Client
from fastmcp.client.transports import StdioTransport

async def call(home, server):
    transport = StdioTransport(sys.executable, [server], env={"HOME": home}, keep_alive=False)
    async with Client(transport) as client:
        result = await client.call_tool_mcp("add", {"one": 1, "other": 2})
        print(result.content[0].text)

asyncio.run(call(*sys.argv[1:]))
"""


@each(FASTMCP)
def test_the_example_of_the_readme_records_a_call(flavour: Flavour, tmp_path: Path) -> None:
    examples = re.findall(r"```py\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (example,) = [code for code in examples if "record(server)" in code]
    server = tmp_path / "calculator.py"
    server.write_text(example)
    done = subprocess.run(
        [python_of(flavour), "-c", CLIENT, tmp_path, server],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert (done.returncode, done.stdout) == (0, "3\n")
    database = tmp_path / ".devflow" / "analytics.db"
    drain(database)
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT tool_name, status, server FROM tool_calls").fetchall()
    assert rows == [("add", "success", "calculator")]
