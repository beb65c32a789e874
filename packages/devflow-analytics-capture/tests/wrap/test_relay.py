"""That what passes is what was sent, byte for byte, at once, and in both directions."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import pytest

Start = Callable[..., Any]
Command = Callable[..., list[str]]

CUTS = """
import random
chance, data = random.Random(int(sys.argv[1])), sys.stdin.buffer.read()
while data:
    size = chance.choice([1, 2, 100, 4096, 70_000])
    data = data[os.write(1, data[:size]):]
"""


def cut(data: bytes, chance: random.Random) -> list[bytes]:
    """Return some bytes in pieces of any size."""
    pieces = []
    while data:
        size = chance.choice([1, 2, 100, 4096, 70_000])
        pieces.append(data[:size])
        data = data[size:]
    return pieces


def noise(chance: random.Random) -> bytes:
    """Return bytes of which some are ends of lines, and some look like messages."""
    parts = [
        chance.randbytes(chance.randrange(300)),
        b"\n" * chance.randrange(3),
        b"\r\n",
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}\n',
        b'{"jsonrpc":"2.0","id":1,"result":{"content":[],"isError":true}}\n',
        b'{"jsonrpc":"2.0","id":1,"resu',
        b'"tools"' * chance.randrange(20_000),
        b"\xff\xfe\x00",
    ]
    return b"".join(chance.choices(parts, k=60))


@pytest.mark.parametrize("seed", range(6))
def test_any_bytes_pass_as_they_are_however_they_are_cut(
    seed: int, start: Start, script: Command
) -> None:
    chance = random.Random(seed)
    data = noise(chance)
    proxy = start(*script(CUTS, seed))
    assert proxy.exchange(cut(data, chance)) == data
    assert proxy.finish() == (0, b"", b"")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\n\n\r\n\r",
        b"no end of line",
        b'{"jsonrpc":"2.0",\r\n"id":1}\r\n',
        b'{"jsonrpc":"2.0","method":"tools/call","id":1,"params":{"name":"\xff\xc3\x28"}}\n',
        b"\xef\xbb\xbf{}\n",
        b"\0" * 5000,
        b"[" * 100_000 + b"\n",
        bytes(range(256)) * 300,
    ],
    ids=lambda data: repr(data[:20]),
)
def test_what_is_no_message_passes_as_it_is(data: bytes, start: Start) -> None:
    proxy = start("cat")
    assert proxy.exchange([data]) == data
    assert proxy.finish() == (0, b"", b"")


def test_what_one_side_says_is_with_the_other_before_more_is_said(
    start: Start, script: Command
) -> None:
    answers = "while data := os.read(0, 9): os.write(1, data.upper())"
    proxy = start(*script(answers))
    for piece in (b"a", b"bc\nd", b"e\n\n", b"{"):
        assert proxy.exchange([piece], len(piece)) == piece.upper()
    assert proxy.finish() == (0, b"", b"")


def test_stderr_is_the_servers_alone(start: Start, script: Command) -> None:
    data = bytes(range(256)) * 40
    said = "os.write(2, bytes(range(256)) * 40); os.write(1, os.fstat(2).st_ino.__str__().encode())"
    proxy = start(*script(said))
    inode = os.fstat(proxy.errors).st_ino
    assert proxy.finish() == (0, str(inode).encode(), data)


def test_a_call_changes_nothing_of_what_passes(start: Start, player: Command) -> None:
    answer = '{"id":1,"result":{ "content":[] },"jsonrpc":"2.0"}\r\n'
    proxy = start(*player("<", answer))
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "a"}}
    proxy.send(request)
    assert proxy.finish() == (0, answer.encode(), b"")
