"""Real servers and clients of each version of each library; run by ``just test-mcp``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling

from matrix.flavours import FLAVOURS, WAYS, ways
from matrix.staging import Staged, stage

if TYPE_CHECKING:
    from xdist.remote import Producer

HERE = Path(__file__).parent


class ByFlavour(LoadScopeScheduling):
    """Gives all tests of a flavour to one worker, which then runs its servers only once."""

    def _split_scope(self, nodeid: str) -> str:
        flavour = nodeid.rpartition("[")[2].rstrip("]")
        for way in WAYS:
            flavour = flavour.removesuffix(f"-{way}")
        return flavour


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFlavour | None:
    return ByFlavour(config, log) if config.getoption("dist") == "loadscope" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.mcp)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test all flavours, in all their ways if it asks for a way."""
    if "way" in metafunc.fixturenames:
        both = [
            pytest.param(flavour, way, id=f"{flavour}-{way}")
            for flavour in FLAVOURS
            for way in ways(flavour)
        ]
        metafunc.parametrize(("staged", "way"), both, indirect=["staged"], scope="session")
    elif "staged" in metafunc.fixturenames:
        metafunc.parametrize("staged", FLAVOURS, ids=str, indirect=True, scope="session")


@pytest.fixture(scope="session")
def staged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Staged:
    """What servers and clients of one flavour left, with recording and without."""
    return stage(request.param, tmp_path_factory.mktemp(str(request.param)))
