"""A private directory that is gone afterwards, whatever ends the command."""

from __future__ import annotations

import shutil
import signal
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from devflow_analytics_db import CannotCreateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGHUP)
"""What ends a process at once, and without a word to Python."""


@contextmanager
def private_directory(prefix: str) -> Iterator[str]:
    """Give a new directory that only the user can access, and delete it with all that is in it.

    It is deleted after Ctrl-C, SIGTERM and SIGHUP too. The latter two leave the block as
    `SystemExit` with the status that shells give them, unless whoever started the process has it
    ignore them.

    Args:
        prefix: how its name begins.

    Raises:
        CannotCreateError: it cannot be made.
    """
    directory = None
    with _ending_as_an_exception():
        try:
            with _without_signals():
                directory = _make(prefix)
            yield directory
        finally:
            with _without_signals():
                if directory:
                    shutil.rmtree(directory, ignore_errors=True)


def _make(prefix: str) -> str:
    try:
        return tempfile.mkdtemp(prefix=prefix)
    except OSError as fault:
        raise CannotCreateError(
            f"Cannot make a temporary directory: {fault.strerror}.",
            fault.filename,
            "Let TMPDIR name a directory that you can write to.",
        ) from fault


@contextmanager
def _ending_as_an_exception() -> Iterator[None]:
    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    changed = [one for one in ENDING if signal.getsignal(one) is signal.SIG_DFL]
    for one in changed:
        signal.signal(one, end)
    try:
        yield
    finally:
        for one in changed:
            signal.signal(one, signal.SIG_DFL)


@contextmanager
def _without_signals() -> Iterator[None]:
    """Let signals wait, so that what is made is known, and what is deleted is deleted whole."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, *ENDING))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
