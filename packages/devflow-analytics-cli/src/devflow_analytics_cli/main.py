"""The command's entry: small, so that Ctrl-C is heard from the first moment."""

from __future__ import annotations

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


def interrupted() -> NoReturn:
    """Say so and end."""
    sys.stderr.write("Interrupted. Nothing was left half done.\n")
    sys.exit(INTERRUPTED)
