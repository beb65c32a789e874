"""A local server that passes requests on to an MCP server that speaks HTTP, and notes calls."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h11

from devflow_analytics_capture.errors import PortTakenError
from devflow_analytics_capture.proxy.http.exchange import Exchange
from devflow_analytics_capture.proxy.http.heads import Heads
from devflow_analytics_capture.proxy.http.peer import PIECE, Peer
from devflow_analytics_capture.proxy.http.relay import Relay
from devflow_analytics_capture.proxy.http.upstream import upstream_at
from devflow_analytics_capture.proxy.http.watch import Watch
from devflow_analytics_capture.proxy.notes import Notes
from devflow_analytics_capture.proxy.saying import say
from devflow_analytics_db import AnalyticsDbError, is_enabled, resolve_path

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from devflow_analytics_capture.proxy.http.exchange import Headers
    from devflow_analytics_capture.proxy.http.upstream import Upstream

HOST = "127.0.0.1"

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

CLOSE_SECONDS = 2.0
"""How long it may take at the end to write what waits into the database."""


@dataclass(frozen=True, slots=True)
class WrapUrl:
    """What `wrap_url` is asked to do."""

    url: str
    """The address of the server."""
    port: int | None = None
    """Where to listen; None for a port that is free."""
    server: str | None = None
    """The server's name; None for the one that it gives itself."""
    client: str | None = None
    """The client's name if it gives none."""
    database: str | None = None
    """The path of the database; None for the default one."""


def wrap_url(options: WrapUrl) -> int:
    """Pass requests on until SIGINT, SIGTERM or SIGHUP; signals that are ignored stay so.

    It prints the address that clients are to use. If calls cannot be recorded, or must not be, they
    pass all the same.

    Returns:
        The exit status: 0 after SIGINT, as Ctrl-C sends it; else 128 and the number of the signal,
        as shells have it.

    Raises:
        ServerAddressError: `url` is none.
        PortTakenError: another program listens on the port, or this user may not.
    """
    upstream = upstream_at(options.url)
    listening = listen(options.port)
    notes = _notes(options.database)
    watch = None
    if notes is not None:
        watch = Watch(notes, server=options.server, client=options.client)
    try:
        number = asyncio.run(_serve(HttpProxy(upstream, listening, watch)))
        return 0 if number == signal.SIGINT else 128 + number
    finally:
        if notes is not None:
            notes.close(CLOSE_SECONDS)


def listen(port: int | None) -> socket.socket:
    """Return a socket that listens where only this machine can reach it.

    Args:
        port: where to listen; None for a port that is free.

    Raises:
        PortTakenError: another program listens there, or this user may not.
    """
    # asyncio sets TCP_NODELAY only where the protocol is named; without, bodies come 40 ms late
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port or 0))
        listening.listen()
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(
                f"Port {port} of {HOST} is taken by another program.",
                None,
                "Give another `port`, or none for one that is free.",
            ) from None
        raise PortTakenError(
            f"This user cannot listen on port {port} of {HOST}: {error.strerror}.",
            None,
            "Give a `port` of 1024 or more, or none.",
        ) from None
    return listening


class HttpProxy:
    """The local server."""

    def __init__(self, upstream: Upstream, listening: socket.socket, watch: Watch | None) -> None:
        """Put these together.

        Args:
            upstream: the server that requests are passed on to.
            listening: where requests come.
            watch: notes calls; None if that is not wanted, or not possible.
        """
        self._upstream = upstream
        self._listening = listening
        self._watch = watch
        self._heads = Heads(upstream)
        self._relays: set[asyncio.Task[None]] = set()

    @property
    def origin(self) -> str:
        """The server that requests are passed on to, without the path, which may be secret."""
        return self._upstream.origin

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"http://{HOST}:{self._listening.getsockname()[1]}{self._upstream.target}"

    async def serve(self, end: Awaitable[int]) -> int:
        """Pass requests on until the end, and return what that gives."""
        server = await asyncio.start_server(self._accept, sock=self._listening, limit=PIECE)
        try:
            return await end
        finally:
            server.close()
            for relay in self._relays:
                relay.cancel()
            await asyncio.gather(*self._relays, return_exceptions=True)
            if self._watch is not None:
                self._watch.end()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Peer(h11.SERVER, reader, writer)
        relay = Relay(client, self._upstream, self._heads, self._begin)
        task = asyncio.create_task(relay.run())
        self._relays.add(task)
        task.add_done_callback(self._relays.discard)

    def _begin(self, method: bytes, target: bytes, headers: Headers) -> Exchange:
        if self._watch is None:
            return Exchange()
        return self._watch.begin(method, target, headers)


async def _serve(proxy: HttpProxy) -> int:
    """Print the address for clients, pass requests on, and return the number of the signal."""
    ended_by = _first_signal()
    with suppress(OSError, AttributeError):  # if nobody can read it, somebody knows the port
        sys.stdout.write(
            f"Passing requests on to {proxy.origin}. Put this address into the client's settings,"
            f" in the place of the server's:\n\n    {proxy.url}\n\n"
            "A server that asks for OAuth cannot be used this way: the tokens that a client gets"
            " are for the server's own address. Press Ctrl-C to end.\n"
        )
        sys.stdout.flush()
    return await proxy.serve(ended_by)


def _first_signal() -> asyncio.Future[int]:
    """Return the number of the first signal that asks to end, once it comes."""
    loop = asyncio.get_running_loop()
    first: asyncio.Future[int] = loop.create_future()

    def end(number: int) -> None:
        if not first.done():
            first.set_result(number)

    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, end, number)
    return first


def _notes(database: str | None) -> Notes | None:
    """Return where calls are noted; None if that is not wanted, or not possible."""
    try:
        return Notes(os.fspath(resolve_path(database))) if is_enabled() else None
    except AnalyticsDbError as fault:
        say(f"calls are not recorded: {fault}")
        return None
