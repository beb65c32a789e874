"""Serves the page on this machine until it is told to stop."""

from __future__ import annotations

import asyncio
import secrets
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import msgspec
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from devflow_analytics_dashboard.answers import Error
from devflow_analytics_dashboard.app import Application
from devflow_analytics_dashboard.browser import RedirectFile, can_open
from devflow_analytics_dashboard.guard import HEADERS, MOST_HEADER_BYTES
from devflow_analytics_dashboard.json_answers import JSON
from devflow_analytics_dashboard.listening import EVERY, listen

if TYPE_CHECKING:
    import os
    import socket
    from collections.abc import Callable, Generator, Iterator
    from types import FrameType, TracebackType

REQUEST_TIMEOUT_SECONDS = 10
"""How long a request may take to arrive, from the end of the one before it."""

SHUTDOWN_TIMEOUT_SECONDS = 0.3
"""How long answers that are being sent at the end may take."""

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Dashboard:
    """The page and its API, served on this machine.

    ::

        with Dashboard() as dashboard:
            print(dashboard.url)
            dashboard.run()

    The socket listens as soon as it is made, and answers while it runs.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        port: int | None = None,
        host: str = "127.0.0.1",
        clock: Callable[[], float] | None = None,
        advise: Callable[[str], str] | None = None,
    ) -> None:
        """Listen, and make a key.

        Args:
            path: the database; without it the one of `devflow_analytics_db.default_path`. It need
                not exist yet.
            port: where to listen; None for 8321, or one of the next 20 that is free, or any.
            host: 127.0.0.1 or ::1; with DEVFLOW_ANALYTICS_IN_CONTAINER=1 also 0.0.0.0 or ::.
            clock: gives the time that counts as now, in Unix seconds; `time.time` if None.
            advise: puts other words into what an error says to do next.

        Raises:
            AddressError: the host is another one, or this machine does not have it.
            PortTakenError: another program listens on the port, or this user may not.
        """
        self._redirects: list[RedirectFile] = []
        self._lock = threading.Lock()
        self._is_running = self._is_closed = False
        self._socket = listen(host, port)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        self.key = secrets.token_urlsafe(32)
        """What requests of the API must show; made anew for each run."""
        self._application = Application(
            path, key=self.key, clock=clock, advise=advise, admitted=self._remove_redirects
        )
        config = uvicorn.Config(
            self._application,
            access_log=False,
            h11_max_incomplete_event_size=MOST_HEADER_BYTES,
            http=_Protocol,
            interface="asgi3",
            lifespan="off",
            log_config=None,
            log_level="critical",  # without a configuration the rest would go to stderr
            loop="asyncio",
            proxy_headers=False,
            server_header=False,
            ws="none",
        )
        self._server = _Server(config, self._application.stop)

    @property
    def url(self) -> str:
        """The address of the page with the key, for a browser on this machine."""
        host = "127.0.0.1" if self.host in EVERY else self.host
        named = f"[{host}]" if ":" in host else host
        return f"http://{named}:{self.port}/#key={self.key}"

    def open_browser(self) -> bool:
        """Open the page in the browser of this user, and wait for nothing.

        The browser gets a private file that leads to the page, since other users can read command
        lines. The file is removed once a request shows the key, after a minute, or at the end.

        Returns:
            Whether that was tried: where no graphical browser can be expected, it is not.
        """
        if not can_open():
            return False
        try:
            redirect = RedirectFile(self.url)
            self._redirects.append(redirect)
            redirect.open()
        except OSError:
            self._remove_redirects()
            return False
        return True

    def run(self) -> None:
        """Serve until SIGINT, SIGTERM, SIGHUP, or `close`.

        It returns after SIGINT, as Ctrl-C sends it, within about a second, whatever is going on.
        After the others the signal is raised again, once all is cleaned up. Outside the main thread
        signals are left alone.
        """
        with self._lock:
            if self._is_closed:
                return
            self._is_running = True
        with self._ending_by_signals() as ended_by:
            try:
                asyncio.run(self._server.serve([self._socket]))
            finally:
                self._is_running = False
                self.close()
        for number in ended_by:
            if number != signal.SIGINT:
                signal.raise_signal(number)

    def close(self) -> None:
        """Stop serving, from any thread; calling it again does nothing."""
        self._remove_redirects()
        self._application.stop()
        with self._lock:
            self._is_closed = self._server.should_exit = True
            if not self._is_running:
                self._socket.close()

    def __enter__(self) -> Self:
        """Return the dashboard."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _remove_redirects(self) -> None:
        while self._redirects:
            self._redirects.pop().remove()

    @contextmanager
    def _ending_by_signals(self) -> Iterator[list[int]]:
        """Let signals end the server in the block; gives those that came.

        Signals that whoever started the process has it ignore stay ignored.
        """
        ended_by: list[int] = []

        def end(number: int, _: FrameType | None) -> None:
            ended_by.append(number)
            self._server.should_exit = True

        before = {}
        if threading.current_thread() is threading.main_thread():
            before = {one: signal.getsignal(one) for one in ENDING}
        changed = {one: old for one, old in before.items() if old not in {signal.SIG_IGN, None}}
        for one in changed:
            signal.signal(one, end)
        try:
            yield ended_by
        finally:
            for one, old in changed.items():
                signal.signal(one, old)


class _Server(uvicorn.Server):
    """A server that leaves signals alone, and ends at once."""

    def __init__(self, config: uvicorn.Config, stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._stop = stop

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for one in sockets or []:
            one.close()
        self._stop()
        state = self.server_state
        for connection in [*state.connections]:
            connection.shutdown()
        if state.tasks:
            await asyncio.wait([*state.tasks], timeout=SHUTDOWN_TIMEOUT_SECONDS)
        for connection in [*state.connections]:
            connection.transport.abort()
        tasks = [*state.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Protocol(H11Protocol):
    """HTTP/1.1 with a time limit for each request, and with our headers on every answer."""

    _timeout: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the class above
        super().connection_made(transport)
        self._limit_time()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._end_limit()

    def handle_events(self) -> None:
        super().handle_events()
        if not self._has_cycle() or self.cycle.more_body or self.cycle.response_complete:
            self._limit_time()
        else:
            self._end_limit()

    def _limit_time(self) -> None:
        """Hang up unless the next request is complete in time; what was answered is sent before."""
        if self._timeout is None:
            self._timeout = self.loop.call_later(REQUEST_TIMEOUT_SECONDS, self.transport.close)

    def _end_limit(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None

    def _has_cycle(self) -> bool:
        """Tell whether any request has begun to be answered.

        The class above declares that there is always a cycle, but has none until the first request.
        """
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None

    def send_400_response(self, msg: str) -> None:
        if self._has_cycle() and self.cycle.response_started:
            self.transport.abort()  # in the middle of an answer there is no place for another
            return
        body = msgspec.json.encode(Error(f"{msg} Send one as RFC 9112 has it.", "bad_request"))
        fields = [
            (b"content-type", JSON.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            *HEADERS,
        ]
        head = b"".join(b"%s: %s\r\n" % field for field in fields)
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n%s\r\n%s" % (head, body))
        self.transport.close()
