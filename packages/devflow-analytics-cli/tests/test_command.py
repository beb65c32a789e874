"""The command itself: how it is started, what it tells of itself, what it costs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]

HELP = """\
Usage: devflow-analytics [OPTIONS] COMMAND [ARGS]...

  Keep a record of what AI agents do through MCP tools, in one SQLite file of
  your own.

Options:
  --db PATH      Use this database file.
  -v, --verbose  Say on stderr what is done.
  -q, --quiet    Say nothing about what goes well.
  --debug        Show the Python traceback of an error too.
  --version      Show the version and exit.
  -h, --help     Show this message and exit.

Commands:
  init  Make the database, or bring it up to date.

  The database is ~/.devflow/analytics.db, unless --db or the environment
  variable DEVFLOW_ANALYTICS_DB_PATH names another file.
"""


def test_help_lists_options_and_commands(command: Command) -> None:
    done = command("--help", COLUMNS="80")
    assert (done.returncode, done.stdout, done.stderr) == (0, HELP, "")


def test_without_a_command_it_shows_the_help_as_a_usage_error(command: Command) -> None:
    done = command(COLUMNS="80")
    assert (done.returncode, done.stdout + done.stderr) == (2, HELP)


def test_asking_for_help_or_version_makes_nothing(command: Command, home: Path) -> None:
    for arguments in (["--help"], ["--version"], ["init", "--help"]):
        assert command(*arguments).returncode == 0
    assert list(home.iterdir()) == []


def test_the_version_is_the_distributions(command: Command) -> None:
    expected = f"devflow-analytics, version {version('devflow-analytics-cli')}\n"
    assert command("--version").stdout == expected


def test_the_module_runs_as_the_command_does(command: Command, file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "devflow_analytics_cli", "init"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"Created {file}\n")
    assert command("init").stdout.startswith(f"{file} is current")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete_it(command: Command, shell: str) -> None:
    done = command(_DEVFLOW_ANALYTICS_COMPLETE=f"{shell}_source")
    assert done.returncode == 0
    assert "_DEVFLOW_ANALYTICS_COMPLETE" in done.stdout


def test_on_a_current_file_nothing_is_imported_beyond_sqlite3_and_click(command: Command) -> None:
    command("init")
    code = """if True:
        import sys, sqlite3, click
        floor = set(sys.modules)
        from devflow_analytics_cli.main import cli
        cli(["init"], standalone_mode=False)
        more = {name for name in set(sys.modules) - floor if not name.startswith("devflow_")}
        print(*sorted(more), file=sys.stderr)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # click itself brings locale when it runs a command
    assert set(done.stderr.split()) <= {"__future__", "locale", "_locale"}
