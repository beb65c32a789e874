"""What is done with clients' settings, and what is left alone."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devflow_analytics_capture import (
    ENABLE_CLIENTS,
    AgentNotFoundError,
    McpFile,
    McpServer,
    McpSettings,
    ServerNotFoundError,
    SettingsChangedError,
    SettingsError,
    clients_to_enable,
    disable,
    enable,
    hook_commands,
    mcp_settings,
)
from devflow_analytics_capture.settings import file as settings_file
from devflow_analytics_db import (
    ConfigurationError,
    InstallationError,
    PermissionDeniedError,
    StorageError,
)

Put = Callable[..., Path]

SERVERS = """\
{
  "mcpServers": {
    "files": {
      "command": "npx",
      "args": ["-y", "files-mcp"]
    },
    "web": {"url": "https://example.com/mcp"},
    "time": {
      "command": "time-mcp"
    }
  }
}
"""
TOML = '[mcp_servers.git]\ncommand = "uvx"\nargs = ["mcp-server-git"]\n'


def only(settings: McpSettings) -> McpFile:
    (file,) = settings.files
    assert file.error is None
    return file


def recorded(name: str) -> McpServer:
    """Return what is told of a server that is recorded from then on."""
    return McpServer(
        name, None, recorded=True, was_recorded=False, changed=True, reason=None, problem=None
    )


def server(path: Path, name: str = "files", key: str = "mcpServers") -> list[str]:
    """Return the words that start a server."""
    found = json.loads(path.read_text())[key][name]
    return [found["command"], *found.get("args", [])]


def test_servers_are_started_through_wrap(put: Put, program: Path) -> None:
    path = put("cursor", SERVERS)
    done = enable()
    assert done.program == str(program)
    assert done.notes == ()
    assert only(done) == McpFile(
        client="cursor",
        title="Cursor",
        path=path,
        servers=(
            recorded("files"),
            McpServer(
                "web",
                None,
                recorded=False,
                was_recorded=False,
                changed=False,
                reason="reached by a URL, not started by a command",
                problem=None,
            ),
            recorded("time"),
        ),
        changed=True,
        backup=path.with_name("mcp.json.before-devflow-analytics"),
        error=None,
    )
    wrap = [str(program), "wrap", "--server", "files", "--client", "cursor", "--"]
    assert server(path) == [*wrap, "npx", "-y", "files-mcp"]


def test_nothing_else_in_a_file_is_touched(put: Put, program: Path) -> None:
    path = put("cursor", SERVERS)
    enable()
    assert (
        path.read_text()
        == f"""\
{{
  "mcpServers": {{
    "files": {{
      "command": "{program}",
      "args": ["wrap", "--server", "files", "--client", "cursor", "--", "npx", "-y", "files-mcp"]
    }},
    "web": {{"url": "https://example.com/mcp"}},
    "time": {{
      "command": "{program}",
      "args": ["wrap", "--client", "cursor", "--server", "time", "--", "time-mcp"]
    }}
  }}
}}
"""
    )


def test_what_is_there_is_told_and_nothing_is_changed(put: Put, home: Path) -> None:
    path = put("cursor", SERVERS)
    assert [server.recorded for server in only(mcp_settings()).servers] == [False] * 3
    enable()
    found = only(mcp_settings())
    assert [server.recorded for server in found.servers] == [True, False, True]
    assert (found.changed, found.backup) == (
        False,
        path.with_name("mcp.json.before-devflow-analytics"),
    )
    assert sorted(name.name for name in (home / ".cursor").iterdir()) == [
        "mcp.json",
        "mcp.json.before-devflow-analytics",
    ]


def test_only_the_clients_and_servers_that_are_named_are_changed(put: Put) -> None:
    cursor, windsurf = put("cursor", SERVERS), put("windsurf", SERVERS)
    done = only(enable(["cursor"], ["time"]))
    assert [server.name for server in done.servers] == ["time"]
    assert windsurf.read_text() == SERVERS
    assert server(cursor) == ["npx", "-y", "files-mcp"]
    assert "wrap" in server(cursor, "time")
    enable()
    assert "wrap" in server(windsurf)
    only(disable(["cursor"], ["files"]))
    assert server(cursor) == ["npx", "-y", "files-mcp"]
    assert "wrap" in server(cursor, "time")
    disable()
    assert (cursor.read_text(), windsurf.read_text()) == (SERVERS, SERVERS)


def test_a_server_that_is_not_there_is_named_before_anything_is_changed(put: Put) -> None:
    path = put("cursor", SERVERS)
    for function in (mcp_settings, enable, disable):
        with pytest.raises(ServerNotFoundError) as caught:
            function((), ["files", "nope"])
        assert str(caught.value) == (
            "There is no MCP server 'nope' in the settings that were found. There are 'files',"
            " 'time', 'web'."
        )
        assert caught.value.exit_status == 66
    assert path.read_text() == SERVERS


def test_a_client_that_is_not_known_is_named() -> None:
    for function in (mcp_settings, enable, disable):
        with pytest.raises(ValueError, match="Nothing is known of the settings of emacs"):
            function(["emacs"])


def test_without_settings_there_is_nothing_to_enable(home: Path, project: Path) -> None:
    with pytest.raises(AgentNotFoundError, match="of an MCP client were found: no ") as caught:
        enable()
    assert f"no {home}/.claude.json, and" in caught.value.what
    with pytest.raises(AgentNotFoundError, match="of Windsurf or Zed were found: no "):
        enable(["windsurf", "zed"])
    with pytest.raises(AgentNotFoundError, match=f"no {project}/.mcp.json.*Name another directory"):
        enable(project=project)
    with pytest.raises(AgentNotFoundError, match=r"of Claude Desktop were found\. "):
        enable(["claude-desktop"], project=project)
    with pytest.raises(ServerNotFoundError, match=r"There is none\."):
        disable((), ["x"])
    assert mcp_settings().files == disable().files == ()
    assert list(home.iterdir()) == []


def test_a_file_that_is_broken_does_not_keep_the_others_from_being_done(put: Put) -> None:
    broken, fine = put("claude-desktop", '{\n  "mcpServers": {,}\n}'), put("cursor", SERVERS)
    for function in (enable, mcp_settings, disable):
        first, second = function().files
        assert isinstance(first.error, SettingsError)
        assert first.error.what == (
            f"{broken} is no JSON: ',' is not expected, in line 2, column 18. It was left as it is."
        )
        assert (first.changed, first.servers) == (False, ())
        assert second.error is None
        assert len(second.servers) == 3
    assert broken.read_text() == '{\n  "mcpServers": {,}\n}'
    assert fine.read_text() == SERVERS


@pytest.mark.parametrize(
    ("client", "content", "sentence"),
    [
        ("cursor", "[]", "is no JSON: the settings are no object, in line 1, column 1"),
        ("cursor", '{"a": 1 /* b', "is no JSON: the comment has no end, in line 1, column 9"),
        ("cursor", '{"a": 1} 2', "is no JSON: there is more after the end, in line 1, column 10"),
        ("cursor", '{"a": [,]}', "is no JSON: ',' is not expected, in line 1, column 8"),
        ("vscode", '{"a": 1,\n "a": 2}', "the key 'a' is there twice, in line 2, column 2"),
        ("zed", "{a: 1}", "is no JSON: 'a' is not expected, in line 1, column 2"),
        (
            "claude-desktop",
            "{} // c",
            "there is a comment, which JSON does not have, in line 1, column 4",
        ),
        ("claude-code", '{"a": [1,]}', "']' is not expected, in line 1, column 10"),
        ("gemini-cli", "{} /* c */ ,", "there is more after the end, in line 1, column 12"),
        ("gemini-cli", '{"a": 1, // c\n}', "'}' is not expected, in line 2, column 1"),
        ("codex", "a = 1\na = 2\n", "is no TOML: cannot overwrite a value, in line 2, column 6"),
        ("codex", "\ufeffa = [1\nx", "is no TOML: "),
        ("codex", "a = [1\n", "is no TOML: unclosed array, in line 2, column 1"),
        ("codex", "[mcp_servers.a]\n[mcp_servers.a]\n", "in line 2, column 15"),
    ],
)
def test_what_its_client_cannot_read_is_left_with_the_place(
    client: str, content: str, sentence: str, put: Put
) -> None:
    path = put(client, content)
    for function in (enable, disable, mcp_settings):
        (file,) = function().files
        assert isinstance(file.error, SettingsError)
        assert sentence in file.error.what
        assert file.error.what.startswith(f"{path} is no ")
        assert file.error.what.endswith(" It was left as it is.")
        assert file.error.exit_status == 65
    assert path.read_bytes() == content.encode()
    assert os.listdir(path.parent) == [path.name]


def test_bytes_that_are_no_letters_are_named(put: Put) -> None:
    put("cursor", b'{\n"a": "\xff"}')
    (file,) = enable().files
    assert file.error
    assert "is not UTF-8: line 2" in file.error.what


def test_a_file_is_copied_first_and_the_copy_is_private(put: Put) -> None:
    path = put("cursor", SERVERS)
    path.chmod(0o644)
    backup = only(enable()).backup
    assert backup
    assert backup.read_text() == SERVERS
    assert backup.stat().st_mode & 0o7777 == 0o600
    assert path.stat().st_mode & 0o7777 == 0o644
    disable()
    assert not backup.exists()


def test_a_link_is_followed_and_stays(put: Put, tmp_path: Path) -> None:
    path = put("zed", "{}")
    real = tmp_path / "dotfiles" / "zed.json"
    real.parent.mkdir()
    real.write_text(SERVERS.replace("mcpServers", "context_servers"))
    before = real.read_text()
    path.unlink()
    path.symlink_to(real)
    assert only(enable()).changed
    assert path.is_symlink()
    assert "wrap" in server(real, key="context_servers")
    assert os.listdir(real.parent) == ["zed.json"]
    disable()
    assert path.is_symlink()
    assert real.read_text() == before


def test_a_link_to_nothing_is_named(home: Path) -> None:
    (home / ".cursor").mkdir()
    (home / ".cursor" / "mcp.json").symlink_to("gone.json")
    (file,) = enable().files
    assert "symbolic link to gone.json, which is not there" in str(file.error)


def test_what_was_changed_since_stays(put: Put) -> None:
    path = put("cursor", SERVERS)
    enable()
    path.write_text(path.read_text().replace("example.com", "example.org"))
    done = only(disable())
    assert path.read_text() == SERVERS.replace("example.com", "example.org")
    assert done.backup
    assert done.backup.read_text() == SERVERS
    again = only(enable())
    assert again.backup
    assert again.backup.name == "mcp.json.before-devflow-analytics-2"


def test_a_server_that_was_added_since_is_recorded_by_the_next_time(put: Put) -> None:
    path = put("cursor", SERVERS)
    enable()
    path.write_text(
        path.read_text().replace('{"url": "https://example.com/mcp"}', '{"command": "w"}')
    )
    done = only(enable())
    assert [server.name for server in done.servers if server.changed] == ["web"]
    assert done.backup is None
    disable()
    expected = SERVERS.replace('{"url": "https://example.com/mcp"}', '{"command": "w"}')
    assert path.read_text() == expected


def test_settings_that_the_client_has_written_anew_are_laid_out_as_before(put: Put) -> None:
    path = put("claude-code", SERVERS)
    enable()
    path.write_text(json.dumps(json.loads(path.read_text())))
    done = only(disable())
    assert path.read_text() == SERVERS
    assert done.backup is None
    assert os.listdir(path.parent) == [path.name]


def test_a_comment_that_was_added_since_stays(put: Put) -> None:
    path = put("cursor", SERVERS)
    enable()
    path.write_text("// mine\n" + path.read_text())
    done = only(disable())
    assert path.read_text() == "// mine\n" + SERVERS
    assert done.backup


def test_a_copy_that_was_spoiled_is_not_put_back(put: Put) -> None:
    path = put("claude-code", SERVERS)
    for spoil in (b"{", b"\xff", b'{"a": 2}'):
        backup = only(enable()).backup
        assert backup
        backup.write_bytes(spoil)
        assert only(disable()).backup == backup
        assert path.read_text() == SERVERS


def test_a_command_that_moved_is_pointed_to_and_not_wrapped_twice(
    put: Put, program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put("cursor", SERVERS)
    toml = put("codex", TOML)
    enable()
    moved = tmp_path / "other" / "bin"
    moved.parent.mkdir()
    program.parent.rename(moved)
    found = mcp_settings().files
    problems = [server.problem for file in found for server in file.servers if server.recorded]
    assert problems[0] == (
        f"{program} is not there any more, so Cursor cannot start it. `enable()` points it to where"
        " the command is now, and `disable()` has it started without."
    )
    assert all(problems)
    monkeypatch.setattr(sys, "executable", str(moved / "python"))
    monkeypatch.setenv("PATH", f"{moved}:/usr/bin:/bin")
    done = enable()
    assert [server.changed for file in done.files for server in file.servers] == [
        *(True, False, True),
        True,
    ]
    assert [file.backup for file in done.files] == [None, None]
    assert [server.was_recorded for file in done.files for server in file.servers] == [
        *(True, False, True),
        True,
    ]
    assert server(path)[:2] == [f"{moved}/devflow-analytics", "wrap"]
    assert server(path).count("wrap") == 1
    assert not any(server.problem for file in mcp_settings().files for server in file.servers)
    disable()
    assert (path.read_text(), toml.read_text()) == (SERVERS, TOML)


def test_a_database_that_is_named_is_in_the_words(put: Put, program: Path, tmp_path: Path) -> None:
    path = put("cursor", SERVERS)
    database = tmp_path / "my own.db"
    enable(database=database)
    assert server(path)[:4] == [str(program), "--db", str(database), "wrap"]
    assert not only(enable(database=database)).changed
    assert only(enable(database=tmp_path / "b.db")).changed
    assert server(path)[2] == str(tmp_path / "b.db")
    assert not only(enable()).changed  # it keeps the one that it has
    assert server(path)[2] == str(tmp_path / "b.db")
    disable()
    assert path.read_text() == SERVERS


def test_a_path_that_settings_cannot_hold_is_named(put: Put, tmp_path: Path) -> None:
    path = put("cursor", SERVERS)
    for name in ("\udcff.db", "a\nb.db"):
        with pytest.raises(ConfigurationError, match="cannot be put into settings"):
            enable(database=tmp_path / name)
    assert path.read_text() == SERVERS


@pytest.mark.parametrize(
    "prefix",
    [
        "/home/me/.cache/uv/environments-v2/abc",
        "/home/me/.cache/uv/archive-v0/abc",
        "/home/me/.cache/pipx/0123456789abcde",
        "/home/me/.local/pipx/.cache/0123456789abcde",
    ],
)
def test_an_environment_in_a_cache_is_refused(
    put: Put, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    path = put("cursor", SERVERS)
    monkeypatch.setattr("sys.prefix", prefix)
    with pytest.raises(InstallationError, match="may be emptied"):
        enable()
    assert path.read_text() == SERVERS


def test_a_file_with_two_names_is_left(put: Put, tmp_path: Path) -> None:
    path = put("cursor", SERVERS)
    os.link(path, tmp_path / "mcp.json")
    (file,) = enable().files
    error = file.error
    assert isinstance(error, SettingsError)
    assert f"{path} has 2 names (hard links)" in error.what
    assert path.samefile(tmp_path / "mcp.json")
    assert path.read_text() == SERVERS
    assert os.listdir(path.parent) == ["mcp.json"]


def test_a_file_with_a_wrapped_server_is_copied_if_there_is_no_copy_yet(put: Put) -> None:
    wrapped = '{"command": "devflow-analytics", "args": ["wrap", "--", "x"]}'
    text = f'{{"mcpServers": {{"mine": {wrapped}, "new": {{"command": "y"}}}}}}'
    put("cursor", text)
    copy = only(enable()).backup
    assert copy
    assert copy.read_text() == text


def test_a_command_in_a_cache_is_refused(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put("cursor", SERVERS)
    enable()
    monkeypatch.setattr(hook_commands, "_SCRIPT", "/home/me/.cache/uv/archive-v0/x/hook.py")
    with pytest.raises(InstallationError, match="may be emptied, and then your clients could not"):
        enable()
    disable()  # which is what it may be needed for
    assert path.read_text() == SERVERS


def test_the_settings_of_a_project_get_the_bare_name(put: Put, project: Path) -> None:
    own, shared = put("cursor", SERVERS), put("cursor", SERVERS, shared=True)
    done = enable(project=project)
    assert only(done).path == shared
    assert done.program == "devflow-analytics"
    assert server(shared)[:2] == ["devflow-analytics", "wrap"]
    assert own.read_text() == SERVERS
    (note,) = done.notes
    assert note.startswith("Others who use these settings need devflow-analytics in their PATH")
    assert not only(enable(project=project)).changed
    disable()
    assert "wrap" in server(shared)
    disable(project=project)
    assert shared.read_text() == SERVERS


def test_a_project_names_no_database(put: Put, project: Path, tmp_path: Path) -> None:
    put("cursor", SERVERS, shared=True)
    with pytest.raises(ConfigurationError, match="cannot name a database"):
        enable(project=project, database=tmp_path / "a.db")


def test_a_bare_name_that_is_not_in_the_path_is_a_problem(
    put: Put, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("cursor", SERVERS, shared=True)
    enable(project=project)
    monkeypatch.setenv("PATH", "/none")
    (problem,) = {server.problem for server in only(mcp_settings(project=project)).servers} - {None}
    assert problem.startswith("devflow-analytics is not there any more")


def test_the_home_is_no_project(put: Put, home: Path) -> None:
    put("cursor", SERVERS)
    assert mcp_settings(project=home).files == ()


def test_a_directory_that_is_gone_is_named(tmp_path: Path) -> None:
    code = """
import os, sys
from devflow_analytics_capture import mcp_settings
from devflow_analytics_db import ConfigurationError
os.chdir(sys.argv[1])
os.rmdir(sys.argv[1])
try:
    mcp_settings(project=".")
except ConfigurationError as error:
    print(error)
"""
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(
        [os.path.realpath(sys.executable), "-c", code, gone],
        capture_output=True,
        text=True,
        check=True,
        env={name: value for name, value in os.environ.items() if "COVERAGE" not in name}
        | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert done.stdout == (
        "The current directory is not there any more. Name another with `project`.\n"
    )


def test_what_claude_code_writes_itself_is_told(put: Put) -> None:
    put("claude-code", SERVERS)
    (note,) = enable(dry_run=True).notes
    assert note.startswith("Claude Code writes .claude.json itself while it runs")
    assert enable().notes == (note,)
    assert enable().notes == ()


def test_a_database_of_the_environment_is_told_as_clients_may_not_have_it(
    put: Put, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put("cursor", SERVERS)
    monkeypatch.setenv("DEVFLOW_ANALYTICS_DB_PATH", str(tmp_path / "a.db"))
    (note,) = enable().notes
    assert note.startswith("DEVFLOW_ANALYTICS_DB_PATH is set here, but some clients")
    assert enable(database=tmp_path / "a.db").notes == ()


def test_each_client_is_found_where_it_has_its_settings(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_home = {
        ".claude.json": "claude-code",
        ".config/Claude/claude_desktop_config.json": "claude-desktop",
        "Library/Application Support/Claude/claude_desktop_config.json": "claude-desktop",
        ".cursor/mcp.json": "cursor",
        ".config/Code/User/mcp.json": "vscode",
        ".config/Code/User/profiles/-3f2a/mcp.json": "vscode",
        "Library/Application Support/Code/User/mcp.json": "vscode",
        ".config/Code - Insiders/User/mcp.json": "vscode",
        "Library/Application Support/Code - Insiders/User/mcp.json": "vscode",
        ".vscode-server/data/User/mcp.json": "vscode",
        ".vscode-server-insiders/data/User/mcp.json": "vscode",
        ".codex/config.toml": "codex",
        ".gemini/settings.json": "gemini-cli",
        ".config/devin/mcp_config.json": "windsurf",
        ".codeium/windsurf/mcp_config.json": "windsurf",
        ".codeium/windsurf-next/mcp_config.json": "windsurf",
        ".config/zed/settings.json": "zed",
        ".config/opencode/opencode.json": "opencode",
        ".config/opencode/opencode.jsonc": "opencode",
        ".config/opencode/config.json": "opencode",
    }
    elsewhere = {
        "claude/.claude.json": ("CLAUDE_CONFIG_DIR", "claude", "claude-code"),
        "codex/config.toml": ("CODEX_HOME", "codex", "codex"),
        "gemini/.gemini/settings.json": ("GEMINI_CLI_HOME", "gemini", "gemini-cli"),
        "mine.json": ("OPENCODE_CONFIG", "mine.json", "opencode"),
        "oc/opencode.json": ("OPENCODE_CONFIG_DIR", "oc", "opencode"),
        "xdg/zed/settings.json": ("XDG_CONFIG_HOME", "xdg", "zed"),
    }
    for name in (*at_home, *elsewhere):
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = {str(file.path.relative_to(home)): file.client for file in mcp_settings().files}
    assert found == at_home
    assert set(found.values()) == set(ENABLE_CLIENTS)
    for name, (variable, value, client) in elsewhere.items():
        with monkeypatch.context() as patch:
            patch.setenv(variable, str(home / value))
            assert home / name in {file.path for file in mcp_settings([client]).files}


def test_each_client_is_found_in_a_project(project: Path) -> None:
    files = {
        ".mcp.json": "claude-code",
        ".cursor/mcp.json": "cursor",
        ".vscode/mcp.json": "vscode",
        ".codex/config.toml": "codex",
        ".gemini/settings.json": "gemini-cli",
        ".devin/mcp_config.json": "windsurf",
        ".zed/settings.json": "zed",
        "opencode.json": "opencode",
        "opencode.jsonc": "opencode",
        ".opencode/opencode.json": "opencode",
        ".opencode/opencode.jsonc": "opencode",
    }
    for name in files:
        path = project / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = mcp_settings(project=project).files
    assert {str(file.path.relative_to(project)): file.client for file in found} == files


def test_plugins_of_claude_code_are_left_alone(home: Path, put: Put) -> None:
    put("claude-code", SERVERS)
    plugin = home / ".claude" / "plugins" / "x" / ".mcp.json"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(SERVERS)
    enable()
    assert plugin.read_text() == SERVERS


def test_a_file_under_two_names_is_one(
    home: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("zed", SERVERS.replace("mcpServers", "context_servers"))
    (home / "xdg").symlink_to(home / ".config")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
    assert len(enable().files) == 1


def fail_to(patch: pytest.MonkeyPatch, name: str, number: int) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    patch.setattr(os, name, fail)


def test_what_keeps_a_file_from_being_written_is_told(
    put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put("cursor", SERVERS)
    for number, expected in ((errno.ENOSPC, StorageError), (errno.EROFS, PermissionDeniedError)):
        with monkeypatch.context() as patch:
            fail_to(patch, "fsync", number)
            (file,) = enable().files
        assert isinstance(file.error, expected)
        assert os.strerror(number) in file.error.what
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everything
    (file,) = enable().files
    assert isinstance(file.error, PermissionDeniedError)
    assert str(file.error) == (
        f"No right to change {path}: Permission denied. Have it done by whoever may."
    )
    assert path.read_text() == SERVERS
    assert os.listdir(path.parent) == ["mcp.json"]


def test_what_somebody_writes_meanwhile_is_not_lost(
    put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put("claude-code", SERVERS)
    write_beside = settings_file._write_beside  # noqa: SLF001
    left = ["a", "b"]

    def meanwhile(*arguments: Any, **more: Any) -> str:
        if left and str(arguments[0]) == str(path):
            path.write_text(SERVERS.replace("example.com", left.pop(0)))
        return write_beside(*arguments, **more)

    monkeypatch.setattr(settings_file, "_write_beside", meanwhile)
    enable()
    assert "wrap" in server(path)
    assert json.loads(path.read_text())["mcpServers"]["web"]["url"] == "https://b/mcp"


def test_a_file_that_somebody_goes_on_changing_is_left(
    put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put("claude-code", SERVERS)
    write_beside = settings_file._write_beside  # noqa: SLF001
    numbers = iter(range(1000))

    def meanwhile(*arguments: Any, **more: Any) -> str:
        path.write_text(SERVERS.replace("example.com", f"{next(numbers)}"))
        return write_beside(*arguments, **more)

    monkeypatch.setattr(settings_file, "_write_beside", meanwhile)
    (file,) = enable().files
    assert isinstance(file.error, SettingsChangedError)
    assert file.error.exit_status == 75
    assert server(path) == ["npx", "-y", "files-mcp"]


def test_what_cannot_be_changed_safely_is_left(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put("cursor", SERVERS)
    monkeypatch.setattr(
        "devflow_analytics_capture.enabling.file.with_wraps", lambda *_: ("{}", False)
    )
    (file,) = enable().files
    assert "cannot be changed, and changed back, safely. It was left as it is." in str(file.error)
    assert path.read_text() == SERVERS


def test_toml_that_its_reader_does_not_give_back_is_left(
    put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put("codex", TOML)
    monkeypatch.setattr("tomlkit.dumps", lambda _: "x = 1\n")
    (file,) = enable().files
    assert "laid out so that it cannot be changed safely" in str(file.error)
    assert path.read_text() == TOML


def test_a_server_whose_file_is_gone_meanwhile_is_not_made_again(
    put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put("cursor", SERVERS)
    read = settings_file.read
    seen = []

    def gone(name: str, *more: Any) -> Any:
        seen.append(name)
        if len(seen) == 2:
            path.unlink()
        return read(name, *more)

    monkeypatch.setattr(settings_file, "read", gone)
    assert not only(enable()).changed
    assert not path.exists()


def test_clients_that_have_something_to_enable_are_told_at_a_glance(put: Put, home: Path) -> None:
    assert clients_to_enable() == ()
    put("claude-code", '{"tipsHistory": {"theme-command": 1}, "mcpServers": {}}')
    put("gemini-cli", '{"history": "\\"mcpServers\\": {\\"command\\": \\"x\\"}"}')
    put("codex", '# command = "x"\n[mcp_servers]\n')
    (home / ".cursor").mkdir()
    os.mkfifo(home / ".cursor" / "mcp.json")
    (home / ".codeium" / "windsurf" / "mcp_config.json").mkdir(parents=True)
    assert clients_to_enable() == ()
    put("claude-code", SERVERS)
    put("codex", TOML)
    put("zed", '{"context_servers": {"a": {"command": {"path": "x"}}}}')
    put("opencode", '{"mcp": {"a": {"command": ["x"]}}}')
    assert clients_to_enable() == ("Claude Code", "Codex", "Zed", "opencode")
    enable(["claude-code", "codex", "zed", "opencode"])
    assert clients_to_enable() == ()


def test_the_command_survives_an_upgrade(
    put: Put, program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "local"
    local.mkdir()
    (local / "devflow-analytics").symlink_to(program)
    monkeypatch.setenv("PATH", f"{local}:{os.environ['PATH']}")
    path = put("cursor", SERVERS)
    enable()
    assert server(path)[0] == str(local / "devflow-analytics")
    shutil.rmtree(program.parent)  # as an upgrade makes it anew
    assert all(server.problem for server in only(mcp_settings()).servers if server.recorded)
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert not any(server.problem for server in only(mcp_settings()).servers)
