from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from devflow_analytics_cli.app import cli
from devflow_analytics_cli.made_up.calls import made_up_calls, write_made_up_calls
from devflow_analytics_db import create_analytics_db

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Command = Callable[..., subprocess.CompletedProcess[str]]
    Rows = Callable[[str], list[Any]]

NOW = 1_795_622_770
NOW_ISO = "2026-11-25T17:06:10+01:00"

HOUR = 3600
DAY = 24 * HOUR

DIGEST = "915cc378242975e41bbc913ceb59f8a6a544e15802958c3d6db2e358b9173484"
"""Of the calls of `NOW`. It changes with what is made up, and never with the Python that does."""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary directories are made, by this process and by those that it starts."""
    directory = tmp_path / "tmp"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    monkeypatch.setenv("TMPDIR", str(directory))
    return directory


@pytest.fixture
def probe(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str, Callable[[click.Context], None]], None]:
    """Add a command to the others, which does what a function does."""

    def add(name: str, deed: Callable[[click.Context], None]) -> None:
        command = click.Command(name, callback=click.pass_context(deed))
        monkeypatch.setitem(cli.commands, name, command)

    return add


# What the calls are. In the afternoon of a workday, in the night to a Monday, on a Sunday evening,
# and on a Saturday.
NOWS = (NOW, NOW - 2 * DAY - 13 * HOUR, NOW + 4 * DAY + 6 * HOUR, NOW + 31_000_000)


def test_the_same_time_makes_the_same_calls_on_every_python() -> None:
    calls = list(made_up_calls(NOW))
    told = "\n".join(map(repr, map(tuple, calls)))
    assert hashlib.sha256(told.encode()).hexdigest() == DIGEST
    assert list(made_up_calls(NOW)) == calls
    assert list(made_up_calls(NOW, seed=1)) != calls


@pytest.fixture(scope="module", params=NOWS, ids=["Wednesday", "Monday", "Sunday", "Saturday"])
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, Path]:
    """A time, and a file with the calls that are made up for it."""
    file = tmp_path_factory.mktemp("made") / "calls.db"
    write_made_up_calls(file, request.param)
    return request.param, file


@pytest.fixture
def rows(made: tuple[int, Path]) -> Callable[[str], list[Any]]:
    """Return the rows that a query finds, with the time as ``:now``."""
    now, file = made

    def find(query: str) -> list[Any]:
        with closing(sqlite3.connect(file)) as connection:
            return connection.execute(query, {"now": now}).fetchall()

    return find


def test_there_are_sixty_days_of_calls(rows: Rows) -> None:
    ((calls, tools, servers, first, last),) = rows(
        "SELECT count(*), count(DISTINCT tool_name), count(DISTINCT server),"
        " :now - min(timestamp), :now - max(timestamp) FROM tool_calls"
    )
    assert 30_000 <= calls <= 40_000
    assert (tools, servers) == (32, 7)
    assert 58 * DAY < first <= 60 * DAY
    assert 0 <= last <= 5


def test_every_kind_of_call_is_there(rows: Rows) -> None:
    for column, count in (
        ("status", 3),
        ("source", 4),
        ("duration_kind", 2),
        ("error_kind", 6),
        ("agent", 3),
    ):
        ((found,),) = rows(f"SELECT count(DISTINCT {column}) FROM tool_calls")
        assert (column, found) == (column, count)
    assert {client for (client,) in rows("SELECT DISTINCT client FROM sessions")} == {
        *("claude-code", "codex", "cursor")
    }


def test_sessions_hold_together(rows: Rows) -> None:
    ((least, most),) = rows("SELECT min(tool_count), max(tool_count) FROM sessions")
    assert 5 <= least < 20
    assert 300 < most <= 600
    assert (
        rows(
            "SELECT sessions.id FROM sessions JOIN tool_calls ON session_id = sessions.id"
            " GROUP BY 1 HAVING count(*) <> tool_count OR started_at > min(started_ms) / 1000"
            " OR ended_at <> max(timestamp)"
        )
        == []
    )


def test_failures_say_how_and_successes_do_not(rows: Rows) -> None:
    assert (
        rows(
            "SELECT * FROM tool_calls WHERE (status = 'success') <> (error_type IS NULL)"
            " OR (error_type IS NULL) <> (error_kind IS NULL)"
        )
        == []
    )


def test_timeouts_sit_at_30_and_60_seconds(rows: Rows) -> None:
    found = rows("SELECT DISTINCT duration_ms / 30000 FROM tool_calls WHERE status = 'timeout'")
    assert {int(times) for (times,) in found} == {1, 2}
    assert all(times % 1 < 0.01 for (times,) in found)


def test_nobody_counts_bytes_in_a_hook(rows: Rows) -> None:
    found = rows("SELECT source, count(result_bytes) > 0 FROM tool_calls GROUP BY 1 ORDER BY 1")
    assert found == [("hook", 0), ("import", 1), ("proxy", 1), ("recorder", 1)]


def test_people_sleep_and_have_weekends(made: tuple[int, Path], rows: Rows) -> None:
    by_day = rows("SELECT timestamp / 86400, count(*) FROM tool_calls GROUP BY 1")
    busy = sorted(count for _, count in by_day)
    assert busy[-20] > 2 * busy[10]
    by_hour = dict(
        rows("SELECT (:now - timestamp) % 86400 / 3600, count(*) FROM tool_calls GROUP BY 1")
    )
    nights = [sum(by_hour.get((hour + n) % 24, 0) for n in range(5)) for hour in range(24)]
    assert min(nights) < sum(by_hour.values()) / 100
    assert by_hour[0] > sum(by_hour.values()) / 50  # and it is no night now
    assert made


def test_search_code_is_slower_and_fails_more_since_three_days(rows: Rows) -> None:
    (before, since) = rows(
        "SELECT timestamp >= :now - 3 * 86400, avg(duration_ms), avg(status = 'error')"
        " FROM tool_calls WHERE tool_name = 'search_code' AND status <> 'timeout' GROUP BY 1"
    )
    assert 1.3 < since[1] / before[1] < 2.2
    assert since[2] > 2.5 * before[2]


def test_github_limited_the_rate_on_two_days_of_the_last_seven(rows: Rows) -> None:
    found = rows(
        "SELECT tool_name, timestamp / 86400, count(*), :now - min(timestamp),"
        " max(timestamp) - min(timestamp), error_code FROM tool_calls"
        " WHERE error_type = 'RateLimitError' GROUP BY 1, (:now - timestamp) / 43200"
    )
    assert [row[0] for row in found] == ["github_get_issue", "github_get_issue"]
    for _, _, count, ago, lasted, code in found:
        assert count >= 15
        assert ago < 7 * DAY
        assert lasted < 2 * HOUR
        assert code == 429


def test_a_tool_and_a_server_fell_silent(rows: Rows) -> None:
    found = rows(
        "SELECT tool_name, (:now - max(timestamp)) / 86400 FROM tool_calls"
        " GROUP BY 1 HAVING max(timestamp) < :now - 8 * 86400 ORDER BY 2, 1"
    )
    assert found[0] == ("slack_post_message", 25)
    assert {tool for tool, _ in found[1:]} == {"jira_search", "jira_get_ticket"}
    assert rows("SELECT (:now - max(timestamp)) / 86400 FROM tool_calls WHERE server = 'jira'") == [
        (40,)
    ]


def test_agents_fail_again_and_again_in_loops(rows: Rows) -> None:
    calls = rows(
        "SELECT session_id, tool_name, error_type FROM tool_calls ORDER BY session_id, started_ms"
    )
    for failure in (("edit_file", "EditMismatchError"), ("run_tests", "TestFailure")):
        rows_on_end = [len(list(group)) for call, group in groupby(calls) if call[1:] == failure]
        loops = [length for length in rows_on_end if length >= 3]
        assert len(loops) >= 5
        assert 7 <= max(loops) <= 9


def test_two_sessions_run_right_now(rows: Rows) -> None:
    found = rows("SELECT tool_count, :now - ended_at FROM sessions ORDER BY ended_at DESC LIMIT 3")
    assert [count for count, _ in found[:2]] == [190, 80]
    assert all(ago < 10 for _, ago in found[:2])
    assert found[2][1] >= 300


def test_more_is_done_from_month_to_month(rows: Rows) -> None:
    (now, before) = rows(
        "SELECT (:now - timestamp) / (28 * 86400) AS month, count(*) FROM tool_calls"
        " WHERE timestamp > :now - 56 * 86400 GROUP BY 1"
    )
    assert 1.05 < now[1] / before[1] < 1.5


# What the command does with them.


def test_a_command_runs_on_made_up_calls_and_nothing_stays(
    command: Command, home: Path, temporary: Path
) -> None:
    done = command("demo", "--now", NOW_ISO, "status", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert told["path"].startswith(f"{temporary}/devflow-analytics-demo-")
    assert told["last_call"] == NOW - 2
    assert (os.listdir(temporary), os.listdir(home)) == ([], [])


def test_the_users_own_database_is_not_touched(
    command: Command, file: Path, tmp_path: Path, temporary: Path
) -> None:
    other = tmp_path / "other.db"
    for path in (file, other):
        create_analytics_db(path).close()
    before = [(path.read_bytes(), path.stat()) for path in (file, other)]
    done = command("demo", "path", DEVFLOW_ANALYTICS_DB_PATH=str(other))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{temporary}/")
    for path, (content, stat) in zip((file, other), before, strict=True):
        assert path.read_bytes() == content
        assert path.stat().st_mtime_ns == stat.st_mtime_ns
    assert os.listdir(file.parent) == ["analytics.db"]


@pytest.mark.usefixtures("temporary")
def test_only_the_user_can_read_it(command: Command, probe: Any) -> None:
    modes = []

    def look(ctx: click.Context) -> None:
        path = Path(ctx.obj.path)
        modes.extend(path.stat().st_mode & 0o7777 for path in (path, path.parent))

    probe("look", look)
    before = os.umask(0)
    try:
        assert command("demo", "look").returncode == 0
    finally:
        os.umask(before)
    assert modes == [0o600, 0o700]


def test_what_is_kept_can_be_asked_later(command: Command, home: Path, temporary: Path) -> None:
    kept = home / "kept.db"
    done = command("demo", "--now", NOW_ISO, "--keep", str(kept), "path")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{kept}\n", "")
    assert (os.listdir(home), os.listdir(temporary)) == (["kept.db"], [])
    assert kept.stat().st_mode & 0o7777 == 0o600
    told = json.loads(command("--db", str(kept), "status", "--json").stdout)
    assert told["tool_calls"] == len(list(made_up_calls(NOW)))
    with closing(sqlite3.connect(kept)) as connection:
        ids = {key for (key,) in connection.execute("SELECT id FROM tool_calls")}
    assert ids == {call.id for call in made_up_calls(NOW)}


def test_a_file_that_is_there_is_not_overwritten(
    command: Command, home: Path, temporary: Path
) -> None:
    (home / "mine").write_text("mine")
    (home / "link").symlink_to("nowhere")
    for name, shown in (("mine", home / "mine"), ("link", home / "link")):
        done = command("demo", "--keep", str(home / name), "path")
        assert (done.returncode, done.stdout) == (73, "")
        assert done.stderr == (
            f"Error: {shown} already exists and is not overwritten. Name a new file with --keep.\n"
        )
    assert (home / "mine").read_text() == "mine"
    assert (sorted(os.listdir(home)), os.listdir(temporary)) == (["link", "mine"], [])


def test_a_place_that_is_none_is_told(command: Command, home: Path, temporary: Path) -> None:
    done = command("demo", "--keep", str(home / "none/kept.db"), "path")
    assert (done.returncode, done.stdout) == (73, "")
    assert done.stderr == (
        f"Error: Cannot make {home}/none/kept.db: {home}/none does not exist."
        " Make it first, or name another place with --keep.\n"
    )
    assert (os.listdir(home), os.listdir(temporary)) == ([], [])


def test_the_status_of_the_command_is_passed_on(
    command: Command, temporary: Path, probe: Any
) -> None:
    probe("fail", lambda ctx: ctx.exit(7))
    done = command("demo", "fail")
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")
    done = command("demo", "migrate", "--to", "1")
    assert done.returncode == 2
    assert done.stderr.endswith("Run again with --yes.\n")
    assert command("demo", "backup", "/none/copy.db").returncode == 73
    assert os.listdir(temporary) == []


def test_a_bug_in_the_command_leaves_nothing_either(
    command: Command, temporary: Path, probe: Any
) -> None:
    def fail(_: click.Context) -> None:
        raise ZeroDivisionError("unforeseen")

    probe("fail", fail)
    done = command("demo", "fail")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ZeroDivisionError: unforeseen. This is a bug")
    assert os.listdir(temporary) == []


def test_no_temporary_directory_is_73(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    done = command("demo", "path")
    assert (done.returncode, done.stdout) == (73, "")
    assert done.stderr == (
        "Error: Cannot make a temporary directory: No such file or directory."
        " Let TMPDIR name a directory that you can write to.\n"
    )


# A command that waits until it is ended, or the same while the calls are made.
WAITS = """
import signal, sys
import click
from devflow_analytics_cli.app import cli
from devflow_analytics_cli.made_up import calls
from devflow_analytics_cli.main import main

def wait(file):
    print(file, flush=True)
    sys.stdin.read()

@cli.command("wait")
@click.pass_obj
def command(settings):
    wait(settings.path)

if sys.argv.pop(1) == "while the calls are made":
    calls.write_made_up_calls = lambda file, now: wait(file)
signal.signal(signal.SIGINT, signal.default_int_handler)  # CI systems may ignore it
main()
"""


@pytest.mark.parametrize("when", ["in the command", "while the calls are made"])
@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (signal.SIGINT, 130, "Interrupted. Nothing was left half done.\n"),
        (signal.SIGTERM, 143, ""),
        (signal.SIGHUP, 129, ""),
    ],
)
def test_a_signal_leaves_nothing(
    number: signal.Signals, status: int, said: str, when: str, temporary: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITS, when, "demo", "wait"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        file = process.stdout.readline().rstrip()
        (directory,) = temporary.iterdir()
        assert Path(file).parent == directory
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (status, said)
    assert os.listdir(temporary) == []


def test_a_signal_that_is_ignored_stays_ignored(
    command: Command, temporary: Path, probe: Any
) -> None:
    def hang_up(_: click.Context) -> None:
        signal.raise_signal(signal.SIGHUP)
        click.echo("still here")

    probe("look", hang_up)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert command("demo", "look").stdout == "still here\n"
    finally:
        signal.signal(signal.SIGHUP, before)
    assert os.listdir(temporary) == []


@pytest.mark.parametrize("name", ["import", "hooks", "demo"])
def test_what_acts_on_more_than_the_database_is_refused(
    name: str, command: Command, temporary: Path
) -> None:
    done = command("demo", name, "--help")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(
        f"\nError: '{name}' acts on more than the database, so demo refuses it.\n"
    )
    assert os.listdir(temporary) == []


def test_a_database_of_ones_own_is_refused(command: Command, home: Path, temporary: Path) -> None:
    done = command("--db", str(home / "mine.db"), "demo", "path")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(
        "\nError: --db names your own data, and demo makes its own. To choose its file, use"
        " --keep.\n"
    )
    assert (os.listdir(home), os.listdir(temporary)) == ([], [])


UNKNOWN = """\
Usage: devflow-analytics demo [OPTIONS] [COMMAND] [ARGS]...
Try 'devflow-analytics demo --help' for help.

Error: No such command 'statsu'. Did you mean 'status'?
"""


def test_a_command_that_is_none_is_told_the_nearest(
    command: Command, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(cli.commands, "stats", raising=False)
    monkeypatch.setattr("devflow_analytics_cli.app.COMMANDS", ("demo", "status"))
    done = command("demo", "statsu")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", UNKNOWN)
    assert os.listdir(temporary) == []


def test_help_and_wrong_options_are_the_commands_and_make_nothing(
    command: Command, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(*_: object) -> None:
        raise AssertionError("made calls")

    monkeypatch.setattr("devflow_analytics_cli.made_up.calls.write_made_up_calls", make)
    shown = command("demo", "status", "--help").stdout
    assert shown.startswith("Usage: devflow-analytics demo status [OPTIONS]\n")
    done = command("demo", "status", "--nope")
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: devflow-analytics demo status [OPTIONS]\n")
    assert os.listdir(temporary) == []


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ("soon", "'soon' is no time, as in 2026-11-25T17:06:10+01:00."),
        ("1970-12-31", "'1970-12-31' is not in the years 1971 to 9998."),
    ],
)
def test_a_time_that_is_none_is_told(time: str, said: str, command: Command) -> None:
    done = command("demo", "--now", time, "path")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"\nError: Invalid value for '--now': {said}\n")


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        (NOW_ISO, NOW),
        ("2026-11-25T16:06:10Z", NOW),
        ("1971-01-01T00:00Z", 31_536_000),
        ("9998-12-31T00:00Z", 253_370_678_400),
    ],
)
def test_the_clock_of_the_command_is_that_of_the_calls(
    time: str, seconds: int, command: Command, temporary: Path, probe: Any
) -> None:
    probe("clock", lambda ctx: click.echo(ctx.obj.clock()))
    assert command("demo", "--now", time, "clock").stdout == f"{seconds}\n"
    assert os.listdir(temporary) == []


def test_a_time_without_a_zone_is_local(process: Command, temporary: Path) -> None:
    done = process("demo", "--now", "2026-11-25T11:06:10", "status", "--json", TZ="EST5")
    assert json.loads(done.stdout)["last_call"] == NOW - 2
    assert os.listdir(temporary) == []


def test_without_a_time_the_clock_is_the_real_one(
    command: Command, temporary: Path, probe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: NOW + 0.9)
    probe("clock", lambda ctx: click.echo(f"{ctx.obj.now} {ctx.obj.clock()}"))
    assert command("demo", "clock").stdout == f"None {NOW}\n"
    told = json.loads(command("demo", "status", "--json").stdout)
    assert told["last_call"] == NOW - 2
    assert os.listdir(temporary) == []


def test_without_a_command_it_shows_stats_and_names_more(
    command: Command, home: Path, temporary: Path, probe: Any
) -> None:
    probe("stats", lambda ctx: click.echo(f"stats, {ctx.obj.quiet}"))
    done = command("demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "stats, False\n\nThese calls are made up. See more: devflow-analytics demo tools,"
        " or errors, sessions, calls.\n"
    )
    assert command("-q", "demo").stdout == "stats, True\n"
    kept = home / "my calls.db"
    assert command("demo", "--keep", str(kept)).stdout == (
        "stats, False\n\nThese calls are made up. See more:"
        f" devflow-analytics --db '{kept}' tools, or errors, sessions, calls.\n"
    )
    assert os.listdir(temporary) == []


def test_verbose_logs_what_is_done(command: Command, temporary: Path) -> None:
    done = command("-v", "demo", "path")
    assert f"\ncreated {done.stdout.strip()}: schema version " in done.stderr
    assert os.listdir(temporary) == []


def test_the_shell_completes_the_commands(command: Command) -> None:
    def offered(*words: str) -> list[str]:
        done = command(
            _DEVFLOW_ANALYTICS_COMPLETE="bash_complete",
            COMP_WORDS="\n".join(["devflow-analytics", "demo", *words]),
            COMP_CWORD=str(len(words) + 1),
        )
        return done.stdout.split()

    assert offered("statu") == ["plain,status"]
    assert offered("im") == []
    assert offered("status", "st") == []
