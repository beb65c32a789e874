"""``devflow-analytics demo``."""

from __future__ import annotations

import os
import time

import click

from devflow_analytics_cli.output import PATH, Settings, shell_word
from devflow_analytics_db import AnalyticsDbError, DestinationExistsError, backup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

ELSEWHERE = ("demo", "disable", "enable", "hooks", "import", "wrap")
"""The commands that act on more than the database."""

LASTING = ("init", "migrate", "restore")
"""Those that are of use only to a database that stays, and name files beside it."""

OF_THE_KEPT = ("backup", "path")
"""Those that name files too, but have a use with ``--keep``."""

USUAL = "stats"
"""The command that runs if none is named."""

MORE = ("tools", "errors", "sessions", "calls", "dashboard")
"""Those that are named then."""

YEARS = range(1971, 9999)
"""Those that ``--now`` may be in: the made-up calls begin months before, and stay in time."""


def _seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Return a time in ISO format as Unix seconds."""
    if value is None:
        return None
    from datetime import datetime  # noqa: PLC0415  seldom needed

    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        what = f"{value!r} is no time, as in 2026-11-25T17:06:10+01:00."
        raise click.BadParameter(what, ctx, param) from None
    if moment.year not in YEARS:
        what = f"{value!r} is not in the years {YEARS[0]} to {YEARS[-1]}."
        raise click.BadParameter(what, ctx, param)
    return int(moment.timestamp())


def _complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the commands that begin so, for the first word."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415  only for shells

    group = ctx.find_root().command
    if ctx.params.get("words") or not isinstance(group, click.Group):
        return []
    keep = ctx.params.get("keep")
    names = [name for name in group.list_commands(ctx) if name.startswith(incomplete)]
    return [CompletionItem(name) for name in names if not _refusal(name, keep)]


@click.command(context_settings={"allow_interspersed_args": False})
@click.option(
    "--now",
    metavar="TIME",
    callback=_seconds,
    help="Pretend that it is this time, as in 2026-11-25T17:06:10+01:00.",
)
@click.option("--keep", metavar="FILE", type=PATH, help="Write the data into this new file too.")
@click.argument(
    "words",
    metavar="[COMMAND] [ARGS]...",
    nargs=-1,
    type=click.UNPROCESSED,
    shell_complete=_complete,
)
@click.pass_context
def demo(ctx: click.Context, now: int | None, keep: str | None, words: tuple[str, ...]) -> None:
    """Run a command on made-up calls.

    Makes up about 30,000 calls of sixty days, runs COMMAND on them, or stats, and deletes them.
    Your own database is neither read nor changed. The exit status is that of COMMAND.
    'devflow-analytics demo dashboard' shows them as a page.

    With --keep, the calls stay in FILE, a database that only you can read, for
    'devflow-analytics --db FILE'. The same --now makes the same calls everywhere.
    A time without a zone is local.
    """
    ours: Settings = ctx.obj
    if ours.path is not None:
        raise click.UsageError(
            "--db names your own data, and demo makes its own. To choose its file, use --keep."
        )
    _require_new(keep)
    # not for the help, which lists all commands
    from devflow_analytics_cli.made_up.calls import write_made_up_calls  # noqa: PLC0415  as said
    from devflow_analytics_cli.private import private_directory  # noqa: PLC0415  as said

    with private_directory("devflow-analytics-demo-") as directory:
        file = os.path.join(directory, "analytics.db")
        settings = Settings(file, quiet=ours.quiet, now=now)
        command = _command(ctx, words or (USUAL,), settings, keep)
        write_made_up_calls(file, int(time.time()) if now is None else now)
        if keep is not None:
            settings.path = _kept(file, keep)
        with command:
            command.command.invoke(command)
    if not (words or ours.quiet):
        click.echo(f"\n{_more(keep and settings.path)}")


def _refusal(name: str, keep: str | None) -> str | None:
    """Return why a command is refused; None if it is not."""
    if name in ELSEWHERE:
        return f"'{name}' acts on more than the database, so demo refuses it."
    if name in LASTING:
        return f"'{name}' is for a database that stays, so demo refuses it."
    if name in OF_THE_KEPT and keep is None:
        return f"'{name}' names a file that would be deleted: use it with --keep."
    return None


def _command(
    ctx: click.Context, words: tuple[str, ...], settings: Settings, keep: str | None
) -> click.Context:
    """Return the context of the command that words name, with its arguments read.

    Raises:
        click.UsageError: there is no such command, it is refused, or does not take the arguments.
    """
    group = ctx.find_root().command
    if not isinstance(group, click.Group):
        raise TypeError(f"{group} has no commands")
    between = click.Context(group, parent=ctx.parent, info_name=ctx.info_name, obj=settings)
    try:
        name, command, arguments = group.resolve_command(between, list(words))
    except click.UsageError as error:
        error.ctx = ctx  # its usage is demo's
        raise
    if command is None:  # says click's signature
        raise TypeError(f"{words[0]} is no command")
    if refusal := _refusal(name or "", keep):
        raise click.UsageError(refusal)
    return command.make_context(name, arguments, parent=between)


def _require_new(keep: str | None) -> None:
    """Make sure, before anything is made, that there is no such file.

    Raises:
        DestinationExistsError: there is one.
    """
    if keep is not None and os.path.lexists(os.path.expanduser(keep)):
        what = f"{keep} already exists and is not overwritten."
        raise DestinationExistsError(what, keep, "Name a new file with --keep.")


def _kept(file: str, keep: str) -> str:
    """Copy the data to where it is to stay, and return that path.

    Raises:
        AnalyticsDbError: as `devflow_analytics_db.backup` does.
    """
    try:
        return os.fspath(backup(file, keep))
    except AnalyticsDbError as error:
        if error.advice:
            error.advice = error.advice.replace("`destination`", "--keep")
        raise


def _more(kept: str | None) -> str:
    """Return the line that names more commands."""
    words = f"devflow-analytics --db {shell_word(kept)}" if kept else "devflow-analytics demo"
    first, *others = MORE
    return f"These calls are made up. See more: {words} {first}, or {', '.join(others)}."
