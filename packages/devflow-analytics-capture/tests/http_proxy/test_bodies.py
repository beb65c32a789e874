"""The messages in bodies, however they are cut."""

from __future__ import annotations

import gzip
import json
import random
import tracemalloc

import pytest

from devflow_analytics_capture.proxy.http.bodies import Events, JsonBody, NoMessages, body_of


def heads(found: list[object]) -> list[bytes]:
    return [line.head for line in found]  # type: ignore[attr-defined]


STREAM = (
    b"\xef\xbb\xbfid: 1\n: a comment\nretry: 10\n\n"
    b'data: {"a": 1}\n\n'
    b'event: message\ndata:{"b":\ndata:  2}\nid: 2\n\n'
    b"event: ping\n\n"
    b"data\n\n"
    b"data-: x\n\n"
    b"data:\n\n"
    b'data:[3]\nevent: x\n\ndata: {"c": 4}\n\n'
    b'data: {"never ends": 5}\n'
)
FOUND = [b'{"a": 1}', b'{"b":  2}', b"[3]", b'{"c": 4}']


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_events_are_found_wherever_the_stream_is_cut(end: bytes) -> None:
    stream = STREAM.replace(b"\n", end)
    for cut in range(len(stream) + 1):
        events = Events()
        found = events.feed(stream[:cut]) + events.feed(stream[cut:]) + events.end()
        assert heads(found) == FOUND, cut
        assert (events.has_ids, events.endpoint) == (True, None)


def test_events_are_found_in_any_pieces() -> None:
    chance = random.Random(7)
    stream = b"".join(
        b"data: %s\r\n\r\n" % json.dumps({"id": n, "x": "y" * chance.randrange(200_000)}).encode()
        for n in range(20)
    )
    events = Events()
    found = []
    position = 0
    while position < len(stream):
        length = chance.choice([1, 2, 7, 300, 65_536, 100_000])
        found += events.feed(stream[position : position + length])
        position += length
    assert [line.head.split(b",")[0] for line in found] == [b'{"id": %d' % n for n in range(20)]
    lengths = [len(part) - len(b"data: ") for part in stream.split(b"\r\n\r\n")[:-1]]
    assert [line.size for line in found] == lengths


def test_an_event_is_found_when_it_ends() -> None:
    events = Events()
    assert events.feed(b"data: {}\n") == []
    assert heads(events.feed(b"\n")) == [b"{}"]
    assert not events.has_ids


def test_an_endpoint_is_no_message() -> None:
    events = Events()
    assert events.feed(b"event: endpoint\ndata: /messages?s=1\n\ndata: {}\n") == []
    assert events.endpoint == b"/messages?s=1"
    assert heads(events.feed(b"\n")) == [b"{}"]


def test_json_is_one_message_however_it_is_laid_out() -> None:
    body = JsonBody()
    for byte in b'{\r\n "a":\n1}':
        assert body.feed(bytes([byte])) == []
    assert heads(body.end()) == [b'{   "a": 1}']
    assert JsonBody().end() == []


@pytest.mark.parametrize(
    ("content_type", "encoding", "found"),
    [
        (b"application/json", b"", [b"data: {}  "]),
        (b"Application/JSON; charset=utf-8", b"identity", [b"data: {}  "]),
        (b"application/problem+json", b"", [b"data: {}  "]),
        (b"text/event-stream;charset=utf-8", b"", [b"{}"]),
        (b"text/event-stream", b"GZip", [b"{}"]),
        (b"text/html", b"", []),
        (b"", b"", []),
    ],
)
def test_what_a_body_is_its_head_says(
    content_type: bytes, encoding: bytes, found: list[bytes]
) -> None:
    body = body_of({b"content-type": content_type, b"content-encoding": encoding})
    assert body
    data = b"data: {}\n\n"
    sent = gzip.compress(data) if encoding == b"GZip" else data
    assert heads(body.feed(sent) + body.end()) == found
    assert (body.has_ids, body.endpoint) == (False, None)


def test_a_body_in_an_unknown_encoding_is_not_read() -> None:
    assert body_of({b"content-type": b"application/json", b"content-encoding": b"br"}) is None


def test_a_compressed_endpoint_is_found_in_pieces() -> None:
    body = body_of({b"content-type": b"text/event-stream", b"content-encoding": b"gzip"})
    assert body
    for byte in gzip.compress(b"id: 1\nevent: endpoint\ndata: /m\n\n"):
        assert body.feed(bytes([byte])) == []
    assert (body.has_ids, body.endpoint) == (True, b"/m")


def test_a_few_bytes_that_stand_for_many_take_little_memory() -> None:
    body = body_of({b"content-type": b"application/json", b"content-encoding": b"gzip"})
    assert body
    bomb = gzip.compress(bytes(300_000_000), 1)
    tracemalloc.start()
    try:
        assert body.feed(bomb) == []
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    (line,) = body.end()
    assert (line.size, len(line.head)) == (300_000_000, 65_536)


def test_no_messages_are_none() -> None:
    assert NoMessages().feed(b"{}") == []
