from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyarrow import parquet

from devflow_analytics_db import create_analytics_db

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., subprocess.CompletedProcess[str]]

COMMAND = Path(sys.executable).with_name("devflow-analytics")
FIRST = 1_795_622_760
"""25 November 2026, 16:06 in UTC."""


def fill(file: Path, calls: int) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT OR IGNORE INTO sessions (id, started_at) VALUES ('one', 1)")
        connection.executemany(
            "INSERT INTO tool_calls (id, tool_name, duration_ms, status, timestamp, session_id)"
            " VALUES (?, 'search', ?, ?, ?, 'one')",
            (
                (f"{number:08}", number / 7, ("success", "error")[number % 2], FIRST + 60 * number)
                for number in range(calls)
            ),
        )


@pytest.fixture(autouse=True)
def current(file: Path) -> None:
    create_analytics_db(file).close()
    fill(file, 4)


@pytest.fixture
def big(file: Path) -> None:
    """Enough calls that an export takes a while."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM tool_calls")
    fill(file, 60_000)


def ids_in_csv(content: str) -> list[str]:
    return [row["id"] for row in csv.DictReader(io.StringIO(content, newline=""))]


ALL = ["00000000", "00000001", "00000002", "00000003"]


def test_the_name_says_the_format(command: Command, home: Path) -> None:
    for form in ("csv", "json", "parquet"):
        target = home / f"calls.{form.upper()}"
        done = command("export", "--utc", str(target))
        size = target.stat().st_size
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == (
            f"Exported 4 calls to {target} ({size} bytes), 25 Nov 16:06 to 25 Nov 16:09, UTC\n"
            if size < 1000
            else f"Exported 4 calls to {target} ({size / 1000:.1f} kB),"
            " 25 Nov 16:06 to 25 Nov 16:09, UTC\n"
        )
        assert target.stat().st_mode & 0o7777 == 0o600
    assert ids_in_csv((home / "calls.CSV").read_text()) == ALL
    assert [call["id"] for call in json.loads((home / "calls.JSON").read_text())] == ALL
    table = parquet.read_table(home / "calls.PARQUET")
    assert table.column("id").to_pylist() == ALL
    assert sorted(os.listdir(home)) == [".devflow", "calls.CSV", "calls.JSON", "calls.PARQUET"]


def test_the_format_can_be_given(command: Command, home: Path) -> None:
    command("export", "--format", "json", str(home / "calls.csv"))
    assert len(json.loads((home / "calls.csv").read_text())) == 4
    done = command("export", str(home / "calls.txt"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(
        f"Error: '{home / 'calls.txt'}' ends with none of .csv, .json and .parquet:"
        " give --format.\n"
    )


def test_a_period_and_filters_choose_calls(command: Command, home: Path) -> None:
    def exported(*options: str) -> list[str]:
        command("export", "--force", *options, str(home / "calls.csv"))
        return ids_in_csv((home / "calls.csv").read_text())

    assert exported("--since", "2026-11-25T16:07Z", "--until", "2026-11-25T16:09Z") == ALL[1:3]
    assert exported("--status", "error") == ALL[1::2]
    assert exported("--tool", "s*", "--session", "ne") == ALL
    assert exported("--tool", "none") == exported("--client", "codex") == []
    assert exported("--since", "2020-01-01", "--until", "2020-01-01", "--utc") == []


def test_a_session_that_is_not_there_leaves_nothing(command: Command, home: Path) -> None:
    done = command("export", "--session", "none", str(home / "calls.csv"))
    assert (done.returncode, done.stdout) == (66, "")
    assert done.stderr == (
        "Error: No session has the id 'none', or one that ends so."
        " 'devflow-analytics sessions --since all' lists them.\n"
    )
    assert os.listdir(home) == [".devflow"]


def test_json_has_the_documented_keys(command: Command, home: Path) -> None:
    done = command("export", "--json", str(home / "calls.csv"))
    assert json.loads(done.stdout) == {
        "path": str(home / "calls.csv"),
        "format": "csv",
        "calls": 4,
        "bytes": (home / "calls.csv").stat().st_size,
        "since": FIRST,
        "until": FIRST + 181,
        "zone": "UTC",
    }


def test_quiet_says_nothing(command: Command, home: Path) -> None:
    done = command("--quiet", "export", str(home / "calls.csv"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_dash_is_standard_output(form: str, home: Path) -> None:
    done = subprocess.run(
        [COMMAND, "export", "-", "--format", form, "--utc"], capture_output=True, check=True
    )
    command = [COMMAND, "export", home / f"calls.{form}", "--utc"]
    subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == (home / f"calls.{form}").read_bytes()
    assert done.stderr.startswith(b"Exported 4 calls to standard output (")


def test_no_database_leaves_nothing(command: Command, home: Path) -> None:
    done = command("--db", str(home / "none.db"), "export", str(home / "calls.csv"))
    assert (done.returncode, done.stdout) == (66, "")
    assert done.stderr.startswith(f"Error: {home / 'none.db'} does not exist")
    assert os.listdir(home) == [".devflow"]


def test_a_file_is_replaced_only_by_force(command: Command, home: Path) -> None:
    (home / "calls.csv").write_text("mine")
    done = command("export", str(home / "calls.csv"))
    assert (done.returncode, done.stdout) == (73, "")
    assert done.stderr == (
        f"Error: {home / 'calls.csv'} already exists. Use --force to replace it.\n"
    )
    assert (home / "calls.csv").read_text() == "mine"
    assert command("export", "--force", str(home / "calls.csv")).returncode == 0
    assert ids_in_csv((home / "calls.csv").read_text()) == ALL
    assert (home / "calls.csv").stat().st_mode & 0o7777 == 0o600


def test_through_a_link_the_file_that_it_leads_to_is_written(command: Command, home: Path) -> None:
    (home / "away").mkdir()
    (home / "calls.csv").symlink_to(home / "away" / "real.csv")
    assert command("export", str(home / "calls.csv")).returncode == 73
    assert command("export", "--force", str(home / "calls.csv")).returncode == 0
    assert (home / "calls.csv").is_symlink()
    assert ids_in_csv((home / "away" / "real.csv").read_text()) == ALL
    assert os.listdir(home / "away") == ["real.csv"]


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
def test_the_database_itself_is_refused(
    suffix: str, command: Command, file: Path, home: Path
) -> None:
    before = file.read_bytes()
    (home / "link.csv").symlink_to(f"{file}{suffix}")
    for target in (f"{file}{suffix}", f"{home / 'link.csv'}"):
        done = command("export", "--force", "--format", "csv", target)
        assert (done.returncode, done.stdout) == (73, "")
        assert done.stderr == (f"Error: {target} is a file of the database itself. Name another.\n")
    (home / "hard.csv").hardlink_to(file)
    assert command("export", "--force", str(home / "hard.csv")).returncode == 73
    assert (file.read_bytes(), os.listdir(file.parent)) == (before, ["analytics.db"])


def test_what_is_no_file_is_refused(command: Command, home: Path) -> None:
    os.mkfifo(home / "pipe.csv")
    (home / "calls.csv").mkdir()
    said = {
        f"{home / 'pipe.csv'}": "is not a regular file. Name another, or - for standard output.",
        f"{home / 'calls.csv'}": "is not the name of a file. Name a file.",
        f"{home / 'new.csv'}/": "is not the name of a file. Name a file.",
        "/dev/full": "is not a regular file. Name another, or - for standard output.",
        f"{home / 'none' / 'calls.csv'}": "No such file or directory. Name another file.",
    }
    for target, sentence in said.items():
        done = command("export", "--force", "--format", "csv", target)
        assert (target, done.returncode, done.stdout) == (target, 73, "")
        assert done.stderr.endswith(f"{sentence}\n")
        assert target in done.stderr
    assert sorted(os.listdir(home)) == [".devflow", "calls.csv", "pipe.csv"]


@pytest.mark.usefixtures("big")
@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_on_a_full_disk_the_old_file_stays(form: str, home: Path) -> None:
    target = home / f"calls.{form}"
    target.write_text("mine")
    done = subprocess.run(
        [COMMAND, "export", "--force", target],
        # what measures coverage writes files, too
        env={name: value for name, value in os.environ.items() if "COVERAGE" not in name},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (74, "")
    assert done.stderr == (
        f"Error: No room left to write {target}: the disk is full, or a quota or limit is"
        " reached. Nothing was left of it. Make room, or name a file on another disk.\n"
    )
    assert target.read_text() == "mine"
    assert sorted(os.listdir(home)) == [".devflow", target.name]


def test_a_full_standard_output_is_told(home: Path) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123  a device
        done = subprocess.run(
            [COMMAND, "export", "-"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    sentence = "Error: Cannot write the output: No space left on device.\n"
    assert (done.returncode, done.stderr) == (74, sentence)
    assert os.listdir(home) == [".devflow"]


@pytest.mark.usefixtures("big")
def test_a_reader_that_leaves_early_ends_it_without_a_word() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" export - | head -n 2', COMMAND],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, ids_in_csv(done.stdout)) == ("", ALL[:1])


def start_and_wait_for_the_partial_file(target: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [COMMAND, "export", "--force", target],
        # what measures coverage holds a lock here and there, which a signal leaves held
        env={name: value for name, value in os.environ.items() if "COVERAGE" not in name},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  no threads here
    )
    while not any(name.endswith(".partial") for name in os.listdir(target.parent)):
        assert process.poll() is None
    return process


@pytest.mark.usefixtures("big")
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_leaves_the_old_file_and_nothing_beside_it(
    number: signal.Signals, status: int, home: Path
) -> None:
    target = home / "calls.csv"
    target.write_text("mine")
    process = start_and_wait_for_the_partial_file(target)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (status, "")
    assert "Traceback" not in stderr
    assert target.read_text() == "mine"
    assert sorted(os.listdir(home)) == [".devflow", "calls.csv"]


@pytest.mark.usefixtures("big")
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_a_killed_export_leaves_the_old_file_or_the_whole_new_one(share: float, home: Path) -> None:
    target = home / "calls.csv"
    subprocess.run([COMMAND, "--quiet", "export", target], check=True)
    whole = target.read_bytes()
    target.write_text("mine")
    process = start_and_wait_for_the_partial_file(target)
    (partial,) = home.glob("*.partial")
    with suppress(FileNotFoundError):  # it became the new one
        while partial.stat().st_size < share * len(whole):
            time.sleep(0)
    process.kill()
    process.communicate(timeout=60)
    assert target.read_bytes() in (b"mine", whole)
    subprocess.run([COMMAND, "--quiet", "export", "--force", target], check=True)
    assert target.read_bytes() == whole


@pytest.mark.usefixtures("big")
def test_it_holds_one_state_although_others_write(file: Path, home: Path) -> None:
    target = home / "calls.csv"
    process = start_and_wait_for_the_partial_file(target)
    with closing(sqlite3.connect(file)) as connection:
        while process.poll() is None:
            with connection:
                connection.execute("DELETE FROM tool_calls WHERE rowid IN (1, 30000, 60000)")
                connection.execute("UPDATE tool_calls SET tool_name = tool_name || 'x'")
    process.communicate()
    rows = list(csv.DictReader(io.StringIO(target.read_text(), newline="")))
    assert len({row["tool_name"] for row in rows}) == 1
    assert len(rows) in {60_000, 59_997}


@pytest.mark.usefixtures("big")
def test_it_shows_how_far_it_is_at_a_terminal(home: Path) -> None:
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, "export", home / "calls.csv"],
        stdin=its,
        stdout=its,
        stderr=its,
        env=os.environ | {"TERM": "xterm"},
    )
    os.close(its)
    shown = b""
    with suppress(OSError):  # how Linux says that the other end is closed
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert process.wait(timeout=60) == 0
    assert re.search(rb"Exporting .*100%", shown), shown


def test_it_says_what_to_install_for_parquet(
    command: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = command("export", str(home / "calls.parquet"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: Parquet needs the package pyarrow, which is not installed. Install it, as the"
        " extra of devflow-analytics-cli[parquet] does.\n"
    )
    assert os.listdir(home) == [".devflow"]


def test_an_empty_database_is_exported(command: Command, file: Path, home: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM tool_calls")
    done = command("export", str(home / "calls.json"))
    assert done.stdout == f"Exported 0 calls to {home / 'calls.json'} (3 bytes)\n"
    assert (home / "calls.json").read_text() == "[]\n"
