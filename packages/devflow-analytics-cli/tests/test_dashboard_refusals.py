"""What the dashboard refuses before it serves anything, and how it is asked for help."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import create_analytics_db
from devflow_analytics_db.testing import BROKEN_FILES

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., subprocess.CompletedProcess[str]]

COMMAND = str(Path(sys.executable).with_name("devflow-analytics"))


@pytest.fixture
def database() -> None:
    """A database that could be shown."""
    create_analytics_db().close()


@pytest.mark.usefixtures("database")
def test_a_port_that_is_taken_is_69(refused: Callable[..., tuple[int, str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refused("dashboard", "--port", str(port)) == (
            69,
            (
                f"Error: Port {port} of 127.0.0.1 is taken by another program."
                " Give another --port, or none for the next that is free."
            ),
        )


@pytest.mark.parametrize("port", ["80", "1023", "65536", "http"])
def test_a_port_that_is_none_is_a_usage_error(
    port: str, refused: Callable[..., tuple[int, str]]
) -> None:
    status, said = refused("dashboard", "--port", port)
    assert (status, said.startswith("Error: Invalid value for '--port': ")) == (2, True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "localhost", ""])
def test_an_address_that_others_can_reach_is_refused(
    host: str, refused: Callable[..., tuple[int, str]]
) -> None:
    status, said = refused("dashboard", "--host", host)
    assert (status, said.startswith(f"Error: The page is not served on {host!r}: ")) == (1, True)


def test_a_database_in_a_directory_that_is_not_there_is_not_waited_for(
    command: Command, home: Path
) -> None:
    lost = str(home / "none" / "calls.db")
    done = command("--db", lost, "dashboard")
    assert (done.returncode, done.stdout) == (66, "")
    assert done.stderr == command("--db", lost, "stats").stderr


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("a text file", 65),
        ("another program's file", 65),
        ("a file cut in half", 65),
        ("a directory", 73),
        ("a newer file", 78),
    ],
)
def test_a_database_that_cannot_be_read_is_told_before_anything_is_served(
    name: str, status: int, file: Path, process: Command
) -> None:
    file.parent.mkdir(mode=0o700)
    BROKEN_FILES[name].make(file)
    done = process("dashboard")
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr == process("stats", "--since", "all").stderr


def in_a_shell(redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    words = shlex.join([COMMAND, *arguments])
    return subprocess.run(
        ["/bin/sh", "-c", f"{words} {redirection}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("arguments", [["dashboard"], ["dashboard", "--json"], ["-q", "dashboard"]])
@pytest.mark.parametrize(
    ("redirection", "why"),
    [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")],
)
def test_where_the_address_cannot_be_printed_nothing_is_served(
    redirection: str, why: str, arguments: list[str]
) -> None:
    done = in_a_shell(redirection, *arguments)
    assert (done.returncode, done.stderr) == (74, f"Error: Cannot write the output: {why}.\n")


@pytest.mark.usefixtures("database")
def test_a_closed_pipe_ends_it_without_a_word() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(
            [COMMAND, "dashboard"], stdout=closed, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("first", [["--db", "mine.db"], ["demo"]], ids=" ".join)
def test_made_up_calls_are_not_those_of_a_database_that_is_named(
    first: list[str], refused: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(file: str, _: int) -> None:
        create_analytics_db(file).close()

    monkeypatch.setattr("devflow_analytics_cli.made_up.calls.write_made_up_calls", make)
    assert refused(*first, "dashboard", "--demo") == (
        2,
        (
            "Error: --demo makes up its own database, and another one is named:"
            " leave out one of the two."
        ),
    )


HIDING = """
import sys

class Hiding:
    def find_spec(self, name, path=None, target=None):
        if name == hidden:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

hidden = {hidden!r}
sys.meta_path.insert(0, Hiding())
from devflow_analytics_cli.main import main
main()
"""


def without(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command where a module is not installed."""
    return subprocess.run(
        [sys.executable, "-c", HIDING.format(hidden=module), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_where_it_is_not_installed_the_command_says_how_to_get_it(temporary: Path) -> None:
    for words in (["dashboard"], ["dashboard", "--demo"]):
        done = without("devflow_analytics_dashboard", *words)
        assert (done.returncode, done.stdout) == (69, "")
        assert done.stderr == (
            "Error: The dashboard is not installed."
            " Run \"uv tool install 'devflow-analytics-cli[dashboard]'\""
            " or \"pip install 'devflow-analytics-cli[dashboard]'\".\n"
        )
    assert os.listdir(temporary) == []


def test_where_it_is_not_installed_its_help_can_be_read_all_the_same(process: Command) -> None:
    for words in (["dashboard", "--help"], ["--help"]):
        done = without("devflow_analytics_dashboard", *words)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == process(*words).stdout


def test_a_package_that_it_lacks_is_named() -> None:
    done = without("uvicorn", "dashboard")
    assert (done.returncode, done.stdout) == (69, "")
    assert done.stderr == (
        "Error: The dashboard cannot be imported: No module named 'uvicorn'. Install it anew with"
        " \"uv tool install --reinstall 'devflow-analytics-cli[dashboard]'\""
        " or \"pip install --force-reinstall 'devflow-analytics-cli[dashboard]'\".\n"
    )
    assert without("uvicorn", "--debug", "dashboard").stderr.startswith("Traceback (most recent")


def test_its_help_imports_neither_the_server_nor_made_up_calls() -> None:
    code = """if True:
        import sys
        from devflow_analytics_cli.app import cli
        cli(["dashboard", "--help"], standalone_mode=False)
        ours = "devflow_analytics_dashboard", "devflow_analytics_reports", "made_up.calls"
        others = "asyncio", "starlette", "uvicorn"
        print("imported:", *(name for name in (*ours, *others) if name in sys.modules))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported:"


def test_the_shell_completes_its_options(command: Command) -> None:
    done = command(
        _DEVFLOW_ANALYTICS_COMPLETE="bash_complete",
        COMP_WORDS="devflow-analytics\ndashboard\n--",
        COMP_CWORD="2",
    )
    assert done.stdout.split() == [
        f"plain,--{name}" for name in ("port", "host", "no-browser", "demo", "json", "help")
    ]
