"""Whoever is at the other end of a connection, and the HTTP/1.1 that is spoken with it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import h11

if TYPE_CHECKING:
    from typing import TypeAlias

    Role: TypeAlias = type[h11.SERVER | h11.CLIENT]

MOST_HEADER_BYTES = 65_536
"""How long the head of a request or of an answer may be."""

PIECE = 65_536
"""How many bytes are read at once, at most; a stream holds twice as many."""

_ENDED = (h11.DONE, h11.MUST_CLOSE, h11.CLOSED)


class Peer:
    """A client, or the server."""

    def __init__(
        self, role: Role, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Take over a connection.

        Args:
            role: ours on it, ``h11.SERVER`` or ``h11.CLIENT``.
            reader: what comes from it.
            writer: what goes to it.
        """
        self._http = h11.Connection(role, MOST_HEADER_BYTES)
        self._ahead: h11.Event | type[h11.NEED_DATA | h11.PAUSED] | None = None
        """What is next, if that was looked at already."""
        self._reader = reader
        self._writer = writer

    @property
    def can_be_answered(self) -> bool:
        """Whether a client has asked for something, and no answer to that has begun."""
        return self._http.our_state is h11.SEND_RESPONSE

    @property
    def has_gone(self) -> bool:
        """Whether nothing more will come from it."""
        return self._reader.at_eof()

    @property
    def waits_to_continue(self) -> bool:
        """Whether a client waits to hear that it may send the body of its request."""
        return self._http.they_are_waiting_for_100_continue

    @property
    def has_ended(self) -> bool:
        """Whether the request and its answer have passed whole."""
        return self._http.our_state in _ENDED and self._http.their_state in _ENDED

    @property
    def can_go_on(self) -> bool:
        """Whether there can be another request after that."""
        return self._http.our_state is self._http.their_state is h11.DONE

    def go_on(self) -> None:
        """Let there be another request."""
        self._http.start_next_cycle()

    async def next_event(self) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
        """Return what comes next, as soon as it comes.

        Raises:
            OSError: the connection is broken.
            h11.RemoteProtocolError: it is no HTTP, or it ends too soon.
        """
        while True:
            event, self._ahead = self._ahead or self._http.next_event(), None
            if event is not h11.NEED_DATA:
                return event
            self._http.receive_data(await self._reader.read(PIECE))

    def is_at_end(self) -> bool:
        """Tell whether the message that is being read ends here, as far as that has come."""
        if self._ahead is None:
            with suppress(h11.RemoteProtocolError):  # which the next event will be, too
                self._ahead = self._http.next_event()
        return isinstance(self._ahead, h11.EndOfMessage)

    def write(self, event: h11.Event) -> None:
        """Send; without waiting for that as long as there is room for it."""
        data = self._http.send(event)
        if data:
            self._writer.write(data)

    async def drain(self) -> None:
        """Wait until there is room for more.

        Raises:
            OSError: the connection is broken.
        """
        await self._writer.drain()

    async def hang_up(self, seconds: float) -> None:
        """Send nothing more, and close the connection once the peer has; at most so much later.

        If it is closed while the peer still sends, what is on its way to it is lost.
        """
        with suppress(OSError, RuntimeError, TimeoutError):
            if self._writer.can_write_eof():
                self._writer.write_eof()
                async with asyncio.timeout(seconds):
                    while await self._reader.read(PIECE):
                        pass
        self.close()

    def close(self) -> None:
        """Close the connection; what was written still goes out."""
        self._writer.close()

    def abort(self) -> None:
        """Close the connection, whatever was written."""
        self._writer.transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the connection is closed."""
        with suppress(OSError):
            await self._writer.wait_closed()
