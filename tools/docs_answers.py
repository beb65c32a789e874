"""What the documentation shows as answers: questions that are really asked, of made-up calls."""

from __future__ import annotations

import os
import shlex
import tempfile
import time
from functools import cache
from pathlib import Path

import click
from click.testing import CliRunner

from devflow_analytics_cli.app import cli
from devflow_analytics_cli.made_up.calls import write_made_up_calls
from devflow_analytics_cli.output import Settings
from devflow_analytics_db import open_readonly
from devflow_analytics_reports import newest_calls, parse_period

NOW = 1795622770
"""25 November 2026, 17:06:10 in Berlin."""

ZONE = "Europe/Berlin"

WIDTH = ("--width", "80")
"""For the commands that do not say how wide."""


def answer(line: str) -> str:
    """Return a question as it is typed, and what is printed.

    It is asked in this process, as the calls need some seconds to be made up. The word ``SESSION``
    stands for the end of the id of the newest session.
    """
    os.environ["TZ"] = ZONE
    time.tzset()
    words = [_session() if word == "SESSION" else word for word in shlex.split(line)]
    name, *arguments = words
    if "--width" not in arguments:
        arguments += WIDTH
    command = cli.get_command(click.Context(cli), name)
    if command is None:
        raise LookupError(f"There is no command {name!r}.")
    done = CliRunner().invoke(command, arguments, obj=Settings(_made_up(), quiet=False, now=NOW))
    if done.exit_code:
        raise RuntimeError(done.output) from done.exception
    return f"```console\n$ devflow-analytics {shlex.join(words)}\n{done.output}```\n"


@cache
def _made_up() -> str:
    directory = tempfile.TemporaryDirectory()
    _directories.append(directory)
    file = Path(directory.name, "analytics.db")
    write_made_up_calls(str(file), NOW)
    return str(file)


_directories: list[tempfile.TemporaryDirectory[str]] = []
"""Kept until the process ends, which removes them."""


def _session() -> str:
    with open_readonly(_made_up()) as connection:
        (newest,) = newest_calls(connection, parse_period("all", now=NOW), limit=1)
    return newest.session[-8:]
