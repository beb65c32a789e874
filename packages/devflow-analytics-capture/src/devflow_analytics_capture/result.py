"""What an import found and did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from devflow_analytics_capture.importers.importer import Retention


@dataclass(frozen=True, slots=True)
class Place:
    """Where something in a log could not be read."""

    path: str
    """The log."""
    offset: int | None = None
    """Where the line begins, in bytes; None if it is the whole log."""
    reason: str | None = None
    """Why, if there is more to say than that it is malformed."""


@dataclass(frozen=True, slots=True)
class ClientImport:
    """What an import found in the logs of one agent."""

    client: str
    """What the database calls the agent."""
    title: str
    """What people call it."""
    files: int
    """How many logs there are."""
    read: int
    """How many of them had something new, and were read."""
    read_bytes: int
    """How much was read."""
    added: int
    """Calls that are new."""
    known: int
    """Calls that were there already, or that stood in two logs."""
    recorded: int
    """Calls that a server or proxy has recorded itself: its rows stay, and these are left out."""
    excluded: int
    """Calls that were deleted from the database, and stay so."""
    too_old: int
    """Calls from before the day from which on calls are imported."""
    refused: int
    """Calls that were denied or interrupted. They are no rows."""
    unanswered: int
    """Calls whose results are not logged, or not yet. They are no rows."""
    untimed: int
    """Calls without a time that can be. They are no rows."""
    malformed: int
    """Lines, or whole logs, that could not be read."""
    places: tuple[Place, ...]
    """Where the first of these are."""
    oldest: date | None
    """The day of the oldest call that was found, in UTC; None if none was."""
    retention: Retention | None
    """How long the agent keeps its logs; None if it does not delete them."""

    @property
    def found(self) -> int:
        """How many calls were found in what was read."""
        return (
            self.added
            + self.known
            + self.recorded
            + self.excluded
            + self.too_old
            + self.refused
            + self.unanswered
            + self.untimed
        )


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    file: str
    """The database."""
    dry_run: bool
    """Whether nothing was written."""
    enabled: bool
    """Whether recording is on; if it is off, nothing was read."""
    drained: int
    """Calls that hooks and servers had left beside the database, and that are in it now."""
    clients: tuple[ClientImport, ...]
    """What was found of each agent that has logs here, or was asked for."""

    @property
    def found(self) -> int:
        """How many calls were found."""
        return sum(client.found for client in self.clients)

    @property
    def added(self) -> int:
        """How many of them are new."""
        return sum(client.added for client in self.clients)
