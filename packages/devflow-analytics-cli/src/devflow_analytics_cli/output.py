"""How the commands print, and the global options that they follow in it."""

from __future__ import annotations

import os
import re
import sys
import time
from contextlib import contextmanager, suppress

import click

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from devflow_analytics_db import AnalyticsDbError, Finding


def raise_first(errors: Sequence[AnalyticsDbError]) -> None:
    """Raise the first of some errors, if there is one, and print the others."""
    for error in errors[1:]:
        click.echo(printable(f"Error: {error.what}"), err=True)
    if errors:
        raise errors[0]


class Settings:
    """The global options, as every command gets them."""

    def __init__(self, path: str | None, *, quiet: bool, now: int | None = None) -> None:
        self.path = path
        """The database file; None for the default one."""
        self.quiet = quiet
        """Print only errors and findings."""
        self.now = now
        """What counts as now, in Unix seconds; None for the real clock."""

    def clock(self) -> int:
        """Return the time that counts as now, in Unix seconds."""
        return int(time.time()) if self.now is None else self.now


PATH = click.Path(readable=False)  # not click, but the db package tells what is wrong with one
"""A path of any kind, so that shells complete the names of files."""

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the result as one JSON object."
)


def echo_json(keys: Mapping[str, object], *, err: bool = False) -> None:
    """Print one JSON object; what is path-like becomes its string."""
    import json  # noqa: PLC0415  seldom needed

    click.echo(json.dumps(keys, default=os.fspath), err=err)


def pick(result: object, *keys: str) -> dict[str, object]:
    """Return those attributes of what a library returned that ``--json`` promises."""
    return {key: getattr(result, key) for key in keys}


def finding_keys(finding: Finding) -> dict[str, object]:
    """Return the keys of a finding, with its advice in commands."""
    keys = pick(finding, "subject", "severity", "message", "advice")
    return keys | {"advice": finding.advice and in_commands(finding.advice)}


EMOJI = "\u00a9\u00ae\u203c-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
JOINED = rf"(?<=[{EMOJI}])\ufe0f?\u200d(?=[{EMOJI}])|(?<=[{EMOJI}#*0-9])\ufe0f"
"""What makes one emoji of several letters, and is nothing anywhere else."""

UNSEEN = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
"""What Unicode shows as nothing, and Python takes for printable."""


def printable(text: str | os.PathLike[str]) -> str:
    """Return text that may hold paths, or names out of a strange file, for any terminal and locale.

    What a terminal would obey is escaped, as are ends of lines and what nobody would see.
    """
    try:
        text = click.format_filename(text)
    except UnicodeEncodeError:  # half a surrogate pair, which no path holds, but JSON may
        text = os.fspath(text)
    if text.isascii() and text.isprintable():
        return text  # compiling the pattern takes a millisecond
    return re.sub(f"({JOINED})|([{UNSEEN}])|[^ -~]", _printable, text)


def _printable(found: re.Match[str]) -> str:
    joined, unseen = found.groups()
    char = found[0]
    if joined or (char.isprintable() and not unseen):
        return char
    return char.encode("unicode_escape").decode()


COMMANDS = {
    "`create_analytics_db()`": "'devflow-analytics init'",
    "`migrate()`": "'devflow-analytics migrate'",
    "`restore()`": "'devflow-analytics restore'",
    "`check()`": "'devflow-analytics check'",
    "`drain()`": "'devflow-analytics backup'",
    "`diagnose(fix=True)`": "'devflow-analytics doctor --fix'",
    "`sessions()`": "'devflow-analytics sessions --since all'",
    "`hook_settings()`": "'devflow-analytics hooks'",
    "`write_hooks()`": "'devflow-analytics hooks --write'",
    "`enable()`": "'devflow-analytics enable'",
    "`disable()`": "'devflow-analytics disable'",
    "`mcp_settings()`": "'devflow-analytics enable --status'",
    "`project`": "--project",
    "`database`": "--db",
    "`client`": "--client",
    "`path`": "--db",
    "`port`": "--port",
    "`allow_down=True`": "--yes",
    "`destination`": "'devflow-analytics backup DEST'",
}
"""What the packages' advice names for Python, and what a user of the command types for it."""


def in_commands(advice: str) -> str:
    """Return advice of a package with commands and options in the place of Python names."""
    for name, words in COMMANDS.items():
        advice = advice.replace(name, words)
    return advice


@contextmanager
def progress_bar(label: str, settings: Settings) -> Iterator[Callable[[int, int], None] | None]:
    """Give a function that takes how much is done so far, and how much there is to do in all.

    It shows that as a bar on stderr. None where stderr is no terminal.
    """
    if settings.quiet or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=100, label=label, file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            with suppress(OSError):  # a terminal that hung up is no reason to stop
                bar.update(100 * done // max(total, 1) - bar.pos)

        yield show


def file_mode(path: str | os.PathLike[str], *, new: bool) -> str:
    """Return the line that says who can read and write a file.

    Args:
        path: the file.
        new: it was made just now, so that only the file system can give others access to it.
    """
    found = os.stat(path)
    if not found.st_mode & 0o077:
        who = "only you can read and write it"
    elif new or os.geteuid() in {0, found.st_uid}:
        who = (
            "other users can access it, because its file system keeps no modes."
            " Keep it on another file system"
        )
    else:
        who = f"other users can access it. Only its owner, user {found.st_uid}, can change that"
    return f"file mode {found.st_mode & 0o7777:04o}: {who}"


def shown_path(path: str) -> str:
    """Return a path for people to read: printable, with ``~`` for their home."""
    home = os.path.expanduser("~").rstrip("/")
    return printable(f"~{path[len(home) :]}" if home and path.startswith(f"{home}/") else path)


def unread(settings: Settings) -> dict[str, object]:
    """Return the keys of ``--json`` that say what agents have logged since the last import.

    They are null if that could not be found at once.
    """
    from devflow_analytics_capture import unread_logs  # noqa: PLC0415  not for every command

    found = unread_logs(settings.path)
    return {
        "unread_logs": found and found.logs,
        "unread_bytes": found and found.size_bytes,
        "unread_agents": found and list(found.agents),
    }


def unread_words(keys: Mapping[str, object]) -> str | None:
    """Return the same in words: ``2.3 GB in 412 logs of Claude Code``; None if there is nothing."""
    match keys:
        case {"unread_logs": int(logs), "unread_bytes": int(size), "unread_agents": list(agents)}:
            if not logs:
                return None
            from devflow_analytics_db import readable_size  # noqa: PLC0415  seldom needed

            plural = "" if logs == 1 else "s"
            return f"{readable_size(size)} in {logs:,} log{plural} of {in_a_row(agents)}"
    return None


def in_a_row(names: list[str], word: str = "and") -> str:
    """Return names as people say them: ``Claude Code, Codex and opencode``."""
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last


def shell_word(text: str | os.PathLike[str]) -> str:
    """Return text as one word of a command that is printed, to be pasted into a shell.

    What a terminal would obey, and what would not be pasted as the bytes that it is on the disk,
    needs ``$'...'``, which bash, zsh, ksh and busybox know, and dash does not.
    """
    import shlex  # noqa: PLC0415  seldom needed

    text = os.fspath(text)
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    if text.isprintable() and text.encode(encoding, "ignore") == os.fsencode(text):
        return shlex.quote(text)
    # the quote and the "!" too: bash looks for "!" in $'...' if there is a quote before it
    kept = set(range(0x20, 0x7F)) - set(b"'!\\")
    letters = [chr(byte) if byte in kept else f"\\{byte:03o}" for byte in os.fsencode(text)]
    return f"$'{''.join(letters)}'"


def backup_made(backup: str | os.PathLike[str], settings: Settings) -> str:
    """Return the lines that name a backup and the command that restores it.

    The command names the database, too, if the environment did: another shell may not have the
    variable, and would restore over the default database.
    """
    words = ["devflow-analytics"]
    named = settings.path or os.environ.get("DEVFLOW_ANALYTICS_DB_PATH")
    if named:
        words += ["--db", named]
    words += ["restore", os.fspath(backup)]
    return (
        f"  backup of the previous database: {printable(backup)}\n"
        f"  to restore it: {' '.join(map(shell_word, words))}"
    )
