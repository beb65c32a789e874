"""How the command behaves at a terminal, away from one, and where the locale knows no letters."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import backup, create_analytics_db

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., subprocess.CompletedProcess[str]]

COMMAND = Path(sys.executable).with_name("devflow-analytics")


def at_a_terminal(*arguments: str, **environment: str) -> str:
    """Run the command with stdout and stderr at a terminal, and return what it shows."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, *arguments],
        stdin=its,
        stdout=its,
        stderr=its,
        env=os.environ | {"TERM": "xterm"} | environment,
    )
    os.close(its)
    shown = b""
    with suppress(OSError):  # how Linux says that the other end is closed
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert process.wait(timeout=60) == 0, shown
    return shown.decode()


def test_copies_show_how_far_they_are_at_a_terminal(home: Path) -> None:
    create_analytics_db().close()
    shown = at_a_terminal("backup", str(home / "copy.db"))
    assert re.search(r"Backing up .*100%", shown), shown
    shown = at_a_terminal("restore", str(home / "copy.db"))
    assert re.search(r"Restoring .*100%", shown), shown


def test_quiet_shows_nothing_at_a_terminal_either(home: Path) -> None:
    create_analytics_db().close()
    assert at_a_terminal("--quiet", "backup", str(home / "copy.db")) == ""
    assert at_a_terminal("--quiet", "restore", str(home / "copy.db")) == ""


def test_colours_are_for_a_terminal_that_wants_them(command: Command) -> None:
    create_analytics_db().close()
    green = "\x1b[32mOK  \x1b[0m"
    assert green in at_a_terminal("doctor")
    assert "\x1b" not in at_a_terminal("doctor", NO_COLOR="1")
    assert green in at_a_terminal("doctor", NO_COLOR="")
    assert "\x1b" not in command("doctor").stdout


# each command in turn, as the entry point of a single process that Python starts in its locale
ONE_AFTER_THE_OTHER = """
import sys
from devflow_analytics_cli.main import main

program, database, *commands = sys.argv
for arguments in map(str.split, commands):
    sys.argv = [program, "--db", database, *arguments]
    try:
        main()
    except SystemExit as ended:
        assert ended.code == 0, arguments
"""


@pytest.mark.parametrize(
    "name", ["my calls.db", "вызовы — 呼び出し.db", "a'b\"c?#%41.db", "\udcff.db"]
)
@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_any_name_works_in_any_locale(
    require_start: Callable[..., None], name: str, locale: dict[str, str], home: Path
) -> None:
    require_start(**locale)
    commands = ("init", "status", "backup", "migrate", "check", "doctor", "status --json")
    done = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_THE_OTHER, home / name, *commands],
        capture_output=True,
        check=False,
        env=os.environ | locale,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout.splitlines()[-1])["exists"]
    assert sorted(os.listdir(home)) == sorted([name, "backups"])


def test_it_works_in_an_empty_environment(file: Path) -> None:
    done = subprocess.run(
        [COMMAND, "--db", file, "init"], env={}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert file.exists()


def test_a_relative_path_counts_from_the_current_directory(home: Path) -> None:
    done = subprocess.run(
        [COMMAND, "--db", "here.db", "init", "--json"],
        cwd=home,
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["path"] == str(home / "here.db")


@pytest.mark.parametrize("arguments", [["--db", "~/my calls.db"], []])
def test_a_tilde_that_no_shell_has_expanded_is_the_home(
    command: Command, arguments: list[str], home: Path
) -> None:
    create_analytics_db(home / "my calls.db").close()
    variable = {} if arguments else {"DEVFLOW_ANALYTICS_DB_PATH": "~/my calls.db"}
    assert command(*arguments, "path", **variable).stdout == f"{home / 'my calls.db'}\n"
    assert command(*arguments, "backup", "~/copy.db", **variable).returncode == 0
    assert command("restore", "~/copy.db").returncode == 0
    assert sorted(os.listdir(home)) == [".devflow", "copy.db", "my calls.db"]


def test_behind_a_link_is_the_file_that_is_used(command: Command, file: Path, home: Path) -> None:
    create_analytics_db(home / "elsewhere.db").close()
    file.parent.mkdir()
    file.symlink_to(home / "elsewhere.db")
    assert command("path").stdout == f"{home / 'elsewhere.db'}\n"
    assert command("init").stdout.startswith(f"{home / 'elsewhere.db'} is current")
    assert (file.is_symlink(), os.listdir(file.parent)) == (True, ["analytics.db"])


def test_path_prints_where_the_file_would_be_to_the_byte(
    command: Command, file: Path, home: Path
) -> None:
    assert command("path").stdout == f"{file}\n"
    assert json.loads(command("path", "--json").stdout) == {"path": str(file)}
    assert os.listdir(home) == []
    odd = home / "\udcff.db"
    done = subprocess.run([COMMAND, "--db", odd, "path"], capture_output=True, check=True)
    assert done.stdout == os.fsencode(odd) + b"\n"


def test_a_reader_that_leaves_early_ends_it_without_a_word(home: Path) -> None:
    create_analytics_db().close()
    backup(None, home / "copy.db")
    done = subprocess.run(
        ["sh", "-c", '"$0" doctor | head -n 1', COMMAND],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, done.stdout.count("\n")) == ("", 1)
