"""Behind a proxy, a recorded server adds to the proxy's rows what only it knows."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_recorder import call_id, drain
from matrix import wire
from matrix.cases import CASES
from matrix.flavours import FLAVOURS, Flavour, ways
from matrix.rows import can_be_made, row_of
from matrix.running import HERE, SECONDS, Stage

if TYPE_CHECKING:
    from matrix.play import Play

SESSION = "0199c82c-c000-7abc-8def-0123456789ab"

HIGH = [flavour for flavour in FLAVOURS if flavour.level == "high"]

NEWEST = {"mcp-1.30.0", "mcp-2.3.0", "fastmcp-3.4.11", "fastmcp-4.2.3"}

ON_STDIO = [
    pytest.param(flavour, way, id=f"{flavour}-{way}")
    for flavour in FLAVOURS
    for way in ways(flavour)
    if way == "stdio" or (way == "legacy" and str(flavour) in NEWEST)
]

AT = len(["launch.sh", "directory"])
"""Where in the command of a server its own begins."""


def ids_of_failures(play: Play) -> set[str]:
    """Return the ids of the calls that a server answered with a failure, as a proxy makes them."""
    answers = [json.loads(line) for line in wire.stdio(play)]
    failed = [
        each["id"] for each in answers if "error" in each or each.get("result", {}).get("isError")
    ]
    return {call_id(SESSION, one) for one in failed}


@pytest.mark.parametrize("flavour", [one for one in HIGH if str(one) in NEWEST], ids=str)
def test_only_the_classes_of_failures_are_written_each_to_the_call_that_the_proxy_saw(
    flavour: Flavour, tmp_path: Path
) -> None:
    stage = Stage(flavour, tmp_path)
    cases = [case for case in CASES.values() if can_be_made(case, flavour, "stdio")]
    data = stage.data("wrapped")
    database = data.resolve() / "stdio.db"
    play = stage.stdio("wrapped", "stdio", data, cases=[case.name for case in cases], crowd=20)
    play.command[AT:AT] = [str(HERE / "servers" / "wrap.sh"), SESSION, str(database)]
    stage.perform([play])
    drain(database)
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute(
            "SELECT tool_name, status, error_type, source, session_id FROM tool_calls"
        ).fetchall()
        ids = {id_ for (id_,) in connection.execute("SELECT id FROM tool_calls")}
        sessions = connection.execute("SELECT id, client, tool_count FROM sessions").fetchall()
    rows = [(case.name, row_of(case, flavour, "stdio")) for case in cases]
    assert Counter(found) == Counter(
        (name, "error", row.error_type, "proxy", SESSION)
        for name, row in rows
        if row.error_type is not None and row.error_kind != "cancelled"
    )
    assert len(ids) == len(found)
    assert ids <= ids_of_failures(play)
    assert sessions == [(SESSION, "matrix-client", len(found))]


@pytest.mark.parametrize(("flavour", "over"), ON_STDIO)
def test_a_call_that_both_record_is_one_row_with_what_each_knows(
    flavour: Flavour, over: str, tmp_path: Path
) -> None:
    stage = Stage(flavour, tmp_path)
    cases = [case for case in CASES.values() if can_be_made(case, flavour, over)]
    data = stage.data("wrapped")
    database = data / "stdio.db"
    play = stage.stdio("wrapped", over, data, cases=[case.name for case in cases], crowd=20)
    command = str(Path(sys.executable).with_name("devflow-analytics"))
    wrap = [command, "--db", str(database), "wrap", "--server", "stdio", "--"]
    play.command[AT:AT] = wrap
    stage.perform([play])
    drain(database)
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute(
            "SELECT tool_name, status <> 'success', error_type, source, server, duration_kind"
            " FROM tool_calls"
        ).fetchall()
        sessions = connection.execute("SELECT client, tool_count FROM sessions").fetchall()
    rows = [(case, row_of(case, flavour, over)) for case in cases]
    assert Counter(found) == Counter(
        (
            case.name,
            row.status != "success",
            None if row.error_kind == "cancelled" else row.error_type,
            "proxy",
            "stdio",
            "run",
        )
        for case, row in rows
        for _ in range(play.crowd if case.in_crowd else 1)
    )
    assert sessions == [("matrix-client", len(found))]


@pytest.mark.parametrize("is_wrapped", [True, False])
@pytest.mark.parametrize("flavour", HIGH, ids=str)
def test_of_a_client_in_the_same_process_nothing_is_added_to_what_the_proxy_sees(
    flavour: Flavour, tmp_path: Path, *, is_wrapped: bool
) -> None:
    stage = Stage(flavour, tmp_path)
    database = tmp_path.resolve() / "inside.db"
    command = stage.python("servers.inside", flavour.family, str(tmp_path))
    if is_wrapped:
        command[:0] = [str(HERE / "servers" / "wrap.sh"), SESSION, str(database)]
    done = subprocess.run(
        command,
        env=stage.environment,
        input=b"",
        stdout=subprocess.PIPE,
        check=True,
        timeout=SECONDS,
    )
    assert done.stdout in {b"True\n", b"ToolError\n"}
    assert drain(database) == (0, 0)
    assert database.exists() is not is_wrapped
