"""Processes that fork while a database is open or was used: no committed row is lost, ever.

Each writer appends the name of a row to a list once the row is committed. Between rows, another
process, which has no other file open, opens the file and closes it, and so removes the log under
whoever holds no lock.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROUNDS = 50

SCENARIOS = """
import gc, multiprocessing, os, signal, socket, sqlite3, sys, threading, time, traceback
from contextlib import closing
from pony.orm import commit, db_session, flush
from devflow_analytics_db import check, create_analytics_db

rows_n = 5
multiprocessing.set_start_method("fork")

def visit():
    "Let another process open the file and close it."
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.connect(visitors_address)
        visitor.sendall(os.fsencode(file))
        assert visitor.recv(1) == b"."

def note(line):
    os.write(notes, f"{line}\\n".encode())

def add(db, name):
    with db_session:
        db.Session(id=name, started_at=1)
    note(name)

def add_plainly(connection, name):
    connection.execute("INSERT INTO sessions (id, started_at) VALUES (?, 1)", (name,))
    note(name)

def add_all(db, who, visited=True):
    for number in range(rows_n):
        add(db, f"{who} {number}")
        if visited:
            visit()

def add_all_plainly(db, who):
    with closing(db.connect()) as connection:
        for number in range(rows_n):
            add_plainly(connection, f"{who} {number}")
            visit()

def child(function, *arguments):
    pid = os.fork()
    if pid == 0:
        end(function, *arguments)
    return pid

def end(function, *arguments):
    "Call a function and end this process; a refusal is noted."
    try:
        function(*arguments)
    except (KeyboardInterrupt, SystemExit):
        raise  # the child ends as any program does
    except BaseException as error:
        # Pony names it in an error of its own where a commit fails
        if "OpenedBeforeForkError" in f"{type(error).__name__}: {error}":
            note("refused")
            os._exit(0)
        traceback.print_exc()
        os._exit(1)
    os._exit(0)

def after(closed, function, *arguments):
    "Wait until the parent has closed what it had open."
    os.read(closed, 1)
    function(*arguments)

def join(*pids):
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0

def in_thread(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def a_handle_used_before_multiprocessing():
    db = create_analytics_db(file)
    add(db, "parent")
    process = multiprocessing.Process(target=end, args=(add_all, db, "child"))
    process.start()
    db.close()
    process.join()
    assert process.exitcode == 0

def a_handle_that_the_parent_uses_on():
    db = create_analytics_db(file)
    add(db, "parent")
    pid = child(add_all, db, "child")
    add_all(db, "parent")
    join(pid)

def a_connection_made_in_the_child():
    db = create_analytics_db(file)
    add(db, "parent")
    pid = child(add_all_plainly, db, "child")
    add_all(db, "parent")
    join(pid)

def a_handle_made_in_the_child():
    db = create_analytics_db(file)
    add(db, "parent")
    join(child(lambda: add_all(create_analytics_db(file), "child")))
    add(db, "parent again")

def a_parent_that_ends_first():
    db = create_analytics_db(file)
    add(db, "parent")
    alive, ended = os.pipe()
    def outlive():
        os.close(ended)
        os.read(alive, 1)
        add_all(db, "child")
    if os.fork() == 0:
        hear, say = os.pipe()
        if os.fork():
            os._exit(0)
        end(outlive)
    os.close(ended)
    os.wait()

def threads_with_idle_connections():
    db = create_analytics_db(file)
    used, done = threading.Barrier(5), threading.Event()
    def use(number):
        add(db, f"thread {number}")
        used.wait()
        done.wait()
        add(db, f"thread {number} again")
    threads = [in_thread(use, number) for number in range(4)]
    used.wait()
    pid = child(add_all, db, "child")
    done.set()
    for thread in threads:
        thread.join()
    join(pid)

def work(name):
    add_all(shared, name)

def a_pool():
    global shared
    shared = create_analytics_db(file)
    add(shared, "parent")
    # one task a child, so that some are forked by a thread of the pool's
    with multiprocessing.Pool(2, maxtasksperchild=1) as pool:
        pool.map(work, [f"task {number}" for number in range(4)], chunksize=1)
        add(shared, "parent again")

def workers_of_a_server_that_was_opened_before():
    db = create_analytics_db(file)
    add(db, "master")
    workers = [child(add_all, db, f"worker {number}") for number in range(4)]
    add(db, "master, serving")
    join(*workers)

def a_pool_inside_a_session():
    "Pony must not take the sessions of a child for a part of its parent's."
    global shared
    shared = create_analytics_db(file)
    add(shared, "before")
    with db_session:
        with multiprocessing.Pool(2) as pool:
            pool.map(work, [f"task {number}" for number in range(2)], chunksize=1)
        shared.Session(id="parent", started_at=1)
    note("parent")

def a_grandchild():
    db = create_analytics_db(file)
    add(db, "parent")
    def go_on():
        add(db, "child")
        join(child(add_all, db, "grandchild"))
        add(db, "child again")
    join(child(go_on))

def another_file_than_the_open_one():
    with closing(create_analytics_db(file + ".other").connect()):
        join(child(lambda: add_all(create_analytics_db(file), "child")))


def a_transaction_of_another_thread():
    db = create_analytics_db(file)
    begun, forked = threading.Event(), threading.Event()
    def write():
        with db_session:
            db.Session(id="thread", started_at=1)
            flush()
            begun.set()
            forked.wait()
        note("thread")
    thread = in_thread(write)
    begun.wait()
    pid = child(add_all, db, "child")
    join(pid)
    forked.set()
    thread.join()
    add_all(db, "parent")

def a_connection_of_another_thread():
    db = create_analytics_db(file)
    opened, forked = threading.Event(), threading.Event()
    def hold():
        with closing(db.connect()) as connection:
            add_plainly(connection, "thread")
            opened.set()
            forked.wait()
            add_plainly(connection, "thread again")
    thread = in_thread(hold)
    opened.wait()
    closed, say = os.pipe()
    pids = [
        child(after, closed, add_all, db, "child"),
        child(after, closed, add_all_plainly, db, "plain child"),
    ]
    forked.set()
    thread.join()
    os.write(say, b"..")
    join(*pids)

def a_connection_of_the_forking_thread():
    db = create_analytics_db(file)
    with closing(db.connect()) as connection:
        add_plainly(connection, "parent")
        join(child(add_all_plainly, db, "child"))
        join(child(lambda: add_all(create_analytics_db(file), "child")))
        join(child(add_plainly, connection, "child"))
        visit()
        add_plainly(connection, "parent again")

def a_session_of_the_forking_thread():
    db = create_analytics_db(file)
    def child_goes_on():
        db.Session(id="child", started_at=1)
        commit()
        note("child")
    with db_session:
        db.Session(id="parent", started_at=1)
        flush()
        join(child(child_goes_on))
    note("parent")
    add_all(db, "parent")

def a_connection_that_is_not_ours():
    db = create_analytics_db(file)
    closed, say = os.pipe()
    with closing(sqlite3.connect(file, isolation_level=None)) as strange:
        add_plainly(strange, "stranger")
        pid = child(after, closed, add_all, db, "child")
        add_plainly(strange, "stranger again")
    os.write(say, b".")
    join(pid)

def a_child_that_closes_all_descriptors_and_forks():
    db = create_analytics_db(file)
    closed, say = os.pipe()
    def become_a_daemon():
        os.read(closed, 1)
        kept = notes, running
        for descriptor in range(3, 256):
            if descriptor not in kept:
                try:
                    os.close(descriptor)
                except OSError:
                    pass
        join(child(add_all, db, "worker"))
    with closing(db.connect()) as connection:
        add_plainly(connection, "parent")
        pid = child(become_a_daemon)
    os.write(say, b".")
    join(pid)

def a_child_that_hears_ctrl_c_as_it_begins():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    db = create_analytics_db(file)
    closed, say = os.pipe()
    def try_it():
        try:
            os.read(closed, 1)
        except KeyboardInterrupt:
            os.read(closed, 1)
        add_all(db, "child")
    with closing(db.connect()) as connection:
        add_plainly(connection, "parent")
        try:
            pid = os.fork()
            if pid == 0:
                end(try_it)
        except KeyboardInterrupt:  # in the child, which alone is sent it
            end(try_it)
        time.sleep(number % 10 * 0.0001)  # another moment in each round
        os.kill(pid, signal.SIGINT)
    os.write(say, b"..")
    join(pid)

def a_thread_that_checks():
    "It uses databases in memory, and SQLite's memory has one lock for all."
    db = create_analytics_db(file)
    started, stop = threading.Event(), threading.Event()
    def check_on():
        while not stop.is_set():
            check(file)
            started.set()
    thread = in_thread(check_on)
    started.wait()
    def make_another():
        with closing(create_analytics_db(file + ".other").connect()) as connection:
            connection.execute("SELECT * FROM sessions").fetchall()
    for _ in range(4):
        join(child(make_another))
    stop.set()
    thread.join()
    note("refused")  # or not, if no thread was inside SQLite just then; but nobody hangs

def a_child_that_ends_in_the_middle_of_a_write():
    "What it inherits must not be touched as Python ends: SQLite would undo what the parent writes."
    global connection
    connection = create_analytics_db(file).connect()
    add_plainly(connection, "before")
    names = [(f"row {number}",) for number in range(3000)]
    connection.execute("PRAGMA cache_size = 10")  # written to the log before the commit
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO sessions (id, started_at) VALUES (?, 1)", names)
    pid = os.fork()
    if pid == 0:
        # all that a Python may do when it ends: 3.12 leaves some of it
        connection = None
        gc.unfreeze()
        gc.collect()
        sys.exit(0)
    join(pid)
    connection.execute("COMMIT")
    connection.close()
    for (name,) in names:
        note(name)


scenario, directory, rounds = globals()[sys.argv[1]], sys.argv[2], int(sys.argv[3])
visitors_address = sys.argv[4]
for number in range(rounds):
    file = os.path.join(directory, f"{number}.db")
    notes = os.open(f"{file}.notes", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    all_ended, running = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)  # a hang is a failure
        end(scenario)
    status = os.waitpid(pid, 0)[1]
    os.close(running)
    os.read(all_ended, 1)
    os.close(all_ended)
    os.close(notes)
    if status:
        sys.exit(f"round {number} of {sys.argv[1]}: {os.waitstatus_to_exitcode(status)}")
"""

VISITOR = """
import os, socket, sqlite3, sys
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1])
    listener.listen()
    print("ready", flush=True)
    while True:
        caller, _ = listener.accept()
        with caller:
            connection = sqlite3.connect(os.fsdecode(caller.recv(4096)))
            connection.execute("SELECT * FROM sessions").fetchone()
            connection.close()
            caller.sendall(b".")
"""

WORKS = (
    "a_child_that_ends_in_the_middle_of_a_write",
    "a_handle_used_before_multiprocessing",
    "a_handle_that_the_parent_uses_on",
    "a_connection_made_in_the_child",
    "a_handle_made_in_the_child",
    "a_parent_that_ends_first",
    "threads_with_idle_connections",
    "a_pool",
    "a_pool_inside_a_session",
    "workers_of_a_server_that_was_opened_before",
    "a_grandchild",
    "another_file_than_the_open_one",
)
REFUSED = (
    "a_transaction_of_another_thread",
    "a_connection_of_another_thread",
    "a_connection_of_the_forking_thread",
    "a_session_of_the_forking_thread",
    "a_connection_that_is_not_ours",
    "a_child_that_closes_all_descriptors_and_forks",
    "a_child_that_hears_ctrl_c_as_it_begins",
    "a_thread_that_checks",
)


@pytest.mark.parametrize("scenario", WORKS)
def test_a_forked_child_loses_no_row_and_neither_does_its_parent(
    scenario: str, tmp_path: Path, count: Callable[[int], None]
) -> None:
    assert "refused" not in play(scenario, tmp_path)
    count(ROUNDS)


@pytest.mark.parametrize("scenario", REFUSED)
def test_a_forked_child_that_could_lose_rows_is_refused_by_name(
    scenario: str, tmp_path: Path, count: Callable[[int], None]
) -> None:
    assert play(scenario, tmp_path).count("refused") >= ROUNDS
    count(ROUNDS)


@contextmanager
def visitor() -> Iterator[str]:
    """Start the process that opens a file and closes it when asked, and give its address."""
    # not below tmp_path: an address has 107 characters at most
    with tempfile.TemporaryDirectory() as directory:
        address = f"{directory}/visitor"
        with subprocess.Popen(
            [sys.executable, "-ISc", VISITOR, address], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            try:
                yield address
            finally:
                process.kill()


def play(scenario: str, directory: Path) -> list[str]:
    """Play a scenario again and again, each time on a new file, and return what was noted."""
    with visitor() as address:
        done = subprocess.run(
            [sys.executable, "-c", SCENARIOS, scenario, directory, str(ROUNDS), address],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr
    noted = []
    for number in range(ROUNDS):
        file = directory / f"{number}.db"
        notes = file.with_name(f"{file.name}.notes").read_text().splitlines()
        with closing(sqlite3.connect(file)) as connection:
            rows = {row for (row,) in connection.execute("SELECT id FROM sessions")}
            verdict = connection.execute("PRAGMA integrity_check").fetchall()
        assert verdict == [("ok",)], number
        assert set(notes) - {"refused"} == rows, number
        noted += notes
    return noted
