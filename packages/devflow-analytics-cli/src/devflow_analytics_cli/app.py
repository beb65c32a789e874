"""The command's global options, and how errors reach the user."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any

import click

from devflow_analytics_cli.output import PATH, Settings, in_commands, printable
from devflow_analytics_db import AnalyticsDbError

EPILOG = """\
\b
Environment variables:
  DEVFLOW_ANALYTICS_DB_PATH          Use this database file unless --db is given.
                                     Default: ~/.devflow/analytics.db
  DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS  Wait this many milliseconds for another
                                     process's write. Default: 5000
  NO_COLOR                           Print without colours if this is not empty.
"""

SECTIONS = {
    "Ask": (
        *("stats", "tools", "errors", "sessions", "calls", "tail", "export", "dashboard", "demo"),
    ),
    "Record and look after": (
        *("init", "import", "enable", "disable", "wrap", "hooks", "status", "doctor", "check"),
        "migrate",
        *("backup", "restore", "path"),
    ),
}
"""The commands as the help lists them."""

COMMANDS = tuple(name for names in SECTIONS.values() for name in names)
"""Each is a function in the module of its name in `commands`; only the one run is imported."""

PYTHONS_OWN = ("import",)
"""Those that Python has for itself; their modules and functions end in an underscore."""


class _Commands(click.Group):
    """Commands that may raise what the libraries raise; the user gets a sentence and a status."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # For a name that is none, click looks through them all for what may have been meant.
        for name in (cmd_name,) if cmd_name in COMMANDS else COMMANDS:
            if name not in self.commands:
                own = f"{name}_" if name in PYTHONS_OWN else name
                module = import_module(f"devflow_analytics_cli.commands.{own}")
                self.add_command(getattr(module, own))
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        limit = formatter.width - 6 - width  # as click leaves around the names
        for title, names in SECTIONS.items():
            rows = [
                (name.ljust(width), command.get_short_help_str(limit))
                for name in names
                if (command := self.get_command(ctx, name))
            ]
            with formatter.section(title):
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  click's signature
        try:
            return super().invoke(ctx)
        except AnalyticsDbError as error:
            _fail(ctx, error, _sentence(error), error.exit_status)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click's own ways to end
        except KeyboardInterrupt:
            raise click.Abort from None  # or click begins a new line on stderr first
        except Exception as error:  # the last stop: no traceback reaches a user
            if isinstance(error, OSError) and error.filename is None:
                _trace(ctx, error)
                raise  # the output's, which main() tells; the libraries name theirs
            fault = f"{type(error).__name__}: {error}"
            bug = "This is a bug in devflow-analytics. Please report it."
            _fail(ctx, error, f"{fault}. {bug}", 1)


def _sentence(error: AnalyticsDbError) -> str:
    return f"{error.what} {in_commands(error.advice)}" if error.advice else error.what


def _trace(ctx: click.Context, error: Exception) -> None:
    if ctx.params["debug"]:
        import traceback  # noqa: PLC0415  seldom needed

        with suppress(OSError):
            traceback.print_exception(error)


def _fail(ctx: click.Context, error: Exception, sentence: str, exit_status: int) -> None:
    _trace(ctx, error)
    with suppress(OSError):  # the status can be told even where the sentence cannot
        click.echo(printable(f"Error: {sentence}"), err=True)
    ctx.exit(exit_status)


def _with_its_place(error: click.ClickException) -> click.ClickException:
    """Return what to say where a global option is given after the command: that it goes before."""
    if isinstance(error, click.NoSuchOption) and error.ctx and error.ctx.command is not cli:
        for option in cli.params:
            if isinstance(option, click.Option) and error.option_name in option.opts:
                name, command = error.option_name, error.ctx.info_name
                words = name if option.is_flag else f"{name} FILE"
                what = f"{name} goes before the command: devflow-analytics {words} {command}"
                return click.UsageError(what, error.ctx)
    return error


def run() -> int:
    """Run the command that the arguments name, and return the exit status.

    Raises:
        KeyboardInterrupt: Ctrl-C, also as the answer to a question.
        OSError: the output cannot be written.
    """
    try:
        # Not click's own way to end: that gives up the status where stderr cannot be written.
        return cli.main(prog_name="devflow-analytics", standalone_mode=False) or 0
    except click.ClickException as error:
        with suppress(OSError):
            _with_its_place(error).show()
        return error.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EPILOG,
)
@click.option("--db", "database", type=PATH, help="Use this database file.")
@click.option("-v", "--verbose", is_flag=True, help="Log each step to stderr.")
@click.option("-q", "--quiet", is_flag=True, help="Print only errors and findings.")
@click.option("--debug", is_flag=True, help="Show the Python traceback of errors too.")
@click.version_option(package_name="devflow-analytics-cli")
@click.pass_context
def cli(
    ctx: click.Context,
    database: str | None,
    verbose: bool,
    quiet: bool,
    debug: bool,  # noqa: ARG001  read from the context when something fails
) -> None:
    """Record the MCP tool calls of your AI agents in one private SQLite file."""
    ctx.obj = Settings(database, quiet=quiet)
    if os.environ.get("NO_COLOR"):  # https://no-color.org
        ctx.color = False
    if verbose:
        _show_log(ctx)


def _show_log(ctx: click.Context) -> None:
    """Show on stderr what the db package logs, but for errors: those are shown anyway."""
    import logging  # noqa: PLC0415  its import takes longer than a whole 'init'

    class Printable(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return printable(super().format(record))

    logger = logging.getLogger("devflow_analytics_db")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Printable())
    handler.addFilter(lambda record: record.levelno < logging.ERROR)
    ctx.call_on_close(partial(logger.removeHandler, handler))
    ctx.call_on_close(partial(logger.setLevel, logger.level))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
