"""The command itself: how it is started, what it tells of itself, what it costs."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import devflow_analytics_cli.commands

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., subprocess.CompletedProcess[str]]

README = Path(__file__).parent.parent / "README.md"


def test_the_help_is_what_the_readme_shows(process: Command) -> None:
    shown = re.search(r"\$ devflow-analytics --help\n(.*?)```", README.read_text(), re.DOTALL)
    assert shown
    done = process("--help", COLUMNS="80")
    assert (done.returncode, done.stdout, done.stderr) == (0, shown[1], "")


def test_without_a_command_it_shows_the_help_as_a_usage_error(
    command: Command, process: Command
) -> None:
    done = process()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == command("--help").stdout


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


def test_a_name_that_is_nearly_a_commands_is_told_that_commands(command: Command) -> None:
    assert "Did you mean 'migrate'?" in command("migrates").stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["stats", "--db", "x"], "--db goes before the command: devflow-analytics --db FILE stats"),
        (["stats", "-q"], "-q goes before the command: devflow-analytics -q stats"),
        (["stats", "--dbx"], "No such option '--dbx'. Did you mean '--by'?"),
        (["--nope"], "No such option '--nope'."),
    ],
)
def test_a_global_option_after_the_command_is_told_its_place(
    arguments: list[str], told: str, command: Command
) -> None:
    result = command(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == f"Error: {told}"


def test_the_help_lists_each_command_once_under_what_it_is_for(command: Command) -> None:
    shown = command("--help", COLUMNS="80").stdout
    asking = re.findall(r"^  ([a-z]+) ", shown.split("\nAsk:\n")[1].split("\n\n")[0], re.MULTILINE)
    looking = shown.split("\nRecord and look after:\n")[1].split("\n\n")[0]
    names = [*asking, *re.findall(r"^  ([a-z]+) ", looking, re.MULTILINE)]
    modules = Path(devflow_analytics_cli.commands.__path__[0]).glob("[a-z]*.py")
    assert sorted(names) == sorted(module.stem.rstrip("_") for module in modules)
    assert asking == [
        *("stats", "tools", "errors", "sessions", "calls", "tail", "export", "dashboard", "demo")
    ]


@pytest.mark.parametrize("name", ["init", "status"])
def test_on_a_current_file_nothing_is_imported_beyond_sqlite3_and_click(
    name: str, command: Command
) -> None:
    command("init")
    code = f"""if True:
        import sys, sqlite3, click
        floor = set(sys.modules)
        from devflow_analytics_cli.app import cli
        cli(["{name}"], standalone_mode=False)
        more = {{name for name in set(sys.modules) - floor if not name.startswith("devflow_")}}
        print(*sorted(more), file=sys.stderr)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # click itself brings locale when it runs a command
    expected = {"__future__", "locale", "_locale"}
    if name == "status":  # whose result is a dataclass
        expected |= {"copy", "dataclasses"}
    assert set(done.stderr.split()) <= expected


def test_only_the_command_that_runs_is_imported() -> None:
    code = """if True:
        import sys
        from devflow_analytics_cli.app import COMMANDS, cli
        cli(["path"], standalone_mode=False)
        modules = {name: f"devflow_analytics_cli.commands.{name}" for name in COMMANDS}
        print(*(name for name in modules if modules[name] in sys.modules))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "path"
