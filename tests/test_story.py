"""From an empty home through the real command to rows read back in another process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

COMMAND = Path(sys.executable).with_name("devflow-analytics")

AN_AGENT_AT_WORK = """
from time import time
from pony.orm import db_session
from devflow_analytics_db import create_analytics_db
from devflow_analytics_schema import ToolCallStatus

with create_analytics_db() as db, db_session:
    session = db.Session(started_at=int(time()))
    for tool, ms, status in [("git-log", 12.5, "success"), ("fetch", 30_000, "timeout")]:
        db.ToolCall(
            tool_name=tool,
            duration_ms=ms,
            status=ToolCallStatus(status),
            timestamp=int(time()),
            session=session,
        )
    session.tool_count = 2
"""

A_LOOK_AT_IT_LATER = """
import json
from pony.orm import db_session, select
from devflow_analytics_db import create_analytics_db

with create_analytics_db() as db, db_session:
    slow = select(call for call in db.ToolCall if call.duration_ms > 1000)
    (session,) = db.Session.select()
    print(json.dumps({
        "slow": [[call.tool_name, call.status] for call in slow],
        "tools": sorted(call.tool_name for call in session.tool_calls),
        "count": session.tool_count,
    }))
"""


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_from_an_empty_home_to_rows_read_back_in_another_process(home: Path) -> None:
    assert list(home.iterdir()) == []
    assert json.loads(run(COMMAND, "init", "--json"))["created"]
    run(sys.executable, "-c", AN_AGENT_AT_WORK)
    run(COMMAND, "init")
    assert json.loads(run(sys.executable, "-c", A_LOOK_AT_IT_LATER)) == {
        "slow": [["fetch", "timeout"]],
        "tools": ["fetch", "git-log"],
        "count": 2,
    }
    asked = json.loads(run(COMMAND, "stats", "--json"))
    assert (asked["calls"], asked["timeouts"], asked["sessions"]) == (2, 1, 1)
    assert [tool["tool"] for tool in asked["tools"]] == ["fetch", "git-log"]
    assert [path.name for path in home.iterdir()] == [".devflow"]
