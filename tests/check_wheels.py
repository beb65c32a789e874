"""Build every wheel and source distribution, and use each wheel alone in an empty environment.

Run by ``just wheels``. Each environment holds one of our wheels, what that wheel declares, and
nothing else; a package of ours that another needs comes from its wheel too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

SCHEMA = """
from importlib.util import find_spec
from pony.orm import Database, db_session
from devflow_analytics_schema import ToolCallRow, define_entities

assert not find_spec("click") and not find_spec("devflow_analytics_db")
assert "status" in ToolCallRow.__annotations__
database = Database("sqlite", ":memory:")
Session, ToolCall = define_entities(database)
database.generate_mapping(create_tables=True)
with db_session:
    call = ToolCall(
        tool_name="a", duration_ms=1, status="error", timestamp=1, session=Session(started_at=1)
    )
    assert call.session.tool_calls.count() == 1
"""

DB = """
import tempfile
from importlib.util import find_spec
from pony.orm import db_session
from devflow_analytics_db import create_analytics_db

assert not find_spec("click") and not find_spec("devflow_analytics_cli")
with tempfile.TemporaryDirectory() as directory:
    with create_analytics_db(f"{directory}/calls.db") as db, db_session:
        assert db.changes.applied[:2] == (1, 2)
        db.Session(started_at=1)
"""

RECORDER = """
import tempfile
from importlib.util import find_spec
from devflow_analytics_db import open_readonly
from devflow_analytics_recorder import Recorder

assert not any(map(find_spec, ("click", "devflow_analytics_cli", "mcp", "fastmcp")))
with tempfile.TemporaryDirectory() as directory:
    with Recorder(f"{directory}/calls.db") as recorder:
        with recorder.session(client="me").call("search"):
            pass
    with open_readonly(f"{directory}/calls.db") as connection:
        assert connection.execute("SELECT tool_name FROM tool_calls").fetchone() == ("search",)
"""

CAPTURE = """
import os, tempfile
from importlib.util import find_spec
from devflow_analytics_capture import import_calls

assert not any(map(find_spec, ("click", "devflow_analytics_cli")))
with tempfile.TemporaryDirectory() as directory:
    os.environ["HOME"] = directory
    assert import_calls(f"{directory}/calls.db").found == 0
"""

REPORTS = """
import tempfile
from importlib.util import find_spec
from devflow_analytics_db import create_analytics_db, open_readonly
from devflow_analytics_reports import parse_period, summary

absent = "click", "rich", "pyarrow", "devflow_analytics_cli", "devflow_analytics_recorder"
assert not any(map(find_spec, absent))
with tempfile.TemporaryDirectory() as directory:
    create_analytics_db(f"{directory}/calls.db").close()
    with open_readonly(f"{directory}/calls.db") as connection:
        assert summary(connection, parse_period(now=1_800_000_000)).totals.calls == 0
"""

DASHBOARD = """
import json, os, tempfile, threading, urllib.request
from importlib.util import find_spec
from devflow_analytics_dashboard import Dashboard
from devflow_analytics_db import create_analytics_db

absent = "rich", "devflow_analytics_cli", "devflow_analytics_recorder"
assert not any(map(find_spec, absent))
with tempfile.TemporaryDirectory() as directory:
    os.environ["HOME"] = directory
    create_analytics_db(f"{directory}/calls.db").close()
    with Dashboard(f"{directory}/calls.db") as dashboard:
        threading.Thread(target=dashboard.run, daemon=True).start()
        page, _, key = dashboard.url.partition("#key=")
        assert b"<script" in urllib.request.urlopen(page, timeout=60).read()
        headers = {"Authorization": f"Bearer {key}"}
        asked = urllib.request.Request(f"{page}api/summary", headers=headers)
        answer = json.load(urllib.request.urlopen(asked, timeout=60))
assert answer["totals"]["calls"] == 0
"""

CLI = """
import pathlib, subprocess, sys, tempfile
command = pathlib.Path(sys.executable).with_name("devflow-analytics")
with tempfile.TemporaryDirectory() as directory:
    subprocess.run([command, "--db", f"{directory}/calls.db", "init"], check=True)
# without the extra, the page is not there, and the command says how to get it
page = subprocess.run([command, "dashboard"], stderr=subprocess.PIPE, text=True)
assert page.returncode == 69, page
assert page.stderr.startswith("Error: The dashboard is not installed. Run "), page
subprocess.run([command, "dashboard", "--help"], stdout=subprocess.DEVNULL, check=True)
"""

CHECKS = {
    "devflow-analytics-schema": SCHEMA,
    "devflow-analytics-db": DB,
    "devflow-analytics-recorder": RECORDER,
    "devflow-analytics-capture": CAPTURE,
    "devflow-analytics-reports": REPORTS,
    "devflow-analytics-dashboard": DASHBOARD,
    "devflow-analytics-cli": CLI,
}


def run(*command: str | Path, cwd: Path) -> None:
    """Run a command outside of the workspace; its output is shown only if it fails."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}")


def main() -> None:
    """Build and check all."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        built = directory / "dist"
        # Builds each wheel from its source distribution, so that both are known to be whole.
        run("uv", "build", "--all-packages", "--out-dir", built, cwd=ROOT)
        wheels = {
            package: next(built.glob(f"{package.replace('-', '_')}-*.whl")) for package in CHECKS
        }
        constraints = directory / "constraints.txt"
        constraints.write_text(
            "".join(f"{package} @ {wheel.as_uri()}\n" for package, wheel in wheels.items())
        )
        for package, wheel in wheels.items():
            environment = directory / package
            python = environment / "bin" / "python"
            run("uv", "venv", "--python", sys.executable, environment, cwd=directory)
            run(
                *("uv", "pip", "install", "--python", python, "--constraints", constraints, wheel),
                cwd=directory,
            )
            run(python, "-c", CHECKS[package], cwd=directory)
            print(f"{wheel.name}: alone, it works")


if __name__ == "__main__":
    main()
