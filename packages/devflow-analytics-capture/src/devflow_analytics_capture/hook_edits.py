"""The text of an agent's settings with our hooks in it, and without them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_capture.errors import SettingsError
from devflow_analytics_capture.hook_commands import kind_of
from devflow_analytics_capture.settings.document import (
    Array,
    NotJsonError,
    Object,
    Scalar,
    appended,
    parse,
    replaced,
    without,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeAlias

    from devflow_analytics_capture.hook_agents import ClaudeCode, Cursor
    from devflow_analytics_capture.hook_commands import Kind

    Agent: TypeAlias = type[ClaudeCode | Cursor]

_MARK = "\ufeff"


class Hook(NamedTuple):
    """A hook of ours in settings, and all that it is in."""

    kind: Kind
    event: str
    command: Scalar
    path: tuple[tuple[Object | Array, int], ...]
    """From the hook outwards: what it is in, and where it or that begins."""


def with_hooks(
    text: str, name: str, agent: Agent, wanted: Mapping[Kind, str], *, per_call: bool
) -> str:
    """Return settings with our hooks in them, each running the command that is wanted.

    Args:
        text: the settings; empty if there are none.
        name: the file, for errors.
        agent: whose settings they are.
        wanted: the commands.
        per_call: put in those that are not usual, too. If they are there, they stay.

    Raises:
        SettingsError: these are no settings.
    """
    if not text.strip(f"{_MARK} \t\r\n"):
        text = f"{_MARK if text.startswith(_MARK) else ''}{{}}\n"
    while (old := _outdated(text, name, wanted)) is not None:
        text = replaced(text, old.command, wanted[old.kind])
    for key, value in agent.needed.items():
        root = root_of(text, name)
        if root.get(key) is None:
            text = appended(text, root, value, key)
    for place in agent.places:
        there = {(hook.event, hook.kind) for hook in hooks_in(root_of(text, name))}
        if (place.is_usual or per_call) and place[:2] not in there:
            text = _with_entry(text, name, place.event, agent.entry(place.kind, wanted[place.kind]))
    return text


def without_hooks(text: str, name: str) -> str:
    """Return settings without our hooks, and without what has nothing else in it.

    Raises:
        SettingsError: these are no settings.
    """
    while (hook := next(hooks_in(root_of(text, name)), None)) is not None:
        container, start = next(
            ((container, start) for container, start in hook.path if len(container.items) > 1),
            hook.path[-1],
        )
        item = next(item for item in container.items if item.start == start)
        text = without(text, container, item)
    return text


def has_hooks(text: str, name: str) -> bool:
    """Tell whether there are hooks of ours in settings.

    Raises:
        SettingsError: these are no settings.
    """
    if not text.strip(f"{_MARK} \t\r\n"):
        return False
    return any(hooks_in(root_of(text, name)))


def meaning(text: str, name: str, agent: Agent) -> str:
    """Return what settings mean, however they are laid out, and whatever is empty in them.

    Raises:
        SettingsError: these are no settings.
    """
    if not text.strip(f"{_MARK} \t\r\n"):
        text = "{}"
    root_of(text, name)  # raises what is to be raised
    values = json.loads(text.removeprefix(_MARK))
    hooks = values.get("hooks")
    if isinstance(hooks, dict):
        kept = {event: entries for event, entries in hooks.items() if entries != []}
        values["hooks"] = kept
        if not kept:
            del values["hooks"]
    for key, value in agent.needed.items():
        if values.get(key) == value:
            del values[key]
    return json.dumps(values)


def root_of(text: str, name: str) -> Object:
    """Return the object that settings are.

    Raises:
        SettingsError: they are no JSON, or another value.
    """
    try:
        root = parse(text)
    except NotJsonError as error:
        raise SettingsError(
            f"{name} is no JSON: {error.reason}, in line {error.line}, column {error.column}. It"
            " was left as it is.",
            name,
            "Correct it, or add by hand what `hook_settings()` shows.",
        ) from None
    if not isinstance(root, Object):
        raise _not_as_expected(name, text, root.start, "the settings are", "object")
    return root


def hooks_in(root: Object) -> Iterator[Hook]:
    """Yield our hooks in settings. What is not as expected is not ours."""
    hooks = root.get("hooks")
    if not isinstance(hooks, Object):
        return
    start = next(member.start for member in root.items if member.key == "hooks")
    for event in hooks.items:
        if not isinstance(event.value, Array):
            continue
        for entry in event.value.items:
            outer = ((event.value, entry.start), (hooks, event.start), (root, start))
            if not isinstance(entry, Object):
                continue
            yield from _hook(entry, event.key, outer)
            handlers = entry.get("hooks")
            if isinstance(handlers, Array):
                for handler in handlers.items:
                    if isinstance(handler, Object):
                        yield from _hook(handler, event.key, ((handlers, handler.start), *outer))


def _hook(
    handler: Object, event: str, path: tuple[tuple[Object | Array, int], ...]
) -> Iterator[Hook]:
    command = handler.get("command")
    kind = kind_of(command.value) if isinstance(command, Scalar) else None
    if kind is not None and isinstance(command, Scalar):
        yield Hook(kind, event, command, path)


def _outdated(text: str, name: str, wanted: Mapping[Kind, str]) -> Hook | None:
    """Return the first of our hooks that runs another command than is wanted."""
    found = hooks_in(root_of(text, name))
    return next((hook for hook in found if hook.command.value != wanted[hook.kind]), None)


def _with_entry(text: str, name: str, event: str, entry: dict[str, object]) -> str:
    root = root_of(text, name)
    hooks = root.get("hooks")
    if hooks is None:
        return appended(text, root, {event: [entry]}, "hooks")
    if not isinstance(hooks, Object):
        raise _not_as_expected(name, text, hooks.start, '"hooks" is', "object")
    entries = hooks.get(event)
    if entries is None:
        return appended(text, hooks, [entry], event)
    if not isinstance(entries, Array):
        raise _not_as_expected(name, text, entries.start, f'"{event}" is', "array")
    return appended(text, entries, entry)


def _not_as_expected(
    name: str, text: str, position: int, what: str, expected: str
) -> SettingsError:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return SettingsError(
        f"In {name}, {what} no {expected}, in line {line}, column {column}. It was left as it is.",
        name,
        "Correct it first.",
    )
