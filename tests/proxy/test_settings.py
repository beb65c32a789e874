"""Settings in which servers are recorded are what their clients' own libraries can read."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devflow_analytics_capture import enable

if TYPE_CHECKING:
    import pytest

    from real.environments import Environments

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT / "packages/devflow-analytics-capture/tests/enabling/corpus"
IN_A_PROJECT = {
    "claude-code": ".mcp.json",
    "cursor": ".cursor/mcp.json",
    "gemini-cli": ".gemini/settings.json",
    "opencode": "opencode.json",
    "vscode": ".vscode/mcp.json",
    "windsurf": ".devin/mcp_config.json",
    "zed": ".zed/settings.json",
}
"""Where clients have settings in a project, but for Codex, whose library is no script's."""


def read_by_their_clients(environments: Environments, files: list[tuple[str, Path]]) -> list[Any]:
    lines = "".join(f"{json.dumps([client, str(path)])}\n" for client, path in files)
    done = subprocess.run(
        ["node", environments.node / "settings.mjs"],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def without_words(value: Any) -> Any:
    """Return a value without what starts servers."""
    if isinstance(value, dict):
        kept = {key: without_words(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if key not in {"command", "args", "path"}}
    return list(map(without_words, value)) if isinstance(value, list) else value


def test_what_clients_read_differs_in_the_commands_alone(
    environments: Environments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    cases = tomllib.loads((CORPUS / "expected.toml").read_text())
    files = []
    for number, (name, case) in enumerate(cases.items()):
        client = case["client"]
        if client in IN_A_PROJECT:
            path = tmp_path / str(number) / IN_A_PROJECT[client]
            path.parent.mkdir(parents=True)
            shutil.copy(CORPUS / name, path)
            files.append((client, path))
    before = read_by_their_clients(environments, files)
    for directory in {path for path in tmp_path.iterdir() if path.name.isdigit()}:
        enable(project=directory)
    after = read_by_their_clients(environments, files)
    assert list(map(without_words, after)) == list(map(without_words, before))
    assert sum(one != other for one, other in zip(before, after, strict=True)) > 25
