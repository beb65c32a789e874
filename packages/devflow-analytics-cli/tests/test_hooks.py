"""``devflow-analytics hooks``: what it prints, and what it does to settings."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings of Claude Code; not made yet, but for their directory."""
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    (home / ".claude").mkdir()
    return home / ".claude" / "settings.json"


def hooks_in(text: str) -> dict[str, object]:
    """Return the settings that are printed to be pasted."""
    return dict(json.loads(text[text.index("{") : text.rindex("}") + 1]))


def test_hooks_are_shown_and_nothing_is_changed(command: Command, home: Path) -> None:
    done = command("hooks")
    assert done.returncode == 0
    assert done.stdout.startswith("Claude Code reads its hooks from ~/.claude/settings.json. Add")
    assert list(hooks_in(done.stdout)["hooks"]) == ["SessionEnd"]  # type: ignore[call-overload]
    assert done.stdout.endswith("\nTo have them added: devflow-analytics hooks --write\n")
    assert [path.name for path in home.rglob("*")] == [".claude"]


def test_what_is_shown_is_what_is_written(command: Command, settings: Path) -> None:
    for options in ([], ["--per-call"]):
        shown = hooks_in(command("hooks", *options).stdout)
        assert command("hooks", *options, "--write").returncode == 0
        assert json.loads(settings.read_text()) == shown
        assert "and they are current" in command("hooks", *options).stdout


def test_the_command_that_is_shown_writes_what_is_shown(command: Command, tmp_path: Path) -> None:
    database = str(tmp_path / "my own.db")
    shown = command("--db", database, "hooks", "--client", "cursor", "--per-call")
    assert "Cursor does not seem to be installed. It reads its hooks from" in shown.stdout
    words = shlex.split(shown.stdout.rpartition("To have them added: ")[2])
    assert words[0] == "devflow-analytics"
    assert command(*words[1:]).returncode == 0
    assert hooks_in(shown.stdout) == json.loads(
        Path("~/.cursor/hooks.json").expanduser().read_text()
    )
    assert database in shown.stdout


def test_what_was_done_is_told_with_the_copy_and_how_to_undo_it(
    command: Command, settings: Path
) -> None:
    settings.write_text('{"model": "opus"}\n')
    assert command("hooks", "--write").stdout == (
        "Added hooks to ~/.claude/settings.json\n"
        "  the file as it was before: ~/.claude/settings.json.before-devflow-analytics\n"
        "  Claude Code runs them in sessions that start from now on\n"
        "  to import what was logged until now: devflow-analytics import\n"
        "  to take them out: devflow-analytics hooks --remove\n"
    )
    assert command("hooks", "--write").stdout == (
        "~/.claude/settings.json has the hooks already. Nothing was changed.\n"
    )
    assert command("hooks", "--write", "--per-call").stdout.startswith(
        "Brought the hooks in ~/.claude/settings.json up to date\n"
    )
    assert command("hooks", "--remove").stdout == "Took the hooks out of ~/.claude/settings.json\n"
    assert settings.read_text() == '{"model": "opus"}\n'
    assert command("hooks", "--remove").stdout == (
        "No agent's settings have hooks of devflow-analytics. Nothing was changed.\n"
    )
    assert command("hooks", "--remove", "--client", "claude-code").stdout == (
        "~/.claude/settings.json has no hooks of devflow-analytics. Nothing was changed.\n"
    )


def test_a_copy_that_stays_is_named(command: Command, settings: Path) -> None:
    settings.write_text('{"model": "opus"}\n')
    command("hooks", "--write")
    settings.write_text(settings.read_text().replace("opus", "haiku"))
    assert command("hooks", "--remove").stdout == (
        "Took the hooks out of ~/.claude/settings.json\n"
        "  the file as it was before them: ~/.claude/settings.json.before-devflow-analytics\n"
    )


def test_all_agents_that_are_installed_are_meant(command: Command, home: Path) -> None:
    (home / ".cursor").mkdir()
    done = command("hooks", "--write")
    assert "Added hooks to ~/.claude/settings.json\n" in done.stdout
    assert "\n\nAdded hooks to ~/.cursor/hooks.json\n" in done.stdout
    assert "to import what they note: devflow-analytics import\n" in done.stdout
    assert command("hooks", "--remove").stdout == (
        "Took the hooks out of ~/.claude/settings.json\n\n"
        "Took the hooks out of ~/.cursor/hooks.json\n"
    )


def test_without_an_agent_nothing_is_written(command: Command, settings: Path, home: Path) -> None:
    settings.parent.rmdir()
    done = command("hooks", "--write")
    assert done.returncode == 66
    assert done.stderr == (
        "Error: No agent that runs hooks seems to be installed: there is no"
        f" {home}/.claude and no {home}/.cursor. If one is, name it with --client.\n"
    )
    assert "does not seem to be installed" in command("hooks").stdout
    assert not list(home.iterdir())
    assert command("hooks", "--write", "--client", "claude-code").returncode == 0
    assert settings.exists()


def test_settings_that_are_no_json_are_named_and_left(command: Command, settings: Path) -> None:
    settings.write_text('{"model": "opus",}')
    done = command("hooks", "--write")
    assert done.returncode == 65
    assert done.stderr == (
        f"Error: {settings} is no JSON: '}}' is not expected, in line 1, column 18. It was left as"
        " it is. Correct it, or add by hand what 'devflow-analytics hooks' shows.\n"
    )
    assert settings.read_text() == '{"model": "opus",}'


def test_what_keeps_hooks_from_running_is_told(command: Command, settings: Path) -> None:
    settings.write_text('{"disableAllHooks": true}')
    done = command("hooks", "--write")
    assert f'Warning: "disableAllHooks" is true in {settings}, so none runs.\n' in done.stdout


def test_json_has_the_same(command: Command, settings: Path) -> None:
    settings.write_text("{}")
    (found,) = json.loads(command("hooks", "--write", "--json").stdout)["clients"]
    backup = f"{settings}.before-devflow-analytics"
    hooks = found.pop("settings")["hooks"]
    assert list(hooks) == ["SessionEnd"]
    assert found == {
        "client": "claude-code",
        "path": str(settings),
        "installed": True,
        "current": True,
        "changed": True,
        "backup": backup,
        "notes": [],
    }
    (found,) = json.loads(command("hooks", "--json").stdout)["clients"]
    assert (found["current"], found["changed"], found["backup"]) == (True, False, None)


def test_quietly_only_what_was_asked_for_is_printed(command: Command) -> None:
    for option in ("--write", "--remove", "--remove"):
        done = command("--quiet", "hooks", option)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "SessionEnd" in command("--quiet", "hooks").stdout


def test_to_write_and_to_remove_at_once_is_an_error(command: Command, settings: Path) -> None:
    done = command("hooks", "--write", "--remove")
    assert done.returncode == 2
    assert "--write and --remove exclude each other." in done.stderr
    assert not settings.exists()


def test_the_hook_of_a_call_that_is_written_makes_a_row(command: Command, settings: Path) -> None:
    command("hooks", "--write", "--per-call")
    hooks = json.loads(settings.read_text())["hooks"]
    (note,) = {entry["hooks"][0]["command"] for entry in hooks["PostToolUse"]}
    said = {
        "hook_event_name": "PostToolUse",
        "session_id": "s",
        "tool_name": "mcp__files__read",
        "tool_use_id": "toolu_01A",
        "duration_ms": 12,
    }
    (end,) = (entry["hooks"][0]["command"] for entry in hooks["SessionEnd"])
    for line in (note, end):
        done = subprocess.run(
            ["sh", "-c", line],
            input=json.dumps(said).encode(),
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    found = json.loads(command("status", "--json").stdout)
    assert (found["tool_calls"], found["waiting_calls"]) == (1, 0)
