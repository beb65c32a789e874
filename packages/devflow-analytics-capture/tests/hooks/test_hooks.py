"""Hooks in agents' settings: what is put there and taken out, and that nothing else changes."""

from __future__ import annotations

import errno
import json
import os
import random
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import devflow_analytics_capture
from devflow_analytics_capture import (
    HOOK_CLIENTS,
    AgentNotFoundError,
    SettingsChangedError,
    SettingsError,
    hook_commands,
    hook_settings,
    installed_hook_clients,
    remove_hooks,
    write_hooks,
)
from devflow_analytics_capture.settings import backups, document, file as settings_file
from devflow_analytics_db import (
    AnalyticsDbError,
    CannotCreateError,
    ConfigurationError,
    InstallationError,
    PermissionDeniedError,
    StorageError,
)

Command = Callable[[str], Path]

HOOK = Path(devflow_analytics_capture.__file__).with_name("hook.py")
PYTHON = sys.executable
OTHERS = """\
{
    "model": "opus",
    "hooks": {
        "SessionEnd": [
            {"hooks": [{"type": "command", "command": "say 'gut” Nacht'"}]}
        ],
        "PostToolUse": []
    },
    "count": 1.0
}
"""


@pytest.fixture
def bin_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory in the PATH in which the command is, beside a Python."""
    found = tmp_path / "tool" / "bin"
    found.mkdir(parents=True)
    (found / "python").symlink_to(sys.executable)
    command = found / "devflow-analytics"
    command.write_text('#!/bin/sh\necho "$@" >>"$HOME/called"\n')
    command.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(found / "python"))
    monkeypatch.setenv("PATH", f"{found}:{os.environ['PATH']}")
    return found


@pytest.fixture(autouse=True)
def settings(home: Path, bin_directory: Path) -> Path:
    """The settings of Claude Code; not made yet, but for their directory."""
    assert bin_directory
    (home / ".claude").mkdir()
    return home / ".claude" / "settings.json"


def uncovered() -> dict[str, str]:
    """Return the environment without what has a process write down what it runs of the code."""
    return {name: value for name, value in os.environ.items() if "COVERAGE" not in name}


def commands(settings: Path) -> dict[str, list[str]]:
    """Return the commands of hooks, by event."""
    hooks = json.loads(settings.read_text(encoding="utf-8-sig"))["hooks"]
    return {
        event: [hook["command"] for entry in entries for hook in entry["hooks"]]
        for event, entries in hooks.items()
    }


def ours(settings: Path) -> list[str]:
    return [line for lines in commands(settings).values() for line in lines if "|| true" in line]


def test_usual_hooks_import_at_the_end_of_a_session(bin_directory: Path, settings: Path) -> None:
    found = hook_settings("claude-code")
    assert found.settings == {
        "hooks": {
            "SessionEnd": [
                {
                    "hooks": [
                        {
                            "type": "command",
                            "command": f"{bin_directory}/devflow-analytics --quiet import"
                            " >/dev/null 2>&1 || true",
                            "timeout": 30,
                        }
                    ]
                }
            ]
        }
    }
    assert (found.path, found.is_installed, found.is_current) == (settings, True, False)
    assert not found.notes


def test_hooks_for_each_call_run_the_script(bin_directory: Path) -> None:
    hooks = hook_settings("claude-code", per_call=True).settings["hooks"]
    line = f"{bin_directory}/python -I -S {HOOK} claude-code >/dev/null 2>&1 || true"
    handler = {"type": "command", "command": line, "timeout": 5, "async": True}
    assert list(hooks) == ["SessionEnd", "PostToolUse", "PostToolUseFailure"]
    for event in ("PostToolUse", "PostToolUseFailure"):
        assert hooks[event] == [{"matcher": "mcp__.*", "hooks": [handler]}]


def test_cursor_has_a_hook_for_each_call_only(bin_directory: Path, home: Path) -> None:
    found = hook_settings("cursor")
    line = f"{bin_directory}/python -I -S {HOOK} cursor >/dev/null 2>&1 || true"
    assert found.settings == {"version": 1, "hooks": {"afterMCPExecution": [{"command": line}]}}
    assert found.path == home / ".cursor" / "hooks.json"
    assert not found.is_installed


def test_a_database_that_is_named_is_in_the_commands(tmp_path: Path, settings: Path) -> None:
    database = tmp_path / "my own.db"
    write_hooks("claude-code", per_call=True, database=database)
    for line in ours(settings):
        assert f" '{database}' " in line
        assert hook_commands.kind_of(line)
    assert "--db" in ours(settings)[0]


def test_an_agent_is_installed_where_its_settings_belong(home: Path) -> None:
    assert installed_hook_clients() == ("claude-code",)
    (home / ".cursor").mkdir()
    assert installed_hook_clients() == HOOK_CLIENTS
    for directory in home.iterdir():
        directory.rmdir()
    with pytest.raises(AgentNotFoundError, match=f"no {home}/.claude and no {home}/.cursor"):
        installed_hook_clients()


def test_no_other_agent_has_hooks() -> None:
    for function in (hook_settings, write_hooks, remove_hooks):
        with pytest.raises(ValueError, match="There are no hooks of codex"):
            function("codex")  # type: ignore[operator]


def test_to_look_at_hooks_makes_nothing(home: Path) -> None:
    hook_settings("claude-code")
    hook_settings("cursor")
    assert sorted(path.name for path in home.rglob("*")) == [".claude"]


def test_settings_may_be_elsewhere(
    home: Path, monkeypatch: pytest.MonkeyPatch, settings: Path
) -> None:
    (home / "elsewhere").mkdir()
    for named in ("~/elsewhere", f"{home}/elsewhere/", f" {home}/elsewhere , {home}/other"):
        monkeypatch.setenv("CLAUDE_CONFIG_DIR", named)
        assert hook_settings("claude-code").path == home / "elsewhere" / "settings.json"
    assert write_hooks("claude-code").path.exists()
    assert not settings.exists()


def test_missing_settings_are_made_private_and_removed_again(settings: Path) -> None:
    done = write_hooks("claude-code")
    assert (done.changed, done.backup, done.path) == (True, None, settings)
    assert settings.stat().st_mode & 0o7777 == 0o600
    assert json.loads(settings.read_text()) == hook_settings("claude-code").settings
    assert hook_settings("claude-code").is_current
    assert remove_hooks("claude-code").changed
    assert os.listdir(settings.parent) == []


def test_a_missing_directory_is_made_private(home: Path) -> None:
    done = write_hooks("cursor")
    assert done.path.parent.stat().st_mode & 0o7777 == 0o700
    assert json.loads(done.path.read_text()) == hook_settings("cursor").settings
    remove_hooks("cursor")
    assert os.listdir(home / ".cursor") == []


def test_a_directory_that_cannot_be_made_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(home / "none" / "none"))
    with pytest.raises(CannotCreateError, match="none/none: No such file"):
        write_hooks("claude-code")


def test_other_settings_stay_as_they_are(settings: Path) -> None:
    settings.write_text(OTHERS)
    done = write_hooks("claude-code", per_call=True)
    assert done.changed
    found = settings.read_text()
    before, after = json.loads(OTHERS), json.loads(found)
    assert list(after) == list(before)
    assert after["hooks"]["SessionEnd"][0] == before["hooks"]["SessionEnd"][0]
    kept = [line for line in OTHERS.splitlines() if '"PostToolUse": []' not in line]
    lines = found.splitlines()
    assert [line for line in kept if line not in lines and f"{line}," not in lines] == []
    assert '"count": 1.0' in found
    assert "gut” Nacht" in found
    assert len(ours(settings)) == 3


def test_settings_are_copied_first_and_the_copy_is_private(settings: Path) -> None:
    settings.write_text(OTHERS)
    settings.chmod(0o644)
    done = write_hooks("claude-code")
    assert done.backup == settings.with_name("settings.json.before-devflow-analytics")
    assert done.backup.read_text() == OTHERS
    assert done.backup.stat().st_mode & 0o7777 == 0o600
    assert settings.stat().st_mode & 0o7777 == 0o644


def test_to_write_again_changes_nothing(settings: Path) -> None:
    settings.write_text(OTHERS)
    write_hooks("claude-code", per_call=True)
    before, status = settings.read_bytes(), settings.stat()
    for per_call in (True, False):
        done = write_hooks("claude-code", per_call=per_call)
        assert (done.changed, done.backup) == (False, None)
    after = settings.stat()
    assert (settings.read_bytes(), after.st_ino, after.st_mtime_ns) == (
        before,
        status.st_ino,
        status.st_mtime_ns,
    )


def test_hooks_are_pointed_to_where_the_command_is_now(
    settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bin_directory: Path
) -> None:
    settings.write_text(OTHERS)
    write_hooks("claude-code", per_call=True)
    moved = tmp_path / "other tool" / "bin"
    moved.parent.mkdir()
    bin_directory.rename(moved)
    monkeypatch.setattr(sys, "executable", str(moved / "python"))
    monkeypatch.setenv("PATH", f"{moved}:/usr/bin:/bin")
    assert not hook_settings("claude-code").is_current
    done = write_hooks("claude-code")
    assert (done.changed, done.backup) == (True, None)
    assert len(ours(settings)) == 3
    assert all(line.startswith(f"'{moved}/") for line in ours(settings))
    remove_hooks("claude-code")
    assert settings.read_text() == OTHERS


def test_what_a_person_has_changed_of_a_hook_stays(settings: Path) -> None:
    write_hooks("claude-code", per_call=True)
    text = settings.read_text().replace('"mcp__.*"', '".*"').replace(": 30", ": 45")
    settings.write_text(text)
    assert not write_hooks("claude-code", per_call=True).changed
    assert settings.read_text() == text


def test_hooks_that_others_have_put_beside_ours_stay(settings: Path) -> None:
    write_hooks("claude-code", per_call=True)
    values = json.loads(settings.read_text())
    other = {"type": "command", "command": "say done"}
    values["hooks"]["PostToolUse"][0]["hooks"].append(other)
    values["hooks"]["SessionEnd"].insert(0, {"hooks": [other]})
    settings.write_text(json.dumps(values))
    remove_hooks("claude-code")
    assert json.loads(settings.read_text()) == {
        "hooks": {
            "SessionEnd": [{"hooks": [other]}],
            "PostToolUse": [{"matcher": "mcp__.*", "hooks": [other]}],
        }
    }


def test_without_hooks_of_ours_there_is_nothing_to_take_out(settings: Path) -> None:
    assert not remove_hooks("claude-code").changed
    for text in ("", "{}", OTHERS):
        settings.write_text(text)
        assert not remove_hooks("claude-code").changed
        assert settings.read_text() == text


def test_what_was_changed_meanwhile_stays(settings: Path) -> None:
    settings.write_text(OTHERS)
    write_hooks("claude-code")
    settings.write_text(settings.read_text().replace("opus", "sonnet"))
    done = remove_hooks("claude-code")
    assert settings.read_text() == OTHERS.replace("opus", "sonnet")
    assert done.backup
    assert done.backup.read_text() == OTHERS
    again = write_hooks("claude-code")
    assert again.backup
    assert again.backup.name.endswith(".before-devflow-analytics-2")
    remove_hooks("claude-code")
    assert settings.read_text() == OTHERS.replace("opus", "sonnet")
    assert sorted(os.listdir(settings.parent)) == ["settings.json", done.backup.name]


def test_settings_that_the_agent_has_written_anew_are_laid_out_as_before(settings: Path) -> None:
    settings.write_text(OTHERS)
    write_hooks("claude-code")
    settings.write_text(json.dumps(json.loads(settings.read_text()), indent=2))
    remove_hooks("claude-code")
    assert settings.read_text() == OTHERS


def test_a_copy_that_was_spoiled_is_not_put_back(settings: Path) -> None:
    settings.write_text('{"a": 1}')
    for spoil in ("{", "\udcff", '{"a": 2}', "[]"):
        backup = write_hooks("claude-code").backup
        assert backup
        backup.write_bytes(os.fsencode(spoil))
        remove_hooks("claude-code")
        assert settings.read_text() == '{"a": 1}'
    copies = [name for name in os.listdir(settings.parent) if "before" in name]
    assert len(copies) == 4


def laid_out(chance: random.Random, values: Any) -> bytes:
    text = json.dumps(
        values,
        indent=chance.choice([None, 1, 2, 4, "\t"]),
        ensure_ascii=chance.choice([True, False]),
        separators=chance.choice([None, (",", ":"), (" , ", "  :")]),
    )
    text = chance.choice(["", "\ufeff"]) + text + chance.choice(["", "\n", "\n\n", " "])
    return text.replace("\n", chance.choice(["\n", "\r\n"])).encode("utf-8", "replace")


def any_settings(chance: random.Random) -> Any:
    other = {
        "type": "command",
        "command": chance.choice(["say hi", "é >/dev/null 2>&1 || true", ""]),
    }
    entries: list[Any] = [
        {"matcher": "Bash", "hooks": [other]},
        {"hooks": [other, other]},
        {"hooks": []},
        {"hooks": None},
        {},
        other,
        "odd",
        [],
    ]
    events = ["SessionEnd", "PostToolUse", "PostToolUseFailure", "Stop", "é"]
    hooks = {
        event: chance.choices(entries, k=chance.randrange(3))
        for event in chance.sample(events, k=chance.randrange(len(events)))
    }
    values = {"model": "opus", "env": {"A": "1", "ü": "\ud800"}, "list": [1, [], {}], "n": 1e5}
    chosen: dict[str, Any] = dict(chance.sample(list(values.items()), k=chance.randrange(5)))
    if chance.random() < 0.7:
        chosen["hooks"] = hooks
    keys = chance.sample(list(chosen), k=len(chosen))
    return {key: chosen[key] for key in keys}


@pytest.mark.parametrize("seed", range(60))
def test_to_write_and_to_remove_gives_back_the_very_bytes(seed: int, settings: Path) -> None:
    chance = random.Random(seed)
    values = any_settings(chance)
    before = laid_out(chance, values)
    settings.write_bytes(before)
    per_call = chance.random() < 0.7
    assert write_hooks("claude-code", per_call=per_call).changed
    after = json.loads(settings.read_bytes().decode("utf-8-sig"))
    for event, entries in json.loads(before.decode("utf-8-sig")).get("hooks", {}).items():
        assert after["hooks"][event][: len(entries)] == entries
    assert len(set(after) - {"hooks"}) == len(set(values) - {"hooks"})
    assert hook_settings("claude-code", per_call=per_call).is_current
    assert remove_hooks("claude-code").changed
    assert settings.read_bytes() == before
    assert os.listdir(settings.parent) == ["settings.json"]


@pytest.mark.parametrize(
    "text", ["", "\n", " \r\n", "\ufeff", "\ufeff\n", "{}", "{ \n }", '{"hooks":{}}']
)
def test_empty_settings_are_given_back_too(text: str, settings: Path) -> None:
    settings.write_bytes(text.encode())
    write_hooks("claude-code", per_call=True)
    assert len(ours(settings)) == 3
    remove_hooks("claude-code")
    assert settings.read_bytes() == text.encode()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            b'{"a": 1,}',
            "is no JSON: '}' is not expected, in line 1, column 9. It was left as it is.",
        ),
        (
            b"{\n // no\n}",
            "is no JSON: there is a comment, which JSON does not have, in line 2, column 2",
        ),
        (b'{"a": 1, "a": 2}', "the key 'a' is there twice, in line 1, column 10"),
        (b"[]", "the settings are no object, in line 1, column 1"),
        (b'{"hooks": []}', '"hooks" is no object, in line 1, column 11'),
        (b'{"hooks":\n {"SessionEnd": {}}}', '"SessionEnd" is no array, in line 2, column 17'),
        (b'{"hooks": null}', '"hooks" is no object'),
        (b'{\n"a": "\xff"}', "is not UTF-8: line 2 has a byte that is no letter"),
    ],
)
def test_settings_that_are_not_as_they_should_be_are_left(
    content: bytes, sentence: str, settings: Path
) -> None:
    settings.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        write_hooks("claude-code")
    assert sentence in str(caught.value)
    assert str(settings) in str(caught.value)
    assert caught.value.exit_status == 65
    assert settings.read_bytes() == content
    assert os.listdir(settings.parent) == ["settings.json"]


def test_hooks_of_an_unexpected_shape_are_nobody_of_ours(settings: Path) -> None:
    text = '{"hooks": {"Stop": 1, "SessionEnd": ["a", {"hooks": [3, {"command": 4}]}]}}'
    settings.write_text(text)
    write_hooks("claude-code")
    assert len(json.loads(settings.read_text())["hooks"]["SessionEnd"]) == 3
    remove_hooks("claude-code")
    assert settings.read_text() == text


def test_a_link_is_followed_and_stays(settings: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "claude.json"
    real.parent.mkdir()
    real.write_text(OTHERS)
    settings.symlink_to(real)
    done = write_hooks("claude-code")
    assert settings.is_symlink()
    assert done.backup
    assert done.backup.parent == settings.parent
    assert "SessionEnd" in real.read_text()
    assert os.listdir(real.parent) == ["claude.json"]
    remove_hooks("claude-code")
    assert settings.is_symlink()
    assert real.read_text() == OTHERS


def test_a_link_to_nothing_is_named(settings: Path) -> None:
    settings.symlink_to("none.json")
    for function in (write_hooks, remove_hooks):
        with pytest.raises(SettingsError, match=r"symbolic link to none\.json"):
            function("claude-code")  # type: ignore[operator]


def test_what_belongs_into_settings_that_cannot_be_read_is_said_even_so(settings: Path) -> None:
    usual = hook_settings("claude-code").settings
    settings.write_text("{ // a comment\n}")
    found = hook_settings("claude-code")
    assert (found.is_current, found.settings) == (False, usual)
    assert [note for note in found.notes if f"{settings} is no JSON" in note]


@pytest.mark.parametrize("kind", ["directory", "fifo", "circle of links"])
def test_what_is_no_file_is_named(kind: str, settings: Path) -> None:
    if kind == "fifo":
        os.mkfifo(settings)
    elif kind == "circle of links":
        settings.symlink_to(settings)
    else:
        settings.mkdir()
    with pytest.raises(SettingsError, match=str(settings)):
        write_hooks("claude-code")


def test_a_file_system_without_hard_links_will_do(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", link)
    assert write_hooks("claude-code").changed
    remove_hooks("claude-code")
    settings.write_text(OTHERS)
    backup = write_hooks("claude-code").backup
    assert backup
    assert backup.read_text() == OTHERS
    assert len(os.listdir(settings.parent)) == 2


def test_what_somebody_writes_before_the_file_is_removed_is_not_lost(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_hooks("claude-code")
    is_unchanged = settings_file._is_unchanged  # noqa: SLF001

    def meanwhile(*arguments: Any) -> bool:
        monkeypatch.setattr(settings_file, "_is_unchanged", is_unchanged)
        settings.write_text('{"a": 1}')
        return is_unchanged(*arguments)

    monkeypatch.setattr(settings_file, "_is_unchanged", meanwhile)
    remove_hooks("claude-code")
    assert settings.read_text() == '{"a": 1}'


def test_a_file_that_somebody_makes_at_the_last_moment_is_not_lost(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_link = os.link

    def link(source: str, target: str) -> None:
        monkeypatch.setattr(os, "link", real_link)
        settings.write_text('{"a": 1}')
        real_link(source, target)

    monkeypatch.setattr(os, "link", link)
    write_hooks("claude-code")
    assert json.loads(settings.read_text())["a"] == 1
    assert len(ours(settings)) == 1


def test_a_huge_file_is_none_of_settings(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_file, "LARGEST", 10)
    settings.write_text(OTHERS)
    with pytest.raises(SettingsError, match="too large"):
        write_hooks("claude-code")


def test_what_somebody_writes_meanwhile_is_not_lost(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.write_text('{"a": 1}')
    write_beside = settings_file._write_beside  # noqa: SLF001
    left = ['{"a": 3}', '{"a": 2}']

    def meanwhile(*arguments: Any, **more: Any) -> str:
        if left and str(arguments[0]) == str(settings):
            settings.write_text(left.pop())
        return write_beside(*arguments, **more)

    monkeypatch.setattr(settings_file, "_write_beside", meanwhile)
    write_hooks("claude-code")
    assert json.loads(settings.read_text())["a"] == 3
    assert len(ours(settings)) == 1
    assert len(os.listdir(settings.parent)) == 2  # a copy of what was changed, and no other


def test_a_file_that_somebody_makes_meanwhile_is_not_lost(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_beside = settings_file._write_beside  # noqa: SLF001

    def meanwhile(*arguments: Any, **more: Any) -> str:
        if not settings.exists():
            settings.write_text('{"a": 1}')
        return write_beside(*arguments, **more)

    monkeypatch.setattr(settings_file, "_write_beside", meanwhile)
    write_hooks("claude-code")
    assert json.loads(settings.read_text())["a"] == 1
    assert len(ours(settings)) == 1


def test_a_file_that_somebody_goes_on_changing_is_left(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.write_text("{}")
    numbers = iter(range(1000))
    write_beside = settings_file._write_beside  # noqa: SLF001

    def meanwhile(*arguments: Any, **more: Any) -> str:
        settings.write_text(json.dumps({"a": next(numbers)}))
        return write_beside(*arguments, **more)

    monkeypatch.setattr(settings_file, "_write_beside", meanwhile)
    with pytest.raises(SettingsChangedError, match="again and again") as caught:
        write_hooks("claude-code")
    assert caught.value.exit_status == 75
    assert list(json.loads(settings.read_text())) == ["a"]


def test_a_full_disk_leaves_all_as_it_is(settings: Path) -> None:
    settings.write_text(OTHERS)
    code = """
import resource, sys
from devflow_analytics_capture import write_hooks
from devflow_analytics_db import StorageError
sys.executable = sys.argv[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    write_hooks("claude-code", per_call=True)
except StorageError as error:
    print(error)
"""
    for room in (0, 100, len(OTHERS.encode()) + 10):
        done = subprocess.run(
            [PYTHON, "-c", code, sys.executable, str(room)],
            capture_output=True,
            text=True,
            check=True,
            env=uncovered(),
        )
        assert "File too large. It was left as it is." in done.stdout
        assert settings.read_text() == OTHERS
        assert [name for name in os.listdir(settings.parent) if name.startswith(".")] == []


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, StorageError),
        (errno.EIO, StorageError),
        (errno.EROFS, PermissionDeniedError),
        (errno.EPERM, PermissionDeniedError),
        (errno.EINVAL, SettingsError),
    ],
)
def test_what_keeps_settings_from_being_written_is_named(
    number: int,
    expected: type[AnalyticsDbError],
    settings: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    settings.write_text(OTHERS)
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(expected, match=f"{settings}.*: {os.strerror(number)}"):
        write_hooks("claude-code")
    assert os.listdir(settings.parent) == ["settings.json"]
    assert settings.read_text() == OTHERS


def test_settings_that_may_only_be_read_are_named(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.write_text(OTHERS)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everything
    with pytest.raises(PermissionDeniedError, match="Paste what"):
        write_hooks("claude-code")
    assert settings.read_text() == OTHERS
    assert os.listdir(settings.parent) == ["settings.json"]


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@needs_root
def test_mode_and_owner_stay(settings: Path, home: Path) -> None:
    settings.write_text(OTHERS)
    settings.chmod(0o640)
    os.chown(settings, 12345, 54321)
    backup = write_hooks("claude-code").backup
    status = settings.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (12345, 54321, 0o640)
    assert backup
    assert backup.stat().st_uid == 12345
    os.chown(home, 12345, 54321)
    new = write_hooks("cursor").path
    assert {path.stat().st_uid for path in (new, new.parent)} == {12345}


@needs_root
@pytest.mark.parametrize("what", ["file", "directory"])
def test_settings_that_may_not_be_changed_are_named(what: str) -> None:
    code = """
import os, sys
import devflow_analytics_capture.hooks
from devflow_analytics_capture import write_hooks
from devflow_analytics_db import PermissionDeniedError
os.setgid(12345)
os.setuid(12345)
try:
    write_hooks("claude-code")
except PermissionDeniedError as error:
    print(error)
"""
    with tempfile.TemporaryDirectory() as name:  # above that of tests, others may not pass
        settings = Path(name, ".claude", "settings.json")
        settings.parent.mkdir()
        settings.write_text(OTHERS)
        for path in (Path(name), settings.parent, settings):
            os.chown(path, 12345, 12345)
        if what == "file":
            settings.chmod(0o400)
        else:
            settings.parent.chmod(0o500)
        done = subprocess.run(
            [os.path.realpath(PYTHON), "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=uncovered() | {"HOME": name, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert f"No right to change {settings}: Permission denied." in done.stdout
        assert settings.read_text() == OTHERS


def test_all_hooks_may_be_turned_off(settings: Path) -> None:
    settings.write_text('{"disableAllHooks": true}')
    (note,) = hook_settings("claude-code").notes
    assert '"disableAllHooks" is true' in note


def test_a_command_in_a_cache_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook_commands, "_SCRIPT", "/home/me/.cache/uv/archive-v0/x/hook.py")
    assert "may be emptied" in hook_settings("claude-code").notes[0]


def test_a_link_in_the_path_is_preferred_as_it_outlives_an_upgrade(
    tmp_path: Path, bin_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "local"
    local.mkdir()
    (local / "devflow-analytics").symlink_to(bin_directory / "devflow-analytics")
    monkeypatch.setenv("PATH", f"{local}:/usr/bin:/bin")
    assert hook_commands.command("import", "claude-code", None).startswith(f"{local}/")


def test_the_command_of_another_installation_is_not_taken(
    tmp_path: Path, bin_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "devflow-analytics").write_text("#!/bin/sh\n")
    (other / "devflow-analytics").chmod(0o755)
    monkeypatch.setenv("PATH", f"{other}:/usr/bin:/bin")
    assert hook_commands.command("import", "x", None).startswith(f"{bin_directory}/")
    (bin_directory / "devflow-analytics").unlink()
    assert hook_commands.command("import", "x", None).startswith(f"{other}/")


@pytest.mark.parametrize("is_there", [True, False])
def test_a_command_that_is_not_installed_is_named(
    is_there: bool,  # noqa: FBT001
    bin_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (bin_directory / "devflow-analytics").unlink()
    monkeypatch.setenv("PATH", "/none")
    monkeypatch.setattr(hook_commands, "MODULE", "json" if is_there else "none_of_that_name")
    if is_there:
        line = hook_commands.command("import", "x", None)
        assert line.startswith(f"{bin_directory}/python -m json --quiet import ")
        assert hook_commands.kind_of(line) == "import"
    else:
        with pytest.raises(InstallationError, match="is not installed"):
            hook_settings("claude-code")


def test_a_path_that_json_cannot_hold_is_named(tmp_path: Path) -> None:
    for name in ("\udcff.db", "a\nb.db"):
        with pytest.raises(ConfigurationError, match="cannot be put into settings"):
            hook_settings("claude-code", database=tmp_path / name)


@pytest.mark.parametrize(
    "line",
    [
        None,
        "",
        "'",
        "say || true",
        "devflow-analytics --quiet import",
        "devflow-analytics import && say done",
        "devflow-analytics --quiet import >/dev/null 2>&1 || true; say done",
        "say devflow-analytics --quiet import >/dev/null 2>&1 || true",
        "/other/hook.py --quiet import >/dev/null 2>&1 || true",
        "python -I -S hook.py claude-code >/dev/null 2>&1 || true",
        "python -I -S /not_devflow_analytics_capture/hook.py claude-code >/dev/null 2>&1 || true",
        " >/dev/null 2>&1 || true",
    ],
)
def test_what_others_run_is_not_taken_for_ours(line: str | None) -> None:
    assert hook_commands.kind_of(line) is None


@pytest.mark.parametrize("kind", ["import", "call"])
@pytest.mark.parametrize("database", [None, "/a.db", '/it\'s "$HOME" `x`.db'])
def test_our_commands_are_known_again(kind: Any, database: str | None) -> None:
    line = hook_commands.command(kind, "claude-code", database)
    assert hook_commands.kind_of(line) == kind
    if database:
        assert database in shlex.split(line)


def shell(line: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["sh", "-c", line], input=b"{}", capture_output=True, check=False, timeout=60
    )


def test_commands_run_what_they_should_in_silence(home: Path, tmp_path: Path) -> None:
    database = tmp_path / "it's.db"
    for named in (None, database):
        done = shell(hook_commands.command("import", "claude-code", named))
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (home / "called").read_text() == f"--quiet import\n--db {database} --quiet import\n"


@pytest.mark.parametrize("missing", ["python", "script", "command"])
def test_what_a_command_runs_may_be_gone_without_a_word(
    missing: str, bin_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing == "script":
        monkeypatch.setattr(hook_commands, "_SCRIPT", str(tmp_path / "hook.py"))
    line = hook_commands.command("import" if missing == "command" else "call", "claude-code", None)
    if missing == "python":
        (bin_directory / "python").unlink()
    elif missing == "command":
        (bin_directory / "devflow-analytics").unlink()
    done = shell(line)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_every_error_is_one_of_the_db_packages_kind() -> None:
    for error in (SettingsError, SettingsChangedError):
        assert issubclass(error, AnalyticsDbError)
    assert {StorageError.exit_status, PermissionDeniedError.exit_status} == {74, 77}


def test_a_copy_of_the_same_content_is_not_made_twice(tmp_path: Path) -> None:
    path = str(tmp_path / "a.json")
    assert backups.newest_backup(path) is None
    first = backups.backup_for(path, "{}")
    Path(first).write_text("{}")
    assert backups.backup_for(path, "{}") == first
    assert backups.backup_for(path, "[]") == f"{first}-2"
    Path(f"{first}-2").mkdir()
    assert backups.backup_for(path, "[]") == f"{first}-3"
    assert document.parse("{}").end == 2


def test_a_variable_that_names_no_directory_counts_as_not_set(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = hook_settings("claude-code").path
    assert usual == settings
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", " , ")
    assert hook_settings("claude-code").path == usual
