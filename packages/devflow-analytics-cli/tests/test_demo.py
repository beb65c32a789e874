from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from devflow_analytics_cli.app import cli
from devflow_analytics_cli.made_up.calls import made_up_calls
from devflow_analytics_db import create_analytics_db

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Command = Callable[..., subprocess.CompletedProcess[str]]

NOW = 1_795_622_770
NOW_ISO = "2026-11-25T17:06:10+01:00"


@pytest.fixture
def no_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make up no calls in this process, where it makes no difference what they are."""

    def make(file: str, _: int) -> None:
        create_analytics_db(file).close()

    monkeypatch.setattr("devflow_analytics_cli.made_up.calls.write_made_up_calls", make)


@pytest.fixture
def probe(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str, Callable[[click.Context], None]], None]:
    """Add a command to the others, which does what a function does."""

    def add(name: str, deed: Callable[[click.Context], None]) -> None:
        command = click.Command(name, callback=click.pass_context(deed))
        monkeypatch.setitem(cli.commands, name, command)

    return add


def test_a_command_runs_on_made_up_calls_and_nothing_stays(
    command: Command, home: Path, temporary: Path
) -> None:
    done = command("demo", "--now", NOW_ISO, "status", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert told["path"].startswith(f"{temporary}/devflow-analytics-demo-")
    assert told["last_call"] == NOW - 2
    assert (os.listdir(temporary), os.listdir(home)) == ([], [])


@pytest.mark.usefixtures("no_calls")
def test_the_users_own_database_is_not_touched(
    command: Command, file: Path, tmp_path: Path, temporary: Path
) -> None:
    other = tmp_path / "other.db"
    for path in (file, other):
        create_analytics_db(path).close()
    before = [(path.read_bytes(), path.stat()) for path in (file, other)]
    done = command("demo", "status", "--json", DEVFLOW_ANALYTICS_DB_PATH=str(other))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["path"].startswith(f"{temporary}/")
    for path, (content, stat) in zip((file, other), before, strict=True):
        assert path.read_bytes() == content
        assert path.stat().st_mtime_ns == stat.st_mtime_ns
    assert os.listdir(file.parent) == ["analytics.db"]


@pytest.mark.usefixtures("no_calls", "temporary")
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
    (home / "directory").mkdir()
    for name in ("mine", "link", "directory"):
        done = command("demo", "--keep", str(home / name), "path")
        assert (done.returncode, done.stdout) == (73, "")
        assert done.stderr == (
            f"Error: {home / name} already exists and is not overwritten."
            " Name a new file with --keep.\n"
        )
    assert (home / "mine").read_text() == "mine"
    assert (sorted(os.listdir(home)), os.listdir(temporary)) == (
        ["directory", "link", "mine"],
        [],
    )
    assert os.listdir(home / "directory") == []


@pytest.mark.usefixtures("no_calls")
def test_a_place_that_is_none_is_told(command: Command, home: Path, temporary: Path) -> None:
    done = command("demo", "--keep", str(home / "none/kept.db"), "path")
    assert (done.returncode, done.stdout) == (73, "")
    assert done.stderr == (
        f"Error: Cannot make {home}/none/kept.db: {home}/none does not exist."
        " Make it first, or name another place with --keep.\n"
    )
    assert (os.listdir(home), os.listdir(temporary)) == ([], [])


@pytest.mark.usefixtures("no_calls")
def test_the_status_of_the_command_is_passed_on(
    command: Command, temporary: Path, probe: Any
) -> None:
    probe("fail", lambda ctx: ctx.exit(7))
    done = command("demo", "fail")
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")
    assert command("demo", "sessions", "none").returncode == 66
    assert command("demo", "export", "/none/calls.csv").returncode == 73
    assert os.listdir(temporary) == []


@pytest.mark.usefixtures("no_calls")
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
    done = command("demo", "status")
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


@pytest.mark.usefixtures("no_calls")
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


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            ("import", "enable", "disable", "hooks", "wrap", "demo"),
            "acts on more than the database, so demo refuses it.",
        ),
        (("init", "migrate", "restore"), "is for a database that stays, so demo refuses it."),
        (("backup", "path"), "names a file that would be deleted: use it with --keep."),
    ],
)
def test_what_is_of_no_use_to_a_database_that_is_deleted_is_refused(
    names: tuple[str, ...], said: str, command: Command, temporary: Path
) -> None:
    for name in names:
        done = command("demo", name, "--help")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.endswith(f"\nError: '{name}' {said}\n")
    assert os.listdir(temporary) == []


@pytest.mark.usefixtures("no_calls")
def test_what_is_kept_can_be_named_and_copied_but_not_made_again(
    command: Command, home: Path, temporary: Path
) -> None:
    def status(keep: str, *words: str) -> int:
        return command("demo", "--keep", str(home / keep), *words).returncode

    assert [status(f"{word}.db", word) for word in ("path", "init", "migrate")] == [0, 2, 2]
    assert status("backup.db", "backup", str(home / "copy.db")) == 0
    assert sorted(os.listdir(home)) == ["backup.db", "copy.db", "path.db"]
    assert os.listdir(temporary) == []


def test_a_database_of_ones_own_is_refused(command: Command, home: Path, temporary: Path) -> None:
    done = command("--db", str(home / "mine.db"), "demo", "status")
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
    done = command("demo", "--now", time, "status")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"\nError: Invalid value for '--now': {said}\n")


@pytest.mark.usefixtures("no_calls")
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


@pytest.mark.usefixtures("no_calls")
def test_without_a_command_it_shows_stats_and_names_more(
    command: Command, home: Path, temporary: Path, probe: Any
) -> None:
    probe("stats", lambda ctx: click.echo(f"stats, {ctx.obj.quiet}"))
    done = command("demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "stats, False\n\nThese calls are made up. See more: devflow-analytics demo tools,"
        " or errors, sessions, calls, dashboard.\n"
    )
    assert command("-q", "demo").stdout == "stats, True\n"
    kept = home / "my calls.db"
    assert command("demo", "--keep", str(kept)).stdout == (
        "stats, False\n\nThese calls are made up. See more:"
        f" devflow-analytics --db '{kept}' tools, or errors, sessions, calls, dashboard.\n"
    )
    assert os.listdir(temporary) == []


@pytest.mark.usefixtures("no_calls")
def test_verbose_logs_what_is_done(command: Command, temporary: Path) -> None:
    done = command("-v", "demo", "status", "--json")
    assert f"\ncreated {json.loads(done.stdout)['path']}: schema version " in done.stderr
    assert os.listdir(temporary) == []


def test_the_shell_completes_the_commands(command: Command) -> None:
    def offered(*words: str) -> list[str]:
        done = command(
            _DEVFLOW_ANALYTICS_COMPLETE="bash_complete",
            COMP_WORDS="\n".join(["devflow-analytics", "demo", *words]),
            COMP_CWORD=str(len(words) + 1),
        )
        return done.stdout.split()

    assert offered("docto") == ["plain,doctor"]
    assert offered("im") == offered("pa") == offered("mi") == []
    assert offered("--keep", "new.db", "pa") == ["plain,path"]
    assert offered("status", "st") == []
