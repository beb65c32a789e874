"""The event with which a server of MCP's first HTTP transport says where to send messages.

It may name its address in full. A client would then refuse it, as it is not of the origin that the
client speaks with, or go past us; so our origin is put in its place. Nothing else in any body is
changed, and nothing but the beginning of such an event is ever held back for it.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_BEGINNINGS = tuple(
    b"event:%sendpoint%sdata:%s" % parts
    for parts in product((b" ", b""), (b"\n", b"\r\n", b"\r"), (b" ", b""))
)


class EndpointEvent:
    """The beginning of a stream of events, in which the first may be such a one."""

    def __init__(self, here: Callable[[bytes], bytes]) -> None:
        """Say what to put in the place of the address.

        Args:
            here: returns an address with our origin, if it has the server's.
        """
        self._here = here
        self._held: bytes | None = b""

    def feed(self, data: bytes) -> bytes:
        """Return what is to be passed on of the next bytes, and of those that were held back."""
        if self._held is None:
            return data
        held = self._held + data
        for beginning in _BEGINNINGS:
            address = held[len(beginning) :]
            if held.startswith(beginning) and address[:1] not in {b" ", b"\n", b"\r"}:
                ends = [end for end in map(address.find, (b"\r", b"\n")) if end >= 0]
                if not ends and len(address) < _LONGEST:
                    break
                self._held = None
                end = min(ends, default=len(address))
                return beginning + self._here(address[:end]) + address[end:]
            if beginning.startswith(held):
                break
        else:
            self._held = None
            return held
        self._held = held
        return b""

    def end(self) -> bytes:
        """Return what is held back when the stream ends."""
        held, self._held = self._held, None
        return held or b""


_LONGEST = 8_192
"""In bytes. No more of an address is waited for: its origin is long there."""
