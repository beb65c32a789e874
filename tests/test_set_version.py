"""`just version`: the version stands in many places, and is the same in all."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOL = runpy.run_path(str(ROOT / "tools/set_version.py"))


def versions(root: Path) -> set[str]:
    """Return every version of these packages that a file names, but for uv.lock."""
    found = set()
    for path in (root / "pyproject.toml", *root.glob("packages/*/pyproject.toml")):
        found.add(tomllib.loads(path.read_text())["project"]["version"])
    for path in root.glob("packages/*/src/*/__init__.py"):
        found |= set(re.findall(r'^__version__ = "(.+)"', path.read_text(), re.MULTILINE))
    return found | set(re.findall(r'image\.version="(.+)"', (root / "Dockerfile").read_text()))


def locked(root: Path) -> list[str]:
    """Return the versions of these packages in uv.lock."""
    packages = tomllib.loads((root / "uv.lock").read_text())["package"]
    return [one["version"] for one in packages if one["name"].startswith("devflow-analytics")]


def bounds(root: Path) -> set[str]:
    """Return what the packages accept of each other."""
    projects = [tomllib.loads(path.read_text()) for path in root.glob("packages/*/pyproject.toml")]
    needed = [need for project in projects for need in project["project"]["dependencies"]]
    return set(re.findall(r"devflow-analytics-[a-z]+(.+)", "\n".join(needed)))


def test_the_version_is_the_same_everywhere() -> None:
    (version,) = versions(ROOT)
    assert locked(ROOT) == [version] * len([ROOT, *ROOT.glob("packages/*/pyproject.toml")])
    assert bounds(ROOT) == {f">={version},<{TOOL['too_new'](version)}"}


A_STATUS = 3
"""What uv ends with in these tests; the tool hands it on."""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A copy of every file that names the version, and a uv that only shows its arguments."""
    for name in ("pyproject.toml", "uv.lock", "Dockerfile", "tools/set_version.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    ignored = shutil.ignore_patterns("__pycache__", "tests")
    shutil.copytree(ROOT / "packages", tmp_path / "packages", ignore=ignored)
    uv = tmp_path / "uv"
    uv.write_text(f'#!/bin/sh\necho uv "$@" in $(pwd)\nexit {A_STATUS}\n')
    uv.chmod(0o755)
    return tmp_path


def set_version(workspace: Path, version: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, workspace / "tools/set_version.py", version],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PATH": f"{workspace}:{os.environ['PATH']}"},
        timeout=60,
    )


@pytest.mark.parametrize(
    ("version", "accepted"),
    [("0.2.0", ">=0.2.0,<0.3"), ("1.4.2", ">=1.4.2,<2"), ("0.2.0rc1", ">=0.2.0rc1,<0.3")],
)
def test_a_version_is_set_everywhere(version: str, accepted: str, workspace: Path) -> None:
    done = set_version(workspace, version)
    assert (done.returncode, done.stderr) == (A_STATUS, "")
    *changed, locked = done.stdout.splitlines()
    assert {"pyproject.toml", "packages/devflow-analytics-db/pyproject.toml"} < set(changed)
    assert locked == f"uv lock --quiet in {workspace}"
    assert (versions(workspace), bounds(workspace)) == ({version}, {accepted})


@pytest.mark.parametrize("version", ["", "1", "0.2", "v0.2.0", "0.2.0-dev", "0.2.0\n"])
def test_what_is_no_version_changes_nothing(version: str, workspace: Path) -> None:
    before = versions(workspace)
    done = set_version(workspace, version)
    assert done.returncode == 1
    assert done.stderr == f"{version!r} is not a version such as 0.2.0 or 0.2.0rc1.\n"
    assert versions(workspace) == before
