"""The packages in one archive, as ``python -m zipapp`` makes it, and with files left out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipapp
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import create_analytics_db
from devflow_analytics_db.migrations import file_names

if TYPE_CHECKING:
    from collections.abc import Callable

OURS = (  # without the dashboard: some of what it needs is compiled
    "devflow_analytics_capture",
    "devflow_analytics_cli",
    "devflow_analytics_db",
    "devflow_analytics_recorder",
    "devflow_analytics_reports",
    "devflow_analytics_schema",
)
NEEDED = (*OURS, "click", "pony", "rich", "typing_extensions")  # uuid_utils is compiled
MAIN = "from devflow_analytics_cli.main import main\nmain()\n"

INSTALLED = (Path(sys.executable).with_name("devflow-analytics"),)
ALONE = (sys.executable, "-S")  # without what is installed

COMMANDS = (
    *("init", "init", "status", "check", "doctor", "backup ~/copy.db", "migrate --to 1 --yes"),
    *("check", "migrate --dry-run", "init --json", "restore ~/copy.db", "status --json", "path"),
    "stats --since 2026-01-01 --until 2026-01-31 --utc",
)


def copy_packages(directory: Path, *left_out: str) -> Path:
    """Copy what is installed, as it is found, and make a program of it."""
    for name in NEEDED:
        spec = find_spec(name)
        if spec is None:
            assert name not in OURS
            continue
        assert spec.origin
        if spec.submodule_search_locations:
            shutil.copytree(
                Path(spec.origin).parent,
                directory / name,
                ignore=shutil.ignore_patterns(*left_out),
            )
        else:
            shutil.copy(spec.origin, directory)
    (directory / "__main__.py").write_text(MAIN)
    return directory


def archive(directory: Path) -> Path:
    # compiled modules are found beside their sources there; without them, all tests compile all
    for compiled in directory.rglob(f"*.{sys.implementation.cache_tag}.pyc"):
        compiled.rename(compiled.parent.with_name(f"{compiled.name.partition('.')[0]}.pyc"))
    target = directory.with_suffix(".pyz")
    zipapp.create_archive(directory, target)
    return target


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive(copy_packages(tmp_path_factory.mktemp("zipapp")))


def run(words: tuple[str | Path, ...], home: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        words,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def told(program: tuple[str | Path, ...], home: Path) -> list[tuple[str, int, str, str]]:
    """Return what each command says, but for what the time and the disk change."""
    home.mkdir()
    found = []
    for command in COMMANDS:
        words = [
            str(home) + word[1:] if word.startswith("~/") else word for word in command.split()
        ]
        status, stdout, stderr = run((*program, *words), home)
        stdout = re.sub(r"\d{8}T\d{6}\.\d{6}Z", "TIME", stdout.replace(str(home), "~"))
        stdout = re.sub(r"(checksum, .* VALUES .*) \d{10}, 0,", r"\1 NOW, 0,", stdout)
        stdout = re.sub(r"(OK    free space    ).*", r"\1", stdout)
        found.append((command, status, stdout, stderr))
    return found


def test_every_command_says_the_same_from_an_archive(application: Path, tmp_path: Path) -> None:
    expected = told(INSTALLED, tmp_path / "installed")
    assert told((*ALONE, application), tmp_path / "archive") == expected
    assert {status for _, status, _, _ in expected} == {0, 1}  # check, at version 1
    assert {stderr for _, _, _, stderr in expected} == {""}


def test_an_archive_without_the_page_says_how_to_get_it(application: Path, home: Path) -> None:
    status, stdout, stderr = run((*ALONE, application, "dashboard"), home)
    assert (status, stdout) == (69, "")
    assert stderr.startswith("Error: The dashboard is not installed. Run ")
    assert list(home.iterdir()) == []


def in_an_archive(directory: Path) -> Path:
    return archive(copy_packages(directory, "*.sql"))


def in_a_directory(directory: Path) -> Path:
    return copy_packages(directory, "*.sql")


@pytest.mark.parametrize("build", [in_an_archive, in_a_directory])
def test_missing_migrations_are_named_and_nothing_is_made(
    build: Callable[[Path], Path], home: Path, tmp_path: Path
) -> None:
    program = build(tmp_path / "program")
    package = program / "devflow_analytics_db"
    what = (
        f"{package / 'migrations' / '*.sql'} cannot be read (not there): a file of"
        " devflow-analytics-db itself. Nothing was changed."
    )
    advice = (
        "Reinstall the package; if this program has it built in, build the program with the"
        " package's .sql files."
    )
    sentence = f"{what} {advice}"
    for command in ("init", "status"):
        assert run((*ALONE, program, command), home) == (70, "", f"Error: {sentence}\n"), command
    status, stdout, _ = run((*ALONE, program, "doctor"), home)
    assert status == 1
    assert stdout.endswith(f"\nFAIL  database      {what}\n{'':19} {advice}\n")
    assert list(home.iterdir()) == []

    create_analytics_db(home / "copy.db").close()
    create_analytics_db().close()
    before = {path: path.read_bytes() for path in home.rglob("*.db")}
    for command in (
        *("init", "status", "check", "backup", "migrate", "migrate --dry-run"),
        f"restore {home / 'copy.db'}",
    ):
        words = (*ALONE, program, *command.split())
        assert run(words, home) == (70, "", f"Error: {sentence}\n"), command
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before
    assert [path.name for path in home.rglob("*") if path.is_dir()] == [".devflow"]


def test_a_migration_that_cannot_be_read_is_named(home: Path, tmp_path: Path) -> None:
    program = copy_packages(tmp_path / "program")
    migration = program / "devflow_analytics_db" / "migrations" / file_names()[0]
    migration.unlink()
    migration.symlink_to("nowhere")
    status, _, stderr = run((*ALONE, program, "init"), home)
    assert status == 70
    assert stderr.startswith(f"Error: {migration} cannot be read ([Errno 2] No such file")


def test_only_a_new_key_needs_what_an_archive_cannot_hold(application: Path, home: Path) -> None:
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from pony.orm import db_session
from devflow_analytics_db import create_analytics_db
from devflow_analytics_schema import new_id
with create_analytics_db() as db, db_session:
    db.Session(id="s", started_at=1)
    try:
        new_id()
    except ImportError as error:
        print(error)
"""
    expected = "" if sys.version_info >= (3, 14) else "No module named 'uuid_utils'\n"
    assert run((*ALONE, "-c", code, application), home) == (0, expected, "")
