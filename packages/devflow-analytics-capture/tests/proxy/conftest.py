"""A conversation that is watched, without a process around it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_capture.noting.line import new_id
from devflow_analytics_capture.proxy.calls import Conversation
from devflow_analytics_capture.proxy.lines import Lines
from devflow_analytics_capture.proxy.notes import Notes
from devflow_analytics_capture.proxy.sessions import ProcessSessions
from devflow_analytics_recorder import drain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MS = 1_000_000
"""In nanoseconds."""


class Wire:
    """What passes between a client and its server, each message as a line of its own."""

    def __init__(self, file: Path, **names: str) -> None:
        self.file = file
        self.connection = new_id()
        self.notes = Notes(str(file))
        sessions = ProcessSessions(self.connection)
        self.conversation = Conversation(self.notes, sessions, connection=self.connection, **names)
        self.ns = 0
        """The time, which passes only as a test says."""

    def client(self, *messages: object, after_ms: int = 0) -> Wire:
        """Say something as the client."""
        self._pass(self.conversation.from_client, messages, after_ms)
        return self

    def server(self, *messages: object, after_ms: int = 0) -> Wire:
        """Say something as the server."""
        self._pass(self.conversation.from_server, messages, after_ms)
        return self

    def call(self, request: object, tool: str = "search", **params: object) -> Wire:
        """Call a tool."""
        params = {"name": tool, "arguments": {"a": 1}, **params}
        return self.client({"id": request, "method": "tools/call", "params": params})

    def answer(self, request: object, after_ms: int = 1, **result: object) -> Wire:
        """Answer a call."""
        result = {"content": [], **result}
        return self.server({"id": request, "result": result}, after_ms=after_ms)

    def end(self) -> None:
        """End the connection, and write what was noted."""
        self.conversation.end(self.ns)
        self.notes.close(10)
        drain(self.file)

    def _pass(self, watch: Callable[..., None], messages: tuple[object, ...], after: int) -> None:
        self.ns += after * MS
        for message in messages:
            is_raw = isinstance(message, bytes)
            data = message if is_raw else json.dumps(message, separators=(",", ":")).encode()
            for line in Lines().feed(data + b"\n"):
                watch(line, self.ns)


@pytest.fixture
def wire(file: Path) -> Wire:
    """A connection of which nothing is known."""
    return Wire(file, fallback="toy")


@pytest.fixture
def named_wire(file: Path) -> Callable[..., Wire]:
    """Make a connection by the names that were typed."""

    def make(**names: Any) -> Wire:
        return Wire(file, **names)

    return make
