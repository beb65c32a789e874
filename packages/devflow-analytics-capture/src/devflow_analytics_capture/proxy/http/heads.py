"""The heads of requests and answers as they are passed on: the server's name takes ours' place.

What belongs to one connection alone is left out, as RFC 9110 (7.6.1) asks of any intermediary.
Where the server sends a client on to another address of its own, ours takes its place: the client
would go past us, and its calls would not be recorded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from devflow_analytics_capture.proxy.http.bodies import READABLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from devflow_analytics_capture.proxy.http.upstream import Upstream

    Headers = list[tuple[bytes, bytes]]

_OF_ONE_CONNECTION = frozenset(
    (b"connection", b"http2-settings", b"keep-alive", b"proxy-connection", b"te", b"upgrade")
)

_PORT = re.compile(rb":\d+$")

_OF_EACH = frozenset((b"content-length", b"host", b"transfer-encoding"))
"""What must stay, even if ``Connection`` names it: it says where a message ends."""


class Heads:
    """Passes heads on between the clients of a local server and the server behind it."""

    def __init__(self, upstream: Upstream) -> None:
        self._authority = upstream.authority.encode()
        origin = upstream.origin.encode()
        default = b":443" if origin.startswith(b"https:") else b":80"
        self._origin = origin
        self._origins = {origin.lower(), origin.lower().removesuffix(default)}
        if not _PORT.search(origin):
            self._origins.add(origin.lower() + default)
        """How the server may be named."""

    def of_request(self, headers: Headers, *, host: bytes, closes: bool) -> Headers:
        """Return the headers of a request as the server gets them.

        Args:
            headers: as the client sent them.
            host: the value of ``Host`` among them.
            closes: whether the client will use its connection no more.
        """
        passed = [(b"Host", self._authority)]
        own = b"http://" + host.lower()
        for name, value in _without_connection(headers):
            lower = name.lower()
            if lower == b"origin" and value.lower() == own:
                passed.append((name, self._origin))
            elif lower == b"accept-encoding":
                passed.append((name, _readable(value)))
            elif lower != b"host":
                passed.append((name, value))
        return [*passed, (b"Connection", b"close")] if closes else passed

    def of_answer(self, headers: Headers, *, host: bytes, closes: bool) -> Headers:
        """Return the headers of an answer as the client gets them.

        Args:
            headers: as the server sent them.
            host: the value of ``Host`` of the request.
            closes: whether the server will use its connection no more.
        """
        passed = []
        for name, value in _without_connection(headers):
            lower = name.lower()
            if lower in {b"location", b"content-location"}:
                passed.append((name, self.here(value, host)))
            elif lower != b"alt-svc":  # other ways to the server, for those who speak with it
                passed.append((name, value))
        return [*passed, (b"Connection", b"close")] if closes else passed

    def here(self, address: bytes, host: bytes) -> bytes:
        """Return an address with our origin, if it has that of the server; else as it is.

        Args:
            address: an absolute address, or another.
            host: how the client names us.
        """
        for origin in self._origins:
            rest = address[len(origin) :]
            if address[: len(origin)].lower() == origin and rest[:1] in {b"", *_ENDS}:
                return b"http://" + host + rest
        return address


_ENDS = (b"/", b"?", b"#")
"""What may follow the authority of an address."""


def closes(headers: Iterable[tuple[bytes, bytes]], version: bytes) -> bool:
    """Tell whether whoever sent that will use its connection no more."""
    return version < b"1.1" or b"close" in _named_in_connection(headers)


def _without_connection(headers: Headers) -> Headers:
    left_out = _OF_ONE_CONNECTION | (_named_in_connection(headers) - _OF_EACH)
    names = {name.lower() for name, _ in headers}
    if b"transfer-encoding" in names:
        left_out |= {b"content-length"}  # which says nothing then, and not to everybody the same
    return [(name, value) for name, value in headers if name.lower() not in left_out]


def _named_in_connection(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    return frozenset(
        word.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for word in value.split(b",")
    )


def _readable(value: bytes) -> bytes:
    """Return which encodings a client takes, without those that cannot be read in passing."""
    words = (word.strip() for word in value.split(b","))
    kept = [word for word in words if word.partition(b";")[0].strip().lower() in READABLE]
    return b", ".join(kept) or b"identity"
