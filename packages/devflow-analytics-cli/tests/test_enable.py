"""``devflow-analytics enable`` and ``disable``: what they print, and what they do to settings."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]

PROGRAM = Path(sys.executable).with_name("devflow-analytics")
CURSOR = """\
{
  "mcpServers": {
    "files": {"command": "npx", "args": ["-y", "files-mcp"]}, // local
    "web": {"url": "https://example.com/mcp"},
    "more web": {"url": "https://example.com/more"}
  }
}
"""
CODEX = '[mcp_servers.git]\ncommand = "uvx"\nargs = ["mcp-server-git"]\n'
UNDO = f"""
These servers are now started through {PROGRAM}
and cannot be started without it. So before you uninstall devflow-analytics:
    devflow-analytics disable
If it is gone already, put the copies of the files back, or run:
    uvx --from devflow-analytics-cli devflow-analytics disable
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of a project, in which commands are run."""
    monkeypatch.setenv("PATH", f"{PROGRAM.parent}:{os.environ['PATH']}")
    directory = tmp_path / "shop"
    directory.mkdir()
    return directory


@pytest.fixture
def cursor(home: Path) -> Path:
    """The settings of Cursor."""
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir()
    path.write_text(CURSOR)
    return path


@pytest.fixture
def codex(home: Path) -> Path:
    """The settings of Codex."""
    path = home / ".codex" / "config.toml"
    path.parent.mkdir()
    path.write_text(CODEX)
    return path


@pytest.fixture
def shared(elsewhere: Path) -> Path:
    """The settings of a project."""
    path = elsewhere / ".mcp.json"
    path.write_text('{"mcpServers": {"lint": {"command": "lint-mcp"}}}\n')
    return path


@pytest.mark.usefixtures("codex")
def test_what_was_done_is_told_with_the_copies_and_how_to_undo_it(
    command: Command, cursor: Path
) -> None:
    done = command("enable")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == f"""\
Cursor: ~/.cursor/mcp.json
  recorded from now on (1): files
  left as before (2): web, more web: reached by a URL, not started by a command
  the file as it was before: ~/.cursor/mcp.json.before-devflow-analytics

Codex: ~/.codex/config.toml
  recorded from now on (1): git
  the file as it was before: ~/.codex/config.toml.before-devflow-analytics

Restart Cursor and Codex: 2 servers will be recorded from then on.
{UNDO}"""
    )
    assert f'"{PROGRAM}", "args": ["wrap", "--server", "files"' in cursor.read_text()
    assert (
        command("enable").stdout
        == """\
Cursor: ~/.cursor/mcp.json
  recorded already (1): files
  left as before (2): web, more web: reached by a URL, not started by a command

Codex: ~/.codex/config.toml
  recorded already (1): git

Nothing was changed.
"""
    )


def test_it_is_undone_to_the_byte(command: Command, cursor: Path, codex: Path) -> None:
    command("enable")
    assert command("disable").stdout == (
        "Stopped recording files of Cursor, in ~/.cursor/mcp.json\n"
        "Stopped recording git of Codex, in ~/.codex/config.toml\n"
        "Restart Cursor and Codex.\n"
    )
    assert (cursor.read_text(), codex.read_text()) == (CURSOR, CODEX)
    assert os.listdir(cursor.parent) == [cursor.name]
    assert command("disable").stdout == (
        "No server is recorded by 'devflow-analytics enable' here. Nothing was changed.\n"
    )


def test_a_copy_that_stays_is_named(command: Command, cursor: Path) -> None:
    command("enable")
    cursor.write_text(cursor.read_text().replace("more web", "much more"))
    assert command("disable").stdout == (
        "Stopped recording files of Cursor, in ~/.cursor/mcp.json\n"
        "  the file as it was before: ~/.cursor/mcp.json.before-devflow-analytics\n"
        "Restart Cursor.\n"
    )


def test_to_try_says_all_that_and_changes_nothing(
    command: Command, cursor: Path, tmp_path: Path
) -> None:
    database = str(tmp_path / "my own.db")
    done = command(
        "--db", database, "enable", "--client", "cursor", "--server", "files", "--dry-run"
    )
    assert (
        done.stdout
        == f"""\
Cursor: ~/.cursor/mcp.json
  would be recorded (1): files

Nothing was changed.
To have it done: devflow-analytics --db '{database}' enable --client cursor --server files
"""
    )
    assert cursor.read_text() == CURSOR
    words = shlex.split(done.stdout.rpartition("To have it done: ")[2])
    assert command(*words[1:]).returncode == 0
    assert f'"--db", "{database}", "wrap"' in cursor.read_text()
    text = cursor.read_text()
    assert command("disable", "--dry-run").stdout == (
        "Would stop recording files of Cursor, in ~/.cursor/mcp.json\n"
        "Nothing was changed.\n"
        "To have it done: devflow-analytics disable\n"
    )
    assert cursor.read_text() == text


def test_the_status_is_a_table(command: Command, cursor: Path, home: Path) -> None:
    (home / ".claude.json").write_text(
        json.dumps({"projects": {f"{home}/shop": {"mcpServers": {"db": {"command": "x"}}}}})
    )
    command("enable", "--client", "cursor")
    done = command("enable", "--status")
    assert (
        done.stdout
        == """\
Client       Server          Recorded  Why not
Claude Code  db (in ~/shop)  no
Cursor       files           yes
Cursor       web             no        reached by a URL, not started by a command
Cursor       more web        no        reached by a URL, not started by a command

To record those that are not: devflow-analytics enable
"""
    )
    assert command("--quiet", "enable", "--status").stdout.count("\n") == 5
    assert cursor.exists()


def test_a_command_that_is_gone_is_a_problem(command: Command, cursor: Path) -> None:
    command("enable")
    cursor.write_text(cursor.read_text().replace(str(PROGRAM.parent), "/gone"))
    done = command("enable", "--status")
    assert (
        done.stdout
        == """\
Client  Server    Recorded  Why not
Cursor  files     no        cannot be started: see below
Cursor  web       no        reached by a URL, not started by a command
Cursor  more web  no        reached by a URL, not started by a command

Problem: /gone/devflow-analytics is not there any more, so Cursor cannot start it. \
'devflow-analytics enable' points it to where the command is now, and 'devflow-analytics disable' \
has it started without.
"""
    )
    assert "  would be pointed to the command or database of now (1): files\n" in (
        command("enable", "--dry-run").stdout
    )
    assert "  pointed to the command or database of now (1): files\n" in command("enable").stdout
    assert "Problem" not in command("enable", "--status").stdout


def test_json_has_the_same(command: Command, cursor: Path) -> None:
    found = json.loads(command("enable", "--json").stdout)
    backup = f"{cursor}.before-devflow-analytics"
    reason = "reached by a URL, not started by a command"
    common = {"project": None, "problem": None}
    files = {"name": "files", "recorded": True, "changed": True, "reason": None} | common
    left = {"recorded": False, "changed": False, "reason": reason} | common
    assert found == {
        "dry_run": False,
        "program": str(PROGRAM),
        "files": [
            {
                "client": "cursor",
                "path": str(cursor),
                "changed": True,
                "backup": backup,
                "error": None,
                "servers": [files, {"name": "web"} | left, {"name": "more web"} | left],
            }
        ],
        "notes": [],
    }
    status = json.loads(command("enable", "--status", "--json").stdout)
    assert status["files"][0]["servers"][0] == files | {"changed": False}
    assert (status["program"], status["files"][0]["backup"]) == (None, backup)
    tried = json.loads(command("disable", "--json", "--dry-run").stdout)
    assert tried["dry_run"] is True
    assert tried["files"][0]["servers"][0] == files | {"recorded": False}
    assert json.loads(command("disable", "--json").stdout)["files"][0]["changed"] is True
    assert cursor.read_text() == CURSOR


def test_quietly_nothing_is_printed(command: Command, cursor: Path) -> None:
    for line in (["enable"], ["enable"], ["disable"], ["disable"]):
        done = command("--quiet", *line)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    cursor.unlink()
    assert command("--quiet", "enable", "--status").stdout == ""


def test_a_broken_file_is_named_and_the_others_are_done(
    command: Command, cursor: Path, codex: Path, home: Path
) -> None:
    cursor.write_text("{,}")
    (home / ".gemini").mkdir()
    (home / ".gemini" / "settings.json").write_text("[")
    done = command("enable")
    assert done.returncode == 65
    assert done.stderr == (
        f"Error: {home}/.gemini/settings.json is no JSON: it ends too early, in line 1, column 2."
        " It was left as it is.\n"
        f"Error: {cursor} is no JSON: ',' is not expected, in line 1, column 2. It was left as it"
        " is. Correct it first.\n"
    )
    assert "recorded from now on (1): git" in done.stdout
    assert "wrap" in codex.read_text()
    assert cursor.read_text() == "{,}"
    found = json.loads(command("enable", "--json").stdout)
    assert [bool(file["error"]) for file in found["files"]] == [True, False, True]
    codex.unlink()
    assert command("enable").stdout == "Nothing was changed.\n"


def test_without_settings_there_is_nothing_to_do(command: Command, home: Path) -> None:
    done = command("enable")
    assert (done.returncode, done.stdout) == (66, "")
    assert done.stderr == (
        f"Error: No settings of an MCP client were found: no {home}/.claude.json, and no other that"
        " is known. If they are elsewhere, set the client's own variable for that, such as"
        " CLAUDE_CONFIG_DIR.\n"
    )
    for line in (["disable"], ["enable", "--status"]):
        assert command(*line).returncode == 0
    assert command("enable", "--status").stdout == "No settings of an MCP client were found.\n"
    (home / ".claude.json").write_text("{}")
    for line in (["enable"], ["enable", "--status"]):
        assert command(*line).stdout.startswith(
            "No MCP servers are in the settings that were found: ~/.claude.json\n"
        )


def test_a_server_that_is_not_there_is_named(command: Command, cursor: Path) -> None:
    done = command("enable", "--server", "nope")
    assert done.returncode == 66
    assert done.stderr == (
        "Error: There is no MCP server 'nope' in the settings that were found. There are 'files',"
        " 'more web', 'web'.\n"
    )
    assert cursor.read_text() == CURSOR


def test_settings_of_a_project_are_changed_only_when_they_are_asked_for(
    command: Command,
    cursor: Path,
    shared: Path,
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(elsewhere)
    before = shared.read_text()
    hint = (
        f"\nThis directory's project has servers of its own, in {shared}\n"
        "To record them too: devflow-analytics enable --project\n"
    )
    assert command("enable").stdout.endswith(hint)
    assert shared.read_text() == before
    assert command("enable", "--project", "--dry-run").stdout.endswith(
        "\nTo have it done: devflow-analytics enable --project\n\nNote: Others who use these"
        " settings need devflow-analytics in their PATH, or their clients cannot start these"
        " servers.\n"
    )
    assert (
        command("enable", "--project").stdout
        == f"""\
Claude Code: {shared}
  recorded from now on (1): lint
  the file as it was before: {shared}.before-devflow-analytics

Restart Claude Code: 1 server will be recorded from then on.

To undo it: devflow-analytics disable --project

Note: Others who use these settings need devflow-analytics in their PATH, or their clients cannot \
start these servers.
"""
    )
    assert '"command": "devflow-analytics"' in shared.read_text()
    assert hint not in command("enable").stdout
    command("disable")
    assert "wrap" in shared.read_text()
    monkeypatch.chdir("/")
    done = command("disable", "--project", str(elsewhere))
    assert done.stdout.startswith(f"Stopped recording lint of Claude Code, in {shared}\n")
    assert shared.read_text() == before
    done = command("enable", "--project", str(elsewhere), "--dry-run")
    assert done.stdout.endswith(
        f"To have it done: devflow-analytics enable --project {elsewhere}\n"
        "\nNote: Others who use these settings need devflow-analytics in their PATH, or their"
        " clients cannot start these servers.\n"
    )
    assert cursor.exists()


def test_what_claude_code_writes_itself_is_told_with_the_alternative(
    command: Command, home: Path
) -> None:
    (home / ".claude.json").write_text('{"mcpServers": {"": {"command": "x"}}}')
    done = command("enable")
    assert 'recorded from now on (1): ""\n' in done.stdout
    assert done.stdout.endswith(
        "\nNote: Claude Code writes .claude.json itself while it runs, and may undo the change: end"
        " its sessions before, or look with 'devflow-analytics enable --status' afterwards. Hooks"
        " are another way to record its calls, and are kept in another file: 'devflow-analytics"
        " hooks --write'.\n"
    )


@pytest.mark.parametrize(
    "line", [["enable", "--status", "--dry-run"], ["--db", "x.db", "enable", "--project"]]
)
def test_options_that_exclude_each_other_are_an_error(command: Command, line: list[str]) -> None:
    done = command(*line)
    assert done.returncode == 2
    assert "exclude each other" in done.stderr


def test_names_from_settings_do_nothing_to_a_terminal(command: Command, home: Path) -> None:
    (home / ".claude.json").write_text(
        json.dumps({"mcpServers": {"\x1b[31mred\n": {"command": "x"}}})
    )
    for line in (["enable", "--status"], ["enable"], ["disable"]):
        assert "\\x1b[31mred\\n" in command(*line).stdout


def test_a_directory_that_is_gone_is_named(cursor: Path, tmp_path: Path) -> None:
    code = """
import os, subprocess, sys
os.chdir(sys.argv[1])
os.rmdir(sys.argv[1])
sys.exit(subprocess.run(sys.argv[2:]).returncode)
"""
    for arguments, status in ((["enable"], 0), (["enable", "--project"], 1)):
        gone = tmp_path / "gone"
        gone.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", code, gone, PROGRAM, *arguments],
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )
        assert done.returncode == status, done.stderr
    assert done.stderr.startswith("Error: The current directory is not there any more. Name anoth")
    assert "wrap" in cursor.read_text()


SERVER = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    content = [{"type": "text", "text": sys.argv[1]}]
    answer = {"jsonrpc": "2.0", "id": asked["id"], "result": {"content": content}}
    print(json.dumps(answer), flush=True)
"""


def test_a_server_that_is_enabled_is_recorded_and_answers_as_before(
    command: Command, cursor: Path, file: Path, tmp_path: Path
) -> None:
    script = tmp_path / "my server.py"
    script.write_text(SERVER)
    servers = {
        name: {"command": sys.executable, "args": [str(script), name]}
        for name in ("files", "a b", "--", "--db")
    }
    cursor.write_text(json.dumps({"mcpServers": servers}))

    def answers() -> list[bytes]:
        asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "look"}}
        found = []
        for server in json.loads(cursor.read_text())["mcpServers"].values():
            words = [server["command"], *server["args"]]
            line = json.dumps(asked).encode() + b"\n"
            done = subprocess.run(words, input=line, capture_output=True, check=True, timeout=60)
            found.append(done.stdout)
        return found

    before = answers()
    assert not file.exists()
    command("enable")
    assert answers() == before
    rows = json.loads(command("calls", "--since", "all", "--json").stdout)["calls"]
    assert {(row["server"], row["tool"], row["status"]) for row in rows} == {
        *(("files", "look", "success"), ("a b", "look", "success"), ("--", "look", "success")),
        ("--db", "look", "success"),
    }
    command("disable")
    assert json.loads(cursor.read_text()) == {"mcpServers": servers}
