"""Who may ask: programs of this machine, and no page of another origin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Proxy, Server

ADMITTED = [
    "Host: {host}",
    "Host: 127.0.0.1",
    "Host: localhost:1",
    "Host: LOCALHOST",
    "Host: [::1]:8080",
    "Host: {host}\r\nOrigin: http://{host}",
    "Host: localhost:80\r\nOrigin: HTTP://LocalHost:80",
    "Host: {host}\r\nSec-Fetch-Site: same-origin",
    "Host: {host}\r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate",
    "Host: {host}\r\nSec-Fetch-Mode: cors",
]

REFUSED = [
    ("421 Misdirected Request", "Host: example.com"),
    ("421 Misdirected Request", "Host: {host}.example.com"),
    ("421 Misdirected Request", "Host: example.com:{port}"),
    ("421 Misdirected Request", "Host: 127.0.0.1:{port}:1"),
    ("421 Misdirected Request", "Host: 127.0.0.1.:{port}"),
    ("421 Misdirected Request", "Host: 127.0.0.2:{port}"),
    ("421 Misdirected Request", "Host: 0.0.0.0:{port}"),
    ("421 Misdirected Request", "Host: localhost:123456"),
    ("421 Misdirected Request", "Host: me@127.0.0.1"),
    ("421 Misdirected Request", "Host: example.com\r\nOrigin: http://example.com"),
    ("403 Forbidden", "Host: {host}\r\nOrigin: http://example.com"),
    ("403 Forbidden", "Host: {host}\r\nOrigin: https://{host}"),
    ("403 Forbidden", "Host: {host}\r\nOrigin: http://127.0.0.1:1"),
    ("403 Forbidden", "Host: {host}\r\nOrigin: http://localhost:{port}"),
    ("403 Forbidden", "Host: {host}\r\nOrigin: null"),
    ("403 Forbidden", "Host: {host}\r\nOrigin: "),
    ("403 Forbidden", "Host: {host}\r\nOrigin: http://{host}\r\nOrigin: http://example.com"),
    ("403 Forbidden", "Host: {host}\r\nSec-Fetch-Site: cross-site"),
    ("403 Forbidden", "Host: {host}\r\nSec-Fetch-Site: same-site"),
    ("403 Forbidden", "Host: {host}\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate"),
]


def request(proxy: Proxy, headers: str) -> bytes:
    given = headers.format(host=proxy.host, port=proxy.port)
    return f"POST /mcp HTTP/1.1\r\n{given}\r\nContent-Length: 2\r\n\r\n{{}}".encode()


@pytest.mark.parametrize("headers", ADMITTED)
def test_a_program_or_a_page_of_the_server_may_ask(
    proxy: Proxy, server: Server, headers: str
) -> None:
    client = proxy.connect()
    client.send(request(proxy, headers))
    end = server.accept()
    head, body = end.message()
    assert f"\r\nHost: {server.host}\r\n" in head.decode() + "\r\n"
    assert body == b"{}"


@pytest.mark.parametrize(("status", "headers"), REFUSED)
def test_another_page_may_not(proxy: Proxy, server: Server, status: str, headers: str) -> None:
    client = proxy.connect()
    client.send(request(proxy, headers))
    assert client.rest().startswith(f"HTTP/1.1 {status}\r\n".encode())
    server.socket.settimeout(0)
    with pytest.raises(BlockingIOError):
        server.accept()


def test_each_request_of_a_connection_is_looked_at(proxy: Proxy, server: Server) -> None:
    client = proxy.connect()
    client.send(request(proxy, "Host: {host}"))
    client.send(request(proxy, "Host: {host}\r\nOrigin: http://example.com"))
    end = server.accept()
    end.message()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    end.send(answer)
    rest = client.rest()
    assert rest.startswith(answer + b"HTTP/1.1 403 Forbidden\r\n")
    assert b"access-control" not in rest.lower()
    assert end.rest() == b""


def test_a_page_of_the_server_is_to_the_server_one_of_its_own(proxy: Proxy, server: Server) -> None:
    client = proxy.connect()
    client.send(request(proxy, "Host: {host}\r\nOrigin: http://{host}"))
    assert f"\r\nOrigin: http://{server.host}\r\n" in server.accept().head().decode()


def test_it_listens_where_only_this_machine_reaches_it(proxy: Proxy) -> None:
    assert proxy.listens_at == ("127.0.0.1", proxy.port)
