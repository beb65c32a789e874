"""What a shell offers when somebody presses the tab key."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Command = Callable[..., subprocess.CompletedProcess[str]]

BASH = shutil.which("bash")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete_it(process: Command, shell: str) -> None:
    done = process(_DEVFLOW_ANALYTICS_COMPLETE=f"{shell}_source")
    assert done.returncode == 0
    assert "_DEVFLOW_ANALYTICS_COMPLETE" in done.stdout


def offered(command: Command, *words: str) -> list[str]:
    """Return what is offered for the last of the words, each with its kind."""
    done = command(
        _DEVFLOW_ANALYTICS_COMPLETE="bash_complete",
        COMP_WORDS="\n".join(["devflow-analytics", *words]),
        COMP_CWORD=str(len(words)),
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.parametrize(
    "words",
    [
        ["restore", "ex.i"],
        ["backup", "ex.i"],
        ["--db", "ex.i"],
        ["-q", "--db", "a.db", "restore", "--json", ""],
    ],
    ids=" ".join,
)
def test_where_a_path_belongs_the_shells_own_file_names_are_offered(
    command: Command, words: list[str]
) -> None:
    assert offered(command, *words) == [f"file,{words[-1]}"]


def test_commands_and_options_are_offered_by_name(command: Command) -> None:
    assert offered(command, "re") == ["plain,restore"]
    assert offered(command, "migrate", "--d") == ["plain,--dry-run"]
    assert offered(command, "status", "--to") == []


class Bash:
    """Bash at a terminal, with the line of the README in its start-up file."""

    def __init__(self, directory: Path, start_up: str) -> None:
        rc = directory / "bashrc"
        rc.write_text(f"{start_up}\nbind 'set enable-bracketed-paste off'\nPS1=ready:\n")
        self.master, slave = pty.openpty()
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.process = subprocess.Popen(
            [str(BASH), "--noprofile", "--rcfile", str(rc), "-i"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=directory,
            env=os.environ | {"PATH": path, "TERM": "dumb", "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        os.close(slave)
        self.read_until("ready:")

    def read_until(self, end: str) -> str:
        shown = b""
        while end.encode() not in shown:
            ready, _, _ = select.select([self.master], [], [], 30)
            assert ready, shown
            shown += os.read(self.master, 1000)  # fails once bash has ended
        return os.fsdecode(shown)

    def complete(self, line: str) -> list[str]:
        """Type a line and the tab key, and return the words that it is then."""
        # then Ctrl-A and Ctrl-E, to write something before it and behind
        os.write(self.master, f"{line}\t\x01printf '<%s>\\n' \x05; echo en''d\n".encode())
        return re.findall(r"^<(.*)>\r$", self.read_until("end\r\n"), re.MULTILINE)

    def close(self) -> None:
        os.close(self.master)  # bash is hung up on
        self.process.wait(timeout=60)


@pytest.fixture
def bash(tmp_path: Path) -> Iterator[Bash]:
    if BASH is None:
        pytest.skip("there is no bash here")
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    (start_up,) = re.findall(r"^\| bash \| `~/.bashrc` \| `(.*)` \|$", readme, re.MULTILINE)
    bash = Bash(tmp_path, start_up)
    yield bash
    bash.close()


def test_in_bash_the_tab_key_completes_the_names_of_files(bash: Bash, tmp_path: Path) -> None:
    for name in ("ex.ini", "my calls.db", "größe.db", "by\udcfftes.db"):
        (tmp_path / name).touch()
    (tmp_path / "home" / "old.db").touch()
    for typed, words in {
        "restore ex.i": ["restore", "ex.ini"],
        "backup ex.i": ["backup", "ex.ini"],
        "restore my": ["restore", "my calls.db"],
        "restore grö": ["restore", "größe.db"],
        "restore by": ["restore", "by\udcfftes.db"],
        "restore ~/o": ["restore", str(tmp_path / "home" / "old.db")],
        "--db ex.i": ["--db", "ex.ini"],
        "--db ex.ini docto": ["--db", "ex.ini", "doctor"],
    }.items():
        assert bash.complete(f"devflow-analytics {typed}") == ["devflow-analytics", *words]
