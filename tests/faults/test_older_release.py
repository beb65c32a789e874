"""Real older code, from a wheel built of an earlier commit, at files that later code made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.migrations.migration import load_migrations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Run = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).resolve().parent.parent.parent
EARLIER = "7bcc1754735cc65424910bb03e792262b54e8590"
"""The first commit that was released, with schema version 2."""

NEXT = latest_version() + 1

UV = os.environ.get("UV", "uv")


def run(*command: str | Path, **options: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, check=True, capture_output=True, **options)  # type: ignore[call-overload,no-any-return]


def install(source: Path, target: Path) -> Path:
    """Build the wheels of a source tree, and unpack them where PYTHONPATH can find them."""
    wheels = target.with_name(f"{target.name} wheels")
    run(UV, "build", "--all-packages", "--wheel", "--out-dir", wheels, cwd=source)
    run(
        *(UV, "pip", "install", "--no-deps", "--target", target, "--python", sys.executable),
        *wheels.glob("*.whl"),
    )
    return target


@pytest.fixture(scope="session")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages as they were."""
    directory = tmp_path_factory.mktemp("earlier")
    if subprocess.run(["git", "cat-file", "-e", EARLIER], cwd=ROOT, check=False).returncode:
        pytest.skip(f"needs the history of the repository, with commit {EARLIER}")
    archive = run("git", "archive", EARLIER, cwd=ROOT).stdout
    (directory / "source").mkdir()
    run("tar", "-x", "-C", directory / "source", input=archive)
    return install(directory / "source", directory / "installed")


@pytest.fixture(scope="session")
def later(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The packages as they are, with one more migration."""

    def build(header: str) -> Path:
        directory = tmp_path_factory.mktemp("later")
        source = directory / "source"
        shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".git", ".venv*", ".*_cache"))
        migrations = "packages/devflow-analytics-db/src/devflow_analytics_db/migrations"
        (source / migrations / f"{NEXT:04}_add_mood.sql").write_text(
            f"{header}\n-- migrate:up\nALTER TABLE sessions ADD COLUMN mood TEXT;\n"
            "-- migrate:down\nALTER TABLE sessions DROP COLUMN mood;\n"
        )
        return install(source, directory / "installed")

    return build


def python(installed: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Python with the packages that are installed there, in place of those of this tree."""
    environment: Mapping[str, str] = os.environ | {"PYTHONPATH": str(installed)}
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


MAKE = f"""
import sys, devflow_analytics_db
assert devflow_analytics_db.__file__.startswith(sys.argv[2])
opening = devflow_analytics_db.create_analytics_db(sys.argv[1]).changes
assert opening.applied == {tuple(range(1, NEXT + 1))}, opening.applied
"""

WRITE = """
import logging, sys, devflow_analytics_db
from pony.orm import db_session
assert devflow_analytics_db.__file__.startswith(sys.argv[2])
logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
with devflow_analytics_db.create_analytics_db(sys.argv[1]) as db, db_session:
    session = db.Session(id="older", started_at=1)
    db.ToolCall(id="c", tool_name="t", duration_ms=1, status="error", timestamp=1, session=session)
    print(db.opening.schema_version)  # as that release calls it
"""

READ = """
import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute(
    "SELECT s.id, s.mood, s.client, c.id, c.source"
    " FROM sessions AS s JOIN tool_calls AS c ON c.session_id = s.id"
).fetchall())
"""


def test_older_code_writes_a_newer_file_that_allows_it_and_says_so_once(
    earlier: Path, later: Callable[[str], Path], tmp_path: Path
) -> None:
    if any(migration.compatible_with > 2 for migration in load_migrations()):
        pytest.skip("what was released since locks that commit out: EARLIER should be a later one")
    file = tmp_path / "analytics.db"
    newer = later("-- compatible-with: 2")
    made = python(newer, "-c", MAKE, file, newer)
    assert made.returncode == 0, made
    done = python(earlier, "-c", WRITE, file, earlier)
    assert (done.returncode, done.stdout) == (0, f"{NEXT}\n"), done
    assert done.stderr == (
        f"WARNING {file} is newer than this release, which may still write to it\n"
    )
    assert python(newer, "-c", READ, file).stdout == "[('older', None, None, 'c', None)]\n"


def test_older_code_refuses_a_newer_file_that_does_not_allow_it(
    earlier: Path, later: Callable[[str], Path], tmp_path: Path
) -> None:
    file = tmp_path / "analytics.db"
    newer = later("")
    made = python(newer, "-c", MAKE, file, newer)
    assert made.returncode == 0, made
    before = file.read_bytes()
    done = python(earlier, "-m", "devflow_analytics_cli", "--db", file, "init")
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == (
        f"Error: {file} is at schema version {NEXT} and may be written only by releases that know"
        f" version {NEXT}; this one knows 2. It was left as it is. Upgrade devflow-analytics-db.\n"
    )
    assert (file.read_bytes(), [*tmp_path.glob("analytics*")]) == (before, [file])
