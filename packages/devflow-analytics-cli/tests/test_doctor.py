from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

import devflow_analytics_db
from devflow_analytics_db import Diagnosis, Finding, create_analytics_db, make_spool
from devflow_analytics_db.migrations import latest_version

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def current(file: Path) -> None:
    create_analytics_db(file).close()


def test_each_finding_is_a_line_and_what_to_do_is_below_it(command: Command, file: Path) -> None:
    file.chmod(0o644)
    done = command("doctor")
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert f"OK    database      {file}: schema version {latest_version()}" in lines
    failed = lines.index(f"FAIL  rights        other users can access it: {file} has mode 0644.")
    assert lines[failed + 1] == f"{'':19} Run 'devflow-analytics doctor --fix'."
    assert "OK    schema        the database and the migrations agree" in lines
    assert "\x1b" not in done.stdout


def test_fix_says_what_it_did_first(command: Command, file: Path) -> None:
    file.chmod(0o644)
    done = command("doctor", "--fix")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{file} was 0644 and is 0600 now.\n")
    assert "OK    rights        only its owner can access it\n" in done.stdout
    assert file.stat().st_mode & 0o777 == 0o600


def test_json_has_the_documented_keys(command: Command, file: Path) -> None:
    file.chmod(0o644)
    done = command("doctor", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, list(found)) == (1, ["path", "ok", "findings", "fixed"])
    assert (found["path"], found["ok"], found["fixed"]) == (str(file), False, [])
    assert {tuple(finding) for finding in found["findings"]} == {
        ("subject", "severity", "message", "advice")
    }
    fixed = json.loads(command("doctor", "--fix", "--json").stdout)
    assert fixed["ok"]
    assert fixed["fixed"] == [f"{file} was 0644 and is 0600 now."]


def test_what_to_do_is_told_as_a_command(
    command: Command, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = (
        Finding("sqlite", "ok", "SQLite 3.51.3", None),
        Finding("rights", "fail", f"other users can access {file}.", "Run `diagnose(fix=True)`."),
    )
    diagnosis = Diagnosis(file, findings, ())
    monkeypatch.setattr(devflow_analytics_db, "diagnose", lambda *_, **__: diagnosis)
    advice = "Run 'devflow-analytics doctor --fix'."
    done = command("doctor")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        "OK    sqlite        SQLite 3.51.3\n"
        f"FAIL  rights        other users can access {file}.\n"
        f"                    {advice}\n"
    )
    told = json.loads(command("doctor", "--json").stdout)["findings"]
    assert [finding["advice"] for finding in told] == [None, advice]


def test_calls_that_nobody_writes_are_a_warning_with_the_command_that_does(
    command: Command, file: Path
) -> None:
    spool = make_spool(file)
    os.write(spool.descriptor, b"[1]\n")
    spool.close()
    done = command("doctor")
    lines = done.stdout.splitlines()
    left = f"1 call in 1 file that processes left in {file}-spool when they ended."
    warned = lines.index(f"WARN  waiting calls {left}")
    assert lines[warned + 1] == (
        f"{'':19} Any program that records writes them into the database, and so does"
        " 'devflow-analytics backup'."
    )
    assert done.returncode == 0


def test_quiet_leaves_out_what_is_well(command: Command, file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP INDEX session_id_idx")
    done = command("--quiet", "doctor")
    assert done.returncode == 1
    assert "OK  " not in done.stdout
    assert "FAIL  schema        index session_id_idx is missing" in done.stdout


def test_a_file_that_is_not_there_only_warns_and_is_not_made(command: Command, home: Path) -> None:
    done = command("--db", str(home / "none.db"), "doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"WARN  database      {home / 'none.db'} does not exist.\n" in done.stdout
    assert not (home / "none.db").exists()
