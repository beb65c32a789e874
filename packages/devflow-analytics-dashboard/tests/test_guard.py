"""Who may ask, over the wire."""

from __future__ import annotations

import socket
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_dashboard import create_app
from devflow_analytics_db import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src"
        " 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "permissions-policy": (
        "accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(),"
        " gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()"
    ),
}

WRONG_HOST = (
    "The request does not name this machine as its host. Use 127.0.0.1, localhost or [::1]."
)

NO_KEY = (
    " Open the address that was printed when the server was started, or send its key as"
    " 'Authorization: Bearer KEY'."
)

FOREIGN = "The request comes from a page of another origin. Open this page."


@pytest.fixture
def client(shared_client: Any) -> Any:
    """A client of a server that is shared: nothing is changed here."""
    return shared_client


def parsed(answer: bytes) -> tuple[int, dict[str, list[str]], bytes]:
    """Return status, headers and body of an answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        headers.setdefault(name.lower(), []).append(value)
    return int(first.split()[1]), headers, body


@pytest.mark.parametrize("path", ["/api/summary", "/api/nothing", "/api", "/api/", "/api/version"])
def test_the_api_answers_nobody_without_the_key(path: str, client: Any) -> None:
    reply = client.get(path, key=None)
    assert reply.error == (401, "no_key", f"The key is missing.{NO_KEY}")
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "given",
    [
        "Bearer wrong",
        "Bearer",
        "Bearer ",
        "",
        "Bearer \xe9\xff",
        f"Bearer {'x' * 9000}",
        "Basic {key}",
        "{key}",
        "Bearer {key}x",
        "Bearer {short}",
        "Bearer x {key}",
    ],
)
def test_a_wrong_key_is_refused(given: str, client: Any) -> None:
    value = given.format(key=client.key, short=client.key[:-1])
    reply = client.get("/api/summary", key=None, Authorization=value)
    assert reply.error == (401, "no_key", f"The key is wrong.{NO_KEY}")


def test_a_key_is_taken_from_no_other_place(client: Any) -> None:
    for path in (f"/api/summary?key={client.key}", f"/api/summary#key={client.key}"):
        assert client.get(path, key=None).status in {400, 401}
    cookie = client.get("/api/summary", key=None, Cookie=f"key={client.key}")
    assert cookie.error[:2] == (401, "no_key")


def test_two_keys_are_refused_even_if_one_is_right(client: Any) -> None:
    request = (
        "GET /api/version HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Authorization: Bearer {client.key}\r\nAuthorization: Bearer x\r\n\r\n"
    )
    assert parsed(client.raw(request.encode()))[0] == 401


def test_the_word_bearer_may_be_written_in_any_case(client: Any) -> None:
    headers = {"Authorization": f"bEARER {client.key}"}
    assert client.get("/api/version", key=None, **headers).status == 200


def test_each_server_has_a_key_of_its_own_of_256_bits(serve: Callable[..., Any]) -> None:
    keys = [serve().key for _ in range(2)]
    assert len(set(keys)) == 2
    assert [len(key) for key in keys] == [43, 43]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:1", "localhost", "LocalHost:65535", "[::1]", "[::1]:8321"]
)
def test_a_host_of_this_machine_is_answered_with_any_port(host: str, client: Any) -> None:
    assert client.get("/api/version", Host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "attacker.example",
        "127.0.0.1.attacker.example",
        "attacker.example:8321",
        "localhost.attacker.example",
        "127.0.0.2",
        "0.0.0.0",
        "::1",
        "[::2]",
        "localhost.",
        "localhost:",
        "localhost:x",
        "user@localhost",
        "127.0.0.1, localhost",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/version", "/nothing"])
def test_a_foreign_host_is_refused(host: str, path: str, client: Any) -> None:
    assert client.get(path, Host=host).error == (421, "wrong_host", WRONG_HOST)


def test_a_request_of_http_1_0_without_a_host_is_refused(client: Any) -> None:
    status, headers, body = parsed(client.raw(b"GET / HTTP/1.0\r\n\r\n"))
    assert (status, b"wrong_host" in body) == (421, True)
    assert headers["content-security-policy"] == [HEADERS["content-security-policy"]]


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: attacker.example\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
    ],
    ids=["no host", "twice", "two", "high", "nul", "nonsense", "tls"],
)
def test_what_is_no_request_of_http_is_refused_with_all_headers(
    request_: bytes, client: Any
) -> None:
    with client.connect() as connection:
        connection.sendall(request_)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while some := connection.recv(65_536):
            received += some
    status, headers, body = parsed(received)
    assert status == 400
    assert body == (
        b'{"error":"Invalid HTTP request received. Send one as RFC 9112 has it.",'
        b'"kind":"bad_request"}'
    )
    assert {name: headers[name] for name in HEADERS} == {
        name: [value] for name, value in HEADERS.items()
    }
    assert headers["content-length"] == [str(len(body))]
    assert client.get("/api/version").status == 200


def test_a_head_of_70_kilobytes_is_refused_in_one_piece_or_in_many(client: Any) -> None:
    start, rest = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX: ", b"x" * 70_000
    assert parsed(client.raw(start + rest + b"\r\n\r\n"))[0] in {400, 431}
    with client.connect() as connection:
        connection.sendall(start)
        received = b""
        while not received:
            try:
                connection.sendall(rest[:10_000])
                connection.settimeout(0.01)
                received = connection.recv(65_536)
            except TimeoutError:
                continue
    assert parsed(received)[0] == 400
    reply = client.get("/", X="x" * 65_000, Y="y" * 1000)
    assert reply.error[0] in {400, 431}
    assert client.get("/", X="x" * 60_000).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"])
@pytest.mark.parametrize("path", ["/", "/api/summary", "/nothing"])
def test_only_get_and_head_are_answered(method: str, path: str, client: Any) -> None:
    preflight = {"Access_Control_Request_Method": "GET"} if method == "OPTIONS" else {}
    reply = client.get(path, method=method, **preflight)
    sentence = "Only GET and HEAD are answered: nothing can be changed here."
    assert reply.error == (405, "method", sentence)
    assert reply.headers["allow"] == "GET, HEAD"
    assert not [name for name in reply.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8321", 200),
        ("http://127.0.0.1", 403),
        ("http://127.0.0.1:8322", 403),
        ("https://127.0.0.1:8321", 403),
        ("http://localhost:8321", 403),
        ("https://attacker.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_a_page_of_another_origin_is_refused(origin: str, status: int, client: Any) -> None:
    for path in ("/", "/api/version"):
        reply = client.get(path, Host="127.0.0.1:8321", Origin=origin)
        assert reply.status == status
        assert status == 200 or reply.error == (403, "forbidden", FOREIGN)
        assert not [name for name in reply.headers if name.startswith("access-control")]


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "x"])
def test_what_a_browser_calls_another_site_is_refused(site: str, client: Any) -> None:
    for path in ("/", "/api/version", "/nothing"):
        assert client.get(path, Sec_Fetch_Site=site).error == (403, "forbidden", FOREIGN)


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_page_itself_and_the_address_bar_may_ask(site: str, client: Any) -> None:
    assert client.get("/api/version", Sec_Fetch_Site=site).status == 200


def test_the_page_may_be_opened_from_anywhere_and_nothing_else(client: Any) -> None:
    opened = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    document = {"Sec_Fetch_Dest": "document"}
    assert client.get("/", **opened, **document).status == 200
    assert client.get("/?since=24h", **opened, **document).status == 200
    assert client.get("/", **opened, Sec_Fetch_Dest="iframe").status == 403
    assert client.get("/", **(opened | {"Sec_Fetch_Mode": "no-cors"}), **document).status == 403
    assert client.get("/", **opened).status == 403
    assert client.get("/api/version", **opened, **document).status == 403
    assert client.get("/icon.svg", **opened, **document).status == 403
    assert client.get("/", **opened, **document, Origin="null").status == 403


def test_every_answer_carries_the_same_headers_and_does_not_name_the_server(
    serve: Callable[..., Any], file: Path, add: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    add({})
    client = serve(file)
    tag = client.get("/api/calls").headers["etag"]
    replies = [
        client.get("/"),
        client.get("/nothing"),
        client.get("/api/calls"),
        client.get("/api/calls", method="HEAD"),
        client.get("/api/calls", If_None_Match=tag),
        client.get("/api/calls?limit=x"),
        client.get("/api/calls", key=None),
        client.get("/api/calls", Origin="null"),
        client.get("/api/nothing"),
        client.get("/api/calls", method="POST"),
        client.get("/", Host="attacker.example"),
    ]
    monkeypatch.setattr("devflow_analytics_dashboard.converting.call", None)
    replies.append(client.get("/api/calls?since=all"))
    file.unlink()
    replies.append(client.get("/api/calls"))
    statuses = [200, 404, 200, 200, 304, 400, 401, 403, 404, 405, 421, 500, 503]
    assert [reply.status for reply in replies] == statuses
    for reply in replies:
        assert {name: reply.headers.get(name) for name in HEADERS} == HEADERS
        assert "server" not in reply.headers


def test_a_bug_is_told_in_a_sentence_and_the_next_request_is_answered(
    serve: Callable[..., Any], file: Path, add: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    add({})
    client = serve(file)
    with monkeypatch.context() as patch:
        patch.setattr("devflow_analytics_dashboard.converting.call", None)
        assert client.get("/api/calls").error == (
            500,
            "bug",
            (
                "The server failed on this request, which is a bug of DevFlow Analytics. Please"
                " report it."
            ),
        )
    assert client.get("/api/calls").status == 200


def test_forty_silent_clients_keep_nobody_from_being_answered(client: Any) -> None:
    silent = [client.connect() for _ in range(40)]
    for half in silent[:20]:
        half.sendall(b"GET /api/version HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    assert client.get("/api/version").status == 200
    for one in silent:
        one.close()


def test_a_client_that_does_not_complete_its_request_is_hung_up_on(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devflow_analytics_dashboard.serving.REQUEST_TIMEOUT_SECONDS", 0.2)
    whole = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    sent = (b"", b"GET / HTTP/1.1\r\n", whole + b"Content-Length: 9\r\n\r\nbody")
    with ExitStack() as opened:
        for begun in sent:
            one = opened.enter_context(client.connect())
            one.sendall(begun)
            with suppress(ConnectionResetError):  # the same, sooner
                while one.recv(65_536):
                    pass


@pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\nHo", b"\r\n"])
def test_a_later_request_must_be_complete_in_time_too(
    begun: bytes, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devflow_analytics_dashboard.serving.REQUEST_TIMEOUT_SECONDS", 1)
    first = b"HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with client.connect() as connection:
        connection.sendall(first)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        with suppress(ConnectionError):  # the same, sooner
            connection.sendall(begun)
            assert connection.recv(1) == b""


def test_many_short_headers_are_counted_with_their_separators(client: Any) -> None:
    head = b"GET / HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n" + b"a:\n" * 20_000 + b"\n"
    assert parsed(client.raw(head))[0] == 431


@pytest.mark.parametrize("key", ["", "short", "é" * 40, " " * 40, "x" * 31, "x" * 40 + "\n"])
def test_a_weak_key_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationError, match=r"Make one with secrets\.token_urlsafe\(32\)"):
        create_app(key=key)


def test_a_websocket_is_closed(client: Any) -> None:
    request = (
        "GET /api/version HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with client.connect() as connection:
        connection.sendall(request.encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")
