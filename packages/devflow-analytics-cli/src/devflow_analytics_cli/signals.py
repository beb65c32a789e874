"""Signals that end the process, while there is something to clean up."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGHUP)
"""Signals that end a process at once, with no chance to clean up; unlike Ctrl-C in Python."""


@contextmanager
def ending_by_exception() -> Iterator[None]:
    """Let signals that would end the process leave the block as `SystemExit`.

    Its status is the one that shells give them. Signals that whoever started the process has it
    ignore, and those that have a handler, stay as they are. After the first one the others are
    ignored, so that they do not interrupt what is cleaned up.
    """
    changed = [one for one in ENDING if signal.getsignal(one) is signal.SIG_DFL]

    def end(number: int, _: FrameType | None) -> None:
        for one in changed:
            signal.signal(one, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for one in changed:
        signal.signal(one, end)
    try:
        yield
    finally:
        for one in changed:
            signal.signal(one, signal.SIG_DFL)


@contextmanager
def signals_waiting() -> Iterator[None]:
    """Let these signals and Ctrl-C wait until the block is done."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, *ENDING))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
