"""What an agent pays for a hook that it runs after each tool call, beside other hooks."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

import devflow_analytics_capture
from benchmarks.harness import Line, compare, time_ratio

ROUNDS = 60

PAYLOAD = json.dumps(
    {
        "session_id": "0f1e2d3c-0000-4000-8000-000000000001",
        "cwd": "/home/me/shop",
        "hook_event_name": "PostToolUse",
        "tool_name": "mcp__github__get_issue",
        "tool_input": {"number": 12},
        "tool_response": [{"type": "text", "text": "It rains.\n" * 1000}],
        "tool_use_id": "toolu_01A",
        "duration_ms": 1234,
    }
).encode()
"""What the agent says: 11 kB."""

RECORD = """
import json, sys
from devflow_analytics_recorder import Recorder
said = json.load(sys.stdin)
with Recorder() as recorder:
    session = recorder.session(client="claude-code", key=("claude-code", said["session_id"]))
    session.record(said["tool_name"], said["duration_ms"], native_id=said["tool_use_id"])
"""


class _Cost(NamedTuple):
    cpu_s: float
    time_s: float


def measure(directory: Path) -> tuple[list[Line], str]:
    """Return a line for the table of ratios, and the table of what each way costs.

    Args:
        directory: where to make homes.
    """
    hooks = _Hooks(directory)
    keep = "`sh -c 'cat >>file'`, which keeps arguments and results"
    empty, ours = "an empty Python, `python -I -S -c pass`", "our hook"
    ways = {
        keep: ["/bin/sh", "-c", 'cat >>"$HOME/file"'],
        empty: [sys.executable, "-I", "-S", "-c", "pass"],
        ours: hooks.ours,
        "a `Recorder` in a process of its own": [sys.executable, "-c", RECORD],
        "`devflow-analytics path`": [hooks.command, "path"],
        "`devflow-analytics --quiet import`, nothing new": [hooks.command, "--quiet", "import"],
    }
    hooks.run(ways[ours])  # the first time, Python compiles it
    pairs = compare(
        lambda: hooks.run(ways[ours]).cpu_s, lambda: hooks.run(ways[empty]).cpu_s, ROUNDS
    )
    line = time_ratio("the hook of a tool call, CPU time", empty, pairs, at_most=1.5)
    costs: dict[str, list[_Cost]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, command in ways.items():
            costs[way].append(hooks.run(command))
    rows = [_row(way, costs[way]) for way in ways]
    head = "| what runs after a tool call | CPU time, median [quartiles] | time, median |\n"
    return [line], f"{head}| --- | ---: | ---: |\n{''.join(rows)}"


class _Hooks:
    """A home in which hooks are run, each with the payload on its input."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "hooks"
        self.home.mkdir()
        self.payload = self.home / "payload"
        self.payload.write_bytes(PAYLOAD)
        self.command = str(Path(sys.executable).with_name("devflow-analytics"))
        script = Path(devflow_analytics_capture.__file__).with_name("hook.py")
        self.ours = [sys.executable, "-I", "-S", str(script), "claude-code"]

    def run(self, command: list[str]) -> _Cost:
        """Run a command, and return what it took, its children's share included."""
        environment = {"HOME": str(self.home), "PATH": os.environ["PATH"]}
        files = [
            (os.POSIX_SPAWN_OPEN, 0, str(self.payload), os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        ]
        begin = time.perf_counter()
        process = os.posix_spawn(command[0], command, environment, file_actions=files)
        _, status, usage = os.wait4(process, 0)
        seconds = time.perf_counter() - begin
        if status:
            sys.exit(f"{' '.join(command)} failed.")
        return _Cost(usage.ru_utime + usage.ru_stime, seconds)


def _row(way: str, costs: list[_Cost]) -> str:
    low, middle, high = quantiles([1000 * cost.cpu_s for cost in costs], n=4, method="inclusive")
    wall = median(1000 * cost.time_s for cost in costs)
    return f"| {way} | {middle:.1f} [{low:.1f}, {high:.1f}] ms | {wall:.1f} ms |\n"
