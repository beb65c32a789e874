"""Copies of settings as they were before something of ours was put into them."""

from __future__ import annotations

import os
from itertools import count, takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDING = ".before-devflow-analytics"
"""How the name of the first ends; a later one has a number after it."""


def newest_backup(path: str) -> str | None:
    """Return the newest copy of a file; None if there is none."""
    there = list(takewhile(os.path.lexists, _names(path)))
    return there[-1] if there else None


def backup_for(path: str, text: str) -> str:
    """Return where a file is to be copied: where no copy is yet, or one that is the same."""
    newest = newest_backup(path)
    if newest is not None:
        try:
            with open(newest, "rb") as file:
                if file.read(len(text) * 4 + 1) == text.encode():
                    return newest
        except OSError:
            pass
    return next(backup for backup in _names(path) if not os.path.lexists(backup))


def _names(path: str) -> Iterator[str]:
    yield path + ENDING
    yield from (f"{path}{ENDING}-{number}" for number in count(2))
