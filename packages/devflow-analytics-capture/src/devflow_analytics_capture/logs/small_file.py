"""Reads small files that agents keep beside their logs, such as settings."""

from __future__ import annotations

import os
import stat

MOST = 2**20
"""How much is read at most, in bytes."""


def read_small(path: str, most: int = MOST) -> bytes:
    """Return what is in a file, or how it begins if it is no small one.

    Args:
        path: the file.
        most: how much to read at most, in bytes.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # it may be a FIFO
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no regular file")
        return os.read(descriptor, most)
    finally:
        os.close(descriptor)
