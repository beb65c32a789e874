"""What the questions print into pipes and files is the same everywhere; on terminals it is not."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., str]
    Run = Callable[..., bytes]

ASKED = (
    *("stats", "stats --by day", "tools", "tools --unused", "errors", "errors --loops"),
    *("sessions", "sessions abb6e756", "calls", "calls --slowest"),
)

EACH_AFTER_THE_OTHER = """
import sys
from devflow_analytics_cli.output import Settings
from devflow_analytics_cli.main import main

now, *asked = sys.argv[1:]
Settings.clock = lambda self: int(now)
for words in asked:
    sys.argv = ["devflow-analytics", *words.split(), "--utc"]
    try:
        main()
    except SystemExit as ended:
        assert ended.code == 0, words
"""


def run_all(now: int, python: str, *more: str, **environment: str) -> bytes:
    """Ask everything, as tables and raw, in one process, and return what it prints."""
    asked = [f"{words} {raw}" for words in ASKED for raw in ("", "--json", "--csv")]
    done = subprocess.run(
        [python, "-c", EACH_AFTER_THE_OTHER, str(now), *asked, *more],
        capture_output=True,
        check=False,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


@pytest.mark.usefixtures("week")
def test_piped_answers_are_the_same_to_the_byte_wherever_they_are_asked(
    now: int, asking: list[str], require_start: Callable[..., None]
) -> None:
    usual = run_all(now, asking[0], PYTHONHASHSEED="1", LC_ALL="C.UTF-8")
    assert usual.count(b"read_file") > 20
    assert b"\x1b" not in usual
    for environment in (
        {"PYTHONHASHSEED": "2"},
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX", "LANG": "de_DE.ISO-8859-1"},
        {"COLUMNS": "20", "LINES": "2"},
        {"TERM": "dumb"},
        {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
        {"NO_COLOR": "1"},
        {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "TTY_COMPATIBLE": "1"},
        {"PYTHONUNBUFFERED": "1"},
    ):
        require_start(**environment)
        assert run_all(now, asking[0], **environment) == usual, environment


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_an_encoding_without_our_signs_gets_the_nearest(
    now: int, asking: list[str], encoding: str
) -> None:
    usual = run_all(now, asking[0], PYTHONIOENCODING="utf-8").decode()
    other = run_all(now, asking[0], PYTHONIOENCODING=encoding).decode(encoding)
    signs = {"\N{EN DASH}": "-", "\N{MINUS SIGN}": "-", "▲": "+", "▼": "-"}
    signs |= {"·": "|"} if encoding == "ascii" else {}
    assert other == usual.translate(str.maketrans(signs))


def at_a_terminal(asking: list[str], columns: int, *words: str, **environment: str) -> str:
    """Ask at a terminal of some width, and return what it shows."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    usual = {
        name: value for name, value in os.environ.items() if name not in {"COLUMNS", "NO_COLOR"}
    }
    process = subprocess.Popen(
        [*asking, *words, "--utc"],
        stdin=its,
        stdout=its,
        stderr=its,
        env=usual | {"TERM": "xterm", "LC_ALL": "C.UTF-8"} | environment,
    )
    os.close(its)
    shown = b""
    with suppress(OSError):  # how Linux says that the other end is closed
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert process.wait(timeout=60) == 0, shown
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize("name", ["stats", "tools", "errors", "sessions", "calls"])
def test_a_terminal_gets_its_width_and_colours(asking: list[str], ask: Ask, name: str) -> None:
    at_80, at_120 = ask(name, "--width", "80"), ask(name, "--width", "120")
    shown = at_a_terminal(asking, 80, name)
    assert shown.startswith("\x1b[1m")
    assert re.sub(r" *\x1b\[\d*m(?=\n)|\x1b\[\d*m", "", shown) == at_80
    assert at_a_terminal(asking, 120, name, NO_COLOR="1") == at_120
    assert at_a_terminal(asking, 80, name, NO_COLOR="1", COLUMNS="120") == at_120
    assert at_a_terminal(asking, 120, name, "--width", "80", TERM="dumb") == at_80


@pytest.mark.usefixtures("week")
def test_what_fails_is_red_and_what_timed_out_yellow(asking: list[str]) -> None:
    shown = at_a_terminal(asking, 80, "calls", "--slowest", "-n", "2")
    assert "\x1b[33mtimeout\x1b[0m" in shown
    assert "\x1b[31merror\x1b[0m" in shown
    assert "\x1b[31m100 %\x1b[0m" in at_a_terminal(asking, 80, "tools")
    assert "\x1b[31mTestFailure\x1b[0m" in at_a_terminal(asking, 80, "errors")


@pytest.mark.parametrize("raw", [[], ["--csv"], ["--json"]])
@pytest.mark.parametrize(
    "name", ["stats --by hour", "tools", "errors", "sessions", "calls -n 99999"]
)
def test_a_reader_that_leaves_ends_it_without_a_word(
    asking: list[str], record: Callable[..., None], name: str, raw: list[str]
) -> None:
    record([{"tool_name": "x" * 2000, "status": "error", "error_type": str(n)} for n in range(100)])
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(
            [*asking, *name.split(), *raw],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize("raw", [[], ["--csv"], ["--json"]])
@pytest.mark.parametrize("name", ["stats", "tools", "errors", "sessions", "calls"])
def test_a_full_disk_is_74(asking: list[str], name: str, raw: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*asking, name, *raw],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    told = "Error: Cannot write the output: No space left on device.\n"
    assert (done.returncode, done.stderr) == (74, told)
