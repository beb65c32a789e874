"""Settings as people have them: recorded, the same otherwise, and given back to the byte."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import json5
import pytest

from devflow_analytics_capture import McpFile, McpSettings, disable, enable, mcp_settings

Put = Callable[..., Path]
Case = dict[str, Any]

CORPUS = Path(__file__).with_name("corpus")
CASES: dict[str, Case] = tomllib.loads((CORPUS / "expected.toml").read_text())
STRICT = ("claude-code", "claude-desktop")
"""Clients whose settings are JSON and nothing else."""

each_file = pytest.mark.parametrize("name", CASES)


@pytest.fixture
def path(name: str, put: Put) -> Path:
    """One of the files, where its client has it."""
    content = (CORPUS / name).read_bytes()
    return put(CASES[name]["client"], content, shared="project" in CASES[name])


@pytest.fixture
def where(name: str, project: Path) -> Case:
    """What the functions are told of it."""
    return {"project": project} if "project" in CASES[name] else {}


def only(settings: McpSettings) -> McpFile:
    (file,) = settings.files
    assert file.error is None
    return file


def values(client: str, content: bytes) -> Any:
    """Return what another program reads in settings."""
    text = content.decode("utf-8-sig")
    if client == "codex":
        return tomllib.loads(text)
    if not text.strip():
        return {}
    return json.loads(text) if client in STRICT else json5.loads(text)


def servers(client: str, settings: Any) -> list[tuple[str, Any]]:
    """Return the servers in settings, in their order."""
    keys = {
        "vscode": "servers",
        "codex": "mcp_servers",
        "zed": "context_servers",
        "opencode": "mcp",
    }
    key = keys.get(client, "mcpServers")
    scopes = [settings]
    if client == "claude-code":
        projects = settings.get("projects", {}).values()
        scopes += [scope for scope in projects if isinstance(scope, dict)]
    found = [scope.get(key) for scope in scopes]
    if client == "opencode" and found[0] and "command" not in found[0].get("servers", "command"):
        found = [found[0]["servers"]]
    return [item for each in found if isinstance(each, dict) for item in each.items()]


def words(server: Any) -> list[str]:
    """Take the words that start a server out of it."""
    if isinstance(server["command"], dict):
        inner = server["command"]
        return [inner.pop("path"), *inner.pop("args", [])]
    command = server.pop("command")
    return command if isinstance(command, list) else [command, *server.pop("args", [])]


def test_every_file_is_in_the_table() -> None:
    files = {str(path.relative_to(CORPUS)) for path in CORPUS.glob("*/*")}
    assert files == set(CASES)
    assert len(files) >= 40
    assert len({case["client"] for case in CASES.values()}) == 9


@each_file
def test_servers_are_recorded_or_left_as_the_table_says(name: str, path: Path, where: Case) -> None:
    case = CASES[name]
    file = only(enable(**where))
    assert file.path == path
    assert file.client == case["client"]
    assert sorted(server.name for server in file.servers if server.changed) == sorted(
        [*case["recorded"], *case.get("already", [])]  # which ran the bare command
    )
    left = {server.name: server.reason for server in file.servers if server.reason}
    assert left == case.get("left", {})
    recorded = {server.name for server in file.servers if server.recorded and not server.reason}
    assert recorded == {*case["recorded"], *case.get("already", [])}


@each_file
def test_between_it_means_the_same_but_for_the_commands(
    name: str, path: Path, where: Case, program: Path
) -> None:
    case = CASES[name]
    client = case["client"]
    before = values(client, path.read_bytes())
    enable(**where)
    after = values(client, path.read_bytes())
    changed = {*case["recorded"], *case.get("already", [])} - set(case.get("left", {}))
    pairs = zip(servers(client, before), servers(client, after), strict=True)
    for (server, old), (same, new) in pairs:
        assert server == same
        if server in changed:
            was, found = words(old), words(new)
            own = str(program) if not where else "devflow-analytics"
            assert found[:2] == [own, "wrap"]
            if server in case["recorded"]:
                assert found[-len(was) - 1 :] == ["--", *was]
                options = found[2 : -len(was) - 1]
                assert sorted([options[:2], options[2:]]) == [
                    ["--client", client],
                    ["--server", server],
                ]
            else:
                assert found[1:] == was[1:]
    assert before == after
    assert json.dumps(before) == json.dumps(after)


@each_file
def test_to_disable_gives_back_the_very_bytes(name: str, path: Path, where: Case) -> None:
    before = (CORPUS / name).read_bytes()
    case = CASES[name]
    if "already" in case:
        return  # those were not as they are after `disable`: see the next test
    assert only(enable(**where)).changed == bool(case["recorded"])
    assert only(disable(**where)).changed == bool(case["recorded"])
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@each_file
def test_bytes_come_back_without_the_copy_as_well(name: str, path: Path, where: Case) -> None:
    assert only(disable(**where)).changed == ("already" in CASES[name])
    before = path.read_bytes()
    backup = only(enable(**where)).backup
    if backup:
        backup.unlink()
    disable(**where)
    assert path.read_bytes() == before


@each_file
def test_to_enable_twice_is_to_enable_once(name: str, path: Path, where: Case) -> None:
    assert name
    enable(**where)
    before, status = path.read_bytes(), path.stat()
    again = only(enable(**where))
    assert (again.changed, again.backup) == (False, None)
    after = path.stat()
    assert path.read_bytes() == before
    assert (after.st_ino, after.st_mtime_ns) == (status.st_ino, status.st_mtime_ns)


@each_file
def test_to_look_or_to_try_changes_nothing(name: str, path: Path, where: Case) -> None:
    before = (CORPUS / name).read_bytes()
    looked = only(mcp_settings(**where))
    tried = only(enable(**where, dry_run=True))
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]
    done = only(enable(**where))
    assert tried == done
    assert [server.name for server in looked.servers] == [server.name for server in done.servers]
    assert {server.name for server in looked.servers if server.recorded} == {
        *CASES[name].get("already", []),
        *(server.name for server in done.servers if server.recorded and server.reason),
    }
