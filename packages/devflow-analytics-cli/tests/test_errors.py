"""What goes wrong, as the user of the command meets it: a sentence, a status, no traceback."""

from __future__ import annotations

import ast
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import devflow_analytics_capture
import devflow_analytics_dashboard
import devflow_analytics_db
import devflow_analytics_reports
from devflow_analytics_cli.commands import init as init_module
from devflow_analytics_cli.output import COMMANDS, in_commands
from devflow_analytics_db import AnalyticsDbError, create_analytics_db
from devflow_analytics_db.migrations import latest_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Command = Callable[..., subprocess.CompletedProcess[str]]

NEXT = latest_version() + 1


def a_text_file(file: Path) -> None:
    file.write_text("somebody's notes\n" * 100)


def a_directory(file: Path) -> None:
    file.mkdir()


def another_programs_file(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")


def a_truncated_file(file: Path) -> None:
    create_analytics_db(file).close()
    os.truncate(file, 20_000)


def an_edited_history(file: Path) -> None:
    create_analytics_db(file).close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM devflow_migrations WHERE version = 1")


def a_newer_file(file: Path) -> None:
    create_analytics_db(file).close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"PRAGMA user_version = {NEXT}")
        connection.execute(
            f"INSERT INTO devflow_migrations VALUES ({NEXT}, 'next', '', {NEXT}, 0, 0, '')"
        )


def contents(directory: Path) -> dict[str, bytes | None]:
    return {
        path.name: path.read_bytes() if path.is_file() else None for path in directory.iterdir()
    }


@pytest.mark.parametrize(
    ("make", "status", "sentence"),
    [
        (a_text_file, 65, "is not an SQLite database"),
        (another_programs_file, 65, "is an SQLite database of another program: it holds bookmarks"),
        (a_truncated_file, 65, "is damaged"),
        (an_edited_history, 65, "its ledger does not list migration 1"),
        (a_directory, 73, "is a directory, where the database should be"),
        (a_newer_file, 78, f"may be written only by releases that know version {NEXT}"),
    ],
)
def test_a_file_that_cannot_be_used_is_left_alone(
    command: Command,
    file: Path,
    make: Callable[[Path], None],
    status: int,
    sentence: str,
) -> None:
    file.parent.mkdir(mode=0o700)
    make(file)
    before = contents(file.parent)
    done = command("init")
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("Error: ")
    assert sentence in done.stderr
    assert str(file) in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert contents(file.parent) == before


def test_a_home_that_does_not_exist_is_73(command: Command, tmp_path: Path) -> None:
    done = command("init", HOME=str(tmp_path / "nowhere"))
    assert (done.returncode, done.stdout) == (73, "")
    assert done.stderr.startswith(f"Error: Cannot make the directory {tmp_path}/nowhere/.devflow: ")
    assert not (tmp_path / "nowhere").exists()


def test_a_locked_file_is_75(process: Command, file: Path) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        done = process("init", DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS="10")
    assert (done.returncode, done.stdout) == (75, "")
    assert "is locked: another process" in done.stderr


def test_a_bad_setting_is_1(command: Command) -> None:
    done = command("init", DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS="soon")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS is 'soon', which is")


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A directory that any user can get to and none but root can write."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o555)
    yield directory
    shutil.rmtree(directory)


# root may do anything, so it steps down; first it reads what the other may not
AS_NOBODY = """
import os, shlex, sys, tempfile
from devflow_analytics_cli.app import cli
from devflow_analytics_cli.commands import restore
from devflow_analytics_cli.main import main
from devflow_analytics_db import restore

with tempfile.TemporaryDirectory() as directory:
    for command in ("init", "status"):
        cli(["--db", f"{directory}/a.db", "--quiet", command], standalone_mode=False)
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
main()
"""


def as_nobody(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", AS_NOBODY, *arguments],
        capture_output=True,
        # nobody may not write down what was covered either
        env={name: value for name, value in os.environ.items() if "COVERAGE" not in name},
        text=True,
        check=False,
        timeout=60,
    )


def test_a_read_only_directory_is_77(read_only: Path) -> None:
    done = as_nobody("--db", read_only / "calls.db", "init")
    assert done.returncode == 77
    assert done.stderr.startswith(f"Error: No right to read and write {read_only}/calls.db")
    assert len(done.stderr.splitlines()) == 1
    assert list(read_only.iterdir()) == []


def test_a_path_that_may_not_be_read_is_77_and_no_usage_error(
    read_only: Path, tmp_path: Path
) -> None:
    file = read_only / "calls.db"
    create_analytics_db(file).close()
    file.chmod(0)
    for arguments in (["--db", file, "status"], ["--db", tmp_path / "a.db", "restore", file]):
        done = as_nobody(*arguments)
        assert (done.returncode, done.stdout) == (77, "")
        assert done.stderr.startswith("Error: No right to read and write ")
        assert len(done.stderr.splitlines()) == 1


def test_advice_names_commands_where_the_library_names_functions(
    command: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise AnalyticsDbError(
            f"{home}/`path`.db is odd.",
            None,
            "Run `check()` on it, or name another file with `path`.",
        )

    monkeypatch.setattr(init_module, "create_analytics_db", fail)
    assert command("init").stderr == (
        f"Error: {home}/`path`.db is odd."
        " Run 'devflow-analytics check' on it, or name another file with --db.\n"
    )


def test_an_error_without_advice_is_told_as_it_is(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise AnalyticsDbError("Something is odd with `path`.")

    monkeypatch.setattr(init_module, "create_analytics_db", fail)
    assert command("init").stderr == "Error: Something is odd with `path`.\n"


@pytest.mark.parametrize(
    ("advice", "told"),
    [
        (
            "Make it with `create_analytics_db()`.",
            "Make it with 'devflow-analytics init'.",
        ),
        ("Run `migrate()`.", "Run 'devflow-analytics migrate'."),
        ("`restore()` puts a backup back.", "'devflow-analytics restore' puts a backup back."),
        ("See `check()`.", "See 'devflow-analytics check'."),
        ("So does `drain()`.", "So does 'devflow-analytics backup'."),
        ("Run `diagnose(fix=True)`.", "Run 'devflow-analytics doctor --fix'."),
        ("Name another file with `path`.", "Name another file with --db."),
        ("Give another `port`.", "Give another --port."),
        ("Allow it with `allow_down=True`.", "Allow it with --yes."),
        (
            "Name another place with `destination`.",
            "Name another place with 'devflow-analytics backup DEST'.",
        ),
        ("Run 'chmod u+rwX ~'.", "Run 'chmod u+rwX ~'."),
    ],
)
def test_each_python_name_in_advice_has_a_word_of_the_command(advice: str, told: str) -> None:
    assert in_commands(advice) == told


def test_debug_shows_the_traceback_before_the_same_sentence_and_status(
    command: Command, file: Path
) -> None:
    file.mkdir(parents=True)
    plain, debug = command("init"), command("--debug", "init")
    assert debug.stderr.startswith("Traceback (most recent call last):")
    assert debug.stderr.endswith(plain.stderr)
    assert debug.returncode == plain.returncode == 73


def test_verbose_says_the_sentence_once(command: Command, file: Path) -> None:
    file.mkdir(parents=True)
    assert command("-v", "init").stderr == command("init").stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["inti"], "No such command 'inti'"),
        (["init", "extra"], "Got unexpected extra argument (extra)"),
        (["--nope", "init"], "No such option"),
        (["--db"], "Option '--db' requires an argument"),
    ],
)
def test_bad_arguments_are_2(command: Command, arguments: list[str], sentence: str) -> None:
    done = command(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr


def test_a_bug_is_1_and_asks_to_be_reported(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr(init_module, "create_analytics_db", fail)
    done = command("init")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: ZeroDivisionError: unforeseen. This is a bug in devflow-analytics."
        " Please report it.\n"
    )


def test_an_interruption_is_130(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(init_module, "create_analytics_db", interrupt)
    done = command("init")
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "Interrupted. Nothing was left half done.\n"


def test_an_interruption_before_the_command_is_known_is_130_too() -> None:
    code = """if True:
        import _thread, signal, sys
        from devflow_analytics_cli.main import main

        signal.signal(signal.SIGINT, signal.default_int_handler)  # CI systems may ignore it

        class Interrupting:  # what Ctrl-C does in the middle of the imports
            def find_spec(self, *_):
                _thread.interrupt_main()

        sys.meta_path.insert(0, Interrupting())
        main()
    """
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "Interrupted. Nothing was left half done.\n"


def with_output_to(redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *("/bin/sh", "-c", f'exec "$@" {redirection}', "sh"),
            *(sys.executable, "-m", "devflow_analytics_cli", *arguments),
        ],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(params=["1", ""], ids=["unbuffered", "buffered"])
def buffering(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", request.param)


@pytest.mark.usefixtures("buffering")
@pytest.mark.parametrize(
    "arguments", ["init", "status", "status --json", "status --help", "--help", "--version"]
)
@pytest.mark.parametrize(
    ("stdout", "why"),
    [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")],
    ids=["full", "closed"],
)
def test_output_that_cannot_be_written_is_74(
    stdout: str, why: str, arguments: str, command: Command
) -> None:
    command("init")
    done = with_output_to(stdout, *arguments.split())
    assert (done.returncode, done.stderr) == (74, f"Error: Cannot write the output: {why}.\n")


def test_debug_shows_the_traceback_of_output_that_cannot_be_written(command: Command) -> None:
    command("init")
    done = with_output_to(">/dev/full", "--debug", "status")
    assert done.returncode == 74
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert done.stderr.endswith("\nError: Cannot write the output: No space left on device.\n")


def test_a_closed_stdout_is_nothing_to_a_quiet_command(command: Command) -> None:
    command("init")
    done = with_output_to(">&-", "--quiet", "init")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_the_output_has_no_letters_for_is_escaped(process: Command, tmp_path: Path) -> None:
    file = tmp_path / "工具.db"
    done = process("--db", str(file), "init", PYTHONIOENCODING="latin-1", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Created {tmp_path}/\\u5de5\\u5177.db\n")
    assert file.exists()


@pytest.mark.usefixtures("buffering")
@pytest.mark.parametrize(
    ("arguments", "status"), [("init", 73), ("--debug init", 73), ("inti", 2), ("--nope init", 2)]
)
@pytest.mark.parametrize(
    "redirection",
    ["2>/dev/full", "2>&-", "<&- >&- 2>&-", "2>&1 >/dev/full | true"],
    ids=["full", "closed", "all closed", "closed pipe"],
)
def test_where_the_sentence_cannot_be_written_the_status_still_tells(
    redirection: str, arguments: str, status: int, file: Path
) -> None:
    file.mkdir(parents=True)
    script = f'{{ "$@"; echo $? >&3; }} {redirection}'
    done = subprocess.run(
        [
            *("/bin/sh", "-c", f"exec 3>&1; {script}", "sh"),
            *(sys.executable, "-m", "devflow_analytics_cli", *arguments.split()),
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == f"{status}\n"


@pytest.mark.usefixtures("buffering")
def test_a_closed_pipe_is_silent(command: Command) -> None:
    command("init")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "devflow_analytics_cli", "init"],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (1, "")


def texts(tree: ast.AST) -> Iterator[str]:
    """Yield the strings of a module, without its docstrings."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        yield from texts(node)


def test_whatever_the_library_advises_to_call_or_pass_has_a_word_of_the_commands() -> None:
    packages = (
        devflow_analytics_db,
        devflow_analytics_capture,
        devflow_analytics_reports,
        devflow_analytics_dashboard,
    )
    describing = {"answers.py", "parameters.py", "settings.py"}  # what values mean
    modules = [
        path
        for package in packages
        for path in Path(package.__file__).parent.rglob("*.py")
        if path.name not in describing
    ]
    named = {
        name
        for module in modules
        for text in texts(ast.parse(module.read_text()))
        for name in re.findall(r"`[a-z_]+(?:\(.*?\)|=\w+)?`", text)
    }
    assert named == set(COMMANDS)
