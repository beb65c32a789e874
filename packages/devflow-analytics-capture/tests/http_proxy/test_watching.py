"""Every call that passes leaves its row, in whichever session and stream its answer comes."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_capture.proxy.http.exchange import Exchange, SafeExchange
from devflow_analytics_recorder import named_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import End, Proxy, Server, Start

    Calls = Callable[[], list[dict[str, Any]]]

SESSION = "s3cr3t-session"
IN_SESSION = {"Mcp-Session-Id": SESSION}
STREAM = {"Content-Type": "text/event-stream"}
MODERN = {"MCP-Protocol-Version": "2026-07-28"}
CLIENT_INFO = {"io.modelcontextprotocol/clientInfo": {"name": "modern", "version": "3"}}


def call(id_: object = 1, tool: str = "search", **params: object) -> dict[str, object]:
    params = {"name": tool, "arguments": {"q": "s3cr3t"}, **params}
    return {"jsonrpc": "2.0", "id": id_, "method": "tools/call", "params": params}


def result(id_: object = 1, **rest: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": id_, "result": {"content": [], **rest}}


def initialize(name: str = "claude-code") -> dict[str, object]:
    params = {"protocolVersion": "2025-11-25", "clientInfo": {"name": name, "version": "2.1"}}
    return {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}


def compact(message: object) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def event(message: object, *fields: str) -> bytes:
    lines = [*fields, f"data: {compact(message).decode()}", "", ""]
    return "\n".join(lines).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


class Talk:
    """A connection of a client, and the one to the server that belongs to it."""

    def __init__(self, proxy: Proxy, server: Server) -> None:
        self.proxy = proxy
        self.server = server
        self.client = proxy.connect()
        self._end: End | None = None

    @property
    def end(self) -> End:
        if self._end is None:
            self._end = self.server.accept()
        return self._end

    def ask(
        self, message: object, headers: dict[str, str] | None = None, target: str = "/mcp"
    ) -> None:
        """Send a message, until it has passed."""
        body = message if isinstance(message, bytes) else compact(message)
        self.request("POST", headers, target, body)
        assert self.end.message()[1] == body

    def request(
        self,
        method: str,
        headers: dict[str, str] | None = None,
        target: str = "/mcp",
        body: bytes = b"",
    ) -> None:
        lines = [f"{name}: {value}\r\n" for name, value in (headers or {}).items()]
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {target} HTTP/1.1\r\nHost: {self.proxy.host}\r\n{''.join(lines)}{length}"
        self.client.send(head.encode() + b"\r\n" + body)

    def answer(
        self, body: object, status: str = "200 OK", headers: dict[str, str] | None = None
    ) -> None:
        """Send an answer, until it has passed."""
        sent = body if isinstance(body, bytes) else compact(body)
        given = {"Content-Type": "application/json", **(headers or {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        head = f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(sent)}\r\n\r\n"
        self.end.send(head.encode() + sent)
        assert self.client.message()[1] == sent

    def listen(self, headers: dict[str, str] | None = None, target: str = "/mcp") -> None:
        """Ask for a stream."""
        self.request("GET", headers, target)
        self.end.head()
        self.begin_stream()

    def begin_stream(self, headers: dict[str, str] | None = None) -> None:
        """Answer with a stream of events."""
        given = {**STREAM, **(headers or {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        self.end.send(f"HTTP/1.1 200 OK\r\n{lines}Transfer-Encoding: chunked\r\n\r\n".encode())
        self.client.head()

    def say(self, data: bytes) -> None:
        """Send a part of a stream, until it has passed."""
        self.end.send(chunk(data))
        self.client.receive(chunk(data))

    def end_stream(self) -> None:
        self.end.send(b"0\r\n\r\n")
        self.client.receive(b"0\r\n\r\n")


@pytest.fixture
def talk(proxy: Proxy, server: Server) -> Callable[[], Talk]:
    return lambda: Talk(proxy, server)


def short(row: dict[str, Any]) -> tuple[object, ...]:
    return tuple(row[name] for name in ("tool_name", "status", "error_kind", "error_code"))


def test_a_call_leaves_a_row_with_all_that_is_known(talk: Callable[[], Talk], calls: Calls) -> None:
    one = talk()
    one.ask(initialize())
    hello = {"jsonrpc": "2.0", "id": 0, "result": {"serverInfo": {"name": "issues"}}}
    one.answer(hello, headers=IN_SESSION)
    one.ask(call(), IN_SESSION)
    one.answer(result())
    (row,) = calls()
    for column in ("id", "duration_ms", "timestamp", "started_ms"):
        assert row.pop(column)
    assert row == {
        "tool_name": "search",
        "status": "success",
        "error_type": None,
        "session_id": named_id("mcp-session-id", SESSION),
        "server": "issues",
        "agent": None,
        "source": "proxy",
        "error_kind": None,
        "error_code": None,
        "request_bytes": len(compact({"q": "s3cr3t"})),
        "result_bytes": len(compact({"content": []})),
        "duration_kind": "run",
        "client": "claude-code",
        "client_version": "2.1",
        "tool_count": 1,
        "project": None,
    }


def test_nothing_of_what_was_said_is_kept(
    talk: Callable[[], Talk], calls: Calls, file: Path
) -> None:
    one = talk()
    secret = {"Authorization": "Bearer s3cr3t", "Cookie": "s3cr3t=1", "Mcp-Name": "s3cr3t"}
    one.ask(call(_meta={"progressToken": "s3cr3t"}), {**IN_SESSION, **secret}, "/mcp?key=s3cr3t")
    said = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "s3cr3t"}}
    one.answer(said, headers={"Set-Cookie": "s3cr3t=2"})
    assert short(calls()[0]) == ("search", "error", "protocol", -32000)
    for path in file.parent.rglob("*"):
        assert path.is_dir() or b"s3cr3t" not in path.read_bytes(), path


def test_an_answer_in_a_stream_is_seen_before_the_stream_ends(
    talk: Callable[[], Talk], calls: Calls
) -> None:
    one = talk()
    one.ask(call(), IN_SESSION)
    one.begin_stream()
    progress = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1}}
    one.say(event(progress))
    one.say(event({"jsonrpc": "2.0", "id": 1, "method": "sampling/createMessage", "params": {}}))
    one.say(event(result(isError=True), "event: message"))
    one.client.close()
    assert one.end.rest() == b""
    assert [short(row) for row in calls()] == [("search", "error", "tool", None)]


def test_ids_of_other_sessions_are_others(talk: Callable[[], Talk], calls: Calls) -> None:
    one, other = talk(), talk()
    one.ask(call(1, "first"), {"Mcp-Session-Id": "one"})
    one.end  # noqa: B018  is accepted before the other
    other.ask(call(1, "second"), {"Mcp-Session-Id": "other"})
    other.answer(result(1))
    one.answer(result(1, isError=True))
    assert {short(row)[:2] for row in calls()} == {("first", "error"), ("second", "success")}


def test_an_answer_in_another_stream_of_the_session_is_that_of_its_request(
    talk: Callable[[], Talk], calls: Calls
) -> None:
    listening, asking = talk(), talk()
    listening.listen(IN_SESSION)
    asking.ask(call(), IN_SESSION)
    asking.answer(b"", "202 Accepted")
    listening.say(event(result()))
    assert [short(row) for row in calls()] == [("search", "success", None, None)]


@pytest.mark.parametrize("by_client", [True, False])
def test_a_call_whose_stream_broke_is_answered_in_the_one_that_goes_on_with_it(
    talk: Callable[[], Talk], calls: Calls, *, by_client: bool
) -> None:
    asking = talk()
    asking.ask(call(), IN_SESSION)
    asking.begin_stream()
    asking.say(b"id: 1\ndata:\n\n")
    if by_client:
        asking.client.close()
        assert asking.end.rest() == b""
    else:
        asking.end_stream()
    going_on = talk()
    going_on.listen({**IN_SESSION, "Last-Event-ID": "1"})
    going_on.say(event(result(), "id: 2"))
    assert [short(row) for row in calls()] == [("search", "success", None, None)]


def test_a_call_that_nobody_can_answer_any_more_is_an_error_of_the_transport(
    talk: Callable[[], Talk], calls: Calls
) -> None:
    one = talk()
    one.ask(call(), IN_SESSION)
    one.begin_stream()
    one.end_stream()
    assert [short(row) for row in calls()] == [("search", "error", "transport", None)]


@pytest.mark.parametrize("headers", [{}, IN_SESSION])
def test_a_server_that_dies_in_a_call_leaves_an_error_of_the_transport(
    talk: Callable[[], Talk], calls: Calls, headers: dict[str, str]
) -> None:
    one = talk()
    one.ask(call(), headers)
    one.end.close()
    assert one.client.head().startswith(b"HTTP/1.1 502 ")
    assert [short(row) for row in calls()] == [("search", "error", "transport", None)]


def test_a_server_that_is_not_there_leaves_an_error_of_the_transport(
    talk: Callable[[], Talk], server: Server, calls: Calls
) -> None:
    server.close()
    one = talk()
    one.request("POST", body=compact(call()))
    assert one.client.head().startswith(b"HTTP/1.1 502 ")
    assert [short(row) for row in calls()] == [("search", "error", "transport", None)]


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        (MODERN, "cancelled"),
        ({"MCP-Protocol-Version": "2025-11-25"}, "transport"),
        ({}, "transport"),
    ],
)
@pytest.mark.parametrize("has_begun", [True, False])
def test_closing_the_stream_cancels_since_2026_07_28(
    talk: Callable[[], Talk], calls: Calls, headers: dict[str, str], kind: str, *, has_begun: bool
) -> None:
    one = talk()
    one.ask(call(_meta=CLIENT_INFO), headers)
    if has_begun:
        one.begin_stream()
    one.client.close()
    assert one.end.rest() == b""
    assert [short(row) for row in calls()] == [("search", "error", kind, None)]


def test_a_notification_cancels_a_call_of_its_session(
    talk: Callable[[], Talk], calls: Calls
) -> None:
    one, other = talk(), talk()
    one.ask(call("a"), IN_SESSION)
    one.end  # noqa: B018  as above
    cancelled = {"method": "notifications/cancelled", "params": {"requestId": "a"}}
    other.ask({"jsonrpc": "2.0", **cancelled}, IN_SESSION)
    other.answer(b"", "202 Accepted")
    one.answer(result("a"))
    assert [short(row) for row in calls()] == [("search", "error", "cancelled", None)]


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        ("401 Unauthorized", b"", "transport", 401),
        ("404 Not Found", b"Session not found", "transport", 404),
        ("500 Internal Server Error", b"<html>", "transport", 500),
        ("500 Internal Server Error", b'{"error": "no"}', "transport", 500),
        ("429 Too Many Requests", b'{"error": {"code": "slow"}}', "transport", 429),
        ("400 Bad Request", b'{"error": {"code": true}}', "transport", 400),
        (
            "400 Bad Request",
            b'{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"s3cr3t"}}',
            "protocol",
            -32600,
        ),
        (
            "400 Bad Request",
            b'{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unknown tool: search"}}',
            "not_found",
            -32602,
        ),
    ],
)
@pytest.mark.parametrize("headers", [{}, IN_SESSION])
def test_a_call_that_is_refused_says_by_which_code(
    talk: Callable[[], Talk],
    calls: Calls,
    headers: dict[str, str],
    status: str,
    body: bytes,
    kind: str,
    code: int,
) -> None:
    one = talk()
    one.ask(call(), headers)
    one.answer(body, status)
    assert [short(row) for row in calls()] == [("search", "error", kind, code)]


@pytest.mark.parametrize("headers", [{}, IN_SESSION])
def test_a_call_that_is_sent_elsewhere_is_one(
    talk: Callable[[], Talk], calls: Calls, headers: dict[str, str]
) -> None:
    one = talk()
    one.ask(call(), headers)
    one.answer(b"", "307 Temporary Redirect", {"Location": "/mcp/"})
    one.ask(call(), headers, "/mcp/")
    one.answer(result())
    assert [short(row) for row in calls()] == [("search", "success", None, None)]


@pytest.mark.parametrize("headers", [{}, IN_SESSION])
def test_a_call_that_is_sent_elsewhere_before_it_is_whole_is_one(
    talk: Callable[[], Talk], calls: Calls, headers: dict[str, str]
) -> None:
    one = talk()
    body = compact(call())
    one.request("POST", {**headers, "Content-Length": str(len(body))})
    one.end.head()
    one.answer(b"", "307 Temporary Redirect", {"Location": "/mcp/"})
    one.client.send(body)
    assert one.end.body(len(body)) == body
    one.ask(call(), headers, "/mcp/")
    one.answer(result())
    assert [short(row) for row in calls()] == [("search", "success", None, None)]


def test_a_batch_is_as_many_calls(talk: Callable[[], Talk], calls: Calls) -> None:
    one = talk()
    one.ask([call(1, "a"), call("1", "b"), call(3, "c")])
    one.answer([result("1"), result(1, isError=True)])
    assert {short(row) for row in calls()} == {
        ("a", "error", "tool", None),
        ("b", "success", None, None),
        ("c", "error", "transport", None),
    }


def test_json_over_several_lines_is_one_message(talk: Callable[[], Talk], calls: Calls) -> None:
    one = talk()
    one.ask(json.dumps(call(), indent=1).encode() + b"\r\n")
    one.answer(json.dumps(result(), indent=1).encode() + b"\n")
    assert [short(row) for row in calls()] == [("search", "success", None, None)]


@pytest.mark.parametrize("length", [10_000, 1_000_000])
def test_long_messages_are_seen_by_their_ends(
    talk: Callable[[], Talk], calls: Calls, length: int
) -> None:
    one = talk()
    arguments = {"q": "x" * length}
    one.ask(call(1, "a", arguments=arguments), IN_SESSION)
    content = {"content": [{"type": "text", "text": "x" * length}]}
    one.answer({"jsonrpc": "2.0", "id": 1, "result": content})
    one.ask(call(2, "b"), IN_SESSION)
    one.answer({"jsonrpc": "2.0", "id": 2, "result": {**content, "isError": True}})
    rows = calls()
    assert [short(row)[:3] for row in rows] == [("a", "success", None), ("b", "error", "tool")]
    assert rows[0]["request_bytes"] == len(compact(arguments))
    assert rows[0]["result_bytes"] == len(compact(content))


@pytest.mark.parametrize("encode", [gzip.compress, zlib.compress])
@pytest.mark.parametrize("headers", [{}, STREAM])
def test_a_compressed_answer_is_read(
    talk: Callable[[], Talk],
    calls: Calls,
    encode: Callable[[bytes], bytes],
    headers: dict[str, str],
) -> None:
    one = talk()
    one.request(
        "POST", {"Accept-Encoding": "br;q=1, GZIP;q=0.5, zstd, deflate"}, body=compact(call())
    )
    assert b"\r\nAccept-Encoding: GZIP;q=0.5, deflate\r\n" in one.end.message()[0]
    content = [{"type": "text", "text": "x" * 200_000}]
    said = result(content=content, isError=True)
    body = encode(event(said) if headers else compact(said))
    one.answer(body, headers={"Content-Encoding": "gzip", **headers})
    assert [short(row) for row in calls()] == [("search", "error", "tool", None)]


@pytest.mark.parametrize("headers", [{}, IN_SESSION])
def test_an_answer_that_cannot_be_read_leaves_no_row_that_might_be_wrong(
    talk: Callable[[], Talk], calls: Calls, headers: dict[str, str]
) -> None:
    one = talk()
    one.ask(call(1, "unknown"), headers)
    one.answer(b"?", headers={"Content-Encoding": "br"})
    one.ask(call(2, "refused"), headers)
    one.answer(b"?", "503 Busy", headers={"Content-Encoding": "br"})
    assert [short(row) for row in calls()] == [("refused", "error", "transport", 503)]


def test_only_encodings_that_can_be_read_are_asked_for(talk: Callable[[], Talk]) -> None:
    one = talk()
    one.request("GET", {"Accept-Encoding": "br, zstd"})
    assert one.end.head().endswith(b"\r\nAccept-Encoding: identity")


def test_a_fault_in_watching_changes_nothing_and_is_said_once(
    talk: Callable[[], Talk], calls: Calls, capfd: pytest.CaptureFixture[str]
) -> None:
    one = talk()
    for _ in range(2):
        one.ask(call())
        one.answer(b"this is not gzip", headers={"Content-Encoding": "gzip"})
    one.ask(call(2, "later"))
    one.answer(result(2))
    rows = calls()
    assert ("later", "success", None, None) in [short(row) for row in rows]
    assert capfd.readouterr().err == "devflow-analytics: calls are not recorded: error\n"


class FirstTransport:
    """A stream of the first HTTP transport, and a connection for what is sent."""

    def __init__(self, talk: Callable[[], Talk], endpoint: bytes, target: str = "/sse") -> None:
        self.stream = talk()
        self.stream.listen(target=target)
        self.stream.say(b"event: endpoint\r\ndata: " + endpoint + b"\r\n\r\n")
        self.asking = talk()


@pytest.mark.parametrize(
    ("endpoint", "target"),
    [
        (b"/messages/?session_id=s3cr3t", "/messages/?session_id=s3cr3t"),
        (b"messages?a=b#c", "/base/messages?a=b"),
        (b"?a=b", "/base/sse?a=b"),
    ],
)
def test_answers_of_the_first_transport_come_in_the_stream_that_named_the_endpoint(
    talk: Callable[[], Talk], calls: Calls, endpoint: bytes, target: str
) -> None:
    first = FirstTransport(talk, endpoint, "/base/sse")
    first.asking.ask(initialize("cursor"), target=target)
    hello = {"jsonrpc": "2.0", "id": 0, "result": {"serverInfo": {"name": "issues"}}}
    first.stream.say(event(hello))  # before it is said to be accepted
    first.asking.answer(b"Accepted", "202 Accepted")
    first.asking.ask(call(), target=target)
    first.asking.answer(b"Accepted", "200 OK", {"Content-Type": "text/plain"})
    first.stream.say(event(result(), "event: message"))
    first.asking.ask(call(2), target=target)
    first.stream.client.close()
    assert first.stream.end.rest() == b""
    rows = calls()
    assert [short(row) for row in rows] == [
        ("search", "success", None, None),
        ("search", "error", "transport", None),
    ]
    assert {row["session_id"] for row in rows} == {rows[0]["session_id"]}
    assert {(row["client"], row["server"]) for row in rows} == {("cursor", "issues")}


def test_two_streams_of_the_first_transport_are_two_sessions(
    talk: Callable[[], Talk], calls: Calls
) -> None:
    for number in (b"1", b"2"):
        first = FirstTransport(talk, b"/messages?" + number)
        first.asking.ask(call(), target=f"/messages?{number.decode()}")
        first.asking.answer(b"", "202 Accepted")
        first.stream.say(event(result()))
        first.stream.end_stream()
    assert len({row["session_id"] for row in calls()}) == 2


def test_a_session_that_ends_leaves_nothing_waiting(talk: Callable[[], Talk], calls: Calls) -> None:
    asking, ending = talk(), talk()
    asking.ask(call(), IN_SESSION)
    asking.answer(b"", "202 Accepted")
    for session, status in ((IN_SESSION, "405 Not"), ({}, "200 OK"), (IN_SESSION, "204 Gone")):
        ending.request("DELETE", session)
        ending.end.head()
        ending.end.send(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        ending.client.head()
    listening = talk()
    listening.listen(IN_SESSION)
    listening.say(event(result()))  # too late
    assert [short(row) for row in calls()] == [("search", "error", "transport", None)]


def test_a_session_that_the_server_does_not_end_goes_on(
    talk: Callable[[], Talk], calls: Calls
) -> None:
    asking, ending, listening = talk(), talk(), talk()
    asking.ask(call(), IN_SESSION)
    asking.answer(b"", "202 Accepted")
    ending.request("DELETE", IN_SESSION)
    ending.end.head()
    ending.end.send(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
    ending.client.head()
    listening.listen(IN_SESSION)
    listening.say(event(result()))
    assert [short(row) for row in calls()] == [("search", "success", None, None)]


def test_an_exchange_that_failed_is_told_nothing_more() -> None:
    told: list[str] = []

    class Failing(Exchange):
        def see_request(self, data: bytes) -> None:
            told.append(data.decode())
            raise ValueError("s3cr3t")

        def end_request(self) -> None:
            told.append("the end")

    faults: list[Exception] = []
    exchange = SafeExchange(Failing, faults.append)
    exchange.see_request(b"one")
    exchange.see_request(b"two")
    exchange.end_request()
    assert told == ["one"]
    assert list(map(type, faults)) == [ValueError]


def test_a_call_that_waits_when_the_proxy_ends_is_an_error_of_the_transport(
    talk: Callable[[], Talk], calls: Calls
) -> None:
    one, other = talk(), talk()
    one.ask(call(1, "alone"))
    one.end  # noqa: B018  as above
    other.ask(call(1, "in a session"), IN_SESSION)
    other.answer(b"", "202 Accepted")
    assert {short(row) for row in calls()} == {
        ("alone", "error", "transport", None),
        ("in a session", "error", "transport", None),
    }
    assert one.client.rest() == b""


def test_a_client_names_itself_in_each_request_or_by_the_option(
    start: Start, server: Server, rows: Callable[..., list[dict[str, Any]]]
) -> None:
    proxy = start(server.url, server="named", client="cursor")
    one = Talk(proxy, server)
    one.ask(call(1, "modern", _meta=CLIENT_INFO), MODERN)
    one.answer(result(1))
    one.ask(call(1, "unnamed"))
    one.answer(result(1))
    proxy.stop()
    found = rows(
        "SELECT tool_name, client, client_version, server FROM tool_calls JOIN sessions s"
        " ON s.id = session_id ORDER BY 1"
    )
    assert [tuple(row.values()) for row in found] == [
        ("modern", "modern", "3", "named"),
        ("unnamed", "cursor", None, "named"),
    ]


def test_a_server_is_named_by_what_it_has_said_before(
    talk: Callable[[], Talk], calls: Calls
) -> None:
    one = talk()
    one.ask({"jsonrpc": "2.0", "id": 0, "method": "server/discover", "params": {}})
    info = {"io.modelcontextprotocol/serverInfo": {"name": "issues"}}
    one.answer({"jsonrpc": "2.0", "id": 0, "result": {"_meta": info}})
    one.ask(call())
    one.answer(result())
    assert [row["server"] for row in calls()] == ["issues"]


def test_1000_calls_without_a_session_are_one_session_for_each_client(
    talk: Callable[[], Talk], calls: Calls
) -> None:
    one = talk()
    for number in range(1000):
        named = {"name": f"client-{number % 2}", "version": "1"}
        one.ask(call(1, _meta={"io.modelcontextprotocol/clientInfo": named}))
        one.answer(result(1))
    rows = calls()
    assert len(rows) == 1000
    assert {(row["session_id"], row["tool_count"]) for row in rows} == {
        (row["session_id"], 500) for row in rows[:2]
    }


def test_a_conversation_that_a_request_names_is_the_session(
    talk: Callable[[], Talk], calls: Calls
) -> None:
    one = talk()
    meta = {"vscode.conversationId": "c1", "claudecode/toolUseId": "toolu_1"}
    for headers in ({}, IN_SESSION):
        one.ask(call(1, _meta=meta), headers)
        one.answer(result(1))
    (row,) = calls()  # it is one call, whoever tells of it
    assert row["session_id"] == named_id("vscode", "c1")


def test_a_call_that_asks_its_client_for_something_is_one_over_all_requests(
    talk: Callable[[], Talk], calls: Calls
) -> None:
    one = talk()
    one.ask(call(1, "asks", _meta=CLIENT_INFO))
    one.answer(result(1, resultType="input_required", requestState="s"))
    one.ask(call(2, "asks", _meta=CLIENT_INFO, requestState="s", inputResponses={}))
    one.answer(result(2, resultType="complete"))
    one.ask(call(3, "gives up", _meta=CLIENT_INFO))
    one.answer(result(3, resultType="input_required", requestState="t"))
    assert {short(row) for row in calls()} == {
        ("asks", "success", None, None),
        ("gives up", "error", "cancelled", None),
    }


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"method":"tools/call"}', b"[" * 100_000]
)
def test_what_is_no_message_passes_and_leaves_nothing(
    talk: Callable[[], Talk], proxy: Proxy, file: Path, body: bytes
) -> None:
    one = talk()
    one.request("POST", body=body)
    one.end.message()
    one.answer(body)
    proxy.stop()
    assert not file.exists()
