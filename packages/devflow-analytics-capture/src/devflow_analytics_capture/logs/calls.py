"""What is found in a log: calls, put together from their beginnings and ends.

Only names and numbers get in here. What a call was about, an importer does not even hand over.
"""

from __future__ import annotations

import time
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from devflow_analytics_capture.names import is_counted
from devflow_analytics_recorder import ObservedCall, clean_name, named_id

if TYPE_CHECKING:
    from devflow_analytics_schema import DurationKindLike, ErrorKindLike, StatusLike

MOST_WAITING = 1_000
"""How many calls of one log may wait for their results; the oldest of more are given up."""

EARLIEST_MS = 1_577_836_800_000
"""The first of January 2020, before any agent logged: an earlier time is a clock's mistake."""

DAY_MS = 86_400_000
"""A day, in milliseconds: a time further in the future than that is a clock's mistake."""

LONGEST_MS = 366 * DAY_MS
"""The longest call that can be, in milliseconds."""

LARGEST_CODE = 2**31
"""Codes are smaller than that."""


class Conversation(NamedTuple):
    """A session as an agent knows it."""

    id: str
    """The agent's own id. It is not kept: the session's key is cut from a hash."""
    version: str | None = None
    """The agent's version."""
    directory: str | None = None
    """The working directory, of which at most the last part is kept."""


class Outcome(NamedTuple):
    """How a call ended."""

    status: StatusLike = "success"
    error_kind: ErrorKindLike | None = None
    error_type: str | None = None
    """A name from a list of the importer's, or of an exception's class; never a message."""
    error_code: int | None = None


class _Begun(NamedTuple):
    """A call that waits for its result, as it is kept in the cursor of its log."""

    tool: str
    server: str | None
    agent: str | None
    began_ms: int
    session: str
    version: str | None
    project: str | None


_name = lru_cache(maxsize=1024)(clean_name)


@lru_cache(maxsize=1024)
def _key(client: str, native_id: str, conversation_id: str) -> str:
    if is_counted(native_id):
        native_id = f"{conversation_id}\0{native_id}"
    return named_id(client, native_id)


@lru_cache(maxsize=64)
def _session_key(client: str, conversation_id: str) -> str:
    return named_id(client, conversation_id)


class Calls:
    """The calls that an importer finds in one log, from where it goes on reading."""

    def __init__(
        self, client: str, state: dict[str, Any] | None = None, *, with_project: bool = False
    ) -> None:
        """Go on with what was left when the log was last read.

        Args:
            client: the agent whose log it is.
            state: what `state` gave then; None at the start of a log.
            with_project: keep the last part of the working directory.
        """
        state = state or {}
        self.client = client
        self.context: dict[str, Any] = state.get("context", {})
        """What the importer has to remember of the log: names and numbers, as JSON."""
        self.ready: list[ObservedCall] = []
        """Calls that ended, to be written."""
        self.counts: Counter[str] = Counter()
        """How many were found that are none to be written: ``refused``, ``untimed``."""
        self._waiting = {key: _Begun(*kept) for key, kept in state.get("waiting", {}).items()}
        if not with_project:  # it may have been kept until now
            self.context.pop("project", None)
            self._waiting = {k: begun._replace(project=None) for k, begun in self._waiting.items()}
        self._with_project = with_project
        self._latest_ms = time.time_ns() // 1_000_000 + DAY_MS

    @property
    def unanswered(self) -> int:
        """How many calls wait for their results."""
        return len(self._waiting)

    def state(self) -> dict[str, Any]:
        """Return what has to be known to go on later, as JSON: names and numbers."""
        return {"context": self.context, "waiting": self._waiting}

    def begin(  # noqa: PLR0913  what there is to know
        self,
        native_id: str,
        tool: str,
        at_ms: int | None,
        conversation: Conversation,
        *,
        server: str | None = None,
        agent: str | None = None,
    ) -> None:
        """Take in that a call began.

        Args:
            native_id: the agent's own id of the call.
            tool: the tool's name.
            at_ms: when, in Unix milliseconds.
            conversation: where.
            server: the name of the MCP server; None for a tool that is built in.
            agent: the type of the subagent that calls; None for the main one.
        """
        key = self.key(native_id, conversation.id)
        if at_ms is None or not self._is_possible(at_ms):
            self.counts["untimed"] += 1
            return
        self._waiting.setdefault(
            key,
            self._begun(tool, server, agent, at_ms, conversation),
        )
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
            self.counts["unanswered"] += 1

    def tool_of(self, native_id: str, conversation_id: str) -> tuple[str | None, str] | None:
        """Return the server and the tool of a call that waits for its result, if one does."""
        begun = self._waiting.get(self.key(native_id, conversation_id))
        return (begun.server, begun.tool) if begun else None

    def server_of(self, native_id: str, conversation_id: str) -> str | None:
        """Return the MCP server of a call that waits for its result; None if it has none."""
        begun = self._waiting.get(self.key(native_id, conversation_id))
        return begun.server if begun else None

    def end(
        self,
        native_id: str,
        at_ms: int | None,
        conversation_id: str,
        outcome: Outcome = Outcome(),  # noqa: B008  it cannot be changed
        *,
        run_ms: float | None = None,
    ) -> bool:
        """Take in that a call ended; False if none of that id waits.

        Args:
            native_id: the agent's own id of the call.
            at_ms: when, in Unix milliseconds.
            conversation_id: the id of its `Conversation`.
            outcome: how.
            run_ms: how long the call itself ran, if the log says so; without it, the time between
                its beginning and its end counts, as an upper bound.
        """
        begun = self._waiting.pop(key := self.key(native_id, conversation_id), None)
        if begun is None:
            return False
        if at_ms is None or not self._is_possible(at_ms):
            self.counts["untimed"] += 1
            return True
        wall_ms = max(0, at_ms - begun.began_ms)  # clocks are set back
        self._add(key, begun, at_ms, outcome, run_ms, wall_ms)
        return True

    def add(  # noqa: PLR0913  what there is to know
        self,
        native_id: str,
        tool: str,
        at_ms: int | None,
        conversation: Conversation,
        outcome: Outcome = Outcome(),  # noqa: B008  it cannot be changed
        *,
        run_ms: float | None = None,
        wall_ms: float | None = None,
        server: str | None = None,
        agent: str | None = None,
    ) -> None:
        """Take in a whole call of which only the end is logged; if its beginning was, end that.

        Args:
            native_id: the agent's own id of the call.
            tool: the tool's name.
            at_ms: when it ended, in Unix milliseconds.
            conversation: where.
            outcome: how it ended.
            run_ms: how long it ran, in milliseconds, if the log says so.
            wall_ms: an upper bound of that. Without either, the call is counted as ``untimed``.
            server: the name of the MCP server; None for a tool that is built in.
            agent: the type of the subagent that calls; None for the main one.
        """
        key = self.key(native_id, conversation.id)
        begun = self._waiting.pop(key, None)
        if at_ms is None or not self._is_possible(at_ms):
            self.counts["untimed"] += 1
            return
        if run_ms is not None and not 0 <= run_ms <= LONGEST_MS:
            run_ms = None
        if begun is not None and wall_ms is None:
            wall_ms = max(0, at_ms - begun.began_ms)
        bound_ms = run_ms if wall_ms is None else wall_ms
        if bound_ms is None:
            self.counts["untimed"] += 1
            return
        began_ms = begun.began_ms if begun else int(at_ms - bound_ms)
        agent = agent or (begun.agent if begun else None)
        own = self._begun(tool, server, agent, began_ms, conversation)
        self._add(key, own, at_ms, outcome, run_ms, bound_ms)

    def refuse(self, native_id: str, conversation_id: str) -> bool:
        """Take in that a call was denied or interrupted: it is counted, and no row.

        Returns:
            False if no call of that id waits: then nothing is counted.
        """
        if self._waiting.pop(self.key(native_id, conversation_id), None) is None:
            return False
        self.counts["refused"] += 1
        return True

    def refuse_all(self) -> None:
        """Take in that whatever ran was interrupted."""
        self.counts["refused"] += len(self._waiting)
        self._waiting.clear()

    def _begun(
        self,
        tool: str,
        server: str | None,
        agent: str | None,
        at_ms: int,
        conversation: Conversation,
    ) -> _Begun:
        return _Begun(
            _name(tool) or "",
            _name(server),
            _name(agent),
            at_ms,
            _session_key(self.client, conversation.id),
            _name(conversation.version),
            _name(self.project_of(conversation.directory)),
        )

    def _add(  # noqa: PLR0913, PLR0917  one of its own
        self,
        key: str,
        begun: _Begun,
        at_ms: int,
        outcome: Outcome,
        run_ms: float | None,
        wall_ms: float,
    ) -> None:
        if not 0 <= wall_ms <= LONGEST_MS:
            self.counts["untimed"] += 1
            return
        # A measured time that is longer than there was time for is no measurement.
        runs = run_ms is not None and 0 <= run_ms <= max(wall_ms, 1) + 1_000
        duration_ms = float(run_ms if runs and run_ms is not None else wall_ms)
        kind: DurationKindLike = "run" if runs else "wall"
        code = outcome.error_code
        self.ready.append(
            ObservedCall(
                id=key,
                tool_name=begun.tool,
                duration_ms=duration_ms,
                status=outcome.status,
                error_type=outcome.error_type,
                timestamp=at_ms // 1000,
                agent=begun.agent,
                error_kind=outcome.error_kind,
                error_code=code if code is not None and abs(code) < LARGEST_CODE else None,
                started_ms=max(begun.began_ms, int(at_ms - duration_ms)),
                server=begun.server,
                session_id=begun.session,
                source="import",
                duration_kind=kind,
                session_started_at=min(begun.began_ms, at_ms) // 1000,
                client=self.client,
                client_version=begun.version,
                project=begun.project,
            )
        )

    def key(self, native_id: str, conversation_id: str) -> str:
        """Return the key of a call in the database, which is all that is kept of its id."""
        return _key(self.client, native_id, conversation_id)

    def project_of(self, directory: str | None) -> str | None:
        """Return what is kept of a working directory: at most its last part."""
        if not self._with_project or not directory:
            return None
        parts = directory.replace("\\", "/").rstrip("/")  # a log may be Windows's
        return parts.rpartition("/")[2] or None

    def _is_possible(self, at_ms: int) -> bool:
        return EARLIEST_MS <= at_ms <= self._latest_ms
