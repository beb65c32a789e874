"""``devflow-analytics wrap``: it runs a server before anything else is imported."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest

COMMAND = Path(sys.executable).with_name("devflow-analytics")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Command = Callable[..., subprocess.CompletedProcess[str]]

SERVER = """
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": {}}), flush=True)
"""

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search"}}


class Answer(BaseHTTPRequestHandler):
    """Answers each call."""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": {}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def answering() -> Iterator[ThreadingHTTPServer]:
    """Give a server that speaks HTTP."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(COMMAND), *words], input=stdin, capture_output=True, text=True, timeout=60, check=False
    )


def recorded(file: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(
            "SELECT tool_name, server, client FROM tool_calls"
            " JOIN sessions ON session_id = sessions.id"
        ).fetchall()


@pytest.mark.parametrize("is_quick", [True, False], ids=["at once", "by click"])
def test_a_server_is_run_and_its_calls_are_recorded(tmp_path: Path, *, is_quick: bool) -> None:
    file = tmp_path / "calls.db"
    words = ("wrap", "--server", "mine", "--client=me", "--", sys.executable, "-c", SERVER)
    quiet = () if is_quick else ("--quiet",)  # which only click reads
    done = run(*quiet, "--db", str(file), *words, stdin=f"{json.dumps(CALL)}\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert recorded(file) == [("search", "mine", "me")]


def test_a_server_that_is_wrapped_twice_is_recorded_once(tmp_path: Path) -> None:
    file, other = tmp_path / "calls.db", tmp_path / "other.db"
    inner = (str(COMMAND), "--db", str(file), "wrap", sys.executable, "-c", SERVER)
    outer = ("wrap", "--server", "outer", "sh", "-c", '"$@"; exit 3', "sh", *inner)
    done = run("--db", str(file), *outer, stdin=f"{json.dumps(CALL)}\n")
    assert (done.returncode, done.stderr) == (3, "")
    assert recorded(file) == [("search", "outer", None)]
    run("--db", str(other), *outer, stdin=f"{json.dumps(CALL)}\n")
    assert recorded(other) == [("search", "outer", None)]
    assert recorded(file) == [
        ("search", "outer", None),
        ("search", Path(sys.executable).name, None),
    ]


def test_the_status_is_that_of_the_server() -> None:
    assert run("wrap", "--", "sh", "-c", "exit 7").returncode == 7
    assert run("wrap", "sh", "-c", "kill -9 $$").returncode == -9


def test_what_cannot_be_run_is_said_as_a_shell_says_it(tmp_path: Path) -> None:
    done = run("wrap", "--", "no-such-server")
    assert (done.returncode, done.stderr) == (
        127,
        "devflow-analytics: cannot run 'no-such-server': No such file or directory\n",
    )
    assert run("wrap", "--", str(tmp_path)).returncode == 126


def test_nothing_that_takes_long_is_imported_before_the_server_runs() -> None:
    code = (
        "import os, sys\n"
        "def spawn(*_, **__):\n"
        "    sys.stderr.write(' '.join(sys.modules))\n"
        "    raise FileNotFoundError(2, 'stop')\n"
        "os.posix_spawnp = spawn\n"
        "sys.argv = ['devflow-analytics', 'wrap', 'x']\n"
        "from devflow_analytics_cli.main import main\n"
        "main()\n"
    )
    # what measures coverage imports some of these
    environment = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    ).stderr.split()
    assert "devflow_analytics_capture.proxy.stdio.child" in told
    slow = {"click", "re", "json", "signal", "subprocess", "sqlite3", "threading", "logging"}
    assert slow.isdisjoint(told)


def test_requests_are_passed_on_to_a_server_that_speaks_http(tmp_path: Path) -> None:
    file = tmp_path / "calls.db"
    with answering() as server:
        url = f"http://127.0.0.1:{server.server_port}/mcp"
        words = [str(COMMAND), "--db", str(file), "wrap", "--server", "far", "--url", url]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            address = next(line.strip() for line in process.stdout if line.startswith("    "))
            request = Request(address, json.dumps(CALL).encode())
            with urlopen(request, timeout=60) as answer:
                assert json.load(answer) == {"jsonrpc": "2.0", "id": 1, "result": {}}
            process.send_signal(signal.SIGTERM)
        assert process.returncode == 128 + signal.SIGTERM
    assert recorded(file) == [("search", "far", None)]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("example.com/mcp", "Error: 'example.com/mcp' "),
        ("ftp://example.com", "Error: 'ftp://example.com' "),
    ],
)
def test_an_address_that_is_none_is_told(command: Command, url: str, said: str) -> None:
    done = command("wrap", "--url", url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("wrap",), "Error: Give the command that starts the server, or --url.\n"),
        (("wrap", "--"), "Error: Give the command that starts the server, or --url.\n"),
        (
            ("wrap", "--url", "http://127.0.0.1/mcp", "x"),
            "Error: Give --url or a command, not both.\n",
        ),
        (
            ("wrap", "--port", "80", "x"),
            "Error: --port is where requests come that are passed on to --url.\n",
        ),
        (
            ("wrap", "--sever", "a", "x"),
            "Error: No such option '--sever'. Did you mean '--server'?\n",
        ),
        (("wrap", "--server"), "Error: Option '--server' requires an argument.\n"),
    ],
)
def test_what_is_typed_wrong_is_told(command: Command, words: tuple[str, ...], said: str) -> None:
    done = command(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(said)
