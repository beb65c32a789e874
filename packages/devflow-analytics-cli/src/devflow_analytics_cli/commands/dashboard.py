"""``devflow-analytics dashboard``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from devflow_analytics_cli.output import Settings, echo_json, in_commands, printable
from devflow_analytics_cli.signals import ending_by_exception
from devflow_analytics_cli.waiting import is_misnamed
from devflow_analytics_db import (
    AnalyticsDbError,
    DatabaseNotFoundError,
    open_readonly,
    resolve_path,
)

if TYPE_CHECKING:
    from devflow_analytics_dashboard import Dashboard

PACKAGE = "devflow_analytics_dashboard"

EXTRA = "'devflow-analytics-cli[dashboard]'"
"""What brings that package, as a shell takes it."""


class DashboardMissingError(AnalyticsDbError):
    """The package of the dashboard is not installed, or cannot be imported."""

    exit_status = 69


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1024, 65535),
    metavar="N",
    help="Listen on this port.  [default: 8321, or the next one that is free]",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Listen on this address: 127.0.0.1 or ::1, which only this machine can reach.",
)
@click.option("--no-browser", is_flag=True, help="Do not open the page in a browser.")
@click.option("--demo", is_flag=True, help="Show made-up calls, which are deleted at the end.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the address as one JSON object, then serve."
)
@click.pass_obj
def dashboard(settings: Settings, /, demo: bool, **options: Any) -> None:  # noqa: ANN401  click's values
    """Show your calls as a page in the browser, live.

    Serves the page and its API on this machine until Ctrl-C, which ends it with status 0. The
    printed address holds a new key each time, and nothing can be read without it: keep it to
    yourself. The database is only read, and a database that does not exist yet is waited for.

    With --quiet, only the address is printed.

    \b
    The keys of --json:
      url       address of the page, with its key
      port      port that it listens on
      database  path of the database
    """
    if demo and settings.path is not None:
        raise click.UsageError(
            "--demo makes up its own database, and another one is named: leave out one of the two."
        )
    _require_package()

    if not demo:
        with ending_by_exception():
            _serve(settings, **options)
        return
    # not for the help, which lists all commands
    from devflow_analytics_cli.made_up.calls import write_made_up_calls  # noqa: PLC0415  as said
    from devflow_analytics_cli.private import private_directory  # noqa: PLC0415  as said

    with private_directory("devflow-analytics-demo-") as directory:
        file = os.path.join(directory, "analytics.db")
        write_made_up_calls(file, settings.clock())
        _serve(Settings(file, quiet=settings.quiet, now=settings.now), **options)


def _require_package() -> None:
    """Make sure that the package is installed, and that all it needs can be imported.

    Raises:
        DashboardMissingError: it is not, or cannot.
    """
    try:
        from devflow_analytics_dashboard import Dashboard  # noqa: F401, PLC0415  an extra
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and error.name == PACKAGE:
            raise DashboardMissingError(
                "The dashboard is not installed.",
                None,
                f'Run "uv tool install {EXTRA}" or "pip install {EXTRA}".',
            ) from None
        raise DashboardMissingError(
            f"The dashboard cannot be imported: {error}.",
            None,
            f'Install it anew with "uv tool install --reinstall {EXTRA}" or'
            f' "pip install --force-reinstall {EXTRA}".',
        ) from error


def _serve(
    settings: Settings, *, port: int | None, host: str, no_browser: bool, as_json: bool
) -> None:
    """Serve until Ctrl-C.

    Raises:
        AnalyticsDbError: the database cannot be read, the port is taken, or the address is none to
            listen on.
    """
    from devflow_analytics_dashboard import Dashboard  # noqa: PLC0415  an extra

    is_there = _is_there(settings.path)
    file = resolve_path(settings.path)
    try:
        with Dashboard(
            settings.path, port=port, host=host, clock=settings.clock, advise=in_commands
        ) as page:
            if not (is_there or settings.quiet):
                said = f"There is no database at {printable(file)} yet. Waiting for it."
                click.echo(said, err=True)
            if as_json:
                echo_json({"url": page.url, "port": page.port, "database": file})
            else:
                _say(page, printable(file), quiet=settings.quiet)
            if not no_browser:
                page.open_browser()
            page.run()
    except KeyboardInterrupt:
        pass  # its usual end


def _is_there(path: str | None) -> bool:
    """Tell whether there is a database, which can then be read.

    Raises:
        AnalyticsDbError: it cannot be read, or is named in a directory that is missing.
    """
    from devflow_analytics_reports import recorded  # noqa: PLC0415  not for the help

    try:
        with open_readonly(path) as connection:
            recorded(connection)
    except DatabaseNotFoundError:
        if is_misnamed(path):
            raise
        return False
    return True


def _say(page: Dashboard, file: str, *, quiet: bool) -> None:
    """Print where the page is."""
    if quiet:
        click.echo(page.url)
        return
    click.echo(
        f"Serving {file} at\n\n"
        f"    {page.url}\n\n"
        "The address holds a key to your calls: keep it to yourself. Press Ctrl-C to end."
    )
