"""What importing a gigabyte of logs costs, beside reading it and counting its lines."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.harness import Line, compare, time_ratio
from benchmarks.processes import COMMAND
from devflow_analytics_capture.testing.claude_code import write_logs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.harness import Timed

CALLS, FEW = 76_000, 760
"""So many are in a gigabyte of real logs, and in a hundredth of it."""

BYTES_PER_RESULT = 6_000
"""As in real logs, on average: most results are short, and some are very long."""

ROUNDS = 5

AT_MOST_MORE_MS = 100
"""What an import of nothing new may cost more than the command that does nothing."""

IMPORT = """
from devflow_analytics_capture import import_calls
import_calls()
for line in open("/proc/self/status"):  # getrusage() begins with what the parent had
    if line.startswith("VmHWM:"):
        print(line.split()[1])
"""


class _Cost(NamedTuple):
    cpu_s: float
    time_s: float


class _Logs:
    """Logs of Claude Code in a home of their own."""

    def __init__(self, home: Path, calls: int) -> None:
        home.mkdir()
        write_logs(home, calls=calls, bytes_per_result=BYTES_PER_RESULT)
        self.home = home
        self.files = sorted((home / ".claude").rglob("*.jsonl"))
        self.size = sum(file.stat().st_size for file in self.files)
        os.sync()

    def run(self, *command: str | Path) -> _Cost:
        """Run a command that reads them, with its output thrown away."""
        environment = {"HOME": str(self.home), "PATH": os.environ["PATH"]}
        silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
        start = time.perf_counter()
        process = os.posix_spawnp(command[0], command, environment, file_actions=silent)
        _, status, used = os.wait4(process, 0)
        if status:
            sys.exit(f"{command[0]} failed.")
        return _Cost(used.ru_utime + used.ru_stime, time.perf_counter() - start)

    def anew(self) -> _Cost:
        """Import them into a new database."""
        shutil.rmtree(self.home / ".devflow", ignore_errors=True)
        return self.run(COMMAND, "--quiet", "import")

    def memory(self) -> float:
        """Return the most memory that a process which imports them has at a time, in MiB."""
        shutil.rmtree(self.home / ".devflow", ignore_errors=True)
        done = subprocess.run(
            [sys.executable, "-c", IMPORT],
            env=os.environ | {"HOME": str(self.home)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return int(done.stdout) / 1024


def measure(directory: Path) -> tuple[list[Line], list[str]]:
    """Return lines for the table of ratios, and notes.

    Args:
        directory: where to make logs.
    """
    few = _Logs(directory / "few-logs", FEW)
    few_memory = few.memory()
    shutil.rmtree(few.home)
    logs = _Logs(directory / "logs", CALLS)
    ours = _cpu(logs.anew)
    what = (
        f"`devflow-analytics import` of {logs.size / 1e9:.2f} GB that Claude Code has logged, CPU"
    )
    pairs = compare(ours, _cpu(lambda: logs.run("wc", "-l", *logs.files)), ROUNDS)
    lines = [
        time_ratio(what, "`wc -l` of the same logs, CPU", pairs, at_most=12),
        time_ratio(
            "the same",
            "`cat` of the same logs, CPU",
            compare(ours, _cpu(lambda: logs.run("cat", *logs.files)), ROUNDS),
        ),
    ]
    seconds = median(mine for mine, _ in pairs)
    memory = logs.memory()
    note = (
        f"An import reads {logs.size / 1e6 / seconds:,.0f} MB of Claude Code's logs in a second of"
        f" CPU, with {CALLS / logs.size * 1e9:,.0f} calls in a gigabyte. It has at most"
        f" {memory:.0f} MiB of memory for {logs.size / 1e6:,.0f} MB, and {few_memory:.0f} MiB for"
        f" {few.size / 1e6:,.0f} MB."
    )
    lines.append(_again(logs))
    others, note_of_others = _ccusage(directory, logs, ours)
    lines += others
    shutil.rmtree(logs.home)
    return lines, [note, note_of_others]


def _again(logs: _Logs) -> Line:
    """Return the line for an import when nothing is new."""
    line = time_ratio(
        "the same, when nothing is new",
        "`devflow-analytics path`, which does nothing",
        compare(
            lambda: logs.run(COMMAND, "--quiet", "import").time_s,
            lambda: logs.run(COMMAND, "path").time_s,
            4 * ROUNDS,
        ),
    )
    more_ms = 1000 * (line.ours_s - line.floor_s)
    return line._replace(aim=f"under {AT_MOST_MORE_MS} ms more", reached=more_ms < AT_MOST_MORE_MS)


def _ccusage(directory: Path, logs: _Logs, ours: Timed) -> tuple[list[Line], str]:
    """Compare with the best known reader of the same logs, if npm can install it."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine())
    package = f"@ccusage/ccusage-linux-{machine}"  # the program itself
    npm = shutil.which("npm")
    if npm is None or machine is None:
        return [], "`ccusage` was not measured: it needs npm, and a machine that it is made for."
    place = directory / "npm"
    place.mkdir()
    done = subprocess.run([npm, "install", package], cwd=place, stdout=sys.stderr, check=False)
    if done.returncode:
        return [], "`ccusage` was not measured: npm could not install it."
    program = place / "node_modules" / package / "bin" / "ccusage"
    program.chmod(0o755)
    theirs = _cpu(lambda: logs.run(program, "daily", "--offline", "--json"))
    line = time_ratio(
        "the same, into a new database",
        "`ccusage daily`, which adds up tokens and writes nothing; CPU",
        compare(ours, theirs, ROUNDS),
    )
    return [line], (
        "`ccusage` is a program in Rust. `agentsview`, in Go, is not measured: npm has none of it."
    )


def _cpu(run: Callable[[], _Cost]) -> Timed:
    return lambda: run().cpu_s
