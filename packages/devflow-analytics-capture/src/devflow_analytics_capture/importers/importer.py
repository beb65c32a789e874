"""What an importer is: the one thing to write for another agent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Generic, NamedTuple, TypeVar

from devflow_analytics_capture.logs.decoding import MalformedError, decode
from devflow_analytics_capture.logs.lines import marked_lines

if TYPE_CHECKING:
    import io
    import re
    from collections.abc import Iterator

    from msgspec.json import Decoder

    from devflow_analytics_capture.logs.calls import Calls
    from devflow_analytics_capture.logs.log import Log

Record = TypeVar("Record")

UNKNOWN_AGENT = "subagent"
"""The type of a subagent whose type is not logged."""


class UnreadableLogError(Exception):
    """A whole log cannot be read here; its message says why, and quotes nothing of it."""


class Retention(NamedTuple):
    """How long an agent keeps its logs."""

    days: int
    """After how many it deletes them."""
    setting: str
    """The name of the setting that says so."""
    path: str
    """The file of its settings."""


class Progress(NamedTuple):
    """How far reading a log came; there it can be interrupted."""

    position: int
    """In bytes from its start."""
    malformed_at: int | None = None
    """Where what could not be read begins, if something just could not."""


class Importer(ABC):
    """Reads what one agent logs.

    It hands over names and numbers: never arguments, results, prompts, messages, paths or
    addresses. What it does not know, it passes over; what it cannot read, it names.
    """

    client: ClassVar[str]
    """What the database calls the agent, as in ``sessions.client``."""
    title: ClassVar[str]
    """What people call it."""
    own_names: ClassVar[tuple[str, ...]] = ()
    """How the names begin by which it introduces itself to MCP servers, if not as `client`."""

    def retention(self) -> Retention | None:
        """Return how long the agent keeps its logs; None if it does not delete them."""
        return None

    joins_names: ClassVar[bool] = False
    """Whether it logs a server and its tool as one name, which nobody can take apart again."""

    @abstractmethod
    def logs(self) -> Iterator[Log]:
        """Yield the agent's logs, those first whose calls are not copied from others."""

    @abstractmethod
    def read(self, log: Log, file: io.FileIO, position: int, calls: Calls) -> Iterator[Progress]:
        """Read a log, and hand over what is found in it.

        Args:
            log: the log.
            file: it, open and unbuffered.
            position: where to begin, in bytes.
            calls: what takes the calls; its context is the importer's own.

        Yields:
            How far it came, at every point from which it could go on another time.
        """


class LineImporter(Importer, Generic[Record]):
    """Reads logs that are lines of JSON, and only grow."""

    marks: ClassVar[re.Pattern[bytes]]
    """What a line must contain to be looked at."""
    passed_over: ClassVar[re.Pattern[bytes] | None] = None
    """How a line begins that is not looked at even so."""

    @property
    @abstractmethod
    def decoder(self) -> Decoder[Record]:
        """What turns a line into the fields that are needed."""

    @abstractmethod
    def take(self, record: Record, log: Log, calls: Calls) -> None:
        """Hand over what one line says.

        Args:
            record: the fields of the line.
            log: where it stands.
            calls: what takes the calls.
        """

    def read(self, log: Log, file: io.FileIO, position: int, calls: Calls) -> Iterator[Progress]:
        """Read a log, as `Importer.read` says."""
        decoder, passed_over = self.decoder, self.passed_over
        for line in marked_lines(file, position, log.fingerprint.size, self.marks):
            if line.content is None:
                yield Progress(line.end)
            elif not line.is_record:
                yield Progress(line.end, line.start)
            elif passed_over is None or not passed_over.match(line.content):
                try:
                    self.take(decode(line.content, decoder), log, calls)
                except MalformedError:
                    yield Progress(line.end, line.start)
                    continue
                if calls.ready:
                    yield Progress(line.end)
