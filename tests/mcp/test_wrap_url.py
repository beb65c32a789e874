"""Real servers that speak HTTP, behind ``wrap --url``: the same answers, and every call its row."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_recorder import drain, named_id
from matrix import wire
from matrix.cases import CASES, SECRET
from matrix.flavours import FLAVOURS, Flavour
from matrix.rows import Whole, can_be_made, compact, differing, found_rows, row_of
from matrix.running import SECONDS, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matrix.cases import Case
    from matrix.play import Play
    from matrix.rows import Row

COMMAND = Path(sys.executable).with_name("devflow-analytics")

WAYS = ("http", "stateless")

WRAPPED = [
    flavour
    for flavour in FLAVOURS
    if str(flavour) in {"mcp-1.9.4", "mcp-1.30.0", "mcp-2.0.1", "mcp-2.3.0", "fastmcp-4.2.3"}
]
"""Those whose HTTP differs: other versions of FastMCP have that of these."""


@dataclass(frozen=True)
class Through:
    """What a client did through the proxy, and the same without it."""

    flavour: Flavour
    way: str
    play: Play
    plain: Play
    database: Path


@contextmanager
def proxy(stage: Stage, url: str, database: Path) -> Iterator[str]:
    """Run a proxy for an address, and give its own; it is ended after that."""
    with subprocess.Popen(
        [COMMAND, "--db", database, "wrap", "--url", url],
        stdout=subprocess.PIPE,
        env={"HOME": str(stage.directory / "home"), "PATH": os.environ["PATH"]},
        text=True,
    ) as process:
        assert process.stdout
        try:
            lines = iter(process.stdout.readline, "")
            yield next(line.strip() for line in lines if line.startswith("    http://"))
            process.terminate()
            assert process.wait(SECONDS) == 143
        finally:
            process.kill()


@pytest.fixture(scope="session", params=WRAPPED, ids=str)
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Through]:
    """What was done in each way, with a proxy and without."""
    flavour: Flavour = request.param
    directory = tmp_path_factory.mktemp(str(flavour))
    (directory / "home").mkdir()
    stage = Stage(flavour, directory)
    found = {}
    with stage.serving(None, "wrapped") as sockets, ExitStack() as stack:
        for way in WAYS:
            names = [case.name for case in CASES.values() if can_be_made(case, flavour, way)]
            plain = stage.http(f"off-{way}", way, sockets, cases=names)
            play = stage.http(f"on-{way}", way, sockets, cases=names)
            database = stage.data(way) / "proxy.db"
            play.url = stack.enter_context(proxy(stage, play.url, database))
            found[way] = Through(flavour, way, play, plain, database)
        stage.perform([play for one in found.values() for play in (one.play, one.plain)])
    for one in found.values():
        drain(one.database)
    return found


@pytest.fixture(params=WAYS)
def through(request: pytest.FixtureRequest, both: dict[str, Through]) -> Through:
    return both[request.param]


def answers(play: Play) -> list[tuple[Any, ...]]:
    """Return all answers, without the header that is for one connection alone.

    Whether the head of an answer has come when its client hangs up, is chance.
    """
    return [
        (method, status, [each for each in headers if each[0] != "connection"], body)
        for method, status, headers, body in wire.http(play)
        if (method, status, body) != ("POST", 200, "")
    ]


def test_the_client_gets_the_same_answers_as_without_it(through: Through) -> None:
    with_us, without_us = answers(through.play), answers(through.plain)
    assert len(with_us) == len(without_us)
    pairs = zip(with_us, without_us, strict=True)
    assert [number for number, (one, other) in enumerate(pairs) if one != other] == []


def test_the_client_makes_the_same_of_them(through: Through) -> None:
    told, plain = (
        json.loads(Path(play.directory, "outcomes.json").read_text())
        for play in (through.play, through.plain)
    )
    assert told == plain


def on_the_wire(case: Case, through: Through) -> Row:
    """Return what a call leaves of which only the answer is seen, which has no class."""
    row = replace(row_of(case, through.flavour, through.way), error_type=None)
    if row.status == "timeout":  # of the tool's own, which to the client is a failure
        row = replace(row, status="error")
    if case.cancelled and through.way == "stateless" and through.flavour.sdk == 1:
        row = replace(row, error_kind="transport")  # the client hangs up, which says nothing there
    return row


def test_every_call_leaves_its_row_and_no_other(through: Through) -> None:
    sizes = iter(wire.result_sizes(through.play, as_they_came=True))
    expected: dict[str, dict[Whole, int]] = {}
    for name in through.play.cases:
        case = CASES[name]
        if case.cancelled:
            case = replace(
                case, arguments={"gate": str(Path(through.play.directory, f"{SECRET} gate"))}
            )
        row = on_the_wire(case, through)
        answered = row.error_kind not in {"protocol", "cancelled", "transport"}
        made = (
            Whole(
                row.status,
                row.error_kind,
                None,
                row.error_code,
                len(compact(case.arguments)),
                next(sizes) if answered else None,
                through.way,
                None,
                "proxy",
                "run",
            )
            for _ in range(through.play.crowd if case.in_crowd else 1)
        )
        expected[name] = dict(Counter(made))
    assert list(sizes) == []
    assert differing(found_rows(through.database), expected) == {}


def test_all_calls_of_a_client_are_one_session(through: Through) -> None:
    with closing(sqlite3.connect(through.database)) as connection:
        sessions = connection.execute(
            "SELECT id, client, client_version, project FROM sessions"
        ).fetchall()
    # without sessions version 1 of the SDK says who it is in a request that is none of the call's
    named = through.way == "http" or through.flavour.sdk > 1
    client = ("matrix-client", "1.2.3") if named else (None, None)
    ((session, *of_client),) = sessions
    assert of_client == [*client, None]
    if through.way == "http":
        assert session == named_id("mcp-session-id", wire.session_of(through.play))


def test_nothing_of_what_was_said_is_kept(through: Through) -> None:
    secrets = [SECRET, str(through.database.parents[2])]
    if through.way == "http":
        secrets.append(wire.session_of(through.play))
    files = [file for file in through.database.parent.glob("**/*") if file.is_file()]
    assert files
    for file in files:
        content = file.read_bytes()
        assert [each for each in secrets if each.encode() in content] == []
