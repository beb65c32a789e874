"""What becomes of a question whose client goes away before it is answered."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

from devflow_analytics_dashboard.api import reports

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

FOR_EVER = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n
"""


def ask(client: Any, path: str) -> Any:
    """Return a connection through which something was asked, and nothing is read."""
    connection = client.connect()
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {client.key}"
    connection.sendall(f"{head}\r\n\r\n".encode())
    return connection


def test_questions_that_nobody_waits_for_are_given_up_and_the_next_is_answered(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Semaphore(0)
    threads = []

    def slow(connection: Any, *_: object) -> None:
        threads.append(threading.current_thread())
        asked.release()
        connection.execute(FOR_EVER).fetchall()

    monkeypatch.setattr(reports, "failures", slow)
    leaving = [ask(client, f"/api/errors?since={days}d") for days in range(1, 7)]
    for _ in range(2):
        assert asked.acquire(timeout=30)
    for one in leaving:
        one.close()
    assert client.get("/api/tools").status == 200
    for thread in threads:
        thread.join(30)
    assert [thread.is_alive() for thread in threads] == [False] * len(threads)


def test_a_question_goes_on_for_those_who_still_wait(
    serve: Callable[..., Any], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(file, (time.time() + 3600,) * 2)  # never settled, so that no answer is kept
    asked, go_on, arrived = threading.Event(), threading.Event(), threading.Semaphore(0)
    real, count = reports.failures, 0

    def slow(*arguments: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        asked.set()
        go_on.wait(30)
        return real(*arguments, **options)

    def clock() -> int:
        arrived.release()
        return 1_795_622_770

    monkeypatch.setattr(reports, "failures", slow)
    client = serve(file, clock=clock)
    with ask(client, "/api/errors") as waiting:
        assert asked.wait(30)
        with ask(client, "/api/errors"):
            for _ in range(2):
                assert arrived.acquire(timeout=30)
        # when this is answered, the server has seen that the other one left
        assert client.get("/api/version").status == 200
        go_on.set()
        assert waiting.recv(12) == b"HTTP/1.1 200"
    assert count == 1
