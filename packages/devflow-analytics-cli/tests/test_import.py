from __future__ import annotations

import json
import os
import pty
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_capture import run
from devflow_analytics_db import import_lock

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Command = Callable[..., subprocess.CompletedProcess[str]]

COMMAND = Path(sys.executable).with_name("devflow-analytics")

OF_A_CALL = """\
{{"type":"assistant","timestamp":"{day}T12:00:00.000Z","sessionId":"S","version":"2.1.39",\
"message":{{"content":[{{"type":"tool_use","id":"toolu_{name}","name":"mcp__git__log","input":{{}}}}]}}}}
"""
OF_ITS_RESULT = """\
{{"type":"user","timestamp":"{day}T12:00:01.000Z","sessionId":"S",\
"message":{{"content":[{{"type":"tool_result","tool_use_id":"toolu_{name}","content":"{content}"{error}}}]}}}}
"""
BROKEN = b'{"type":"assistant","tool_use"'
NONE = "Found no logs of Claude Code, Codex, Copilot CLI, opencode or Gemini CLI.\n"
DENIED = "The user doesn't want to proceed with this tool use."


@pytest.fixture(autouse=True)
def _agents_keep_their_logs_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def log(home: Path) -> Path:
    """A log of Claude Code: five calls, one each done, failed, denied, and without a result."""
    log = home / ".claude/projects/-work/5f0c.jsonl"
    log.parent.mkdir(parents=True)
    with log.open("w") as file:
        for name, day in (("a", "2026-10-30"), ("b", "2026-11-02"), ("c", "2026-11-03")):
            file.write(OF_A_CALL.format(name=name, day=day))
        file.write(OF_A_CALL.format(name="d", day="2026-11-03"))
        file.write(OF_ITS_RESULT.format(name="a", day="2026-10-30", content="", error=""))
        failed = {"content": "no", "error": ',"is_error":true'}
        file.write(OF_ITS_RESULT.format(name="b", day="2026-11-02", **failed))
        denied = failed | {"content": DENIED}
        file.write(OF_ITS_RESULT.format(name="c", day="2026-11-03", **denied))
        file.write(f"{BROKEN.decode()}\n")
    return log


SUMMARY = """\
Imported 2 tool calls into {file}

               logs  found  added  known  refused  unanswered
  Claude Code     1      4      2      0        1           1

1 place in the logs of Claude Code could not be read:
  ~/.claude/projects/-work/5f0c.jsonl, byte {offset}
The oldest call of Claude Code is from 2026-10-30.
Claude Code deletes its logs after 30 days (cleanupPeriodDays in ~/.claude/settings.json).
'devflow-analytics hooks --write' imports them at the end of each session.
"""


def test_it_says_what_it_found_and_a_second_time_that_nothing_is_new(
    process: Command, file: Path, log: Path
) -> None:
    offset = f"{log.read_bytes().index(BROKEN):,}"
    done = process("import")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == SUMMARY.format(file=file, offset=offset)
    done = process("import")
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "Nothing new in 1 log of Claude Code.\n",
        "",
    )


def test_json_has_the_documented_keys(command: Command, file: Path, log: Path) -> None:
    content = log.read_bytes()
    assert json.loads(command("--quiet", "import", "--json").stdout) == {
        "path": str(file),
        "enabled": True,
        "dry_run": False,
        "found": 4,
        "added": 2,
        "drained": 0,
        "clients": [
            {
                "client": "claude-code",
                "files": 1,
                "read": 1,
                "read_bytes": len(content),
                "found": 4,
                "added": 2,
                "known": 0,
                "recorded": 0,
                "excluded": 0,
                "too_old": 0,
                "refused": 1,
                "unanswered": 1,
                "untimed": 0,
                "malformed": 1,
                "places": [
                    {
                        "path": str(log),
                        "offset": content.index(BROKEN),
                        "reason": None,
                    }
                ],
                "oldest": "2026-10-30",
                "kept_days": 30,
            }
        ],
    }


def test_each_key_of_an_agent_is_in_the_help(command: Command, log: Path) -> None:
    assert log.exists()
    (agent,) = json.loads(command("import", "--json").stdout)["clients"]
    help_text = command("import", "--help").stdout
    assert [key for key in agent if f"\n      {key} " not in help_text] == []


def test_a_dry_run_says_the_same_and_makes_nothing(command: Command, home: Path, log: Path) -> None:
    assert log.exists()
    assert command("import", "--dry-run").stdout.startswith("Would import 2 tool calls into ")
    assert os.listdir(home) == [".claude"]
    assert command("import").stdout.startswith("Imported 2 tool calls into ")


def test_calls_from_before_a_day_are_left_out_until_they_are_asked_for(
    command: Command, log: Path
) -> None:
    assert log.exists()
    first = command("import", "--since", "2026-11-01")
    assert first.stdout.startswith("Imported 1 tool call into ")
    assert "\n1 tool call of Claude Code left out: they are too old.\n" in first.stdout
    assert command("import").stdout.startswith("Imported 1 tool call into ")
    assert command("import").stdout == "Nothing new in 1 log of Claude Code.\n"


def test_a_log_is_read_anew_if_that_is_asked_for(command: Command, log: Path) -> None:
    assert log.exists()
    command("import")
    again = json.loads(command("import", "--full", "--json").stdout)["clients"][0]
    assert (again["read"], again["added"], again["known"]) == (1, 0, 2)


def test_only_what_an_agent_logged_is_imported_if_it_is_named(command: Command, log: Path) -> None:
    assert log.exists()
    done = command("import", "--client", "codex")
    assert done.stdout == "Found no logs of Codex.\n"
    done = command("import", "--client", "claude")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'claude' is not one of 'claude-code'" in done.stderr


def test_a_day_that_is_none_is_refused(command: Command) -> None:
    done = command("import", "--since", "2026-02-30")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'2026-02-30' does not match the format '%Y-%m-%d'" in done.stderr


def test_without_logs_nothing_is_made(command: Command, home: Path) -> None:
    done = command("import")
    assert (done.returncode, done.stdout) == (0, NONE)
    assert os.listdir(home) == []


def test_where_recording_is_off_nothing_is_imported(
    command: Command, home: Path, log: Path
) -> None:
    assert log.exists()
    done = command("import", DEVFLOW_ANALYTICS_ENABLED="0")
    assert done.stdout == ("Nothing was imported: DEVFLOW_ANALYTICS_ENABLED turns recording off.\n")
    assert os.listdir(home) == [".claude"]


def test_a_second_import_says_that_one_is_running(command: Command, file: Path, log: Path) -> None:
    assert log.exists()
    with import_lock(file):
        done = command("import")
    assert (done.returncode, done.stdout) == (75, "")
    assert done.stderr == (
        f"Error: Another import into {file} is running. Wait for it to end, and run this again.\n"
    )


def test_on_a_terminal_it_shows_how_far_it_is(log: Path) -> None:
    assert log.exists()
    parent, child = pty.openpty()
    pid = os.posix_spawn(
        COMMAND,
        [COMMAND, "import"],
        os.environ | {"TERM": "xterm"},
        file_actions=[(os.POSIX_SPAWN_DUP2, child, 1), (os.POSIX_SPAWN_DUP2, child, 2)],
    )
    os.close(child)
    shown = b""
    try:
        while piece := os.read(parent, 65536):
            shown += piece
    except OSError:  # as Linux says that nobody writes any more
        pass
    os.close(parent)
    assert os.waitpid(pid, 0)[1] == 0
    assert b"Importing" in shown
    assert b"100%" in shown
    assert b"/s" in shown


def test_it_goes_on_when_the_terminal_that_it_shows_it_on_is_gone(
    command: Command, file: Path, log: Path
) -> None:
    for number in range(run.BATCH_LOGS):
        day = "2026-11-04"
        own = log.with_name(f"{number}.jsonl")
        own.write_text(
            OF_A_CALL.format(name=f"n{number}", day=day)
            + OF_ITS_RESULT.format(name=f"n{number}", day=day, content="", error="")
        )
    command("init")
    parent, child = pty.openpty()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")  # before the last log, it waits for this
        pid = os.posix_spawn(
            COMMAND,
            [COMMAND, "import"],
            os.environ | {"TERM": "xterm"},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, child, 2),
            ],
        )
        os.close(child)
        assert os.read(parent, 1)
        os.close(parent)
        connection.execute("ROLLBACK")
        assert os.waitpid(pid, 0)[1] == 0
        (imported,) = connection.execute("SELECT count(*) FROM tool_calls").fetchone()
    assert imported == run.BATCH_LOGS + 2


def test_hooks_are_offered_only_for_agents_that_run_them(command: Command, home: Path) -> None:
    chats = home / ".gemini/tmp/site/chats"
    chats.mkdir(parents=True)
    (chats / "session-1.jsonl").write_text('{"sessionId":"S","projectHash":"f"}\n')
    done = command("import")
    assert "\nGemini CLI deletes its logs after 30 days (" in done.stdout
    assert "hooks --write" not in done.stdout


def test_status_and_init_say_what_there_is_to_import(command: Command, log: Path) -> None:
    size = log.stat().st_size
    words = f"{size / 1000:.1f} kB in 1 log of Claude Code"
    line = f"  to import       {words}: 'devflow-analytics import'\n"
    invited = (
        f"\nYour agents have logged {words}. Import that with:\n    devflow-analytics import\n"
    )
    assert line in command("status").stdout
    assert invited in command("init").stdout
    assert invited in command("init").stdout
    keys = {"unread_logs": 1, "unread_bytes": size, "unread_agents": ["Claude Code"]}
    for name in ("init", "status"):
        assert keys.items() <= json.loads(command(name, "--json").stdout).items()
    command("import")
    assert "import" not in command("status").stdout + command("init").stdout
    with log.open("a") as grown:
        grown.write("{}\n")
    assert "  to import       3 bytes in 1 log of" in command("status").stdout
