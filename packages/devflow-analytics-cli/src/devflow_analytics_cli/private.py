"""A private directory that is gone afterwards, whatever ends the command."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from devflow_analytics_cli.signals import ending_by_exception, signals_waiting
from devflow_analytics_db import CannotCreateError

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    with ending_by_exception():
        try:
            with signals_waiting():  # so that what is made is known
                directory = _make(prefix)
            yield directory
        finally:
            with signals_waiting():  # so that it is deleted whole
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
