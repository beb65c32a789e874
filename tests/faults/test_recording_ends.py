"""Programs that record end, fork and are interrupted in many ways: no recorded call is lost.

Each notes a call once `record` has returned. The last process of a test takes in what was left.
"""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import create_analytics_db

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    TakeIn = Callable[[Path], list[str]]

ROUNDS = {"free": 2, "locked": 1}
"""How often each program runs while nobody, and while somebody, has the database locked."""

LONGEST_S = 30
"""How long a program may take, also if the database is locked all the time."""

PROGRAMS = """
import asyncio, atexit, gc, multiprocessing, os, signal, sys, threading, time
from itertools import count

file, program, notes = sys.argv[1], sys.argv[2], os.open(sys.argv[3], os.O_WRONLY | os.O_APPEND)
if program == "in_atexit_after_the_recorder":
    atexit.register(lambda: record_all("as it ends"))  # what is registered first is called last

from devflow_analytics_recorder import Recorder

def record(call):
    session.record(call, 1)
    os.write(notes, f"{call}\\n".encode())

def record_all(who, calls=20):
    for number in range(calls):
        record(f"{who} {number}")

def child(function, *arguments, end=os._exit):
    pid = os.fork()
    if pid:
        return pid
    signal.alarm(60)  # a hang is a failure
    function(*arguments)
    end(0)

def join(*pids):
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0

def storm(threads, calls, **options):
    started = [
        threading.Thread(target=record_all, args=(f"thread {number}", calls), **options)
        for number in range(threads)
    ]
    for thread in started:
        thread.start()
    return started

def in_another_process(number):
    "What a process of multiprocessing does: of what it inherits, only the arguments."
    global recorder, session
    if multiprocessing.get_start_method() != "fork":
        recorder = Recorder(file)
        session = recorder.session(client="test")
    record_all(f"process {number}")

def terminate_soon():
    threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGTERM)).start()

class Last:
    def __del__(self):
        record("the last")


def at_its_end():
    record_all("call")

def at_its_end_after_a_flush():
    record_all("call")
    recorder.flush(0.5)
    record("after")

def closed_before():
    record_all("call")
    recorder.close()

def by_os_exit():
    record_all("call")
    os._exit(0)

def by_an_exception():
    record_all("call")
    raise SystemExit

def by_abort():
    record_all("call")
    os.abort()

def by_exec():
    record_all("call")
    os.execv(sys.executable, [sys.executable, "-c", ""])

def by_sigterm():
    terminate_soon()
    for number in count():
        record(f"call {number}")

def by_sigterm_that_is_heard():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    terminate_soon()
    for number in count():
        record(f"call {number}")

def by_sigkill_in_threads():
    storm(4, 1_000_000, daemon=True)
    while os.fstat(notes).st_size < 10_000:
        pass
    os.kill(os.getpid(), signal.SIGKILL)

def in_atexit():
    atexit.register(record_all, "as it ends")
    record_all("call")

def in_atexit_after_the_recorder():
    record_all("call")

def in_a_destructor_as_python_ends():
    global last
    last = Last()
    record_all("call")

def in_a_destructor_and_nowhere_else():
    global last
    last = Last()

def in_a_destructor_that_the_collector_calls():
    for _ in range(20):
        cycle = [Last()]
        cycle.append(cycle)
        del cycle
        record("call")
        gc.collect()

def in_daemon_threads():
    global last
    last = Last()
    def go_on(who):
        for number in count():
            record(f"{who} {number}")
            time.sleep(0.0005)
    for number in range(4):
        threading.Thread(target=go_on, args=(f"thread {number}",), daemon=True).start()
    while os.fstat(notes).st_size < 1000:
        pass

def in_threads_that_outlive_the_main_one():
    storm(4, 500)

def in_eight_threads():
    for thread in storm(8, 1000):
        thread.join()

def in_two_hundred_tasks():
    async def call(number):
        async with session.call(f"task {number}"):
            await asyncio.sleep(number % 7 / 1000)
        os.write(notes, f"task {number}\\n".encode())

    async def calls():
        await asyncio.gather(*map(call, range(200)))

    asyncio.run(calls())

def in_a_signal_handler_in_the_midst_of_a_call():
    global recorder, session
    handled = count()
    is_wanted = True
    def hear(*_):
        record(f"signal {next(handled)}")
        if is_wanted:
            signal.setitimer(signal.ITIMER_REAL, 0.0001)  # not before, or handlers pile up
    signal.signal(signal.SIGALRM, hear)
    for number in range(30):
        recorder = Recorder(file)
        session = recorder.session(client="test")
        is_wanted = True
        signal.setitimer(signal.ITIMER_REAL, 0.0001)
        record_all(f"round {number}", 5)
        is_wanted = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        recorder.close(0.01)

def though_ctrl_c_comes_in_the_midst_of_a_call():
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    numbers = count()
    for number in range(300):
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0002 + number % 40 * 0.00001)
            while True:
                record(f"call {next(numbers)}")
        except KeyboardInterrupt:
            pass
    record("after that")
    assert recorder.flush(0 if is_locked else 10) or is_locked


def in_a_child():
    record_all("parent")
    pids = [child(record_all, "child"), child(record_all, "other child", end=sys.exit)]
    record_all("parent again")
    join(*pids)

def in_a_child_alone():
    join(child(record_all, "child"))

def in_a_grandchild():
    record_all("parent")
    def go_on():
        record_all("child")
        join(child(record_all, "grandchild", end=sys.exit))
        record_all("child again")
    join(child(go_on))

def in_a_child_that_outlives_its_parent():
    hear, say = os.pipe()
    def outlive():
        os.close(say)
        os.read(hear, 1)
        record_all("child")
    record_all("parent")
    child(outlive)
    os._exit(0)

def in_children_that_are_killed():
    record_all("parent")
    def die():
        record_all("child")
        os.kill(os.getpid(), signal.SIGKILL)
    for pid in [child(die) for _ in range(4)]:
        os.waitpid(pid, 0)

def in_eight_children_at_once():
    record_all("parent")
    pids = [child(record_all, f"child {number}", 200) for number in range(8)]
    record_all("parent again", 200)
    join(*pids)

def in_children_of_a_process_whose_threads_record():
    threads = storm(4, 1000)
    pids = [child(record_all, f"child {number}", end=(os._exit, sys.exit)[number % 2])
        for number in range(8)]
    for thread in threads:
        thread.join()
    join(*pids)

def in_children_while_the_parent_writes():
    pids = []
    for number in range(20):
        record_all(f"parent {number}", 50)
        pids.append(child(record_all, f"child {number}", 5))
    join(*pids)

def in_multiprocessing(method):
    record_all("parent")
    multiprocessing.set_start_method(method)
    with multiprocessing.Pool(3) as pool:
        pool.map(in_another_process, range(6), chunksize=1)
        pool.close()
        pool.join()
    record_all("parent again")

def in_multiprocessing_by_fork():
    in_multiprocessing("fork")

def in_multiprocessing_by_forkserver():
    in_multiprocessing("forkserver")

def in_multiprocessing_by_spawn():
    in_multiprocessing("spawn")


if __name__ == "__main__":
    is_locked = sys.argv[4] == "locked"
    signal.alarm(60)  # a hang is a failure
    recorder = Recorder(file)
    session = recorder.session(client="test")
    globals()[program]()
"""

ENDS = {"by_abort": -6, "by_sigterm": -15, "by_sigkill_in_threads": -9}
"""How a program ends, if not by 0."""

UNNOTED = {
    "by_sigterm": 1,
    "by_sigterm_that_is_heard": 1,
    "by_sigkill_in_threads": 4,
    "in_daemon_threads": 5,
    "though_ctrl_c_comes_in_the_midst_of_a_call": 300,
}
"""How many calls may be recorded of which the program could not say so any more."""

NAMES = re.findall(r"^def ((?:at|by|closed|in|though)_\w+)\(\)", PROGRAMS, re.MULTILINE)


@pytest.mark.parametrize("program", NAMES)
@pytest.mark.parametrize("state", ["free", "locked"])
def test_what_a_program_recorded_is_kept_once_however_it_ends_and_forks(
    state: str, program: str, tmp_path: Path, take_in: TakeIn, count: Callable[[int], None]
) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAMS)
    rounds = ROUNDS[state]
    for number in range(rounds):
        file, notes = tmp_path / f"{number}" / "analytics.db", tmp_path / f"{number}.notes"
        notes.touch()
        file.parent.mkdir()
        create_analytics_db(file).close()
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            if state == "locked":
                connection.execute("BEGIN IMMEDIATE")
            start = time.monotonic()
            done = subprocess.run(
                # Python 3.12 and newer warn of a fork where the program has threads of its own
                [sys.executable, "-W", "ignore:This process", script, file, program, notes, state],
                capture_output=True,
                text=True,
                check=False,
                timeout=90,
            )
            seconds = time.monotonic() - start
        assert (done.returncode, done.stderr) == (ENDS.get(program, 0), ""), done
        assert seconds < LONGEST_S, program
        noted, kept = Counter(notes.read_text().splitlines()), Counter(take_in(file))
        assert noted - kept == Counter(), (number, "lost")
        # at most what was recorded and not noted before the end, by each thread or child
        assert (kept - noted).total() <= UNNOTED.get(program, 0), (number, "too many")
    count(rounds)
