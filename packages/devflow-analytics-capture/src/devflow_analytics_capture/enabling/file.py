"""One file of a client's settings: looked at, changed, and changed back."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_capture.enabling.edits import with_wraps, without_wraps, wrapped
from devflow_analytics_capture.enabling.found import McpFile, McpServer
from devflow_analytics_capture.enabling.json_entries import json_entries
from devflow_analytics_capture.enabling.toml_entries import toml_entries
from devflow_analytics_capture.enabling.words import BY_HAND, why_not
from devflow_analytics_capture.errors import SettingsError
from devflow_analytics_capture.settings import file
from devflow_analytics_capture.settings.backups import backup_for, newest_backup
from devflow_analytics_capture.settings.document import NotJsonError, NotParsedError, parse
from devflow_analytics_db import AnalyticsDbError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import TypeAlias

    from devflow_analytics_capture.enabling.clients import Client
    from devflow_analytics_capture.enabling.entry import Entry
    from devflow_analytics_capture.enabling.words import Program

    Names: TypeAlias = Collection[str]

_CODEX_KEY = "mcp_servers"


class Target(NamedTuple):
    """A file, and whose it is."""

    client: Client
    path: str

    def read(self, text: str) -> list[Entry]:
        """Return the servers in its text.

        Raises:
            NotParsedError: it is not what the client accepts.
        """
        return _read(self.client, text)

    def entries(self, text: str) -> list[Entry]:
        """Return the servers in its text.

        Raises:
            SettingsError: it is not what the client accepts.
        """
        try:
            return self.read(text)
        except NotParsedError as error:
            kind = "JSON" if self.client.syntax else "TOML"
            raise SettingsError(
                f"{self.path} is no {kind}: {error.reason}, in line {error.line}, column"
                f" {error.column}. It was left as it is.",
                self.path,
                "Correct it first.",
            ) from None


@lru_cache(maxsize=4)  # the texts before and after: some settings take a second to read
def _read(client: Client, text: str) -> list[Entry]:
    if client.syntax is None:
        return toml_entries(text, _CODEX_KEY)
    return json_entries(text, client, client.syntax)


def seen(target: Target, names: Names) -> McpFile:
    """Return what is in a file.

    Args:
        target: the file.
        names: only servers of these names, if there are any.
    """
    try:
        entries = target.entries(file.text_of(file.read(target.path), target.path))
    except AnalyticsDbError as error:
        return _failed(target, error)
    copy = newest_backup(target.path) if any(map(wrapped, entries)) else None
    found = _file(target, _servers(target.client, entries, entries, names))
    return replace(found, backup=Path(copy) if copy else None)


def enabled(target: Target, program: Program, names: Names, *, dry_run: bool) -> McpFile:
    """Have the servers in a file recorded.

    Args:
        target: the file.
        program: how ``devflow-analytics`` is started.
        names: as for `seen`.
        dry_run: only return what would be done.
    """

    def edit(text: str) -> str:
        target.entries(text)  # raises what is to be raised
        choose = _chooser(names)
        after, is_safe = with_wraps(text, target.read, target.client.id, program, choose)
        if not is_safe:
            raise SettingsError(
                f"{target.path} is laid out so that it cannot be changed, and changed back, safely."
                " It was left as it is.",
                target.path,
                "Put 'devflow-analytics wrap --' before the commands in it yourself.",
            )
        return after

    def backup(text: str) -> str | None:
        has_wraps = any(map(wrapped, target.entries(text)))
        is_copied = has_wraps and newest_backup(target.path) is not None
        return None if is_copied else backup_for(target.path, text)

    return _changed(target, edit, backup, names, dry_run=dry_run)


def disabled(target: Target, names: Names, *, dry_run: bool) -> McpFile:
    """Have the servers in a file started as they were before.

    Args:
        target: the file.
        names: as for `seen`.
        dry_run: only return what would be done.
    """
    copy = newest_backup(target.path)
    before = _text_of_copy(copy)

    def edit(text: str) -> str:
        target.entries(text)  # raises what is to be raised
        rest = without_wraps(text, target.read, _chooser(names))
        if before is None or rest in {text, before}:
            return rest
        return before if _mean_the_same(before, rest) else rest

    found = _changed(target, edit, lambda _: None, names, dry_run=dry_run)
    if not found.changed or copy is None:
        return found
    if not dry_run and before is not None:
        now = file.read(target.path)
        if now is not None and now.content == before.encode():
            with suppress(OSError):
                os.unlink(copy)
            return found
    return replace(found, backup=Path(copy))


def _chooser(names: Names) -> Callable[[Entry], bool]:
    return lambda entry: not names or entry.name in names


def _changed(
    target: Target,
    edit: Callable[[str], str],
    backup: Callable[[str], str | None],
    names: Names,
    *,
    dry_run: bool,
) -> McpFile:
    texts = ("", "")

    def remembered(text: str) -> str:
        nonlocal texts
        texts = (text, edit(text))
        return texts[1]

    try:
        if dry_run:
            text = file.text_of(file.read(target.path), target.path)
            changed = remembered(text) != text
            copy = backup(text) if changed else None
        else:
            changed, copy = file.change(target.path, remembered, backup)
        before, after = map(target.entries, texts)
    except AnalyticsDbError as error:
        return _failed(target, error)
    servers = _servers(target.client, before, after, names)
    return replace(_file(target, servers), changed=changed, backup=Path(copy) if copy else None)


def _failed(target: Target, error: AnalyticsDbError) -> McpFile:
    return replace(_file(target, ()), error=error)


def _file(target: Target, servers: tuple[McpServer, ...]) -> McpFile:
    return McpFile(
        target.client.id,
        target.client.title,
        Path(target.path),
        servers,
        changed=False,
        backup=None,
        error=None,
    )


def _servers(
    client: Client, before: list[Entry], after: list[Entry], names: Names
) -> tuple[McpServer, ...]:
    old = {entry.key: entry for entry in before}
    choose = _chooser(names)
    return tuple(
        _server(client, old.get(entry.key, entry), entry) for entry in after if choose(entry)
    )


def _server(client: Client, old: Entry, entry: Entry) -> McpServer:
    found = wrapped(entry)
    reason = entry.reason or (None if found else why_not(entry.words))
    problem = None
    if found and shutil.which(found.program.words[0]) is None:
        problem = (
            f"{found.program.words[0]} is not there any more, so {client.title} cannot start it."
            " `enable()` points it to where the command is now, and `disable()` has it started"
            " without."
        )
    return McpServer(
        entry.name,
        entry.scope,
        recorded=found is not None or reason == BY_HAND,
        was_recorded=wrapped(old) is not None or reason == BY_HAND,
        changed=old.words != entry.words,
        reason=reason,
        problem=problem,
    )


def _text_of_copy(copy: str | None) -> str | None:
    if copy is None:
        return None
    try:
        return file.text_of(file.read(copy), copy)
    except AnalyticsDbError:
        return None


def _mean_the_same(text: str, other: str) -> bool:
    """Tell whether two texts are JSON, without comments, that differs in its layout only."""
    try:
        parse(text)
        parse(other)
    except NotJsonError:
        return False
    one, two = (json.loads(each.removeprefix("\ufeff")) for each in (text, other))
    return json.dumps(one) == json.dumps(two)
