"""Passes what comes on one connection of a client on to the server, and its answers back.

Each connection of a client has one of its own to the server, and lives as long: where either end
closes its connection, the other is closed. Bodies pass piece by piece, as soon as they come, and no
faster than the other end takes them.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

import h11

from devflow_analytics_capture.proxy.http.endpoint import EndpointEvent
from devflow_analytics_capture.proxy.http.guard import refusal
from devflow_analytics_capture.proxy.http.heads import closes
from devflow_analytics_capture.proxy.http.peer import Peer
from devflow_analytics_capture.proxy.http.upstream import reason_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from devflow_analytics_capture.proxy.http.exchange import Exchange
    from devflow_analytics_capture.proxy.http.heads import Heads
    from devflow_analytics_capture.proxy.http.upstream import Upstream

HANG_UP_SECONDS = 1.0
"""How long a client may take to close its connection, once we have sent all that we will."""

NO_ANSWER = "closed the connection, or sent what is no HTTP, instead of an answer"


class Relay:
    """One connection of a client, and one to the server."""

    def __init__(
        self, client: Peer, upstream: Upstream, heads: Heads, watch: Callable[..., Exchange]
    ) -> None:
        """Put these together.

        Args:
            client: who asks.
            upstream: the server, to which it is connected with the first request.
            heads: changes what must be changed of heads.
            watch: begins an `Exchange` for the head of a request.
        """
        self._client = client
        self._upstream = upstream
        self._heads = heads
        self._watch = watch
        self._server: Peer | None = None
        self._request: h11.Request | None = None
        self._exchange: Exchange | None = None
        self._endpoint: EndpointEvent | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._moved = asyncio.Event()
        """Set when a request has been answered, so that the next can be read."""
        self._over = asyncio.Event()
        """Set when one of the connections is at its end."""
        self._client_left = False

    async def run(self) -> None:
        """Pass on until either end closes its connection; return when both are closed."""
        self._tasks.append(asyncio.create_task(self._pass_requests()))
        try:
            await self._over.wait()
            await self._stop()
            if self._server is not None:
                self._server.close()
            if not self._client_left:
                await self._client.hang_up(HANG_UP_SECONDS)
            self._client.close()
            for peer in self._peers():
                await peer.wait_closed()
        except asyncio.CancelledError:
            await self._stop()
            for peer in self._peers():
                peer.abort()
                await peer.wait_closed()
            raise

    def _peers(self) -> list[Peer]:
        return [self._client, *([self._server] if self._server else [])]

    async def _stop(self) -> None:
        """End what passes."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._exchange is not None:
            self._exchange.break_off(by_client=self._client_left)
            self._exchange = None

    async def _pass_requests(self) -> None:
        try:
            while await self._pass_request_part():
                pass
        except (OSError, h11.RemoteProtocolError):
            self._client_left = True
        finally:
            self._over.set()

    async def _pass_request_part(self) -> bool:
        """Pass on what the client sends next; False if there is nothing more to pass on."""
        try:
            event = await self._client.next_event()
        except h11.RemoteProtocolError as fault:
            if self._exchange is not None or self._client.has_gone:
                raise
            await self._answer(fault.error_status_hint, f"The request is no HTTP/1.1: {fault}.")
            return False
        if event is h11.PAUSED:  # the next request is here already, while one is answered
            await self._moved.wait()
            self._moved.clear()
        elif isinstance(event, h11.Request):
            return await self._begin(event)
        elif isinstance(event, h11.Data | h11.EndOfMessage):
            await self._pass_to_server(event)
        else:
            self._client_left = True
            return False
        return True

    async def _begin(self, request: h11.Request) -> bool:
        """Pass on the head of a request; False if it was refused instead."""
        self._request = request
        refused = refusal(request.headers)
        if refused is not None:
            await self._answer(*refused)
            return False
        if not request.target.startswith(b"/"):
            await self._answer(400, "Only requests for a path are passed on.")
            return False
        exchange = self._exchange = self._watch(request.method, request.target, request.headers)
        if self._server is None:
            try:
                reader, writer = await self._upstream.connect()
            except OSError as fault:
                await self._read_to_end(exchange)
                reason = reason_of(fault)
                await self._answer(502, f"Cannot connect to {self._upstream.origin}: {reason}.")
                return False
            self._server = Peer(h11.CLIENT, reader, writer)
            self._tasks.append(asyncio.create_task(self._pass_answers(self._server)))
        headers = self._heads.of_request(
            request.headers.raw_items(),
            host=_host(request),
            closes=closes(request.headers, request.http_version),
        )
        self._server.write(
            h11.Request(method=request.method, target=request.target, headers=headers)
        )
        await self._drain(self._server)
        return True

    async def _read_to_end(self, exchange: Exchange) -> None:
        """Read the rest of a request that goes nowhere, to know what was asked for."""
        if not self._client.waits_to_continue:
            while isinstance(event := await self._client.next_event(), h11.Data):
                exchange.see_request(event.data)
        exchange.end_request()

    async def _pass_to_server(self, event: h11.Data | h11.EndOfMessage) -> None:
        server, exchange = self._server, self._exchange
        assert server  # noqa: S101  a request has begun
        assert exchange  # noqa: S101  the same
        if isinstance(event, h11.Data):
            server.write(h11.Data(data=event.data))
            exchange.see_request(event.data)
        else:
            server.write(h11.EndOfMessage(headers=event.headers.raw_items()))
            exchange.end_request()
        await self._drain(server)
        self._go_on(server)

    async def _drain(self, server: Peer) -> None:
        try:
            await server.drain()
        except OSError:
            await self._over.wait()  # what it answered before may still be read

    async def _pass_answers(self, server: Peer) -> None:
        try:
            while event := await _next_of(server):
                self._pass_to_client(event, is_last=server.is_at_end())
                try:
                    await self._client.drain()
                except OSError:
                    self._client_left = True
                    return
                self._go_on(server)
            if self._client.can_be_answered:
                await self._answer(502, f"{self._upstream.origin} {NO_ANSWER}.")
        except OSError:
            self._client_left = True
        finally:
            self._over.set()

    def _pass_to_client(self, event: h11.Event, *, is_last: bool) -> None:
        """Show and pass on a part of an answer.

        It is shown first, so that an answer which the client has seen is kept, even if we are
        killed in the next moment; also that it ends, if it does with this part.
        """
        request, exchange = self._request, self._exchange
        assert request  # noqa: S101  or it would be no answer
        assert exchange  # noqa: S101  the same
        client = self._client
        if isinstance(event, h11.InformationalResponse):
            if request.http_version > b"1.0":
                client.write(event)
        elif isinstance(event, h11.Response):
            exchange.see_head(event.status_code, event.headers)
            client.write(self._answer_head(request, event))
        elif isinstance(event, h11.Data):
            data = bytes(event.data)
            exchange.see_answer(data)
            if is_last:
                exchange.end_answer()
            passed = data if self._endpoint is None else self._endpoint.feed(data)
            if passed:
                client.write(h11.Data(data=passed))
        elif isinstance(event, h11.EndOfMessage):
            exchange.end_answer()
            rest = self._endpoint.end() if self._endpoint else b""
            if rest:
                client.write(h11.Data(data=rest))
            client.write(h11.EndOfMessage(headers=event.headers.raw_items()))

    def _answer_head(self, request: h11.Request, answer: h11.Response) -> h11.Response:
        host = _host(request)
        given = dict(answer.headers)
        is_plain_stream = (
            request.method == b"GET"
            and given.get(b"content-type", b"").startswith(b"text/event-stream")
            and b"content-length" not in given
            and b"content-encoding" not in given
        )
        self._endpoint = None
        if is_plain_stream:
            self._endpoint = EndpointEvent(lambda address: self._heads.here(address, host))
        headers = self._heads.of_answer(
            answer.headers.raw_items(),
            host=host,
            closes=closes(answer.headers, answer.http_version),
        )
        return h11.Response(status_code=answer.status_code, headers=headers, reason=answer.reason)

    def _go_on(self, server: Peer) -> None:
        """Let there be another request, if this one and its answer have passed."""
        if not (self._client.has_ended and server.has_ended):
            return
        self._exchange = None
        if self._client.can_go_on and server.can_go_on:
            self._client.go_on()
            server.go_on()
            self._moved.set()
        else:
            self._over.set()

    async def _answer(self, status: int, sentence: str) -> None:
        """Answer a request ourselves; it is the last of its connection.

        Raises:
            OSError: the client is gone.
        """
        body = f"{sentence}\n".encode()
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("X-Content-Type-Options", "nosniff"),
            ("Connection", "close"),
        ]
        reason = HTTPStatus(status).phrase.encode()
        self._client.write(h11.Response(status_code=status, headers=headers, reason=reason))
        if self._request is None or self._request.method != b"HEAD":
            self._client.write(h11.Data(data=body))
        await self._client.drain()


def _host(request: h11.Request) -> bytes:
    return dict(request.headers)[b"host"]


async def _next_of(server: Peer) -> h11.Event | None:
    """Return what comes next from the server; None if nothing will, or nothing that is HTTP."""
    try:
        event = await server.next_event()
    except (OSError, h11.RemoteProtocolError):
        return None
    return (
        event
        if isinstance(event, h11.Event) and not isinstance(event, h11.ConnectionClosed)
        else None
    )
