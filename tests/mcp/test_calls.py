"""Every call of a real client leaves exactly its row, and changes nothing of what the client gets."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from matrix import wire
from matrix.cases import CASES, SECRET
from matrix.flavours import WAYS
from matrix.rows import expected_rows, found_rows, row_of

from devflow_analytics_recorder import drain, named_id

if TYPE_CHECKING:
    from matrix.cases import Case
    from matrix.play import Play
    from matrix.staging import Run, Staged


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, staged: Staged) -> str:
    if request.param not in staged.recorded:
        pytest.skip("the same as stdio")
    return str(request.param)


@pytest.fixture
def run(staged: Staged, way: str) -> Run:
    return staged.recorded[way]


def cases_of(play: Play) -> list[Case]:
    gate = {"gate": str(Path(play.directory, f"{SECRET} gate"))}
    cases = [CASES[name] for name in play.cases]
    return [replace(case, arguments=gate) if case.cancelled else case for case in cases]


def test_every_call_leaves_its_row_and_no_other(staged: Staged, way: str, run: Run) -> None:
    drain(run.database)
    with closing(sqlite3.connect(run.database)) as connection:
        ((session,),) = connection.execute(
            "SELECT id FROM sessions WHERE client IS NOT 'vanishing-client'"
        )
    sizes = wire.result_sizes(run.play)
    cases = cases_of(run.play)
    expected = expected_rows(cases, staged.flavour, way, run.server, sizes)
    assert found_rows(run.database, session) == expected
