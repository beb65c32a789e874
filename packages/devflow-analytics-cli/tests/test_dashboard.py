"""The page, as people start and end it: the command is a real process, and is asked over HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

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


def test_a_port_can_be_chosen(full: Path) -> None:
    assert full.exists()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with running("dashboard", "--json", "--port", str(port)) as process:
        assert told(process)["port"] == port


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
