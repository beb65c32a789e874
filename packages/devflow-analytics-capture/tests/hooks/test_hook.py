"""That the hook is no harm to the agent, whatever happens."""

from __future__ import annotations

import json
import os
import resource
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import devflow_analytics_capture
from devflow_analytics_recorder import drain

Payload = dict[str, object]
Run = Callable[..., "subprocess.CompletedProcess[bytes]"]
Lines = Callable[[], list[list[Any]]]
Rows = Callable[[str], list[dict[str, Any]]]

HOOK = Path(devflow_analytics_capture.__file__).with_name("hook.py")
SILENT = (0, b"", b"")


def result(done: subprocess.CompletedProcess[bytes]) -> tuple[int, bytes, bytes]:
    return done.returncode, done.stdout, done.stderr


def shell(command: str, said: Payload) -> subprocess.CompletedProcess[bytes]:
    """Run the hook by a shell; ``$hook`` is how it is started."""
    hook = f"{sys.executable} -I -S {HOOK} claude-code"
    return subprocess.run(
        ["sh", "-c", command.replace("$hook", hook)],
        input=json.dumps(said).encode(),
        capture_output=True,
        check=False,
        timeout=60,
    )


def test_a_call_is_noted_in_silence_and_becomes_a_row(
    payload: Payload, run: Run, file: Path, rows: Rows
) -> None:
    assert result(run(payload)) == SILENT
    assert drain(file) == (1, 0)
    (row,) = rows("SELECT tool_name, server, duration_ms, source FROM tool_calls")
    assert [*row.values()] == ["get_issue", "github", 1234.0, "hook"]


def test_a_large_result_is_no_harm(payload: Payload, run: Run, lines: Lines) -> None:
    payload["tool_response"] = 'line "one"\n' * 100_000
    assert result(run(payload)) == SILENT
    assert len(lines()) == 1
    assert len(json.dumps(lines())) < 300


def test_what_is_turned_off_does_nothing(payload: Payload, run: Run, home: Path) -> None:
    assert result(run(payload, DEVFLOW_ANALYTICS_ENABLED="0")) == SILENT
    assert os.listdir(home) == []


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"garbage",
        b"{",
        b"\xff\xfe{",
        b"null",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\0" * 1000,
        b'{"tool_input":"' + b"a" * 100_000_000 + b'"}',
    ],
    ids=[
        "nothing",
        "garbage",
        "half an object",
        "half a letter",
        "null",
        "deep lists",
        "deep objects",
        "NULs",
        "100 MB",
    ],
)
def test_any_payload_is_taken_in_silence(said: bytes, run: Run, home: Path) -> None:
    assert result(run(said)) == SILENT
    assert os.listdir(home) == []


def test_a_huge_payload_takes_little_memory(payload: Payload) -> None:
    code = (
        "import resource, subprocess, sys;"
        "subprocess.run(sys.argv[1:], check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    )
    payload["tool_response"] = "a" * 100_000_000
    done = subprocess.run(
        [sys.executable, "-c", code, sys.executable, "-I", "-S", HOOK, "claude-code"],
        input=json.dumps(payload).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    assert int(done.stdout) < 60


@pytest.mark.parametrize(
    "command",
    [
        "$hook <&-",
        "$hook >&-",
        "$hook 2>&-",
        "$hook <&- >&- 2>&-",
        "$hook | true",
        "$hook >/dev/full 2>&1",
    ],
)
def test_any_output_and_input_will_do(command: str, payload: Payload) -> None:
    assert result(shell(command, payload)) == SILENT


@pytest.mark.parametrize("arguments", [["claude-code", ""], ["claude-code", "a.db", "b"]])
def test_wrong_arguments_are_no_harm(
    arguments: list[str], payload: Payload, run: Run, home: Path
) -> None:
    assert result(run(payload, *arguments)) == SILENT
    assert os.listdir(home) == []


def test_without_arguments_nothing_happens(payload: Payload, home: Path) -> None:
    assert (
        result(shell("$hook".replace("$hook", f"{sys.executable} -I -S {HOOK}"), payload)) == SILENT
    )
    assert os.listdir(home) == []


@pytest.mark.parametrize("home", ["", "/proc", "/dev/null", "/none", "relative", "\udcff"])
def test_any_home_is_no_harm(home: str, payload: Payload, run: Run, tmp_path: Path) -> None:
    if home == "\udcff":
        home = f"{tmp_path}/{home}"
        Path(home).mkdir()
    assert result(run(payload, HOME=home)) == SILENT


@pytest.mark.parametrize("size", [0, 100])
def test_a_full_disk_is_no_harm(size: int, payload: Payload, home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", HOOK, "claude-code"],
        input=json.dumps(payload).encode(),
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )
    assert result(done) == SILENT
    assert not [path for path in home.rglob("*.jsonl") if path.stat().st_size]


def test_a_machine_without_memory_is_no_harm(payload: Payload) -> None:
    payload["tool_response"] = ["a"] * 3_000_000
    limit = 80_000_000
    done = subprocess.run(
        [sys.executable, "-I", "-S", HOOK, "claude-code"],
        input=json.dumps(payload).encode(),
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert result(done) == SILENT


def test_a_directory_without_write_permission_is_no_harm(
    payload: Payload, run: Run, file: Path
) -> None:
    file.parent.mkdir(mode=0o500)
    assert result(run(payload)) == SILENT


def test_next_to_nothing_is_imported(payload: Payload) -> None:
    def imported(*arguments: str | Path) -> set[str]:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-X", "importtime", *arguments],
            input=json.dumps(payload).encode(),
            capture_output=True,
            check=True,
        )
        return {row.rpartition("|")[2].strip() for row in done.stderr.decode().splitlines()[1:]}

    ours = {
        "",
        ".names",
        ".noting",
        ".noting.calls",
        ".noting.environment",
        ".noting.failures",
        ".noting.line",
        ".noting.note",
        ".noting.parsing",
        ".noting.spool",
    }
    allowed = {f"devflow_analytics_capture{name}" for name in ours}
    allowed |= {"_json", "_sha2", "_sha256", "fcntl"}
    assert imported(HOOK, "claude-code") - imported("-c", "pass") <= allowed


def test_modules_of_others_are_not_taken_for_pythons(
    payload: Payload, tmp_path: Path, lines: Lines
) -> None:
    package = tmp_path / "site" / "devflow_analytics_capture"
    package.parent.mkdir()
    package.symlink_to(HOOK.parent)
    for name in ("fcntl", "_json", "time", "os"):
        (package.parent / f"{name}.py").write_text("raise SystemExit(3)\n")
    done = subprocess.run(
        [sys.executable, "-I", "-S", package / "hook.py", "claude-code"],
        input=json.dumps(payload).encode(),
        capture_output=True,
        check=False,
    )
    assert result(done) == SILENT
    assert len(lines()) == 1


@pytest.mark.parametrize("fails", [False, True])
def test_it_ends_with_status_0_at_once_whether_it_fails_or_not(
    fails: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
    home: Path,
) -> None:
    def fail(*_: object) -> None:
        if fails:
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr("devflow_analytics_capture.noting.note.note", fail)
    monkeypatch.setattr("posix._exit", sys.exit)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("devflow_analytics_capture.hook", run_name="__main__")
    assert ended.value.code == 0
    runpy.run_module("devflow_analytics_capture.hook")  # which is not the agent
    assert os.listdir(home) == []
