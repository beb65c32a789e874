"""``devflow-analytics hooks``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from devflow_analytics_capture import (
    HOOK_CLIENTS,
    AgentNotFoundError,
    hook_settings,
    installed_hook_clients,
    remove_hooks,
    write_hooks,
)
from devflow_analytics_cli.output import (
    echo_json,
    json_option,
    pick,
    printable,
    raise_first,
    shell_word,
    shown_path,
)
from devflow_analytics_db import AnalyticsDbError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devflow_analytics_capture import HooksChanged, HookSettings
    from devflow_analytics_cli.output import Settings


@click.command()
@click.option(
    "--client",
    "clients",
    type=click.Choice(HOOK_CLIENTS),
    multiple=True,
    help="Only the hooks of this agent. Can be given more than once. Default: all that are"
    " installed.",
)
@click.option("--per-call", is_flag=True, help="Also hooks that run after each MCP call.")
@click.option("--write", is_flag=True, help="Put the hooks into the agents' settings.")
@click.option("--remove", is_flag=True, help="Take the hooks out of the agents' settings.")
@json_option
@click.pass_obj
def hooks(  # noqa: PLR0913, PLR0917  click passes each option so
    settings: Settings,
    clients: tuple[str, ...],
    per_call: bool,
    write: bool,
    remove: bool,
    as_json: bool,
) -> None:
    """Show or write the hooks that keep the records current.

    A hook is a command that an agent runs by itself. Without --write or --remove, nothing is
    changed: you see what to paste, and where. --write adds it to the agent's settings, which are
    copied first; all else in them stays as it is. --remove undoes that.

    At the end of each session, Claude Code then imports what is new in its logs: you wait for that,
    a fraction of a second. With --per-call it also notes each call of an MCP tool as it ends. That
    gives exact durations, where the log has upper bounds, and takes about as much CPU time as
    starting Python, in the background. --write without --per-call leaves such hooks where they are.

    Cursor logs no durations, so its hook runs after each MCP call in any case. What is noted is
    kept beside the database until the next import.

    \b
    The key of --json:
      clients      a list, for each agent:
        client     its name, as in sessions.client
        path       path of the file of its settings
        installed  true if the agent seems to be installed
        current    true if the hooks are in the file now
        changed    true if the file was changed just now
        backup     path of the copy of the file as it was, or null
        settings   what --write adds to the file
        notes      list of sentences: what keeps the hooks from running
    """
    if write and remove:
        raise click.UsageError("--write and --remove exclude each other.")
    chosen = _chosen(clients, write=write, remove=remove)
    options = _Options(settings.path, clients, per_call=per_call)
    done: list[dict[str, object]] = []
    errors: list[AnalyticsDbError] = []
    is_first = True
    for client in chosen:
        changed: HooksChanged | None = None
        try:
            if write:
                changed = write_hooks(client, per_call=per_call, database=settings.path)
            elif remove:
                changed = remove_hooks(client)
        except AnalyticsDbError as fault:  # the other agents' settings first
            errors.append(fault)
            continue
        found = hook_settings(client, per_call=per_call, database=settings.path)
        done.append(_keys(found, changed))
        is_asked_for = bool(clients) or not remove or (changed and changed.changed)
        if as_json or not is_asked_for or (changed and settings.quiet):
            continue
        click.echo("" if is_first else "\n", nl=False)
        is_first = False
        click.echo("\n".join(_lines(found, changed, options, remove=remove)))
    if as_json:
        echo_json({"clients": done})
    elif is_first and not (settings.quiet or errors):
        click.echo("No agent's settings have hooks of devflow-analytics. Nothing was changed.")
    raise_first(errors)


class _Options:
    """What was typed, to be typed again."""

    def __init__(self, path: str | None, clients: tuple[str, ...], *, per_call: bool) -> None:
        self.path = path
        self.clients = clients
        self.per_call = per_call

    def command(self, deed: str, found: HookSettings) -> str:
        """Return the command that does something else with the hooks of an agent."""
        words = ["devflow-analytics"]
        if self.path and deed != "--remove":
            words += ["--db", self.path]
        if deed == "import":
            return " ".join(map(shell_word, [*words, deed]))
        words.append("hooks")
        if self.clients or not found.is_installed:
            words += ["--client", found.client]
        if self.per_call and deed != "--remove":
            words.append("--per-call")
        return " ".join(map(shell_word, [*words, deed]))


def _chosen(clients: tuple[str, ...], *, write: bool, remove: bool) -> tuple[str, ...]:
    """Return the agents that are meant.

    Raises:
        AgentNotFoundError: none was named, and none is installed, to whose settings to write.
    """
    if clients:
        return tuple(dict.fromkeys(clients))
    if remove:
        return HOOK_CLIENTS
    try:
        return installed_hook_clients()
    except AgentNotFoundError:
        if write:
            raise
        return HOOK_CLIENTS


def _keys(found: HookSettings, changed: HooksChanged | None) -> dict[str, object]:
    return {
        "client": found.client,
        "path": found.path,
        "installed": found.is_installed,
        "current": found.is_current,
        "changed": bool(changed and changed.changed),
        "backup": changed and changed.backup,
        **pick(found, "settings", "notes"),
    }


def _lines(
    found: HookSettings, changed: HooksChanged | None, options: _Options, *, remove: bool
) -> Iterator[str]:
    path = shown_path(str(found.path))
    if remove and changed:
        if changed.changed:
            yield f"Took the hooks out of {path}"
            if changed.backup:
                yield f"  the file as it was before them: {shown_path(str(changed.backup))}"
        else:
            yield f"{path} has no hooks of devflow-analytics. Nothing was changed."
        return
    if changed is None:
        yield from _offer(found, path, options)
    elif changed.changed:
        yield (
            f"Brought the hooks in {path} up to date"
            if changed.had_hooks
            else f"Added hooks to {path}"
        )
        if changed.backup:
            yield f"  the file as it was before: {shown_path(str(changed.backup))}"
        yield f"  {found.title} runs them in sessions that start from now on"
        imports = "SessionEnd" in found.settings["hooks"]
        what = "what was logged until now" if imports else "what they note"
        yield f"  to import {what}: {options.command('import', found)}"
        yield f"  to take them out: {options.command('--remove', found)}"
    else:
        yield f"{path} has the hooks already. Nothing was changed."
    for note in found.notes:
        yield printable(f"Warning: {note.replace('`', chr(39))}")


def _offer(found: HookSettings, path: str, options: _Options) -> Iterator[str]:
    if found.is_current:
        yield f"{path} has these hooks of {found.title}, and they are current."
        yield f"  to take them out: {options.command('--remove', found)}"
        return
    if found.is_installed:
        yield f"{found.title} reads its hooks from {path}. Add these to it:"
    else:
        yield f"{found.title} does not seem to be installed. It reads its hooks from {path}:"
    yield ""
    yield json.dumps(found.settings, ensure_ascii=False, indent=2)
    yield ""
    yield f"To have them added: {options.command('--write', found)}"
