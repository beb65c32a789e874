"""The calls as they come: the command is a real process, and so is who records."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import termios
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_cli.call_keys import KEYS
from devflow_analytics_cli.output import Settings
from devflow_analytics_db import create_analytics_db

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]

FIRST = 1_795_622_760
"""Wednesday, 25 November 2026, 16:06 in UTC."""

SCRIPT = f"""
from devflow_analytics_cli.output import Settings
Settings.clock = lambda self: {FIRST + 10}
from devflow_analytics_cli.main import main
main()
"""
TAIL = [sys.executable, "-c", SCRIPT, "tail"]
"""The command, ten seconds after the first call."""

DAY = 86_400
SESSION = "01a2135e-d9e8-7dd6-b7a1-b8e0570d3e31"


def add(file: Path, *calls: tuple[str, str, str | None, float], at: int = FIRST) -> None:
    """Add calls: their tool, status, type of error and duration, a second after each other."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "INSERT OR IGNORE INTO sessions (id, started_at) VALUES (?, 1)", [SESSION]
        )
        (count,) = connection.execute("SELECT count(*) FROM tool_calls").fetchone()
        connection.executemany(
            "INSERT INTO tool_calls"
            " (id, tool_name, status, error_type, duration_ms, timestamp, session_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (f"call {number}", *call, at + number, SESSION)
                for number, call in enumerate(calls, count)
            ),
        )


CALLS = [
    ("query_database", "success", None, 38.2),
    ("run_tests", "error", "TestFailure", 8640.4),
    ("fetch_url", "timeout", None, 30_000.0),
    ("größe", "success", None, 6.955),
]


@pytest.fixture
def full(file: Path) -> Path:
    create_analytics_db(file).close()
    add(file, *CALLS)
    return file


@contextmanager
def following(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*TAIL, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  no threads here
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


def test_piped_it_prints_aligned_lines_and_cuts_nothing(
    ask: Callable[..., str], full: Path
) -> None:
    add(full, ("n" * 40, "error", "E" * 30, 0.0), ("\x1b[31m", "success", None, 1e6))
    assert ask("tail", "--no-follow").splitlines() == [
        f"{time:<8}  {tool:<40}  {took:>8}  {status:<7}  {error:<30}  {session}"
        for time, tool, took, status, error, session in (
            ("Time", "Tool", "Took", "Status", "Error", "Session"),
            ("16:06:00", "query_database", "38 ms", "ok", "", "570d3e31"),
            ("16:06:01", "run_tests", "8.64 s", "error", "TestFailure", "570d3e31"),
            ("16:06:02", "fetch_url", "30.0 s", "timeout", "", "570d3e31"),
            ("16:06:03", "größe", "7.0 ms", "ok", "", "570d3e31"),
            ("16:06:04", "n" * 40, "0 ms", "error", "E" * 30, "570d3e31"),
            ("16:06:05", "\\x1b[31m", "16 min", "ok", "", "570d3e31"),
        )
    ]


def test_a_day_that_is_not_the_one_shown_last_is_named(
    command: Command, full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(full, ("today", "success", None, 1), at=FIRST + DAY)
    add(full, ("tomorrow", "success", None, 1), ("more", "success", None, 1), at=FIRST + 2 * DAY)
    add(full, ("last_year", "success", None, 1), at=FIRST - 365 * DAY)
    monkeypatch.setattr(Settings, "clock", lambda _: FIRST + DAY)
    done = command("tail", "--no-follow", "--utc")
    assert done.stdout.splitlines() == [
        "Time      Tool                  Took  Status   Error         Session",
        "Tue 25 Nov 2025",
        "16:06:07  last_year           1.0 ms  ok                     570d3e31",
        "Wed 25 Nov",
        "16:06:00  query_database       38 ms  ok                     570d3e31",
        "16:06:01  run_tests           8.64 s  error    TestFailure   570d3e31",
        "16:06:02  fetch_url           30.0 s  timeout                570d3e31",
        "16:06:03  größe               7.0 ms  ok                     570d3e31",
        "Thu 26 Nov",
        "16:06:04  today               1.0 ms  ok                     570d3e31",
        "Fri 27 Nov",
        "16:06:05  tomorrow            1.0 ms  ok                     570d3e31",
        "16:06:06  more                1.0 ms  ok                     570d3e31",
    ]


def test_the_last_calls_are_printed_the_oldest_first(command: Command, full: Path) -> None:
    assert full.exists()
    done = command("tail", "--no-follow", "--json", "-n", "2")
    assert [json.loads(text)["tool"] for text in done.stdout.splitlines()] == ["fetch_url", "größe"]
    assert command("tail", "--no-follow", "--json", "-n", "0").stdout == ""


def test_more_calls_than_can_be_counted_are_all(full: Path, command: Command) -> None:
    assert full.exists()
    most = "9" * 20
    done = command("tail", "--no-follow", "--json", "-n", most)
    assert (done.returncode, done.stdout.count("\n")) == (0, 4)
    with following("--json", "-n", most) as process:
        assert [json.loads(line(process))["tool"] for _ in CALLS] == [call[0] for call in CALLS]


def test_json_is_an_object_a_line_with_the_documented_keys(command: Command, full: Path) -> None:
    assert full.exists()
    (text,) = command("tail", "--no-follow", "--json", "--status", "error").stdout.splitlines()
    assert list(json.loads(text).items()) == [
        ("time", FIRST + 1),
        ("tool", "run_tests"),
        ("duration_ms", 8640.4),
        ("status", "error"),
        ("error_type", "TestFailure"),
        ("session", SESSION),
        *((key, None) for key in KEYS[6:-1]),
        ("id", "call 1"),
    ]


def test_csv_has_the_same_names(command: Command, full: Path) -> None:
    assert full.exists()
    done = command("tail", "--no-follow", "--csv", "--tool", "g*")
    names, row = csv.reader(io.StringIO(done.stdout))
    assert tuple(names) == KEYS
    assert row == [str(FIRST + 3), "größe", "6.955", "success", "", SESSION, *[""] * 9, "call 3"]
    done = command("tail", "--csv", "--json")
    assert (done.returncode, done.stdout) == (2, "")


def test_a_carriage_return_in_a_name_ends_no_row_of_csv(command: Command, full: Path) -> None:
    add(full, ("a\rb", "success", None, 1))
    done = command("tail", "--no-follow", "--csv", "-n", "1")
    _, row = csv.reader(io.StringIO(done.stdout, newline=""))
    assert row[1] == "a\rb"


def test_in_front_of_an_error_there_is_no_heading(process: Command, home: Path) -> None:
    (home / "text").write_text("no database\n" * 100)
    for name, status in (("text", 65), (".", 73)):
        for form in ([], ["--csv"], ["--json"], ["--no-follow"]):
            done = process("--db", str(home / name), "tail", *form)
            assert (name, form, done.returncode, done.stdout) == (name, form, status, "")
            assert done.stderr.startswith("Error: ")


def test_without_calls_there_is_a_heading(file: Path) -> None:
    create_analytics_db(file).close()
    with following() as process:
        assert line(process).split() == ["Time", "Tool", "Took", "Status", "Error", "Session"]
    with following("--csv") as process:
        assert line(process) == f"{','.join(KEYS)}\n"


def test_a_database_in_a_directory_that_is_not_there_is_not_waited_for(
    command: Command, home: Path
) -> None:
    lost = home / "none" / "calls.db"
    done = command("--db", str(lost), "tail")
    assert (done.returncode, done.stdout) == (66, "")
    assert done.stderr == command("--db", str(lost), "stats").stderr
    assert done.stderr.startswith(f"Error: {lost} does not exist: there is no database.")


def test_filters_choose_calls(command: Command, full: Path) -> None:
    assert full.exists()
    done = command("tail", "--no-follow", "--json", "--session", "570d3e31", "--tool", "r*")
    assert json.loads(done.stdout)["tool"] == "run_tests"
    done = command("tail", "--no-follow", "--session", "none")
    assert (done.returncode, done.stderr) == (
        66,
        (
            "Error: No session has the id 'none', or one that ends so."
            " 'devflow-analytics sessions --since all' lists them.\n"
        ),
    )


def test_without_a_database_there_are_no_last_calls(command: Command, file: Path) -> None:
    done = command("tail", "--no-follow")
    assert done.returncode == 66
    assert done.stderr.startswith(f"Error: {file} does not exist")


RECORD = """
import sys
from devflow_analytics_recorder import Recorder
recorder = Recorder()
session = recorder.session()
for tool in sys.argv[1:]: session.record(tool, 1)
recorder.close()
"""


def record(*tools: str) -> None:
    subprocess.run([sys.executable, "-c", RECORD, *tools], check=True, timeout=60)


def test_calls_that_the_recorder_writes_are_printed_as_they_come(full: Path) -> None:
    assert full.exists()
    with following("--json", "-n", "1") as process:
        assert json.loads(line(process))["tool"] == "größe"
        for tools in (["one"], ["two", "three"]):
            record(*tools)
            assert [json.loads(line(process))["tool"] for _ in tools] == tools


def test_a_database_that_is_not_there_yet_is_waited_for(file: Path) -> None:
    with following("--csv") as process:
        assert process.stderr
        said = process.stderr.readline()
        assert said == f"{file} does not exist yet. Waiting for it.\n"
        record("first")
        assert line(process) == f"{','.join(KEYS)}\n"
        assert line(process).split(",")[1] == "first"


@pytest.mark.parametrize("form", [[], ["--csv"]])
def test_while_it_waits_it_prints_no_heading(form: list[str], file: Path) -> None:
    with following(*form) as process:
        assert process.stderr
        assert process.stderr.readline() == f"{file} does not exist yet. Waiting for it.\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")


def test_it_goes_on_after_a_restore(full: Path, home: Path, command: Command) -> None:
    command("backup", str(home / "copy.db"))
    add(full, ("away", "success", None, 1))
    with following("--json", "-n", "1") as process:
        assert json.loads(line(process))["tool"] == "away"
        assert command("restore", str(home / "copy.db")).returncode == 0
        record("then")
        assert json.loads(line(process))["tool"] == "then"


def test_ctrl_c_is_its_usual_end(full: Path) -> None:
    assert full.exists()
    with following("-n", "1", "--utc") as process:
        heading, last = line(process), line(process)
        assert (heading[:4], last[:15]) == ("Time", "16:06:03  größe")
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (0, "", "")


def test_it_ends_when_nobody_reads_although_nothing_comes(full: Path) -> None:
    assert full.exists()
    done = subprocess.run(
        ["bash", "-c", '"$@" | head -n 1', "bash", *TAIL],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["Time", "Tool", "Took", "Status", "Error", "Session"]


def at_a_terminal(columns: int, *arguments: str, **environment: str) -> str:
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (24, columns))
    process = subprocess.Popen(
        [*TAIL, "--no-follow", "--utc", *arguments],
        stdin=its,
        stdout=its,
        stderr=its,
        env=os.environ | {"TERM": "xterm", "COLUMNS": ""} | environment,
    )
    os.close(its)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    assert process.wait(timeout=60) == 0, shown
    return shown.decode().replace("\r\n", "\n")


def test_on_a_terminal_names_are_cut_to_its_width(full: Path) -> None:
    add(full, ("n" * 40, "success", "E" * 30, 1))
    shown = at_a_terminal(80, "-n", "2", NO_COLOR="1")
    assert shown == (
        "Time      Tool                       Took  Status   Error               Session\n"
        "16:06:03  größe                    7.0 ms  ok                           570d3e31\n"
        "16:06:04  nnnnnnnnnnnnnnnnnnnn…    1.0 ms  ok       EEEEEEEEEEEEEEEEE…  570d3e31\n"
    )
    assert max(map(len, at_a_terminal(60, NO_COLOR="1").splitlines())) <= 60


def test_on_a_terminal_what_failed_has_a_colour(full: Path) -> None:
    assert full.exists()
    shown = at_a_terminal(120).splitlines()
    assert ["\x1b[31merror" in text for text in shown[1:]] == [False, True, False, False]
    assert ["\x1b[33mtimeout" in text for text in shown[1:]] == [False, False, True, False]
    assert "\x1b" not in at_a_terminal(120, NO_COLOR="1")
    assert "\x1b" not in at_a_terminal(120, TERM="dumb")


def test_where_the_encoding_has_no_ellipsis_dots_do(full: Path) -> None:
    add(full, ("n" * 40, "success", None, 1))
    shown = at_a_terminal(80, "-n", "1", PYTHONIOENCODING="latin-1", PYTHONUTF8="0", NO_COLOR="1")
    assert "n..." in shown
