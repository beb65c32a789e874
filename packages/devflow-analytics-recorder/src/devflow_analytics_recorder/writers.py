"""The writers of this process, one for each database; and what they do when it forks or ends."""

from __future__ import annotations

import atexit
import os
import time
from _thread import interrupt_main, start_new_thread
from threading import Lock, RLock, get_ident

from devflow_analytics_recorder.writer import EXIT_SECONDS, MARGIN_SECONDS, Writer

FORK_SECONDS = 5.0
"""How long a fork waits for the thread to end its transaction, and then itself."""

_writers: dict[str, Writer] = {}
"""Those that recorders have, by the database."""

_registry = RLock()

_counting = Lock()
"""Held where `Writer.forks` changes."""

_forking: dict[int, tuple[list[Writer], list[RLock]]] = {}
"""What is paused, and which locks are held, while a thread forks: by its identifier."""


def writer_for(path: str) -> Writer:
    """Return the writer of this process for a database, for one more recorder.

    Args:
        path: as `devflow_analytics_db.resolve_path` returns it.
    """
    with _registry:
        writer = _writers.setdefault(path, Writer(path))
        writer.users += 1
        return writer


def release(writer: Writer, timeout: float | None = None) -> None:
    """Let go of a writer; the last to do so ends it, and waits for that.

    Args:
        writer: what `writer_for` returned.
        timeout: in seconds; without one, nobody waits.
    """
    with _registry:
        writer.users -= 1
        if writer.users:
            return
        _writers.pop(writer.path, None)
    writer.end(EXIT_SECONDS if timeout is None else timeout)
    if timeout is not None:
        writer.wait_for_the_end(timeout + MARGIN_SECONDS)


def _close_all() -> None:
    latest = time.monotonic() + EXIT_SECONDS + MARGIN_SECONDS
    writers = [*_writers.values()]
    for writer in writers:
        writer.end(EXIT_SECONDS)
    for writer in writers:
        writer.wait_for_the_end(latest - time.monotonic())


def _before_fork() -> None:
    """End the threads for the time being: a process that forks should have none."""
    latest = time.monotonic() + FORK_SECONDS
    writers: list[Writer] = []
    held: list[RLock] = []
    # first of all, so that it is undone whatever a signal does
    _forking[get_ident()] = writers, held
    with _counting:
        Writer.forks += 1
    try:
        writers += {*Writer.living, *_writers.values()}
        for writer in writers:
            writer.wait_for_the_end(latest - time.monotonic())
        locks = [writer.outbox.lock for writer in writers]
        held.extend(lock for lock in locks if lock.acquire(timeout=FORK_SECONDS))
    except KeyboardInterrupt:  # which Python would print here, and forget
        start_new_thread(_interrupt_later, ())


def _interrupt_later() -> None:
    """Let a Ctrl-C be heard once the fork is over."""
    time.sleep(MARGIN_SECONDS)
    interrupt_main()


def _after_fork_in_parent() -> None:
    writers, held = _forking.pop(get_ident(), ((), ()))
    for lock in held:
        lock.release()
    with _counting:
        Writer.forks -= 1
        if Writer.forks:
            return
    for writer in writers:
        writer.go_on()


def _after_fork_in_child() -> None:
    global _registry, _counting  # noqa: PLW0603  a thread that is not here may have held it
    _registry = RLock()
    _counting = Lock()
    Writer.forks = 0
    for writer in {*Writer.living, *_writers.values()}:
        writer.begin_in_child()
    Writer.living.clear()
    _forking.clear()


# The db package has registered its own by now, since it was imported above: so its `before` comes
# after ours, and finds no connection in use.
os.register_at_fork(
    before=_before_fork,
    after_in_parent=_after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)
atexit.register(_close_all)
