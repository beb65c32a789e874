"""Real servers and clients of each version of each library; run by ``just test-mcp``."""

from __future__ import annotations

from pathlib import Path

import pytest

from matrix.flavours import FLAVOURS, ways
from matrix.staging import Staged, stage

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.mcp)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test all flavours, in all their ways if it asks for a way.

    All tests of a flavour run in one worker, which stages it once.
    """
    groups = [(flavour, pytest.mark.xdist_group(str(flavour))) for flavour in FLAVOURS]
    if "way" in metafunc.fixturenames:
        both = [
            pytest.param(flavour, way, id=f"{flavour}-{way}", marks=group)
            for flavour, group in groups
            for way in ways(flavour)
        ]
        metafunc.parametrize(("staged", "way"), both, indirect=["staged"], scope="session")
    elif "staged" in metafunc.fixturenames:
        each = [pytest.param(flavour, id=str(flavour), marks=group) for flavour, group in groups]
        metafunc.parametrize("staged", each, indirect=True, scope="session")


@pytest.fixture(scope="session")
def staged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Staged:
    """What servers and clients of one flavour left, with recording and without."""
    return stage(request.param, tmp_path_factory.mktemp(str(request.param)))
