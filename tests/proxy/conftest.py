"""Real servers and clients with our proxy between them; run by ``just test-proxy``."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

import pytest

from real.environments import Environments
from real.plays import CLIENTS
from real.running import Played, play_all

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.proxy)


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Environments:
    """The servers and clients, installed once for all workers of a run."""
    if not shutil.which("npm"):
        pytest.skip("npm is needed to install servers and the client of the TypeScript SDK")
    shared = tmp_path_factory.getbasetemp().parent / "real"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        environments = Environments(shared)
        environments.install()
    return environments


@pytest.fixture(
    scope="session",
    params=[pytest.param(client, marks=pytest.mark.xdist_group(client)) for client in CLIENTS],
)
def played(
    request: pytest.FixtureRequest,
    environments: Environments,
    tmp_path_factory: pytest.TempPathFactory,
) -> Played:
    """What one client got from all servers, directly and through the proxy."""
    return play_all(request.param, environments, tmp_path_factory.mktemp(request.param))
