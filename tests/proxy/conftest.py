"""Real servers and clients with our proxy between them; run by ``just test-proxy``."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from real.environments import Environments
from real.plays import CLIENTS
from real.running import Played, play_all

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.proxy)


@contextmanager
def only_once(directory: Path) -> Iterator[bool]:
    """Let one worker do what takes long, while the others wait; tell whether this one is it."""
    directory.mkdir(exist_ok=True, parents=True)
    done = directory / "done"
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not done.exists()
        done.touch()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that all workers of a run have in common."""
    base = tmp_path_factory.getbasetemp()
    # without workers its parent is that of all runs, and of other clones
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"


@pytest.fixture(scope="session")
def environments(shared: Path) -> Environments:
    """The servers and clients, installed."""
    if not shutil.which("npm"):
        pytest.skip("npm is needed to install servers and the client of the TypeScript SDK")
    environments = Environments(shared / "environments")
    with only_once(environments.directory) as is_first:
        if is_first:
            environments.install()
    return environments


@pytest.fixture(scope="session", params=CLIENTS)
def played(request: pytest.FixtureRequest, environments: Environments, shared: Path) -> Played:
    """What one client got from all servers, directly and through the proxy."""
    played = Played(request.param, shared / request.param)
    with only_once(played.directory) as is_first:
        if is_first:
            play_all(played, environments)
    return played
