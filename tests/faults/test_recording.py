"""Recording is struck at each system call that changes something: no recorded call is lost.

A process records calls, and notes each once `record` has returned. It is killed, or a system call
fails, at each of them in turn; then the next process takes in what was left.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from itertools import count as count_from
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = tuple[str, *tuple[int, ...]]
    """A function of the processes', and its arguments besides the file."""
    TakeIn = Callable[[Path], list[str]]

WRITING = ("mkdir", "write", "pwrite64", "ftruncate", "unlink", "fdatasync")
CHANGING = (*WRITING, "fchmod", "flock")
ADOPTING = ("flock", "pwrite64", "ftruncate", "unlink", "fdatasync")

FAILING = {
    "ENOSPC": ("openat", "mkdir", "write", "ftruncate"),
    "EIO": ("pread64", *WRITING),
    "EACCES": ("mkdir", "openat", "fchmod", "unlink"),
    "EMFILE": ("openat",),
    "ENOLCK": ("flock", "fcntl"),
    "EBADF": ("write", "ftruncate", "flock"),
}
"""Which system calls fail with what."""

BROKEN = (
    *(("mkdir", "EACCES"), ("openat", "EACCES"), ("openat", "EMFILE"), ("memfd_create", "EMFILE")),
    *(("flock", "ENOLCK"), ("write", "ENOSPC"), ("write", "EBADF"), ("ftruncate", "EIO")),
    *(("unlink", "EACCES"), ("pread64", "EIO"), ("pwrite64", "ENOSPC"), ("fdatasync", "EIO")),
)
"""What fails again and again."""

CALLS = 5
"""So many does a process record."""

SPOOLS = (0, 50, 100)
"""The first calls of those that are left in spools; each has a hundred, so half are in two."""

ALL_LEFT = {f"left {number}" for number in range(200)}

ADOPTERS = 3
ROUNDS = 60

# For each line that it reads, forks the processes of one round, prints which they are, lets them
# all go at one moment, when told to, kills some of them, and prints how each ended and what it
# noted. It opens no database itself.
ROUNDS_OF_PROCESSES = """
import ctypes, json, logging, os, signal, sys, time, traceback
from devflow_analytics_db import AnalyticsDbError
from devflow_analytics_recorder import Recorder, drain

PR_SET_PTRACER, ANYBODY = 0x59616D61, ctypes.c_ulong(-1)

class Noting(logging.Handler):
    def emit(self, record):
        note(f"said {record.getMessage()}")

def note(text):  # by a system call that is not struck
    os.writev(notes, [f"{text}\\n".encode()])

def record(file):
    recorder = Recorder(file)
    session = recorder.session(client="test")
    for number in range(4):
        session.record(f"call {number}", 1)
        note(f"call {number}")
        if number % 2:
            recorder.flush(0.2)
    session.record("call 4", 1)
    note("call 4")
    recorder.close()

def adopt(file):
    try:
        drain(file)
    except AnalyticsDbError as error:
        note(f"said {error}")

def leave(file, first):
    session = Recorder(file).session(client="test", key=("test", "one for all"))
    for number in range(first, first + 100):
        session.record(f"left {number}", 1, native_id=f"{number}")
    os.kill(os.getpid(), signal.SIGKILL)

def begin(file, run, *arguments):
    hear, says = os.pipe()
    pid = os.fork()
    if pid == 0:
        global notes
        notes = says
        os.close(start)
        logging.getLogger("devflow_analytics_recorder").addHandler(Noting())
        ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYBODY)  # strace is not our parent
        signal.alarm(30)  # a hang is a failure
        os.write(says, b".")
        try:
            os.read(ready, 1)
            globals()[run](file, *arguments)
            os._exit(0)
        except BaseException:
            note(traceback.format_exc())
            os._exit(1)
    os.close(says)
    os.read(hear, 1)  # so that only what it does from now on is struck
    return pid, hear

for line in sys.stdin:
    file, runs, kills = json.loads(line)
    ready, start = os.pipe()
    begun = [begin(file, *run) for run in runs]
    print(json.dumps([pid for pid, _ in begun]), flush=True)
    sys.stdin.readline()
    os.write(start, b"." * len(runs))
    for number, seconds in kills:
        time.sleep(seconds)
        os.kill(begun[number][0], signal.SIGKILL)
    ended = []
    for pid, hear in begun:
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with open(hear) as noted:
            ended.append([status, noted.read().splitlines()])
    os.close(ready)
    os.close(start)
    print(json.dumps(ended), flush=True)
"""


class Ended(NamedTuple):
    """How a process ended."""

    status: int
    calls: set[str]
    """Those that were recorded: `record` had returned."""
    said: str
    """What else was noted: the messages of the log, or a traceback."""


class Rounds:
    """Plays rounds of processes, which are forked from one that has imported everything."""

    def __init__(
        self, process: subprocess.Popen[str], log: Path, injecting: Callable[..., Any]
    ) -> None:
        self._injecting = injecting
        self.process = process
        self.log = log
        """What strace writes."""

    def play(self, file: Path, runs: list[Run], kills: list[tuple[int, float]]) -> list[Ended]:
        """Let processes run at one moment, and kill some after so many seconds more each."""
        self._ask(file, runs, kills)
        return self._go()

    def strike(self, file: Path, run: str, call: str, fault: str) -> Ended:
        """Let a process run, and strike at one system call in each of its threads."""
        (pid,) = self._ask(file, [(run,)])
        with self._injecting(pid, call, fault, self.log):
            (ended,) = self._go()
        return ended

    def strikes(
        self, prepare: Callable[[], Path], run: str, call: str, fault: str
    ) -> Iterator[tuple[str, Ended]]:
        """Strike at each of these calls in turn, on new ground each time."""
        for number in count_from(1):
            ended = self.strike(prepare(), run, call, f"{fault}:when={number}")
            here = f"{call} number {number} of {run}: {fault}"
            if ended.status != -9 and "(INJECTED)" not in self.log.read_text():
                return
            yield here, ended

    def _ask(self, file: Path, runs: list[Run], kills: object = ()) -> list[int]:
        assert self.process.stdin
        self.process.stdin.write(f"{json.dumps([str(file), runs, kills])}\n")
        self.process.stdin.flush()
        pids: list[int] = self._answer()
        return pids

    def _go(self) -> list[Ended]:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        ended = []
        for status, noted in self._answer():
            calls = {line for line in noted if re.fullmatch(r"call \d+", line)}
            said = "\n".join(line for line in noted if line not in calls)
            ended.append(Ended(status, calls, said))
        return ended

    def _answer(self) -> Any:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())


@pytest.fixture
def rounds(tmp_path: Path, injecting: Callable[..., Any]) -> Iterator[Rounds]:
    with subprocess.Popen(
        [sys.executable, "-c", ROUNDS_OF_PROCESSES],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Rounds(process, tmp_path / "strace", injecting)
        finally:
            process.kill()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ground" / "analytics.db"


@pytest.fixture
def current(file: Path, starts: dict[str, Path | None]) -> Callable[[], Path]:
    """Make the file anew, current and with 60 calls in it."""
    start = starts["current"]
    assert start

    def make() -> Path:
        shutil.rmtree(file.parent, ignore_errors=True)
        file.parent.mkdir()
        shutil.copy(start, file)
        return file

    return make


@pytest.fixture
def left(
    file: Path, current: Callable[[], Path], rounds: Rounds, tmp_path: Path
) -> Callable[[], Path]:
    """Make the same, and beside it the spools of processes that were killed."""
    current()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")  # so that they write nothing
        ended = rounds.play(file, [("leave", first) for first in SPOOLS], [])
        assert {one.status for one in ended} == {-9}
    assert len([*file.parent.glob("*-spool/*")]) == len(ended)
    kept = tmp_path / "kept"
    file.parent.rename(kept)

    def make() -> Path:
        shutil.rmtree(file.parent, ignore_errors=True)
        shutil.copytree(kept, file.parent)
        return file

    return make


def once_each(tools: list[str]) -> set[str]:
    """Return the calls that were recorded; none may be there twice."""
    recorded = [tool for tool in tools if tool != "git-log"]
    assert len(recorded) == len(set(recorded))
    return set(recorded)


def dropped(ended: Ended) -> int:
    """Return how many calls were said to be dropped."""
    if "said no calls are recorded" in ended.said:
        return CALLS
    return sum(map(int, re.findall(r"(\d+) calls were dropped", ended.said)))


def test_a_call_is_kept_once_record_has_returned_wherever_the_process_is_killed(
    rounds: Rounds,
    file: Path,
    current: Callable[[], Path],
    take_in: TakeIn,
    count: Callable[[int], None],
) -> None:
    struck: Counter[str] = Counter()
    for call in CHANGING:
        for here, ended in rounds.strikes(current, "record", call, "signal=KILL"):
            struck[call] += 1
            assert ended.calls <= once_each(take_in(file)), here
    assert min(struck[call] for call in ("flock", "write", "pwrite64", "ftruncate")) > 0, struck
    count(struck.total())


@pytest.mark.parametrize("error", FAILING)
def test_record_never_fails_and_only_what_is_said_to_be_dropped_is_missing(
    error: str,
    rounds: Rounds,
    file: Path,
    current: Callable[[], Path],
    take_in: TakeIn,
    count: Callable[[int], None],
) -> None:
    struck: Counter[str] = Counter()
    for call in FAILING[error]:
        for here, ended in rounds.strikes(current, "record", call, f"error={error}"):
            struck[call] += 1
            assert (ended.status, len(ended.calls)) == (0, CALLS), (here, ended)
            missing = ended.calls - once_each(take_in(file))
            assert len(missing) <= dropped(ended), (here, ended)
    assert min(struck[call] for call in FAILING[error]) > 0, struck
    count(struck.total())


@pytest.mark.parametrize(("call", "error"), BROKEN)
@pytest.mark.parametrize("times", ["1+", "1..9"])
def test_what_fails_again_and_again_is_no_failure_of_record(
    times: str,
    call: str,
    error: str,
    rounds: Rounds,
    file: Path,
    current: Callable[[], Path],
    take_in: TakeIn,
    count: Callable[[int], None],
) -> None:
    ended = rounds.strike(current(), "record", call, f"error={error}:when={times}")
    assert (ended.status, len(ended.calls)) == (0, CALLS), ended
    missing = ended.calls - once_each(take_in(file))
    assert len(missing) <= dropped(ended), ended
    count(1)


def test_what_was_left_is_taken_in_once_wherever_whoever_does_that_is_killed(
    rounds: Rounds,
    file: Path,
    left: Callable[[], Path],
    take_in: TakeIn,
    count: Callable[[int], None],
) -> None:
    struck: Counter[str] = Counter()
    for call in ADOPTING:
        for here, _ in rounds.strikes(left, "adopt", call, "signal=KILL"):
            struck[call] += 1
            assert once_each(take_in(file)) == ALL_LEFT, here
    assert min(struck[call] for call in ADOPTING) > 0, struck
    count(struck.total())


def test_what_was_left_is_taken_in_once_if_three_do_so_and_some_are_killed(
    rounds: Rounds,
    file: Path,
    left: Callable[[], Path],
    take_in: TakeIn,
    count: Callable[[int], None],
) -> None:
    chance = random.Random(1)
    killed = 0
    for number in range(ROUNDS):
        left()
        victims = chance.sample(range(ADOPTERS), number % (ADOPTERS + 1))
        kills = [(victim, chance.uniform(0, 0.02)) for victim in victims]
        ended = rounds.play(file, [("adopt",)] * ADOPTERS, kills)
        assert {one.status for one in ended} <= {0, -9}, ended
        killed += sum(one.status == -9 for one in ended)
        assert once_each(take_in(file)) == ALL_LEFT, number
    assert killed > ROUNDS / 4  # or the kills came too late to mean anything
    count(ROUNDS)
