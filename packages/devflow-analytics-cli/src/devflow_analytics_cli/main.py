"""The command's entry: small, so that Ctrl-C is heard from the first moment."""

from __future__ import annotations

import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

CANNOT_WRITE = 74  # as for StorageError
INTERRUPTED = 130  # 128 + SIGINT, as shells say it


def main() -> None:
    """Run the command."""
    try:
        _prepare_output()
        from devflow_analytics_cli.cli import cli  # noqa: PLC0415  takes most of the time

        cli(prog_name="devflow-analytics")
    except KeyboardInterrupt:
        interrupted()
    except OSError as error:
        if error.filename is not None:  # of a file, and not of the output
            raise
        _cannot_write(error)
    finally:
        _let_go_of_what_cannot_be_written()


def _prepare_output() -> None:
    if sys.stdout is None:  # the shell closed it, and what is written would vanish without a word
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # a letter that its encoding has not is escaped, and is no error
            stream.reconfigure(errors="backslashreplace")


def _let_go_of_what_cannot_be_written() -> None:
    """Or Python tries once more as it ends, fails, and makes the exit status 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream:  # None where the shell closed it
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _cannot_write(error: OSError) -> NoReturn:
    """Say so and end."""
    from contextlib import suppress  # noqa: PLC0415  seldom needed

    if sys.stderr:
        with suppress(OSError):  # the status can be told even where the sentence cannot
            sys.stderr.write(f"Error: Cannot write the output: {error.strerror}.\n")
    sys.exit(CANNOT_WRITE)


def interrupted() -> NoReturn:
    """Say so and end."""
    if sys.stderr:  # None where the shell closed it
        sys.stderr.write("Interrupted. Nothing was left half done.\n")
    sys.exit(INTERRUPTED)
