"""Requests and answers pass byte by byte, at once, and end as they would without a proxy."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import End, Proxy, Server, Start

BODY = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\xc3\xa9"}}'


def ask(proxy: Proxy, client: End, *lines: str, body: bytes = b"", method: str = "POST") -> None:
    """Send a request, with more lines of its head."""
    length = [f"Content-Length: {len(body)}"] if body else []
    head = [f"{method} /mcp HTTP/1.1", f"Host: {proxy.host}", *lines, *length]
    client.send("\r\n".join([*head, "", ""]).encode() + body)


def test_a_request_and_its_answer_pass_but_for_the_name_of_the_host(
    proxy: Proxy, server: Server
) -> None:
    client = proxy.connect()
    request = (
        b"POST /a/b%%20c?key=%%7b1%%7d&x HTTP/1.1\r\n"
        b"Host: %s\r\n"
        b"AUTHORIZATION: Bearer s3cr3t\r\n"
        b"Mcp-Session-Id: abc\r\n"
        b"X-Twice: one\r\n"
        b"X-Twice: two\r\n"
        b"x-Odd:\xe9 \r\n"
        b"Cookie: a=b; c=d\r\n"
        b"Content-Length: 5\r\n"
        b"\r\n"
        b"\0\r\n\xff{"
    )
    client.send(request % proxy.host.encode())
    end = server.accept()
    tidied = (request % server.host.encode()).replace(b":\xe9 \r\n", b": \xe9\r\n")
    end.receive(tidied)
    answer = (
        b"HTTP/1.1 299 Quite Right\r\n"
        b"Content-TYPE: application/json\r\n"
        b"Set-Cookie: a=b; HttpOnly\r\n"
        b"Set-Cookie: c=d\r\n"
        b"Mcp-Session-Id: abc\r\n"
        b"Content-Length: 7\r\n"
        b"\r\n"
        b"\0\r\n\xfe}\r\n"
    )
    end.send(answer)
    client.receive(answer)


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "PUT", "PATCH"])
def test_every_method_passes(proxy: Proxy, server: Server, method: str) -> None:
    client = proxy.connect()
    ask(proxy, client, method=method)
    end = server.accept()
    assert end.head() == f"{method} /mcp HTTP/1.1\r\nHost: {server.host}".encode()
    end.send(b"HTTP/1.1 204 No Content\r\n\r\n")
    client.receive(b"HTTP/1.1 204 No Content\r\n\r\n")


def test_an_answer_to_head_passes_with_its_length_and_without_a_body(
    proxy: Proxy, server: Server
) -> None:
    client = proxy.connect()
    ask(proxy, client, method="HEAD")
    end = server.accept()
    end.head()
    end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
    client.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
    ask(proxy, client, method="HEAD")
    end.head()


def test_all_requests_of_a_connection_use_one_to_the_server(proxy: Proxy, server: Server) -> None:
    client = proxy.connect()
    ask(proxy, client, body=b"1")
    end = server.accept()
    for number in (b"1", b"2", b"3"):
        assert end.message()[1] == number
        end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + number)
        assert client.message()[1] == number
        ask(proxy, client, body=b"%d" % (int(number) + 1))
    assert end.message()[1] == b"4"


def test_requests_that_come_together_are_answered_in_their_order(
    proxy: Proxy, server: Server
) -> None:
    client = proxy.connect()
    for _ in range(3):
        ask(proxy, client, body=b"a")
    end = server.accept()
    for number in range(3):
        assert end.message()[1] == b"a"
        end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)
        assert client.message()[1] == b"%d" % number


def test_chunks_pass_each_at_once_with_what_follows_the_last(proxy: Proxy, server: Server) -> None:
    client = proxy.connect()
    ask(proxy, client, "Transfer-Encoding: chunked", "Trailer: X-Sum")
    end = server.accept()
    assert end.head().endswith(b"\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum")
    client.send(b"3\r\nabc\r\n")
    end.receive(b"3\r\nabc\r\n")
    client.send(b"1\r\nd\r\n0\r\nX-Sum: 4\r\n\r\n")
    end.receive(b"1\r\nd\r\n0\r\nX-Sum: 4\r\n\r\n")
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    end.send(head)
    client.receive(head)
    end.send(b"2\r\nef\r\n")
    client.receive(b"2\r\nef\r\n")
    end.send(b"0\r\nX-Sum: 2\r\n\r\n")
    client.receive(b"0\r\nX-Sum: 2\r\n\r\n")


def test_an_event_passes_before_the_next_one_comes(proxy: Proxy, server: Server) -> None:
    client = proxy.connect()
    ask(proxy, client, "Accept: text/event-stream", method="GET")
    end = server.accept()
    end.head()
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    end.send(head)
    client.receive(head)
    for number in range(20):
        event = b"id: %d\ndata: {}\n\n" % number
        chunk = b"%x\r\n%s\r\n" % (len(event), event)
        end.send(chunk)
        client.receive(chunk)


def test_bytes_that_come_one_by_one_pass(proxy: Proxy, server: Server) -> None:
    client = proxy.connect()
    request = b"POST /mcp HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n" + BODY
    for byte in request % (proxy.host.encode(), len(BODY)):
        client.send(bytes([byte]))
    end = server.accept()
    end.receive(request % (server.host.encode(), len(BODY)))
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    for byte in answer:
        end.send(bytes([byte]))
    client.receive(answer)
    for byte in b"event: message\ndata: {}\n\n":
        end.send(b"1\r\n%c\r\n" % byte)
        client.receive(b"1\r\n%c\r\n" % byte)


def test_who_waits_to_continue_hears_it_from_the_server(proxy: Proxy, server: Server) -> None:
    client = proxy.connect()
    ask(proxy, client, "Expect: 100-continue", "Content-Length: 2")
    end = server.accept()
    assert "expect: 100-continue" in end.head().decode().lower()
    end.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    client.receive(b"HTTP/1.1 100 Continue\r\n\r\n")
    client.send(b"ab")
    end.receive(b"ab")
    end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    client.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def test_who_must_not_continue_hears_it_from_the_server(proxy: Proxy, server: Server) -> None:
    client = proxy.connect()
    ask(proxy, client, "Expect: 100-continue", "Content-Length: 2")
    end = server.accept()
    end.head()
    answer = b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n"
    end.send(answer)
    client.receive(answer)
    client.close()
    assert end.rest() == b""


def test_what_a_server_says_meanwhile_passes(proxy: Proxy, server: Server) -> None:
    client = proxy.connect()
    ask(proxy, client, method="GET")
    end = server.accept()
    end.head()
    end.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    client.receive(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")


def test_an_upgrade_is_not_asked_for(proxy: Proxy, server: Server) -> None:
    client = proxy.connect()
    ask(
        proxy,
        client,
        "Connection: Upgrade, HTTP2-Settings, X-Mine",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        "X-Mine: 1",
        "Keep-Alive: timeout=5",
        "TE: trailers",
        "X-Yours: 2",
        method="GET",
    )
    end = server.accept()
    expected = f"GET /mcp HTTP/1.1\r\nHost: {server.host}\r\nX-Yours: 2\r\n\r\n"
    end.receive(expected.encode())
    end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    client.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def test_a_length_beside_chunks_does_not_pass(proxy: Proxy, server: Server) -> None:
    client = proxy.connect()
    ask(proxy, client, "Content-Length: 3", "Transfer-Encoding: chunked")
    client.send(b"1\r\na\r\n0\r\n\r\n")
    end = server.accept()
    assert b"content-length" not in end.head().lower()
    end.receive(b"1\r\na\r\n0\r\n\r\n")


def test_an_answer_of_http_1_0_passes_to_its_end(proxy: Proxy, server: Server) -> None:
    client = proxy.connect()
    ask(proxy, client, method="GET")
    end = server.accept()
    end.head()
    end.send(b"HTTP/1.0 200 OK\r\n\r\nabc")
    head = client.head()
    assert head == b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked"
    client.receive(b"3\r\nabc\r\n")
    end.close()
    assert client.rest() == b"0\r\n\r\n"


def test_a_client_of_http_1_0_is_answered(proxy: Proxy, server: Server) -> None:
    client = proxy.connect()
    client.send(f"GET /mcp HTTP/1.0\r\nHost: {proxy.host}\r\n\r\n".encode())
    end = server.accept()
    end.receive(f"GET /mcp HTTP/1.1\r\nHost: {server.host}\r\nConnection: close\r\n\r\n".encode())
    end.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    end.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    assert client.rest() == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc"


def test_a_connection_that_either_end_will_close_is_closed(proxy: Proxy, server: Server) -> None:
    client = proxy.connect()
    ask(proxy, client, "Connection: close", method="GET")
    end = server.accept()
    assert end.head().endswith(b"\r\nConnection: close")
    end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
    assert client.rest() == (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na")
    assert end.rest() == b""

    client = proxy.connect()
    ask(proxy, client, method="GET")
    end = server.accept()
    end.head()
    end.send(b"HTTP/1.1 200 OK\r\nconnection: close\r\nContent-Length: 1\r\n\r\na")
    assert client.rest() == (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na")


@pytest.mark.parametrize("sent", [b"", b"POST /mcp HTTP/1.1\r\nHo"])
def test_a_client_that_leaves_before_it_asks_leaves_nothing(
    proxy: Proxy, server: Server, sent: bytes
) -> None:
    client = proxy.connect()
    client.send(sent)
    client.close()
    client = proxy.connect()
    ask(proxy, client, method="GET")
    assert server.accept().head().startswith(b"GET ")


def test_a_client_that_leaves_in_the_midst_of_its_request_is_gone_for_the_server(
    proxy: Proxy, server: Server
) -> None:
    client = proxy.connect()
    ask(proxy, client, "Content-Length: 10")
    client.send(b"abc")
    end = server.accept()
    end.head()
    end.receive(b"abc")
    client.close()
    assert end.rest() == b""


def test_a_client_that_leaves_in_the_midst_of_an_answer_is_gone_for_the_server(
    proxy: Proxy, server: Server
) -> None:
    client = proxy.connect()
    ask(proxy, client, method="GET")
    end = server.accept()
    end.head()
    end.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
    client.head()
    client.close()
    assert end.rest() == b""


def test_a_client_that_is_killed_while_the_server_floods_it_is_gone_for_the_server(
    proxy: Proxy, server: Server
) -> None:
    client = proxy.connect()
    ask(proxy, client, method="GET")
    end = server.accept()
    end.head()
    end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    client.head()
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()  # with a reset, as that says
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        end.send(bytes(100_000_000))


def test_a_server_that_leaves_is_gone_for_the_client(proxy: Proxy, server: Server) -> None:
    client = proxy.connect()
    ask(proxy, client, method="GET")
    end = server.accept()
    end.head()
    end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    client.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    end.close()
    assert client.rest() == b""


@pytest.mark.parametrize("framing", [b"Content-Length: 10", b"Transfer-Encoding: chunked"])
def test_a_server_that_dies_in_the_midst_of_an_answer_leaves_it_unfinished(
    proxy: Proxy, server: Server, framing: bytes
) -> None:
    client = proxy.connect()
    ask(proxy, client, method="GET")
    end = server.accept()
    end.head()
    begun = b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n5\r\nabcde\r\n"
    end.send(begun)
    client.receive(begun)
    end.close()
    assert client.rest() == b""


def refused(status: bytes, sentence: str) -> bytes:
    body = f"{sentence}\n".encode()
    return (
        b"HTTP/1.1 %s\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Length: %d\r\n"
        b"X-Content-Type-Options: nosniff\r\n"
        b"Connection: close\r\n"
        b"\r\n%s"
    ) % (status, len(body), body)


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 2", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 101 Switching\r\n\r\n"]
)
def test_a_server_that_does_not_answer_is_told_of(
    proxy: Proxy, server: Server, answer: bytes
) -> None:
    client = proxy.connect()
    ask(proxy, client, body=BODY)
    end = server.accept()
    end.message()
    end.send(answer)
    end.close()
    assert client.rest() == refused(
        b"502 Bad Gateway",
        f"http://{server.host} closed the connection, or sent what is no HTTP, instead of an"
        " answer.",
    )


@pytest.mark.parametrize("lines", [(), ("Expect: 100-continue",)])
def test_a_server_that_cannot_be_reached_is_told_of(
    proxy: Proxy, server: Server, lines: tuple[str, ...]
) -> None:
    server.close()
    client = proxy.connect()
    ask(proxy, client, *lines, body=BODY)
    answer = refused(
        b"502 Bad Gateway", f"Cannot connect to http://{server.host}: Connection refused."
    )
    assert client.rest() == answer


def test_who_waits_to_continue_hears_that_the_server_cannot_be_reached(
    proxy: Proxy, server: Server
) -> None:
    server.close()
    client = proxy.connect()
    ask(proxy, client, "Expect: 100-continue", "Content-Length: 2")
    assert client.rest().startswith(b"HTTP/1.1 502 Bad Gateway\r\n")


def test_an_answer_of_ours_to_head_has_no_body(proxy: Proxy, server: Server) -> None:
    server.close()
    client = proxy.connect()
    ask(proxy, client, method="HEAD")
    assert client.rest().endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"hello\r\n\r\n", b"400"),
        (b"GET /mcp HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /mcp HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"GET /mcp HTTP/1.0\r\n\r\n", b"421"),
        (b"GET http://127.0.0.1/mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"400"),
        (b"CONNECT example.com:443 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"400"),
        (b"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"400"),
        (b"GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nA: " + b"a" * 70_000, b"431"),
    ],
)
def test_what_is_no_request_for_a_path_is_refused(
    proxy: Proxy, server: Server, request_: bytes, status: bytes
) -> None:
    client = proxy.connect()
    client.send(request_)
    assert client.rest().startswith(b"HTTP/1.1 %s " % status)
    server.socket.settimeout(0)
    with pytest.raises(BlockingIOError):
        server.accept()


def test_what_is_not_recorded_passes_as_well(start: Start, server: Server) -> None:
    proxy = start(server.url, records=False)
    client = proxy.connect()
    ask(proxy, client, body=BODY)
    end = server.accept()
    assert end.message()[1] == BODY
    end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    assert client.message()[1] == b"{}"
