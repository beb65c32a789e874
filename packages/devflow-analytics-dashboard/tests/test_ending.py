"""How a server ends: within a second, whatever is going on."""

from __future__ import annotations

import signal
import socket
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_dashboard import Dashboard

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = 1_795_622_770

pytestmark = pytest.mark.usefixtures("file")

SOON = 10
"""How many seconds an end may take on a very busy machine; on an idle one it takes 0.4.

What would be waited for in these tests takes longer.
"""

FOR_EVER = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n
"""

SLOW = f"""
import devflow_analytics_reports, os

def slow(connection, *arguments, **options):
    os.write(1, b"asked\\n")  # in one piece, whatever other threads write
    connection.execute({FOR_EVER!r}).fetchall()

devflow_analytics_reports.failures = slow
"""
"""What makes a question take for ever in SQLite."""


def ask(client: Any, path: str) -> Any:
    """Return a connection through which something was asked, and nothing is read."""
    connection = socket.create_connection(("127.0.0.1", client.port), timeout=30)
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {client.key}"
    connection.sendall(f"{head}\r\n\r\n".encode())
    return connection


def test_ctrl_c_returns_from_run_and_prints_nothing(server: Callable[..., Any]) -> None:
    started = server()
    assert started.client.get("/api/summary").status == 200
    seconds, *rest = started.end(signal.SIGINT)
    assert rest == [0, "returned\n", ""]
    assert seconds < SOON


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_end_the_process_as_they_do(number: int, server: Callable[..., Any]) -> None:
    seconds, *rest = server().end(number)
    assert rest == [-number, "", ""]
    assert seconds < SOON


def test_a_signal_that_is_ignored_stays_so(server: Callable[..., Any]) -> None:
    started = server("import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n")
    started.process.send_signal(signal.SIGHUP)
    assert started.client.get("/").status == 200
    assert started.end(signal.SIGINT)[1] == 0


def test_the_handlers_of_signals_are_what_they_were_before(python: Callable[..., Any]) -> None:
    done = python(
        """
        import os, signal, threading
        from devflow_analytics_dashboard import Dashboard
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        signal.signal(signal.SIGTERM, lambda *_: print("terminated"))
        before = [signal.getsignal(one) for one in numbers]
        for number in (signal.SIGINT, signal.SIGTERM):
            dashboard = Dashboard(port=0)
            threading.Timer(0.2, os.kill, [os.getpid(), number]).start()
            dashboard.run()
            print(before == [signal.getsignal(one) for one in numbers])
        """
    )
    assert (done.stdout, done.stderr) == ("True\nterminated\nTrue\n", "")


def test_a_running_question_is_interrupted(server: Callable[..., Any]) -> None:
    started = server(SLOW)
    waiting = [ask(started.client, f"/api/errors?since={days}d") for days in (1, 2, 3)]
    asked = [started.process.stdout.readline() for _ in range(2)]
    assert asked == ["asked\n"] * 2
    seconds, *rest = started.end(signal.SIGINT)
    assert rest == [0, "returned\n", ""]
    assert seconds < SOON
    for one in waiting:
        with one:
            assert one.recv(100)[:13] in {b"", b"HTTP/1.1 503 "}


def test_no_thread_goes_on_asking_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, threads = threading.Event(), []

    def slow(connection: Any, *_: object) -> None:
        threads.append(threading.current_thread())
        asked.set()
        connection.execute(FOR_EVER).fetchall()

    monkeypatch.setattr("devflow_analytics_reports.failures", slow)
    dashboard = Dashboard(port=0)
    running = threading.Thread(target=dashboard.run)
    running.start()
    with ask(dashboard, "/api/errors"):
        assert asked.wait(30)
        dashboard.close()
        running.join(30)
    threads[0].join(30)
    assert [running.is_alive(), threads[0].is_alive()] == [False, False]


def test_a_question_of_a_large_database_is_interrupted(
    file: Path, server: Callable[..., Any]
) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO sessions (id, started_at) VALUES ('s', 0)")
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
            " INSERT INTO tool_calls (id, tool_name, duration_ms, status, timestamp, session_id)"
            " SELECT 'c' || i, 't' || (i % 50), i % 1000, 'success', ? - i, 's' FROM n",
            [NOW],
        )
    started = server(clock=None)
    with ask(started.client, "/api/summary?since=all"), ask(started.client, "/api/tools?since=all"):
        # it is being asked: this comes after the first in the order of the server
        assert started.client.get("/api/version").status == 200
        seconds, *rest = started.end(signal.SIGINT)
    assert rest == [0, "returned\n", ""]
    assert seconds < SOON


def test_whoever_waits_for_a_locked_database_is_not_waited_for(
    file: Path, server: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", "60000")
    started = server()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("DELETE FROM tool_calls")
        with ask(started.client, "/api/errors"):
            assert started.client.get("/api/version").status == 200
            seconds, *rest = started.end(signal.SIGINT)
    assert rest == [0, "returned\n", ""]
    assert seconds < SOON


def test_silent_clients_are_dropped(server: Callable[..., Any]) -> None:
    started = server()
    silent = [started.client.connect() for _ in range(10)]
    silent[0].sendall(b"GET / HTTP/1.1\r\nHost: ")
    silent[1].sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert silent[1].recv(100).startswith(b"HTTP/1.1 200 OK")
    seconds, *rest = started.end(signal.SIGINT)
    for one in silent:
        one.close()
    assert rest == [0, "returned\n", ""]
    assert seconds < SOON


def test_a_client_that_reads_nothing_is_dropped(
    add: Callable[..., None], server: Callable[..., Any]
) -> None:
    add(*({"tool_name": "x" * 8000, "id": f"{number}"} for number in range(1000)))
    started = server(f"import time; time.time = lambda: {NOW}\n")
    # 8 MB for each: more than the buffers of a connection hold
    slow = [ask(started.client, "/api/calls?limit=1000&since=all") for _ in range(3)]
    assert [one.recv(13) for one in slow] == [b"HTTP/1.1 200 "] * 3
    seconds, *rest = started.end(signal.SIGINT)
    for one in slow:
        one.close()
    assert rest == [0, "returned\n", ""]
    assert seconds < SOON


def test_a_second_ctrl_c_does_no_harm(server: Callable[..., Any]) -> None:
    started = server(SLOW)
    with ask(started.client, "/api/errors"):
        assert started.process.stdout.readline() == "asked\n"
        started.process.send_signal(signal.SIGINT)
        assert started.end(signal.SIGINT)[1:] == (0, "returned\n", "")


def test_a_closed_dashboard_does_not_listen_and_does_not_run() -> None:
    with Dashboard(port=0) as dashboard:
        pass
    dashboard.close()
    dashboard.run()
    with Dashboard(port=dashboard.port) as again:
        assert again.port == dashboard.port


def test_a_dashboard_can_be_closed_from_another_thread_while_it_runs() -> None:
    dashboard = Dashboard(port=0)
    thread = threading.Thread(target=dashboard.run)
    thread.start()
    dashboard.close()
    thread.join(10)
    assert not thread.is_alive()
    Dashboard(port=dashboard.port).close()
