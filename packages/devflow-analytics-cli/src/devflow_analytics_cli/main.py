"""The command's entry: small, so that Ctrl-C is heard from the first moment."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

INTERRUPTED = 130  # 128 + SIGINT, as shells say it


def main() -> None:
    """Run the command."""
    try:
        from devflow_analytics_cli.cli import cli  # noqa: PLC0415  takes most of the time

        cli(prog_name="devflow-analytics")
    except KeyboardInterrupt:
        interrupted()
    finally:
        _let_go_of_what_cannot_be_written()


def _let_go_of_what_cannot_be_written() -> None:
    """Or Python tries once more as it ends, fails, and makes the exit status 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream:  # None where the shell closed it
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def interrupted() -> NoReturn:
    """Say so and end."""
    if sys.stderr:  # None where the shell closed it
        sys.stderr.write("Interrupted. Nothing was left half done.\n")
    sys.exit(INTERRUPTED)
