"""Runs a server and watches it: ``devflow-analytics wrap -- COMMAND``."""

import os
import posix
from time import monotonic_ns

from devflow_analytics_capture.noting.environment import ENABLED, PROJECT, default_database, is_on
from devflow_analytics_capture.noting.line import new_id
from devflow_analytics_capture.noting.spool import real
from devflow_analytics_capture.proxy.saying import say, say_none
from devflow_analytics_capture.proxy.stdio.child import STDIN, Child, CommandError, Pipes, name_of
from devflow_analytics_capture.proxy.stdio.inheritance import (
    by_shell,
    environment,
    listen_to_the_usual_signals,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

MARK = "DEVFLOW_ANALYTICS_WRAP"
"""What tells a recorder in the server that its calls are seen: session, input and database."""

_DB_PATH = b"DEVFLOW_ANALYTICS_DB_PATH"

LAST_SECONDS = 0.5
"""How long the writing of what waits may take at the end. It takes a hundredth of a second."""


def wrap(
    command: list[str],
    *,
    server: str | None = None,
    client: str | None = None,
    database: str | None = None,
) -> "NoReturn":
    """Run a server as if nobody were between it and its client, and note its tool calls.

    Ends as the server does, by its exit status or its signal. If calls cannot be recorded, one line
    on stderr says so, and the server runs all the same.

    Args:
        command: the name of the program, looked for in the PATH, and its arguments.
        server: the server's name; without it the one that it gives itself.
        client: the client's name, where that does not give it.
        database: the database; without it the usual one.
    """
    settings = _settings(database)
    if settings is None or _is_watched(settings[0]):
        _become(command)
    path, project = settings
    try:
        pipes = Pipes()
    except OSError as fault:
        say_none(fault)
        _become(command)
    session = new_id()
    mark = f"{session} {name_of(pipes.its_input)} {path}"
    try:
        child = Child(command, {**environment(), MARK: mark}, pipes)
    except CommandError as fault:
        _fail(fault)
    child.forward_signals()

    # the server starts meanwhile
    from devflow_analytics_capture.proxy.calls import Conversation  # noqa: PLC0415
    from devflow_analytics_capture.proxy.lines import Lines  # noqa: PLC0415
    from devflow_analytics_capture.proxy.notes import Notes  # noqa: PLC0415
    from devflow_analytics_capture.proxy.sessions import ProcessSessions  # noqa: PLC0415
    from devflow_analytics_capture.proxy.stdio.relay import Relay  # noqa: PLC0415

    notes = Notes(path, project)
    conversation = Conversation(
        notes,
        ProcessSessions(session),
        connection=session,
        server=server,
        fallback=os.path.basename(command[0]),
        client=client,
    )
    sent, answered = Lines(), Lines()

    def from_client(data: bytes, ns: int) -> None:
        for line in sent.feed(data) if data else sent.end():
            conversation.from_client(line, ns)

    def from_server(data: bytes, ns: int) -> None:
        if conversation.is_quiet:
            answered.skip(data)
            return
        for line in answered.feed(data) if data else answered.end():
            conversation.from_server(line, ns)

    relay = Relay(child, from_client, from_server)
    relay.run()
    conversation.end(monotonic_ns())
    notes.close(LAST_SECONDS)
    relay.leave()
    child.end_alike()


def _is_watched(database: str) -> bool:
    """Tell whether a proxy before us, to whose server we belong, notes these very calls."""
    words = os.environ.get(MARK, "").split(" ", 2)
    return words[1:] == [name_of(STDIN), database]


def _become(command: list[str]) -> "NoReturn":
    """Run the server in our place: nothing is recorded."""
    listen_to_the_usual_signals()
    try:
        _execute(command)
    except OSError as fault:
        _fail(CommandError(command[0], fault))
    except ValueError:
        _fail(CommandError(command[0], FileNotFoundError(2, os.strerror(2))))


def _execute(command: list[str]) -> "NoReturn":
    try:
        os.execvpe(command[0], command, environment())  # noqa: S606  as its client would
    except OSError as fault:
        script = by_shell(command, fault)
        if script is None:
            raise
        _execute(script)


def _fail(fault: CommandError) -> "NoReturn":
    say(str(fault))
    os._exit(fault.exit_status)


def _settings(database: str | None) -> tuple[str, str | None] | None:
    """Return the database, and what is kept of the working directory; None to record nothing."""
    try:
        if not is_on(posix.environ, ENABLED, default=True):
            return None
        named = {_DB_PATH: os.fsencode(database)} if database else {}
        path = os.path.realpath(real(default_database({**posix.environ, **named})))
        return path, _project() if is_on(posix.environ, PROJECT, default=False) else None
    except (ValueError, OSError):
        return _careful_settings(database)


def _careful_settings(database: str | None) -> tuple[str, str | None] | None:
    """Do the same by the db package, which knows more of homes, and says what is wrong."""
    from devflow_analytics_db import (  # noqa: PLC0415  seldom needed
        AnalyticsDbError,
        is_enabled,
        records_project,
        resolve_path,
    )

    try:
        is_enabled()
        return str(resolve_path(database)), _project() if records_project() else None
    except (AnalyticsDbError, OSError) as fault:
        say_none(fault)
        return None


def _project() -> str | None:
    return os.path.basename(os.getcwd()) or None
