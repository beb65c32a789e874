"""The command's entry: small, so that Ctrl-C is heard from the first moment."""

from __future__ import annotations

import gc
import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

CANNOT_WRITE = 74  # as for StorageError
WRAP = "wrap"
LAST_PLACE = 4
"""Where ``wrap`` stands at the latest, behind ``devflow-analytics --db FILE``."""

INTERRUPTED = 130  # 128 + SIGINT, as shells say it


def main() -> NoReturn:
    """Run the command."""
    # While modules are imported there is much to count and nothing to collect.
    gc.set_threshold(50_000)
    try:
        if WRAP in sys.argv[1:LAST_PLACE]:
            _wrap_at_once()
        _prepare_output()
        from devflow_analytics_cli.app import run  # noqa: PLC0415  takes most of the time

        status = run()
    except KeyboardInterrupt:
        _tell("Interrupted. Nothing was left half done.")
        status = INTERRUPTED
    except OSError as error:
        if error.filename is not None:  # of a file, and not of the output
            raise
        _tell(f"Error: Cannot write the output: {error.strerror}.")
        status = CANNOT_WRITE
    finally:
        _let_go_of_what_cannot_be_written()
    sys.exit(status)


def _wrap_at_once() -> None:
    """Run a server, before all else is imported, if what was typed says so without a doubt."""
    from devflow_analytics_capture import wrap, wrap_arguments  # noqa: PLC0415

    found = wrap_arguments(sys.argv[1:])
    if found is not None:
        command, named = found
        wrap(command, **named)


def _prepare_output() -> None:
    # What the shell closed is None here. Then what is found would vanish without a word, and
    # click writes to stdout what is meant for stderr.
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # a letter that its encoding has not is escaped, and is no error
            stream.reconfigure(errors="backslashreplace")


def _let_go_of_what_cannot_be_written() -> None:
    """Or Python tries once more as it ends, fails, and makes the exit status 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _tell(sentence: str) -> None:
    """Write to stderr, if that can be written; the status tells in any case."""
    try:
        sys.stderr.write(f"{sentence}\n")
        sys.stderr.flush()
    except OSError:
        pass
