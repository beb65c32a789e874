"""Real servers and clients of each version of each library; run by ``just test-mcp``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from matrix.flavours import FLAVOURS
from matrix.staging import Staged, stage

if TYPE_CHECKING:
    from matrix.flavours import Flavour

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.mcp)


def each(flavours: tuple[Flavour, ...]) -> list[object]:
    """Return a parameter for each; all tests of one run in one worker, which stages it once."""
    return [
        pytest.param(flavour, id=str(flavour), marks=pytest.mark.xdist_group(str(flavour)))
        for flavour in flavours
    ]


@pytest.fixture(scope="session", params=each(FLAVOURS))
def staged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Staged:
    """What servers and clients of one flavour left, with recording and without."""
    return stage(request.param, tmp_path_factory.mktemp(str(request.param)))
