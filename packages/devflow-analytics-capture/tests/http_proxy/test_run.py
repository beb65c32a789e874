"""The proxy as a process: what it prints, what it does without a database, and how it ends."""

from __future__ import annotations

import signal
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_capture.errors import PortTakenError, ServerAddressError
from devflow_analytics_capture.proxy.http.proxy import WrapUrl, listen, wrap_url as run_here
from devflow_analytics_recorder import drain

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import End, Process, Server

    Run = Callable[..., Process]
    Rows = Callable[..., list[dict[str, Any]]]


def found(rows: Rows) -> list[tuple[object, ...]]:
    columns = "tool_name, status, error_kind, client"
    asked = rows(f"SELECT {columns} FROM tool_calls JOIN sessions s ON s.id = session_id")
    return sorted((tuple(row.values()) for row in asked), key=str)


def test_it_prints_the_address_for_the_client(server: Server, run: Run) -> None:
    proxy = run(f"{server.url}?key=1")
    assert proxy.said == (
        f"Passing requests on to http://{server.host}. Put this address into the client's"
        f" settings, in the place of the server's:\n\n    http://{proxy.host}/mcp?key=1\n\n"
        "A server that asks for OAuth cannot be used this way: the tokens that a client gets are"
        " for the server's own address. Press Ctrl-C to end.\n"
    )
    assert proxy.end() == (0, "")


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_and_all_calls_are_in_the_database(
    server: Server, run: Run, rows: Rows, number: int, status: int
) -> None:
    proxy = run(server.url, client="cursor")
    proxy.ask(server)
    waiting = proxy.ask(server, is_answered=False)
    assert proxy.end(number) == (status, "")
    assert waiting.rest() == b""
    assert found(rows) == [
        ("search", "error", "transport", "cursor"),
        ("search", "success", None, "cursor"),
    ]


@pytest.mark.parametrize("is_chunked", [True, False])
def test_an_answer_that_the_client_has_seen_is_kept_if_the_proxy_is_killed(
    server: Server, run: Run, rows: Rows, file: Path, *, is_chunked: bool
) -> None:
    for _ in range(10):
        proxy = run(server.url)
        client = proxy.ask(server, is_answered=False)
        body = b'{"jsonrpc":"2.0","id":1,"result":{"text":"%s"},"end":1}' % (b"x" * 100_000)
        if is_chunked:
            event = b"data: %s\n\n" % body
            kind, framing = b"text/event-stream", b"Transfer-Encoding: chunked"
            sent = b"%x\r\n%s\r\n" % (len(event), event)
        else:
            kind, framing = b"application/json", b"Content-Length: %d" % len(body)
            sent = body
        head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%s\r\n\r\n" % (kind, framing)
        server.last.send(head + sent)
        client.head()
        client.receive_up_to(b'"end":1}')
        proxy.process.kill()
        proxy.process.wait()
    drain(file)
    assert found(rows) == 10 * [("search", "success", None, None)]


def test_a_signal_that_is_ignored_stays_so(server: Server, run: Run) -> None:
    proxy = run(server.url, ignored=(signal.SIGINT, signal.SIGHUP))
    proxy.process.send_signal(signal.SIGINT)
    proxy.process.send_signal(signal.SIGHUP)
    proxy.ask(server)
    assert proxy.end(signal.SIGTERM) == (143, "")


def test_where_recording_is_off_requests_pass_and_no_file_is_made(
    server: Server, run: Run, home: Path
) -> None:
    proxy = run(server.url, DEVFLOW_ANALYTICS_ENABLED="0")
    proxy.ask(server)
    assert proxy.end() == (0, "")
    assert list(home.iterdir()) == []


NEITHER = (
    "DEVFLOW_ANALYTICS_ENABLED is 'maybe', which is neither 1 nor 0, so nothing is recorded."
    " Correct it or unset it."
)
URI = (
    "'file:analytics.db' is a URI. Write only the path of the file, or './file:analytics.db' if"
    " that is its name."
)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"DEVFLOW_ANALYTICS_ENABLED": "maybe"}, NEITHER),
        ({"DEVFLOW_ANALYTICS_DB_PATH": "file:analytics.db"}, URI),
        ({"database": "/dev/null/a.db"}, "Not a directory (/dev/null/a.db-spool)"),
    ],
)
def test_without_a_database_requests_pass_and_one_line_says_why(
    server: Server, run: Run, options: dict[str, str], said: str
) -> None:
    proxy = run(server.url, **options)
    proxy.ask(server)
    proxy.ask(server)
    assert proxy.end() == (0, f"devflow-analytics: calls are not recorded: {said}\n")


def test_a_file_that_is_no_database_is_said_and_stays_as_it_is(
    server: Server, run: Run, file: Path
) -> None:
    file.parent.mkdir()
    file.write_text("mine")
    proxy = run(server.url)
    proxy.ask(server)
    status, errors = proxy.end()
    assert status == 0
    assert errors.startswith("devflow-analytics: calls are not recorded: ")
    assert errors.count("\n") == 1
    assert file.read_text() == "mine"


def test_it_listens_where_it_is_told(server: Server, run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    proxy = run(server.url, port=port)
    assert proxy.host == f"127.0.0.1:{port}"


def test_small_pieces_are_not_held_back_for_larger_ones() -> None:
    with listen(None) as listening:  # asyncio turns that off where it sees the protocol
        assert listening.proto == socket.IPPROTO_TCP


def test_a_port_that_is_taken_is_said(server: Server) -> None:
    port = server.socket.getsockname()[1]
    with pytest.raises(PortTakenError) as error:
        run_here(WrapUrl(server.url, port=port))
    assert str(error.value) == (
        f"Port {port} of 127.0.0.1 is taken by another program."
        " Give another `port`, or none for one that is free."
    )
    assert error.value.exit_status == 69


def test_a_port_that_cannot_be_used_is_said(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bind(_self: socket.socket, _address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", bind)  # root may use every port
    with pytest.raises(PortTakenError) as error:
        run_here(WrapUrl(server.url, port=80))
    assert str(error.value) == (
        "This user cannot listen on port 80 of 127.0.0.1: Permission denied."
        " Give a `port` of 1024 or more, or none."
    )


def test_what_is_no_address_of_a_server_is_said() -> None:
    with pytest.raises(ServerAddressError) as error:
        run_here(WrapUrl("example.com"))
    assert error.value.exit_status == 1


def test_nobody_needs_to_read_what_it_prints(server: Server, run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        proxy = run(server.url, port=port, stdout=full)
    proxy.ask(server)
    assert proxy.end() == (0, "")


@pytest.fixture(params=["to the server", "to the client"])
def ends(request: pytest.FixtureRequest, server: Server, run: Run) -> tuple[Process, End, End]:
    """A proxy, who sends a large body through it, and who receives that."""
    proxy = run(server.url)
    client = proxy.connect()
    length = LARGE if request.param == "to the server" else 0
    head = f"POST /mcp HTTP/1.1\r\nHost: {proxy.host}\r\nContent-Length: {length}\r\n\r\n"
    client.send(head.encode())
    end = server.accept()
    end.head()
    if length:
        return proxy, client, end
    kind = "Content-Type: application/json"
    end.send(f"HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: {LARGE}\r\n\r\n".encode())
    client.head()
    return proxy, end, client


LARGE = 50_000_000


def test_what_nobody_takes_is_not_taken_from_who_sends_it(
    ends: tuple[Process, End, End],
) -> None:
    proxy, sender, _ = ends
    before = peak_of(proxy)
    sender.socket.settimeout(1)
    with pytest.raises(TimeoutError):  # for ever, once what is between them is full
        sender.send(bytes(LARGE))
    assert peak_of(proxy) - before < 4_000


def test_bodies_of_any_size_pass_in_little_memory(ends: tuple[Process, End, End]) -> None:
    proxy, sender, receiver = ends
    before = peak_of(proxy)
    body = b"".join(b"%09d" % number for number in range(0, LARGE, 9))[:LARGE]
    sending = threading.Thread(target=sender.send, args=(body,))
    sending.start()
    for start in range(0, LARGE, 50_000):
        assert receiver.body(50_000) == body[start : start + 50_000]
    sending.join()
    assert peak_of(proxy) - before < 4_000


def peak_of(proxy: Process) -> int:
    """Return how much memory a process has had at most, in KiB."""
    status = Path(f"/proc/{proxy.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])
