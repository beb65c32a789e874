"""Where the server's own addresses lead: to us, or a client would go past us."""

from __future__ import annotations

import errno
import socket
import ssl
from itertools import product
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_capture.errors import ServerAddressError
from devflow_analytics_capture.proxy.http.endpoint import EndpointEvent
from devflow_analytics_capture.proxy.http.heads import Heads
from devflow_analytics_capture.proxy.http.upstream import reason_of, upstream_at

if TYPE_CHECKING:
    from conftest import Proxy, Server

HOST = b"127.0.0.1:8080"


REASONS = [
    (TimeoutError(), "it takes too long"),
    (socket.gaierror(socket.EAI_NONAME, "?"), "no server of this name is found"),
    (ConnectionRefusedError(errno.ECONNREFUSED, "?"), "Connection refused"),
    (OSError(errno.ENETUNREACH, "?"), "Network is unreachable"),
    (OSError("Multiple exceptions: ?"), "none of its addresses answers"),
    (ssl.SSLError(1, "?"), "it does not speak TLS as it should"),
]


@pytest.mark.parametrize(("fault", "words"), REASONS)
def test_why_a_server_cannot_be_reached_is_said(fault: OSError, words: str) -> None:
    assert reason_of(fault) == words


def heads(url: str = "https://example.com/mcp") -> Heads:
    return Heads(upstream_at(url))


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "target"),
    [
        ("http://example.com", "example.com", 80, "example.com", "/"),
        ("https://example.com/mcp", "example.com", 443, "example.com", "/mcp"),
        (
            "HTTPS://Example.COM:443/a%20b?c=d&e#f",
            "example.com",
            443,
            "example.com",
            "/a%20b?c=d&e",
        ),
        ("http://example.com:443?x", "example.com", 443, "example.com:443", "/?x"),
        ("http://[::1]:8000/mcp", "::1", 8000, "[::1]:8000", "/mcp"),
        ("http://localhost:8000/", "localhost", 8000, "localhost:8000", "/"),
    ],
)
def test_an_address_says_where_the_server_is(
    url: str, host: str, port: int, authority: str, target: str
) -> None:
    found = upstream_at(url)
    assert (found.host, found.port, found.authority, found.target) == (
        host,
        port,
        authority,
        target,
    )
    assert found.origin == f"{found.scheme}://{authority}"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("example.com/mcp", "Write it as https://HOST/PATH"),
        ("", "Write it as https://HOST/PATH"),
        ("ftp://example.com/", "is no address of a server that speaks HTTP"),
        ("http:///mcp", "is no address of a server that speaks HTTP"),
        ("http://example.com:99999/", "is no address"),
        ("http://example.com:x/", "is no address"),
        ("http://[::1/", "is no address"),
        (f"http://{'a' * 64}.com/", "is no address"),
        ("http://example.com/a b", "Write it as %XX"),
        ("http://example.com/é", "Write it as %XX"),
        ("http://example.com/\r\nX: y", "Write it as %XX"),
    ],
)
def test_what_is_no_address_is_said(url: str, words: str) -> None:
    with pytest.raises(ServerAddressError) as error:
        upstream_at(url)
    assert repr(url) in str(error.value)
    assert words in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://me:s3cr3t@example.com/",
        "http://s3cr3t@example.com/",
        "http://me:s3cr3t@example.com/a b",
        "ftp://me:s3cr3t@example.com/",
    ],
)
def test_an_address_with_a_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ServerAddressError) as error:
        upstream_at(url)
    assert "s3cr3t" not in str(error.value)


@pytest.mark.parametrize(
    ("address", "becomes"),
    [
        (b"https://example.com/mcp/", b"http://127.0.0.1:8080/mcp/"),
        (b"HTTPS://EXAMPLE.com?a", b"http://127.0.0.1:8080?a"),
        (b"https://example.com", b"http://127.0.0.1:8080"),
        (b"https://example.com.org/", b"https://example.com.org/"),
        (b"https://example.com:444/", b"https://example.com:444/"),
        (b"https://example.com@evil.org/", b"https://example.com@evil.org/"),
        (b"http://example.com/mcp", b"http://example.com/mcp"),
        (b"https://login.example.com/", b"https://login.example.com/"),
        (b"/mcp/", b"/mcp/"),
        (b"", b""),
    ],
)
def test_an_address_of_the_server_is_ours(address: bytes, becomes: bytes) -> None:
    assert heads().here(address, HOST) == becomes


@pytest.mark.parametrize(
    ("url", "address", "is_ours"),
    [
        ("https://example.com/mcp", b"https://example.com:443/x", True),
        ("https://example.com:443/mcp", b"https://EXAMPLE.com/x", True),
        ("http://example.com/mcp", b"http://example.com:80/x", True),
        ("http://example.com:8080/mcp", b"http://example.com:80/x", False),
        ("https://example.com/mcp", b"https://example.com:4430/x", False),
        ("https://example.com/mcp", b"http://example.com/x", False),
    ],
)
def test_the_port_that_is_usual_may_be_named_or_not(
    url: str, address: bytes, *, is_ours: bool
) -> None:
    found = Heads(upstream_at(url)).here(address, HOST)
    assert found == (b"http://" + HOST + b"/x" if is_ours else address)


def test_a_redirection_within_the_server_leads_to_us(proxy: Proxy, server: Server) -> None:
    client = proxy.connect()
    client.send(f"GET /mcp HTTP/1.1\r\nHost: LOCALHOST:{proxy.port}\r\n\r\n".encode())
    end = server.accept()
    end.head()
    end.send(
        f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {server.url}/\r\n"
        f"Content-Location: {server.url}\r\nLink: <{server.url}>\r\n"
        'Alt-Svc: h3=":443"\r\nContent-Length: 0\r\n\r\n'.encode()
    )
    head = client.head().decode()
    assert head == (
        f"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://LOCALHOST:{proxy.port}/mcp/\r\n"
        f"Content-Location: http://LOCALHOST:{proxy.port}/mcp\r\nLink: <{server.url}>\r\n"
        "Content-Length: 0"
    )


OURS = b"http://127.0.0.1:8080"


def events(prefix: bytes, address: bytes, end: bytes) -> bytes:
    return prefix + address + end + end + b"event: message" + end + b"data: {}" + end + end


ENDPOINTS = [
    b"event:%sendpoint%sdata:%s" % parts
    for parts in product((b" ", b""), (b"\n", b"\r\n", b"\r"), (b" ", b""))
]


@pytest.mark.parametrize("prefix", ENDPOINTS)
@pytest.mark.parametrize("address", [b"https://example.com/m?s=1", b"/m?s=1", b"https://a.org/m"])
def test_an_endpoint_of_the_server_is_ours_wherever_its_event_is_cut(
    prefix: bytes, address: bytes
) -> None:
    end = b"\n" if b"\r" not in prefix else b"\r\n" if b"\n" in prefix else b"\r"
    stream = events(prefix, address, end)
    expected = events(prefix, address.replace(b"https://example.com", OURS), end)
    for cut in range(len(stream)):
        event = EndpointEvent(lambda address: heads().here(address, HOST))
        passed = event.feed(stream[:cut]) + event.feed(stream[cut:])
        assert passed + event.end() == expected


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"event: end",
        b": hello\n\nevent: endpoint\ndata: https://example.com/m\n\n",
        b"event: message\ndata: https://example.com/m\n\n",
        b"data: https://example.com/m\n\n",
        b"event: endpoint\n\n",
        b"event: endpoint\ndata:\n\n",
        b"event: endpoint\ndata:  https://example.com/m\n\n",
        b"event: endpoint\ndata: /" + b"a" * 10_000 + b"\n\n",
    ],
)
def test_all_other_events_stay_as_they_are(stream: bytes) -> None:
    for cut in {0, 1, 14, 23, len(stream) // 2, len(stream) - 4}:
        event = EndpointEvent(lambda address: heads().here(address, HOST))
        assert event.feed(stream[:cut]) + event.feed(stream[cut:]) + event.end() == stream


def test_an_endlessly_long_endpoint_is_not_held_back() -> None:
    event = EndpointEvent(lambda address: heads().here(address, HOST))
    begun = b"event: endpoint\ndata: https://example.com/" + b"a" * 10_000
    assert event.feed(begun) == begun.replace(b"https://example.com", OURS)


def test_an_event_that_is_no_endpoint_is_not_held_back() -> None:
    event = EndpointEvent(lambda address: address)
    assert event.feed(b"event: m") == b"event: m"
    assert event.feed(b"event: ") == b"event: "


def test_an_endpoint_leads_to_us_as_soon_as_its_line_is_there(proxy: Proxy, server: Server) -> None:
    client = proxy.connect()
    client.send(f"GET /sse HTTP/1.1\r\nHost: {proxy.host}\r\n\r\n".encode())
    end = server.accept()
    end.head()
    end.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    client.head()
    begun = b"event: endpoint\ndata: "
    address = f"http://{server.host}/messages\n".encode()
    end.send(b"%x\r\n%s\r\n%x\r\n%s\r\n" % (len(begun), begun, len(address), address))
    ours = begun + f"http://{proxy.host}/messages\n".encode()
    client.receive(b"%x\r\n%s\r\n" % (len(ours), ours))
    end.send(b"6\r\nevent:\r\n0\r\n\r\n")
    client.receive(b"6\r\nevent:\r\n0\r\n\r\n")


def test_what_was_held_back_passes_when_the_stream_ends(proxy: Proxy, server: Server) -> None:
    client = proxy.connect()
    client.send(f"GET /sse HTTP/1.1\r\nHost: {proxy.host}\r\n\r\n".encode())
    end = server.accept()
    end.head()
    end.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"6\r\nevent:\r\n0\r\n\r\n"
    )
    client.head()
    client.receive(b"6\r\nevent:\r\n0\r\n\r\n")
