"""Passes on what a client and its server say, in one thread, and shows it to watchers.

At most one piece of each direction is held: who does not read makes the other one wait, as without
us. Neither direction waits for the other.
"""

import os
import select
import stat
from time import monotonic, monotonic_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from typing import TypeAlias

    from devflow_analytics_capture.proxy.stdio.child import Child

    Watcher: TypeAlias = Callable[[bytes, int], None]
    """Is shown a piece of the stream, and when it came, by the monotonic clock in nanoseconds.

    No bytes are its end.
    """
else:
    import _signal as signal

STDIN, STDOUT, STDERR = 0, 1, 2

USUAL, LARGE = 65_536, 262_144
"""How much is read at once: as much as a pipe holds, or more where that is usual."""

GRACE_SECONDS = 2.0
"""How long a server may run on whose client is gone, before SIGTERM and again before SIGKILL."""

LAST_SECONDS = 1.5
"""How long a server may run on whose client closed the connection and sent SIGTERM.

The SDKs send SIGKILL 2 seconds after that, which would end us alone. It is also how long what a
server leaves may be written on once a signal has come for it.
"""

_LOOK_MS = 50
"""How often to look whether the server has ended, where no descriptor tells."""

_GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL


class Relay:
    """Connects a client, on our standard input and output, with a server."""

    def __init__(self, child: "Child", from_client: "Watcher", from_server: "Watcher") -> None:
        """Prepare.

        Args:
            child: the server.
            from_client: is shown what the client sent.
            from_server: is shown what the server sent.
        """
        self._child = child
        self._poll = select.poll()
        self._exit_file = child.exit_file()
        self._has_ended = False
        self._client_can_go = _is_stream(STDOUT)
        self._down = _Stream(self._poll, STDIN, child.input, from_client)
        self._up = _Stream(self._poll, child.output, STDOUT, from_server)
        self._next_at: float | None = None
        """When the server is sent a signal of ours; if it has ended, when we leave."""
        self._is_asked = False
        """Whether that will not be its first."""

    def run(self) -> None:
        """Pass on everything until the server has ended, and nothing of it is left to pass on.

        If the client has closed its side, what the server has left behind is for `leave`.
        """
        down, up, wait = self._down, self._up, self._poll.poll
        os.set_blocking(self._child.input, False)
        self._poll.register(self._child.wake, select.POLLIN)
        if self._exit_file is not None:
            self._poll.register(self._exit_file, select.POLLIN)
        by_file = {
            down.source: down.read,
            down.sink: down.write,
            up.source: up.read,
            up.sink: up.write,
        }
        down.start()
        up.start()
        must_look = self._exit_file is None
        while not (self._has_ended and (up.is_over or (down.is_over and up.is_idle()))):
            for file, events in wait(self._timeout()):
                handle = by_file.get(file)
                if handle is not None:
                    handle(events)
                elif file == self._exit_file:
                    self._has_ended = True
                    self._poll.unregister(file)
                else:
                    os.read(file, 1)
                    must_look = True
            if must_look or down.is_over or up.is_over:
                self._consider_the_end()

    def leave(self) -> None:
        """Let a process of its own pass on what those say who still have the server's output.

        They are what a server has started that has ended itself. So the client sees it end at once,
        and what they say still arrives, or fails once nobody reads it, as without us.
        """
        if self._up.is_over:
            return
        try:
            is_ours = os.fork() == 0
        except OSError:  # there are too many processes: what comes now is lost
            return
        if is_ours:
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            self._up.pump()
            # Who writes on learns of it now: until we have given back our memory takes longer.
            os.close(self._up.source)
            os._exit(0)

    def _timeout(self) -> float | None:
        """Return for how long to wait, in milliseconds."""
        if self._exit_file is None and self._up.is_over:
            return _LOOK_MS
        return None if self._next_at is None else max(0.0, self._next_at - monotonic()) * 1000

    def _consider_the_end(self) -> None:
        if self._exit_file is None:
            self._has_ended = self._child.has_ended()
        is_gone = self._down.is_over and self._up.is_broken and self._client_can_go
        if self._next_at is None:
            if is_gone:
                self._next_at = monotonic() + GRACE_SECONDS
            elif self._child.was_told_to_end and (self._down.is_over or self._has_ended):
                self._is_asked = True
                self._next_at = monotonic() + LAST_SECONDS
        elif monotonic() >= self._next_at:
            if self._has_ended:
                self._up.give_up()
            else:
                self._child.kill(signal.SIGKILL if self._is_asked else signal.SIGTERM)
                self._is_asked = True
                self._next_at = monotonic() + GRACE_SECONDS


class _Stream:
    """One direction: from a source to a sink."""

    def __init__(self, poll: "select.poll", source: int, sink: int, watcher: "Watcher") -> None:
        self.source = source
        self.sink = sink
        self._is_up = sink == STDOUT
        self.is_over = False
        """Whether nothing more will pass."""
        self.is_broken = False
        """Whether that is so because nobody reads it."""
        self._poll = poll
        self._watcher: Watcher | None = watcher
        self._waits = memoryview(b"")
        """What was read and not yet written."""
        self._size = USUAL
        self._most = LARGE
        """How much is written at once."""
        self._write: Callable[[bytes | memoryview], int] = self._write_file

    def start(self) -> None:
        """Begin."""
        if self.sink == STDOUT:
            mode = os.fstat(STDOUT).st_mode
            if stat.S_ISSOCK(mode):
                self._write = _writer_of_socket(STDOUT)
            elif not (stat.S_ISFIFO(mode) and _does_not_wait(STDOUT)):
                self._most = select.PIPE_BUF  # for so much there is room if poll says that
        self._poll.register(self.source, select.POLLIN)
        self._listen(0)

    def read(self, _: int) -> None:
        """Read, pass on at once what can be, and show it to the watcher.

        What the server says is shown first, so that an answer which a client has seen is kept, even
        if we are killed in the next moment. That takes some 20 µs, if an answer is awaited.
        """
        if self.is_over:  # since poll told of both its ends
            return
        try:
            data = os.read(self.source, self._size)
        except BlockingIOError:
            return
        except OSError:  # a terminal that is gone
            data = b""
        now = monotonic_ns()
        if not data:
            self._end()
            self._show(b"", now)
            return
        self._size = LARGE if len(data) == self._size else USUAL
        if self._is_up:
            self._show(data, now)
            self._pass(data)
        elif self._pass(data):
            self._show(data, now)

    def write(self, events: int) -> None:
        """Write what waits; or see that nobody reads it."""
        if not self._waits:
            if events & _GONE and not self.is_over:
                self._break()
            return
        try:
            written = self._write(self._waits[: self._most])
        except BlockingIOError:
            return
        except OSError:
            self._break()
            return
        self._waits = self._waits[written:]
        if not self._waits:
            self._listen(0)
            self._poll.register(self.source, select.POLLIN)

    def is_idle(self) -> bool:
        """Tell whether there is nothing to pass on at this moment."""
        if self._waits:
            return False
        poll = select.poll()
        poll.register(self.source, select.POLLIN)
        return not poll.poll(0)

    def pump(self) -> None:
        """Pass on what comes, and nothing else, until nobody writes or nobody reads any more."""
        os.set_blocking(self.sink, True)
        poll = select.poll()
        poll.register(self.source, select.POLLIN)
        poll.register(self.sink, 0)
        while all(file == self.source for file, _ in poll.poll()):
            waits = memoryview(os.read(self.source, USUAL))
            if not waits:
                return
            while waits:
                try:
                    waits = waits[os.write(self.sink, waits) :]
                except OSError:
                    return

    def _pass(self, data: bytes) -> bool:
        """Write what can be written at once, and let the rest wait; False if nobody reads it."""
        try:
            written = self._write(data) if self._most == LARGE else 0
        except BlockingIOError:
            written = 0
        except OSError:
            self._break()
            return False
        if written < len(data):
            self._waits = memoryview(data)[written:]
            self._poll.unregister(self.source)
            self._listen(select.POLLOUT)
        return True

    def give_up(self) -> None:
        """Pass nothing on any more."""
        if not self.is_over:
            self._break()

    def _write_file(self, data: "bytes | memoryview") -> int:
        return os.write(self.sink, data)

    def _show(self, data: bytes, now: int) -> None:
        if self._watcher is not None:
            try:
                self._watcher(data, now)
            except Exception:  # noqa: BLE001  what passes is more than what is seen
                self._watcher = None

    def _listen(self, events: int) -> None:
        # without events, poll tells of a pipe or socket that nobody reads any more
        self._poll.register(self.sink, events)

    def _end(self) -> None:
        self.is_over = True
        self._poll.unregister(self.source)
        self._poll.unregister(self.sink)
        _close(self.source)
        _close(self.sink)

    def _break(self) -> None:
        """Let the source know that nobody reads what it says."""
        self.is_broken = True
        if self._waits:
            self._waits = memoryview(b"")
            self._poll.register(self.source, 0)
        self._end()


def _close(file: int) -> None:
    """Close a file, whose number no other gets if it is that of our input or output."""
    if file in {STDIN, STDOUT}:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, file)
        os.close(null)
    else:
        os.close(file)


def _is_stream(file: int) -> bool:
    """Tell whether a file has somebody at its other end who can be gone."""
    mode = os.fstat(file).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _does_not_wait(pipe: int) -> bool:
    """Make a pipe never wait for its reader; tell whether that could be done unnoticed.

    On Linux it is opened anew for that, so that others who have it still wait.
    """
    try:
        own = os.open(f"/proc/self/fd/{pipe}", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # no such system, another user's pipe, or one that nobody reads any more
        found = os.fstat(pipe)
        if any(os.path.samestat(found, os.fstat(other)) for other in (STDIN, STDERR)):
            return False
        os.set_blocking(pipe, False)
    else:
        os.dup2(own, pipe)
        os.close(own)
    return True


def _writer_of_socket(number: int) -> "Callable[[bytes | memoryview], int]":
    """Return what writes to a socket without waiting for it."""
    import _socket  # noqa: PLC0415  a tenth of socket, and seldom needed

    file = _socket.socket(fileno=number)

    def write(data: "bytes | memoryview") -> int:
        return file.send(data, _socket.MSG_DONTWAIT)

    return write
