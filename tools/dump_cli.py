"""Print ``docs/CLI.md``: the help of each command and a session with it. Run by ``just cli``."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

COMMAND = Path(sys.executable).with_name("devflow-analytics")

HEAD = """\
# The command

`just cli` writes this page: the command prints the help texts, and each session was run.

Results go to stdout, everything else to stderr. With `--json`, stdout is one JSON object with the
keys that the help lists, and these keys stay; sizes are in bytes and times in Unix seconds. When
something goes wrong, stdout is empty, stderr has one sentence, and the exit status says what went
wrong: [what can go wrong](ERRORS.md). [Configuration](CONFIGURATION.md) describes the environment
variables and the files.
"""

MADE = "20261125T120000.000000Z"
"""Stands for the time in the name of every backup."""

CALLS = """
INSERT INTO sessions (id, started_at, ended_at, tool_count)
VALUES ('0198c0de-0000-7000-8000-000000000001', 1795608000, 1795608600, 3);
INSERT INTO tool_calls (id, tool_name, duration_ms, status, error_type, timestamp, session_id)
VALUES
    ('0198c0de-0000-7000-8000-000000000002', 'git-log', 12.5, 'success', NULL, 1795608001,
        '0198c0de-0000-7000-8000-000000000001'),
    ('0198c0de-0000-7000-8000-000000000003', 'fetch', 30000.0, 'timeout', NULL, 1795608032,
        '0198c0de-0000-7000-8000-000000000001'),
    ('0198c0de-0000-7000-8000-000000000004', 'git-log', 9.1, 'success', NULL, 1795608040,
        '0198c0de-0000-7000-8000-000000000001');
"""


class Session:
    """A home in which commands are run one after the other."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "me"
        self.home.mkdir()
        self.file = self.home / ".devflow" / "analytics.db"
        self.environment = {"HOME": str(self.home), "TZ": "UTC", "COLUMNS": "80"}

    def run(self, line: str) -> str:
        """Return what was typed and what was printed."""
        newest = max((self.file.parent / "backups").glob("*"), default="")
        arguments = [str(newest) if word == "BACKUP" else word for word in line.split()]
        done = subprocess.run(  # noqa: S603  runs only what it names itself
            [COMMAND, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        words = " ".join(["$ devflow-analytics", *arguments])
        status = f"$ echo $?\n{done.returncode}\n" if done.returncode else ""
        text = f"{words}\n{done.stdout}{status}".replace(str(self.home), "/home/me")
        return re.sub(r"\d{8}T\d{6}\.\d{6}Z", MADE, text)

    def record(self) -> str:
        """Do what an agent at work does."""
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.executescript(CALLS)
        return "# meanwhile, an agent calls three tools\n"

    def drop_an_index(self) -> str:
        """Do what nobody should."""
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute("DROP INDEX session_id_idx")
        return "# somebody drops an index\n"

    def open_to_others(self) -> str:
        """Do what nobody should."""
        self.file.chmod(0o644)
        return "# somebody lets others read the file\n"


SESSIONS: dict[str, list[str]] = {
    "init": ["init", "init", "init --json"],
    "status": ["RECORD", "status", "status --json", "--db /none.db status --exit-code"],
    "migrate": ["migrate", "migrate --to 1", "migrate --to 1 --yes", "migrate --json"],
    "check": ["check", "DROP", "check", "check --json", "restore BACKUP"],
    "doctor": ["migrate --json", "doctor", "OPEN", "doctor --fix --json"],
    "backup": ["backup", "backup --json"],
    "restore": ["restore BACKUP", "restore BACKUP --json"],
    "path": ["path", "path --json"],
}
"""What is run in each command's section, in this order, in one home."""


def help_of(session: Session, command: str) -> str:
    """Return a help text without the spaces that end some of its lines."""
    text = session.run(f"{command} --help").partition("\n")[2]
    return re.sub(r" +$", "", text, flags=re.MULTILINE)


def page(directory: Path) -> str:
    """Return the page."""
    session = Session(directory)
    parts = [HEAD, f"```text\n{help_of(session, '')}```\n"]
    for command, lines in SESSIONS.items():
        deeds = {
            "RECORD": session.record,
            "DROP": session.drop_an_index,
            "OPEN": session.open_to_others,
        }
        text = "".join(deeds[line]() if line in deeds else session.run(line) for line in lines)
        parts += [
            f"## {command}\n",
            f"```text\n{help_of(session, command)}```\n",
            f"```console\n{text}```\n",
        ]
    return "\n".join(parts)


if __name__ == "__main__":
    os.umask(0o022)
    with tempfile.TemporaryDirectory() as directory:
        print(page(Path(directory)), end="")
