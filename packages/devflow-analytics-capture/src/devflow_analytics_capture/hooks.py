"""Hooks in the settings of agents: what belongs there, and putting it there and taking it out.

Everything in the settings that is not ours stays as it is, to the byte.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devflow_analytics_capture.errors import AgentNotFoundError
from devflow_analytics_capture.hook_agents import AGENTS
from devflow_analytics_capture.hook_commands import command, is_temporary
from devflow_analytics_capture.hook_edits import (
    has_hooks,
    meaning,
    root_of,
    with_hooks,
    without_hooks,
)
from devflow_analytics_capture.settings import file
from devflow_analytics_capture.settings.backups import backup_for, newest_backup
from devflow_analytics_capture.settings.document import Scalar
from devflow_analytics_db import AnalyticsDbError, CannotCreateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

    from devflow_analytics_capture.hook_commands import Kind
    from devflow_analytics_capture.hook_edits import Agent

    Database: TypeAlias = str | os.PathLike[str] | None

HOOK_CLIENTS = tuple(AGENTS)
"""The agents that run hooks."""

_ADVICE = "Paste what `hook_settings()` shows into it, or have it done by whoever may."


@dataclass(frozen=True, slots=True)
class HookSettings:
    """What belongs into an agent's settings, and what is there."""

    client: str
    """The agent, as the database names it."""
    title: str
    """The agent, as people name it."""
    path: Path
    """The file of its settings."""
    is_installed: bool
    """Whether the agent seems to be installed: the directory of its settings is there."""
    is_current: bool
    """Whether the hooks are in its settings, and run what is installed now."""
    settings: dict[str, Any]
    """What belongs there: only our part."""
    notes: tuple[str, ...]
    """What keeps the hooks from running, in sentences."""


@dataclass(frozen=True, slots=True)
class HooksChanged:
    """What was done to an agent's settings."""

    client: str
    """The agent, as the database names it."""
    title: str
    """The agent, as people name it."""
    path: Path
    """The file of its settings."""
    changed: bool
    """Whether it was changed; if not, there was nothing to do."""
    had_hooks: bool
    """Whether hooks of ours were in it before."""
    backup: Path | None
    """A copy of the file as it was before; None if none was made."""


def hook_settings(
    client: str, *, per_call: bool = False, database: Database = None
) -> HookSettings:
    """Return the hooks that belong into an agent's settings. Nothing is changed.

    Args:
        client: one of `HOOK_CLIENTS`.
        per_call: also hooks that note each call of an MCP server's tool when it ends, where the
            agent's log would say it later and less exactly.
        database: the file, if it is not to be the default one.

    Raises:
        ValueError: there are no hooks of that agent.
        AnalyticsDbError: the command is not installed.
    """
    agent = _agent(client)
    path = agent.path()
    wanted = _wanted(agent, database)
    hooks: dict[str, Any] = {}
    for place in agent.places:
        if place.is_usual or per_call:
            hooks[place.event] = [agent.entry(place.kind, wanted[place.kind])]
    is_current = False
    try:
        text = file.text_of(file.read(path), path)
        is_current = with_hooks(text, path, agent, wanted, per_call=per_call) == text
        notes = tuple(_notes(text, path))
    except AnalyticsDbError as error:  # what belongs there can be said even so
        notes = (error.what,)
    return HookSettings(
        client,
        agent.title,
        Path(path),
        is_installed=os.path.isdir(os.path.dirname(path)),
        is_current=is_current,
        settings={**agent.needed, "hooks": hooks},
        notes=notes,
    )


def write_hooks(client: str, *, per_call: bool = False, database: Database = None) -> HooksChanged:
    """Put hooks into an agent's settings; those of ours that are there run what is installed now.

    The file is copied first, or made if it is missing, with its directory. Nothing else in it
    changes. Agents read it when a session starts.

    Args:
        client: one of `HOOK_CLIENTS`.
        per_call: as for `hook_settings`. Without it, such hooks that are there already stay.
        database: as for `hook_settings`.

    Raises:
        ValueError: there are no hooks of that agent.
        SettingsError: the settings are no JSON, or not as the agent has them. They stay as they
            are, as for every error.
        SettingsChangedError: another program goes on changing them.
        AnalyticsDbError: they cannot be read or written, or the command is not installed.
    """
    agent = _agent(client)
    path = agent.path()
    wanted = _wanted(agent, database)
    _make_directory(os.path.dirname(path))

    had_hooks = False

    def backup(text: str) -> str | None:
        return None if has_hooks(text, path) else backup_for(path, text)

    def edit(text: str) -> str:
        nonlocal had_hooks
        had_hooks = has_hooks(text, path)
        return with_hooks(text, path, agent, wanted, per_call=per_call)

    done = file.change(path, edit, backup, _ADVICE)
    return _changed(agent, path, done, had_hooks=had_hooks)


def remove_hooks(client: str) -> HooksChanged:
    """Take our hooks out of an agent's settings.

    If nothing else was changed since they were put there, the file is what it was before, to the
    byte, and the copy of it is removed. If it was made for them, it is removed.

    Args:
        client: one of `HOOK_CLIENTS`.

    Raises:
        ValueError: there are no hooks of that agent.
        AnalyticsDbError: as for `write_hooks`.
    """
    agent = _agent(client)
    path = agent.path()
    backup = newest_backup(path)
    before = _before(backup, agent)

    def edit(text: str) -> str | None:
        if not text or not has_hooks(text, path):
            return text
        rest = without_hooks(text, path)
        if before is not None and meaning(before, path, agent) == meaning(rest, path, agent):
            return before
        is_ours = backup is None and not os.path.islink(path)
        return None if is_ours and meaning(rest, path, agent) == "{}" else rest

    done = file.change(path, edit, advice=_ADVICE)
    if done.changed and backup is not None and before is not None:
        now = file.read(path)
        if now is not None and now.content == before.encode():
            with suppress(OSError):
                os.unlink(backup)
            backup = None
    done = done._replace(backup=backup if done.changed else None)
    return _changed(agent, path, done, had_hooks=done.changed)


def installed_hook_clients() -> tuple[str, ...]:
    """Return those of `HOOK_CLIENTS` that seem to be installed: their settings' directory is there.

    Raises:
        AgentNotFoundError: none does.
    """
    directories = {name: os.path.dirname(agent.path()) for name, agent in AGENTS.items()}
    found = tuple(name for name, directory in directories.items() if os.path.isdir(directory))
    if not found:
        raise AgentNotFoundError(
            "No agent that runs hooks seems to be installed: there is no"
            f" {' and no '.join(directories.values())}.",
            None,
            "If one is, name it with `client`.",
        )
    return found


def _agent(client: str) -> Agent:
    if client not in AGENTS:
        raise ValueError(f"There are no hooks of {client}, only of {', '.join(AGENTS)}.")
    return AGENTS[client]


def _wanted(agent: Agent, database: Database) -> dict[Kind, str]:
    kinds = {place.kind for place in agent.places}
    return {kind: command(kind, agent.client, database) for kind in kinds}


def _changed(agent: Agent, path: str, done: file.Change, *, had_hooks: bool) -> HooksChanged:
    backup = Path(done.backup) if done.backup else None
    return HooksChanged(agent.client, agent.title, Path(path), done.changed, had_hooks, backup)


def _before(backup: str | None, agent: Agent) -> str | None:
    """Return the settings of a copy, if they can be put in their place."""
    if backup is None:
        return None
    try:
        text = file.text_of(file.read(backup), backup)
        meaning(text, backup, agent)
    except AnalyticsDbError:
        return None
    return text


def _notes(text: str, path: str) -> Iterator[str]:
    if text.strip("\ufeff \t\r\n"):
        off = root_of(text, path).get("disableAllHooks")
        if isinstance(off, Scalar) and off.value is True:
            yield f'"disableAllHooks" is true in {path}, so none runs.'
    if is_temporary():
        yield (
            "This command runs from a cache that may be emptied. Install it first:"
            " `uv tool install devflow-analytics-cli`."
        )


def _make_directory(directory: str) -> None:
    """Make the directory of settings, private, if it is missing; its parent must be there.

    Raises:
        CannotCreateError: it cannot be made.
    """
    try:
        os.mkdir(directory, 0o700)
        if os.geteuid() == 0:
            owner = os.stat(os.path.dirname(directory))
            os.chown(directory, owner.st_uid, owner.st_gid)
    except FileExistsError:
        pass
    except OSError as fault:
        raise CannotCreateError(
            f"Cannot make the directory {directory}: {fault.strerror}.",
            directory,
            "Make it first.",
        ) from fault
