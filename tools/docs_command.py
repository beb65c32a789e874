"""What the documentation says of the command: help texts, and sessions that are really run."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = Path(sys.executable).with_name("devflow-analytics")

MADE = "20261125T120000.000000Z"
"""Stands for the time in the name of every backup."""

KEY = "vR1c0p3wF2uHq9Zy7bXkT4mN8sLd6aGj5eQoWiUtKxA"
"""Stands for the key of every dashboard."""

MCP_SERVERS = """\
{
  "mcpServers": {
    "files": {
      "command": "npx",
      "args": ["-y", "@modelcontextprotocol/server-filesystem", "/home/me/site"] // not the home
    },
    "docs": {"url": "https://example.com/mcp"}
  }
}
"""

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


def logged() -> Iterator[dict[str, object]]:
    """Yield what Claude Code logs: thirty calls, of which some fail, are denied, or go on."""
    for number in range(30):
        key = f"toolu_0{number:023}"
        common = {"sessionId": "0c9e5b7a", "version": "2.1.39", "cwd": "/home/me/site"}
        name = ("Read", "Bash", "mcp__github__get_issue")[number % 3]
        called = {"type": "tool_use", "id": key, "name": name, "input": {}}
        result: dict[str, object] = {"type": "tool_result", "tool_use_id": key, "content": "…"}
        if number % 10 == 4:  # noqa: PLR2004  some of them
            result |= {"content": "Exit code 1", "is_error": True}
        if number == 11:  # noqa: PLR2004  one of them
            result |= {"content": "The user doesn't want to take this action", "is_error": True}
        at = f"2026-11-{number // 2 + 3:02}T09:{number:02}"
        begun = common | {"type": "assistant", "timestamp": f"{at}:00.000Z"}
        yield begun | {"message": {"content": [called]}}
        if number < 29:  # noqa: PLR2004  all but the last
            ended = common | {"type": "user", "timestamp": f"{at}:01.250Z"}
            yield ended | {"message": {"content": [result]}}


class Session:
    """A home in which commands are run one after the other."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.file = home / ".devflow" / "analytics.db"
        self.environment = {"HOME": str(home), "TZ": "UTC", "COLUMNS": "80"}

    def run(self, line: str, prompt: str = "$") -> str:
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
        words = " ".join([prompt, "devflow-analytics", *arguments])
        status = f"$ echo $?\n{done.returncode}\n" if done.returncode else ""
        text = f"{words}\n{done.stdout}{status}".replace(str(self.home), "/home/me")
        text = text.replace(str(COMMAND.parent), "/home/me/.local/bin")
        return re.sub(r"\d{8}T\d{6}\.\d{6}Z", MADE, text)

    def serve(self, line: str) -> str:
        """Return what a command that serves prints, until Ctrl-C.

        The key and the port are those of every reader.
        """
        with subprocess.Popen(  # noqa: S603  runs only what it names itself
            [COMMAND, *line.split()],
            env=self.environment | {"BROWSER": "true"},  # the program that does nothing
            # CI systems may ignore Ctrl-C
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  no threads here
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            text = f"$ devflow-analytics {line}\n"
            for told in process.stdout or ():
                text += told
                if "Ctrl-C" in told or '"url"' in told:
                    process.send_signal(signal.SIGINT)
        text = text.replace(str(self.home), "/home/me")
        text = re.sub(r":\d+/#key=[\w-]+", f":8321/#key={KEY}", text)
        text = re.sub(r'"port": \d+', '"port": 8321', text)
        return f"{text}^C\n"

    def record(self) -> str:
        """Do what an agent at work does."""
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.executescript(CALLS)
        return "# meanwhile, an agent calls three tools\n"

    def work(self) -> str:
        """Do what Claude Code does at work: log it."""
        log = self.home / ".claude/projects/-home-me-site/0c9e5b7a.jsonl"
        log.parent.mkdir(parents=True)
        log.write_text("".join(f"{json.dumps(line)}\n" for line in logged()))
        return ""

    def drop_an_index(self) -> str:
        """Do what nobody should."""
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute("DROP INDEX session_id_idx")
        return "# somebody drops an index\n"

    def open_to_others(self) -> str:
        """Do what nobody should."""
        self.file.chmod(0o644)
        return "# somebody lets others read the file\n"

    def set_up_claude_code(self) -> str:
        """Do what its user does: choose something."""
        settings = self.home / ".claude" / "settings.json"
        settings.parent.mkdir(exist_ok=True)
        settings.write_text('{"model": "opus"}\n')
        return f"$ cat ~/.claude/settings.json\n{settings.read_text()}"

    def set_up_cursor(self) -> str:
        """Do what its user does: add MCP servers."""
        settings = self.home / ".cursor" / "mcp.json"
        settings.parent.mkdir(exist_ok=True)
        settings.write_text(MCP_SERVERS)
        return self.look_at_cursor()

    def look_at_cursor(self) -> str:
        """Look at the servers that it has."""
        settings = (self.home / ".cursor" / "mcp.json").read_text()
        settings = settings.replace(str(COMMAND.parent), "/home/me/.local/bin")
        return f"$ cat ~/.cursor/mcp.json\n{settings}"

    def help_of(self, command: str) -> str:
        """Return a help text without the spaces that end some of its lines."""
        text = self.run(f"{command} --help").partition("\n")[2]
        return re.sub(r" +$", "", text, flags=re.MULTILINE)


SESSIONS: dict[str, list[str]] = {
    "init": ["init", "init", "init --json"],
    "status": ["RECORD", "status", "status --json", "--db /none.db status --exit-code"],
    "migrate": ["migrate", "migrate --to 1", "migrate --to 1 --yes", "migrate --json"],
    "check": ["check", "DROP", "check", "check --json", "restore BACKUP"],
    "doctor": ["migrate --json", "doctor", "OPEN", "doctor --fix --json"],
    "backup": ["backup", "backup --json"],
    "restore": ["restore BACKUP", "restore BACKUP --json"],
    "export": ["--quiet export - --status error", "--quiet export - --format json"],
    "tail": [
        "demo --now 2026-11-25T17:06:10+01:00 tail -n 3 --no-follow",
        "tail -n 1 --no-follow --json",
    ],
    "dashboard": ["dashboard", "dashboard --json --no-browser"],
    "path": ["path", "path --json"],
    "demo": ["demo --now 2026-11-25T17:06:10+01:00 stats --since today"],
    "import": ["WORK", "import --dry-run", "import", "import", "import --full --json"],
    "wrap": ["wrap -- no-such-server"],
    "hooks": ["CLAUDE", "hooks", "hooks --write", "hooks --write", "hooks --remove"],
    "enable": ["CURSOR", "enable --dry-run", "enable", "enable --status", "enable --json"],
    "disable": ["disable", "disable --json"],
}
"""What is run in each command's section, in this order, in one home."""

ANSWERS = {
    "stats": "how-are-things",
    "tools": "how-is-each-tool-doing",
    "errors": "what-fails",
    "sessions": "which-sessions-were-there",
    "calls": "which-calls-were-there",
}
"""Where docs/questions.md shows what a command answers; that depends on the time."""


@contextmanager
def new_session() -> Iterator[Session]:
    """Give a session in an empty home."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory, "me")
        home.mkdir()
        yield Session(home)


def console(*texts: str) -> str:
    """Return texts as one block of code."""
    return f"```console\n{''.join(texts)}```\n"


def help_text(_: str) -> str:
    """Return the help of the command, as somebody asks for it."""
    with new_session() as session:
        return console("$ devflow-analytics --help\n", session.help_of(""))


def commands(_: str) -> str:
    """Return the help of the command, then that of each of its commands with a session."""
    with new_session() as session:
        parts = [f"```text\n{session.help_of('')}```\n"]
        deeds = {
            "RECORD": session.record,
            "DROP": session.drop_an_index,
            "OPEN": session.open_to_others,
            "WORK": session.work,
            "CLAUDE": session.set_up_claude_code,
            "CURSOR": session.set_up_cursor,
        }
        for command, lines in SESSIONS.items():
            show = session.serve if command == "dashboard" else session.run
            texts = [deeds[line]() if line in deeds else show(line) for line in lines]
            help_text = f"```text\n{session.help_of(command)}```\n"
            parts += [f"### {command}\n", help_text, console(*texts)]
        for command, anchor in ANSWERS.items():
            help_text = f"```text\n{session.help_of(command)}```\n"
            link = f"[Questions](questions.md#{anchor}) shows what it answers.\n"
            parts += [f"### {command}\n", help_text, link]
    return "\n".join(parts)


def first_session(_: str) -> str:
    """Return what the README's first command prints, the first time and later."""
    with new_session() as session:
        lines = ("init", "init", "init --json")
        return console(*(session.run(line, "$ uv run") for line in lines))


def later_session(_: str) -> str:
    """Return what there is to see once calls are recorded."""
    with new_session() as session:
        session.run("init")
        session.record()
        return console(session.run("status"), session.run("backup"))


def an_import(_: str) -> str:
    """Return what is printed where an agent has logged something."""
    with new_session() as session:
        session.work()
        return console(session.run("import"), session.run("import"))


def a_page(_: str) -> str:
    """Return what is printed where the page is served."""
    with new_session() as session:
        session.run("init")
        return console(session.serve("dashboard"))


def hooks(_: str) -> str:
    """Return what is printed when hooks are shown, written and removed."""
    with new_session() as session:
        session.set_up_claude_code()
        return console(*map(session.run, ("hooks", "hooks --write", "hooks --remove")))


def enabling(_: str) -> str:
    """Return what is printed when servers are recorded, and not any more."""
    with new_session() as session:
        return console(
            session.set_up_cursor(),
            session.run("enable"),
            session.look_at_cursor(),
            session.run("enable --status"),
            session.run("disable"),
        )


def enabled(_: str) -> str:
    """Return what is printed when servers are recorded from then on."""
    with new_session() as session:
        session.set_up_cursor()
        return console(session.run("enable"))


def way_down(_: str) -> str:
    """Return what is printed on the way to an older schema version and back."""
    with new_session() as session:
        session.run("init")
        session.record()
        lines = ("migrate --to 1 --yes", "migrate")
        return console(*map(session.run, lines))
