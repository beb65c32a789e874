from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable

COMMAND = Path(sys.executable).with_name("devflow-analytics")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of the test's own; nothing here ever sees the real one."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in [name for name in os.environ if name.startswith("DEVFLOW_ANALYTICS_")]:
        monkeypatch.delenv(name)
    return home


@pytest.fixture
def file(home: Path) -> Path:
    """Where the database of this home belongs; not made yet."""
    return home / ".devflow" / "analytics.db"


@pytest.fixture
def command() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command in this process, from its entry point to its exit status.

    Whatever Python itself settles as it starts (locale, time zone, closed streams) needs `process`;
    so does a file that this process holds a lock on, which reading it here would drop.
    """

    def run(
        *arguments: str, encoding: str = "utf-8", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        written = io.BytesIO(), io.BytesIO()
        with pytest.MonkeyPatch.context() as patch, Path(os.devnull).open() as stdin:
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr("sys.argv", ["devflow-analytics", *arguments])
            patch.setattr("sys.stdin", stdin)
            streams = [io.TextIOWrapper(stream, encoding=encoding) for stream in written]
            for name, stream in zip(("sys.stdout", "sys.stderr"), streams, strict=True):
                patch.setattr(name, stream)
            with pytest.raises(SystemExit) as ended:
                main()
        status = ended.value.code
        assert isinstance(status, int)
        texts = [stream.getvalue().decode(encoding, "surrogateescape") for stream in written]
        return subprocess.CompletedProcess(arguments, status, *texts)

    return run


@pytest.fixture
def process() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the installed command in a process of its own."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments],
            capture_output=True,
            check=False,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def require_start() -> Callable[..., None]:
    """Skip where Python itself does not start in an environment.

    Before 3.13 it reads the path of a clone in the locale's encoding, and fails if that lacks a
    letter of it.
    """

    def require(**environment: str) -> None:
        done = subprocess.run(
            [sys.executable, "-c", ""],
            capture_output=True,
            check=False,
            env=os.environ | environment,
            timeout=60,
        )
        if done.returncode:
            pytest.skip(f"with {environment} this Python cannot read the path of the clone")

    return require


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return what a function writes to a stdout that is no terminal."""

    def write(function: Callable[[], object], encoding: str = "utf-8") -> str:
        stream = io.BytesIO()
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdout", io.TextIOWrapper(stream, encoding=encoding))
            function()
            sys.stdout.flush()
            return stream.getvalue().decode(encoding)

    return write
