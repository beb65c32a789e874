"""The hook as an agent runs it, and what it leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devflow_analytics_capture.noting.note import note

HOOK = Path(sys.modules["devflow_analytics_capture"].__file__ or "").with_name("hook.py")

Payload = dict[str, object]
Run = Callable[..., "subprocess.CompletedProcess[bytes]"]
Lines = Callable[[], list[list[Any]]]


@pytest.fixture
def payload() -> Payload:
    """What Claude Code says of a call that went well."""
    return {
        "session_id": "0f1e2d3c-0000-4000-8000-000000000001",
        "transcript_path": "/home/me/.claude/projects/-home-me-shop/0f1e2d3c.jsonl",
        "cwd": "/home/me/shop",
        "permission_mode": "default",
        "hook_event_name": "PostToolUse",
        "tool_name": "mcp__github__get_issue",
        "tool_input": {"owner": "me", "number": 12},
        "tool_response": [{"type": "text", "text": "It rains."}],
        "tool_use_id": "toolu_01A",
        "duration_ms": 1234,
    }


@pytest.fixture
def cursor_payload() -> Payload:
    """What Cursor says of a call that went well."""
    return {
        "conversation_id": "conversation-1",
        "generation_id": "generation-1",
        "model": "a-model",
        "hook_event_name": "afterMCPExecution",
        "cursor_version": "3.12.0",
        "workspace_roots": ["/home/me/shop"],
        "user_email": "me@example.com",
        "tool_name": "get_issue",
        "tool_input": '{"number":12}',
        "result_json": '{"content":[{"type":"text","text":"It rains."}]}',
        "duration": 310.5,
        "mcp_server_name": "github",
    }


@pytest.fixture
def run() -> Run:
    """Run the hook in a process, as an agent does."""

    def run(
        said: Payload | bytes, *arguments: object, **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-I", "-S", HOOK, *(map(str, arguments or ["claude-code"]))],
            input=said if isinstance(said, bytes) else json.dumps(said).encode(),
            capture_output=True,
            check=False,
            env=os.environ | environment,
            timeout=60,
        )

    return run


@pytest.fixture
def here(tmp_path: Path) -> Callable[..., None]:
    """Note a call in this process, where what fails is raised."""

    def here(said: Payload | bytes, *arguments: object, **environment: str) -> None:
        whole = {**os.environb, **{os.fsencode(k): os.fsencode(v) for k, v in environment.items()}}
        payload = tmp_path / "payload"
        payload.write_bytes(said if isinstance(said, bytes) else json.dumps(said).encode())
        descriptor = os.open(payload, os.O_RDONLY)
        try:
            note([*map(str, arguments or ["claude-code"])], whole, descriptor)
        finally:
            os.close(descriptor)

    return here


@pytest.fixture
def lines(file: Path) -> Lines:
    """Return the lines that wait beside the database."""

    def read() -> list[list[Any]]:
        spools = sorted(Path(f"{file}-spool").glob("*"))
        return [json.loads(line) for path in spools for line in path.read_bytes().splitlines()]

    return read
