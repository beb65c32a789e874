"""The row of each call, whatever else passes and however it is cut."""

from __future__ import annotations

import itertools
import json
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Start = Callable[..., Any]
Command = Callable[..., list[str]]
Rows = list[tuple[Any, ...]]
Recorded = Callable[..., Rows]
Play = Callable[..., Rows]

GOOD, BAD = ("success", None), ("error", "tool")
LONG, LONGER = 3_000, 100_000  # an answer that is not parsed; a line that is not kept

SAID = [
    ('"isError":true', BAD),
    ('"isError": true', BAD),
    ('"isError":false', GOOD),
    ('"x":"{\\"isError\\":true}"', GOOD),
    ('"x":"}\\"isError\\":true"', GOOD),
    ('"structuredContent":{"isError":true}', GOOD),
    ('"structuredContent":{"a":"]}","isError":true,"b":[{}]},"_meta":{}', GOOD),
    ('"_meta":{"a":"}"},"isError":true,"z":"]"', BAD),
    ('"structuredContent":{"isError":true},"isError":true,"_meta":{"isError":true}', BAD),
]
"""What is in a result, and how the call ended then."""

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"clientInfo": {"name": "probe", "version": "1.2"}},
}
INITIALIZED = '{"jsonrpc":"2.0","id":0,"result":{"serverInfo":{"name":"toy","version":"3"}}}\n'


def call(request: object, tool: str = "a", **params: object) -> dict[str, object]:
    params = {"name": tool, **params}
    return {"jsonrpc": "2.0", "id": request, "method": "tools/call", "params": params}


def text(message: object) -> str:
    """Return a line as most servers write it."""
    return json.dumps(message, separators=(",", ":")) + "\n"


def answer(request: object, *, is_error: bool = False, said: str = "") -> dict[str, object]:
    result: dict[str, object] = {"content": [{"type": "text", "text": said}]}
    if is_error:
        result["isError"] = True
    return {"jsonrpc": "2.0", "id": request, "result": result}


def raw(request: object, result: str, *, last: bool = False) -> str:
    """Return an answer with its id before the result, or behind it."""
    identity = f'"id":{json.dumps(request)}'
    if last:
        return f'{{"jsonrpc":"2.0","result":{result},{identity}}}\n'
    return f'{{"jsonrpc":"2.0",{identity},"result":{result}}}\n'


@pytest.fixture
def play(start: Start, player: Command, recorded: Recorded) -> Play:
    """Send lines to a server that does some things; return what is recorded of the calls."""

    def play(steps: list[object], *lines: object) -> Rows:
        proxy = start(*player(*steps))
        proxy.send(*lines)
        expected = "".join(step for step in steps if isinstance(step, str) and step != "<")
        _, out, said = proxy.finish()
        assert (out.decode(), said) == (expected, b"")
        return sorted(recorded())

    return play


def test_all_that_is_known_of_a_call(
    start: Start, player: Command, rows: Callable[[str], list[dict[str, Any]]], recorded: Recorded
) -> None:
    arguments = {"where": "é" * 10}
    answers = raw(1, '{"content":[]}')
    proxy = start(*player("<", INITIALIZED, "<", answers, None))
    proxy.ask(INITIALIZE)
    proxy.ask(call(1, arguments=arguments))
    assert proxy.finish() == (0, b"", b"")
    columns = ("tool_name", "status", "server", "source", "duration_kind", "result_bytes")
    assert recorded(*columns) == [("a", "success", "toy", "proxy", "run", len('{"content":[]}'))]
    ((size, duration, started, ended),) = recorded(
        "request_bytes", "duration_ms", "started_ms", "timestamp"
    )
    assert size == len(json.dumps(arguments))
    assert duration > 0
    assert ended == int(started + duration) // 1000
    (session,) = rows("SELECT client, client_version, tool_count FROM sessions")
    assert session == {"client": "probe", "client_version": "1.2", "tool_count": 1}


def test_ids_1_and_text_1_are_two(play: Play) -> None:
    steps = ["<", "<", text(answer("1", is_error=True)), text(answer(1))]
    assert play(steps, call(1, "number"), call("1", "text")) == [("number", *GOOD), ("text", *BAD)]


def test_an_id_that_comes_again_is_another_call(
    start: Start, player: Command, recorded: Recorded
) -> None:
    answers = [text(answer(1, is_error=is_error)) for is_error in (False, True, False)]
    proxy = start(*player("<", answers[0], "<", answers[1], "<", answers[2]))
    for tool in ("t1", "t2", "t3"):
        proxy.ask(call(1, tool))
    assert proxy.finish() == (0, b"", b"")
    assert sorted(recorded()) == [("t1", *GOOD), ("t2", *BAD), ("t3", *GOOD)]


def test_a_proxy_behind_a_proxy_leaves_the_calls_to_it(
    start: Start, player: Command, recorded: Recorded
) -> None:
    words = start("true").started.args[:3]
    proxy = start("sh", "-c", '"$@"; exit $?', "sh", *words, *player("<", text(answer(1))))
    proxy.ask(call(1))
    assert proxy.finish() == (0, b"", b"")
    assert recorded() == [("a", *GOOD)]


def test_answers_in_another_order(play: Play) -> None:
    steps = ["<"] * 3 + [text(answer(number, is_error=number == 2)) for number in (2, 3, 1)]
    lines = [call(number, f"t{number}") for number in (1, 2, 3)]
    assert play(steps, *lines) == [("t1", *GOOD), ("t2", *BAD), ("t3", *GOOD)]


def test_batches_both_ways(play: Play) -> None:
    steps = ["<", text([answer(2, is_error=True), {"method": "x"}, 7, answer(1)])]
    lines = [[call(1, "t1"), {"method": "x", "id": 9}, None, call(2, "t2")]]
    assert play(steps, *lines) == [("t1", *GOOD), ("t2", *BAD)]


def test_two_answers_at_once(play: Play) -> None:
    both = text(answer(1, is_error=True)) + text(answer(2))
    assert play(["<", "<", both], call(1, "t1"), call(2, "t2")) == [("t1", *BAD), ("t2", *GOOD)]


@pytest.mark.parametrize("at", [1, 20, 40, -8, -1])
def test_a_call_and_its_answer_in_pieces(
    at: int, start: Start, player: Command, recorded: Recorded
) -> None:
    whole = text(answer(1, is_error=True))
    asked = text(call(1)).encode()
    # a line between lets the server know that its first piece is through
    proxy = start(*player("<", whole[:at], "<", whole[at:]))
    proxy.send(asked[:at])
    proxy.send(asked[at:])
    first = proxy.exchange([], len(whole[:at]))
    proxy.send({"method": "go on"})
    assert proxy.finish() == (0, whole[at:].encode(), b"")
    assert first.decode() == whole[:at]
    assert recorded() == [("a", *BAD)]


def test_a_request_of_the_servers_with_the_same_id(play: Play) -> None:
    asks = text({"jsonrpc": "2.0", "id": 1, "method": "sampling/createMessage", "params": {}})
    steps = ["<", asks, "<", text(answer(1, is_error=True))]
    reply = {"jsonrpc": "2.0", "id": 1, "result": {"role": "assistant"}}
    assert play(steps, call(1), reply) == [("a", *BAD)]


def test_progress_between(play: Play) -> None:
    progress = {"method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}}
    asked = call(1, _meta={"progressToken": 1})
    assert play(["<", text(progress) * 3, text(answer(1))], asked) == [("a", *GOOD)]


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        ("the person has changed their mind", ("error", "cancelled")),
        ("McpError: MCP error -32001: Request timed out", ("timeout", "cancelled")),
    ],
)
def test_a_late_answer_after_a_cancellation(
    reason: str, ending: tuple[str, str], play: Play
) -> None:
    params = {"requestId": 1, "reason": reason}
    cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}
    steps = ["<", "<", text(answer(1)) * 2]
    assert play(steps, call(1), cancelled) == [("a", *ending)]


@pytest.mark.parametrize("size", [0, LONG, LONGER])
def test_what_an_answer_says_wherever_it_says_it(
    size: int, start: Start, script: Command, recorded: Recorded, tmp_path: Path
) -> None:
    content = f'"content":[{{"type":"text","text":"{"x" * size}"}}]'
    orders = itertools.product(SAID, ("{0},{1}", "{1},{0}"), (False, True))
    answers, lines, expected = "", [], []
    for number, ((inside, ending), order, last) in enumerate(orders):
        result = f"{{{order.format(inside, content)}}}"
        name = f"{number:02} {order} {last} {inside}"
        answers += raw(number, result, last=last)
        lines.append(call(number, name))
        expected.append((name, *ending))
    (tmp_path / "answers").write_text(answers, encoding="utf-8")
    repeats = """
for line in open(sys.argv[1], "rb"):
    sys.stdin.buffer.readline()
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
"""
    proxy = start(*script(repeats, tmp_path / "answers"))
    proxy.send(*lines)
    assert proxy.finish() == (0, answers.encode(), b"")
    assert sorted(recorded()) == expected


@pytest.mark.parametrize("size", [LONG, LONGER])
@pytest.mark.parametrize("place", ["first", "last"])
def test_a_call_with_long_arguments(
    place: str, size: int, start: Start, script: Command, recorded: Recorded
) -> None:
    answers = f"sys.stdin.buffer.readline(); os.write(1, {raw('x', '{}').encode()!r})"
    arguments = json.dumps({"text": "x" * size, "more": [{}, "}"]})
    identity = '"id":"x","method":"tools/call"'
    params = f'"params":{{"name":"long","arguments":{arguments}}}'
    first, second = (params, identity) if place == "last" else (identity, params)
    proxy = start(*script(answers))
    proxy.send(f'{{"jsonrpc":"2.0",{first},{second}}}\n'.encode())
    assert proxy.finish() == (0, raw("x", "{}").encode(), b"")
    assert recorded() == [("long", *GOOD)]
    ((found,),) = recorded("request_bytes")
    assert found == len(arguments) or (place == "last" and found is None)


@pytest.mark.parametrize("noise", [b"[" * 100_000, b'{"a":' * 50_000, b'{"id":1', b"\xff\0"])
def test_noise_while_a_call_waits(
    noise: bytes, start: Start, script: Command, recorded: Recorded
) -> None:
    says = """
lines = [sys.stdin.buffer.readline() for _ in range(2)]
sys.stdout.buffer.write(lines[1] + b'not JSON\\n' + sys.argv[1].encode())
"""
    proxy = start(*script(says, text(answer(1, is_error=True))))
    proxy.send(call(1), noise + b"\n")
    expected = noise + b"\nnot JSON\n" + text(answer(1, is_error=True)).encode()
    assert proxy.finish() == (0, expected, b"")
    assert recorded() == [("a", *BAD)]


@pytest.mark.parametrize("request_id", [None, True, [1], {"a": 1}, 1.5])
def test_what_is_no_id_is_no_call(request_id: object, play: Play, file: Path) -> None:
    steps = ["<", text(answer(request_id)), "<", text(answer(1, is_error=True))]
    assert play(steps, call(request_id, "none"), call(1)) == [("a", *BAD)]
    assert file.exists()


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        ({"code": -32603, "message": "no"}, ("error", "protocol", -32603)),
        ({"code": -32602, "message": "no"}, ("error", "arguments", -32602)),
        ({"code": 2**70, "message": None}, ("error", "protocol", None)),
        ("no", ("error", "protocol", None)),
    ],
)
def test_an_error_of_the_protocol(
    error: object, ending: tuple[object, ...], play: Play, recorded: Recorded
) -> None:
    play(["<", text({"jsonrpc": "2.0", "id": 1, "error": error})], call(1))
    assert recorded("status", "error_kind", "error_code") == [ending]


def test_ends_of_lines_as_on_windows(play: Play) -> None:
    steps = ["<", text(answer(1, is_error=True)).replace("\n", "\r\n")]
    assert play(steps, text(call(1)).replace("\n", "\r\n").encode()) == [("a", *BAD)]


def test_the_last_line_needs_no_end(play: Play) -> None:
    steps = ["<", text(answer(1, is_error=True)).rstrip()]
    assert play(steps, text(call(1)).rstrip().encode()) == [("a", *BAD)]


@pytest.mark.parametrize(
    "how", ["exits", "is killed", "closes its output", "client is gone", "client ends it"]
)
def test_a_call_without_an_answer(
    how: str, start: Start, script: Command, recorded: Recorded
) -> None:
    ends = {
        "exits": "os._exit(0)",
        "is killed": "os.kill(os.getpid(), 9)",
        "closes its output": "os.close(1)",
    }.get(how, "os.write(1, b'\\n')")
    proxy = start(*script(f"sys.stdin.buffer.readline()\n{ends}\nwhile os.read(0, 99): pass"))
    proxy.send(call(1))
    assert proxy.line() == b""
    if how == "client is gone":
        proxy.close_output()
    if how == "client ends it":
        proxy.kill(signal.SIGTERM)
    proxy.finish()
    assert recorded() == [("a", "error", "transport")]


def test_what_was_answered_before_the_proxy_is_killed_is_recorded(
    start: Start, script: Command, recorded: Recorded
) -> None:
    """All but the last, of which the answer passes first."""
    answers = f"""
for line in sys.stdin.buffer:
    number = line.split(b'"id": ')[1].split(b',')[0]
    os.write(1, {text(answer(0)).encode()!r}.replace(b'"id":0', b'"id":' + number))
"""
    proxy = start(*script(answers))
    for number in range(20):
        proxy.ask(call(number, f"t{number:02}"))
    proxy.kill(signal.SIGKILL)
    assert proxy.wait() == -signal.SIGKILL
    names = sorted(name for name, *_ in recorded())
    assert names[:19] == [f"t{number:02}" for number in range(19)]
