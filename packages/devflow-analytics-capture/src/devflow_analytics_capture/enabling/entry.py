"""A server in a client's settings, with the places of the words that start it."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

Edit: TypeAlias = tuple[int, int, str]
"""From where to where a text changes, and into what."""

Key: TypeAlias = tuple[str | None, str]
"""What tells a server of a file from all others: where it applies, and its name."""


class Word(NamedTuple):
    """A string in a text."""

    start: int
    end: int
    value: str


class Words(NamedTuple):
    """An array of strings in a text."""

    start: int
    end: int
    items: list[Word]
    commas: list[int]
    """Where the commas are: one after each word, but perhaps not after the last."""


class Entry(NamedTuple):
    """A server in settings."""

    name: str
    scope: str | None
    """The directory in which it applies; None: everywhere."""
    command: Word | None = None
    """What is started; None where that is the first of `args`, or where it is not understood."""
    args: Words | None = None
    """Its arguments; None if there are none."""
    new_args: tuple[int, str] = (0, "")
    """Where arguments are put if there are none, and what is to stand before them."""
    reason: str | None = None
    """Why it cannot be recorded, in a few words."""

    @property
    def key(self) -> Key:
        """What tells it from all others of its file."""
        return self.scope, self.name

    @property
    def words(self) -> list[str]:
        """The command and its arguments."""
        args = [item.value for item in self.args.items] if self.args else []
        return args if self.command is None else [self.command.value, *args]


def applied(text: str, edits: list[Edit]) -> str:
    """Return a text with edits made in it, none of which touches another."""
    for start, end, by in sorted(edits, reverse=True):
        text = text[:start] + by + text[end:]
    return text
