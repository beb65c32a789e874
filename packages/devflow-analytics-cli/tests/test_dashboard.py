"""The page, as people start and end it: the command is a real process, and is asked over HTTP."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from devflow_analytics_db import create_analytics_db
from devflow_analytics_db.testing import BROKEN_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Command = Callable[..., subprocess.CompletedProcess[str]]

COMMAND = str(Path(sys.executable).with_name("devflow-analytics"))
NOW = 1_795_622_770
NOW_ISO = "2026-11-25T17:06:10+01:00"

HOLDING_NO_CALLS = """
from devflow_analytics_cli.made_up import calls
from devflow_analytics_db import create_analytics_db
calls.write_made_up_calls = lambda file, now: create_analytics_db(file).close()
from devflow_analytics_cli.main import main
main()
"""
QUICKLY = (sys.executable, "-c", HOLDING_NO_CALLS)
"""The command, where it makes no difference what the made-up calls are."""


@contextmanager
def running(
    *arguments: str | Path, program: tuple[str, ...] = (COMMAND,), **environment: str
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*program, *arguments],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  no threads here
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    keys = json.loads(line(process))
    assert isinstance(keys, dict)
    return keys


def get(url: str, route: str = "", *, key: str | None = None) -> tuple[int, str]:
    """Ask for what is below an address; by default with its key."""
    address = urlsplit(url)
    assert address.hostname
    key = address.fragment.removeprefix("key=") if key is None else key
    with closing(HTTPConnection(address.hostname, address.port, timeout=60)) as connection:
        connection.request("GET", f"/{route}", headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def ended(process: subprocess.Popen[str], number: int) -> tuple[int, str, str]:
    """Send a signal, and return the exit status and what else was printed."""
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the processes make their temporary directories."""
    directory = tmp_path / "tmp"
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    return directory


@pytest.fixture(autouse=True)
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no browser of whoever runs the tests be opened."""
    monkeypatch.setenv("BROWSER", "true")  # the program that does nothing


@pytest.fixture
def full(file: Path, record: Callable[..., None]) -> Path:
    """The database, with three calls of the last minutes."""
    record([{"timestamp": NOW - 60 * number} for number in range(3)])
    return file


def test_it_says_where_the_page_is_and_serves_it_until_ctrl_c(full: Path) -> None:
    with running("dashboard") as process:
        said = [line(process) for _ in range(5)]
        url = said[2].strip()
        assert said == [
            f"Serving {full} at\n",
            "\n",
            f"    {url}\n",
            "\n",
            "The address holds a key to your calls: keep it to yourself. Press Ctrl-C to end.\n",
        ]
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#key=[\w-]{43}", url)
        assert get(url)[0] == 200
        status, answer = get(url, "api/summary?since=all")
        assert (status, json.loads(answer)["totals"]["calls"]) == (200, 3)
        assert ended(process, signal.SIGINT) == (0, "", "")


def test_without_the_key_nothing_is_answered(full: Path) -> None:
    assert full.exists()
    with running("-q", "dashboard") as process:
        url = line(process).strip()
        assert [get(url, "api/summary", key=key)[0] for key in ("", "wrong")] == [401, 401]
        assert get(url, "api/summary")[0] == 200


def test_json_tells_the_address_the_port_and_the_database(full: Path) -> None:
    with running("dashboard", "--json") as process:
        keys = told(process)
        address = urlsplit(keys["url"])
        assert keys == {"url": keys["url"], "port": address.port, "database": str(full)}
        assert get(keys["url"])[0] == 200
        assert ended(process, signal.SIGINT) == (0, "", "")


def test_quiet_prints_the_address_alone(full: Path) -> None:
    assert full.exists()
    with running("--quiet", "dashboard") as process:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#key=[\w-]+\n", line(process))
        assert ended(process, signal.SIGINT) == (0, "", "")


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_with_the_status_that_shells_know(
    number: signal.Signals, status: int, full: Path
) -> None:
    assert full.exists()
    with running("dashboard", "--json") as process:
        get(told(process)["url"], "api/version")
        assert ended(process, number) == (status, "", "")


def test_several_run_at_once_each_with_its_own_port_and_key(full: Path) -> None:
    assert full.exists()
    with running("dashboard", "--json") as one, running("dashboard", "--json") as other:
        urls = [told(process)["url"] for process in (one, other)]
        assert len({urlsplit(url).port for url in urls}) == 2
        first, second = (urlsplit(url).fragment.removeprefix("key=") for url in urls)
        assert get(urls[0], "api/version", key=second)[0] == 401
        assert get(urls[1], "api/version", key=second)[0] == 200
        assert first != second


def test_a_port_that_is_taken_is_69(refused: Callable[..., tuple[int, str]], full: Path) -> None:
    assert full.exists()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refused("dashboard", "--port", str(port)) == (
            69,
            (
                f"Error: Port {port} of 127.0.0.1 is taken by another program."
                " Give another --port, or none for the next that is free."
            ),
        )


def test_a_port_can_be_chosen(full: Path) -> None:
    assert full.exists()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with running("dashboard", "--json", "--port", str(port)) as process:
        assert told(process)["port"] == port


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


def test_in_a_container_it_may_listen_on_every_address(full: Path) -> None:
    assert full.exists()
    arguments = ("dashboard", "--json", "--host", "0.0.0.0")
    with running(*arguments, DEVFLOW_ANALYTICS_IN_CONTAINER="1") as process:
        url = told(process)["url"]
        assert url.startswith("http://127.0.0.1:")
        assert get(url)[0] == 200


def test_a_database_that_does_not_exist_yet_is_waited_for(file: Path, process: Command) -> None:
    with running("dashboard", "--json") as page:
        url = told(page)["url"]
        assert page.stderr
        assert page.stderr.readline() == f"There is no database at {file} yet. Waiting for it.\n"
        assert get(url)[0] == 200
        status, answer = get(url, "api/summary")
        assert (status, json.loads(answer)["kind"]) == (503, "no_database")
        assert "'devflow-analytics init'" in json.loads(answer)["error"]
        assert not file.parent.exists()
        assert process("init").returncode == 0
        assert get(url, "api/summary")[0] == 200
        assert ended(page, signal.SIGINT) == (0, "", "")


def test_quiet_does_not_say_that_it_waits(home: Path) -> None:
    with running("-q", "dashboard") as process:
        assert get(line(process).strip())[0] == 200
        assert ended(process, signal.SIGINT) == (0, "", "")
    assert os.listdir(home) == []


def test_a_database_in_a_directory_that_is_not_there_is_not_waited_for(
    command: Command, home: Path
) -> None:
    lost = str(home / "none" / "calls.db")
    done = command("--db", lost, "dashboard")
    assert (done.returncode, done.stdout) == (66, "")
    assert done.stderr == command("--db", lost, "stats").stderr


@pytest.mark.parametrize(
    ("name", "status"),
    [("a text file", 65), ("a directory", 73), ("another program's file", 65)]
    + [("a file cut in half", 65), ("damaged rows", 65)],
)
def test_a_database_that_cannot_be_read_is_told_before_anything_is_served(
    name: str, status: int, file: Path, command: Command
) -> None:
    file.parent.mkdir(mode=0o700)
    BROKEN_FILES[name].make(file)
    done = command("dashboard", "--no-browser")
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr == command("stats", "--since", "all").stderr


def test_a_newer_schema_is_told_as_other_commands_tell_it(file: Path, command: Command) -> None:
    create_analytics_db(file).close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute(
            "INSERT INTO devflow_migrations VALUES (99, 'next', '', 99, 0, 0, 'next')"
        )
    done = command("dashboard", "--no-browser")
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == command("stats").stderr


def in_a_shell(redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    words = shlex.join([COMMAND, *arguments])
    return subprocess.run(
        ["/bin/sh", "-c", f"{words} {redirection}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("arguments", [["dashboard"], ["dashboard", "--json"], ["-q", "dashboard"]])
@pytest.mark.parametrize(
    ("redirection", "why"),
    [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")],
)
def test_where_the_address_cannot_be_printed_nothing_is_served(
    redirection: str, why: str, arguments: list[str], full: Path
) -> None:
    assert full.exists()
    done = in_a_shell(redirection, *arguments)
    assert (done.returncode, done.stderr) == (74, f"Error: Cannot write the output: {why}.\n")


def test_a_closed_pipe_ends_it_without_a_word(full: Path) -> None:
    assert full.exists()
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(
            [COMMAND, "dashboard"], stdout=closed, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert (done.returncode, done.stderr) == (1, b"")


def test_it_goes_on_when_whoever_read_the_address_is_gone(full: Path) -> None:
    assert full.exists()
    with running("dashboard", "--json") as process:
        url = told(process)["url"]
        assert process.stdout
        process.stdout.close()
        assert get(url)[0] == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("redirection", ["<&-", "2>&-"])
def test_a_closed_stdin_or_stderr_is_nothing_to_it(redirection: str, full: Path) -> None:
    assert full.exists()
    script = f'exec "$@" {redirection}'
    program = ("/bin/sh", "-c", script, "sh", COMMAND)
    with running("dashboard", "--json", program=program) as process:
        assert get(told(process)["url"])[0] == 200
        assert ended(process, signal.SIGINT) == (0, "", "")


A_BROWSER = """\
#!/bin/sh
printf '%s\\n' "$@" >"{pipe}"
"""


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pipe into which a browser writes what it was given."""
    pipe, script = tmp_path / "opened", tmp_path / "browser"
    os.mkfifo(pipe)
    script.write_text(A_BROWSER.format(pipe=pipe))
    script.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(script))
    return pipe


def test_it_opens_a_browser_that_is_not_given_the_key(
    full: Path, browser: Path, temporary: Path
) -> None:
    assert full.exists()
    with running("dashboard", "--json") as process:
        url = told(process)["url"]
        opened = urlsplit(browser.read_text().strip())
        assert opened.scheme == "file"
        redirect = Path(opened.path)
        assert url in redirect.read_text()
        assert (redirect.is_relative_to(temporary), redirect.stat().st_mode & 0o777) == (
            True,
            0o600,
        )
        assert ended(process, signal.SIGINT) == (0, "", "")
    assert os.listdir(temporary) == []


def test_it_opens_no_browser_if_none_is_wanted(full: Path, browser: Path, temporary: Path) -> None:
    assert full.exists()
    reader = os.open(browser, os.O_RDONLY | os.O_NONBLOCK)
    with running("dashboard", "--json", "--no-browser") as process:
        get(told(process)["url"])
        assert os.listdir(temporary) == []
        assert ended(process, signal.SIGINT) == (0, "", "")
    assert os.read(reader, 100) == b""
    os.close(reader)


def test_made_up_calls_are_shown_and_gone_afterwards(
    home: Path, temporary: Path, full: Path
) -> None:
    before = full.read_bytes()
    with running("dashboard", "--demo", "--json", "--no-browser") as process:
        keys = told(process)
        assert keys["database"].startswith(f"{temporary}/devflow-analytics-demo-")
        status, answer = get(keys["url"], "api/summary")
        assert (status, json.loads(answer)["totals"]["calls"] > 3000) == (200, True)
        assert ended(process, signal.SIGINT) == (0, "", "")
    assert os.listdir(temporary) == []
    assert (full.read_bytes(), os.listdir(home)) == (before, [".devflow"])


@pytest.mark.parametrize("words", [["dashboard", "--demo"], ["demo", "dashboard"]], ids=" ".join)
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_leaves_nothing_of_made_up_calls(
    number: signal.Signals, status: int, words: list[str], temporary: Path
) -> None:
    with running(*words, "--json", "--no-browser", program=QUICKLY) as process:
        assert get(told(process)["url"], "api/version")[0] == 200
        assert len(os.listdir(temporary)) == 1
        assert ended(process, number) == (status, "", "")
    assert os.listdir(temporary) == []


def test_demo_serves_at_another_time_and_from_a_file_that_stays(
    home: Path, temporary: Path
) -> None:
    kept = home / "kept.db"
    words = ("demo", "--now", NOW_ISO, "--keep", kept, "dashboard", "--json", "--no-browser")
    with running(*words, program=QUICKLY) as process:
        keys = told(process)
        assert keys["database"] == str(kept)
        assert json.loads(get(keys["url"], "api/version")[1])["now"] == NOW
        assert ended(process, signal.SIGINT) == (0, "", "")
    assert (os.listdir(temporary), os.listdir(home)) == ([], ["kept.db"])


@pytest.mark.parametrize("first", [["--db", "mine.db"], ["demo"]], ids=" ".join)
def test_made_up_calls_are_not_those_of_a_database_that_is_named(
    first: list[str], refused: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(file: str, _: int) -> None:
        create_analytics_db(file).close()

    monkeypatch.setattr("devflow_analytics_cli.made_up.calls.write_made_up_calls", make)
    assert refused(*first, "dashboard", "--demo") == (
        2,
        "Error: --demo makes up its own database, and another one is named: leave out one of the two.",
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
