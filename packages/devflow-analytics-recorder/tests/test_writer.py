"""That no recorded call is lost, whatever becomes of the process or of the database."""

from __future__ import annotations

import logging
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from devflow_analytics_db import AnalyticsDbError, backup, create_analytics_db, migrate, restore
from devflow_analytics_recorder import Drained, Recorder, adoption, drain, outbox, writer
from devflow_analytics_recorder.writer import EXIT_SECONDS

Rows = list[dict[str, Any]]
Python = Callable[..., "subprocess.CompletedProcess[str]"]


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads there")


def names(rows: Rows) -> list[str]:
    return [row["tool_name"] for row in rows]


def test_a_signal_that_the_program_waits_for_goes_to_nobody_else(python: Python) -> None:
    done = python(
        """
        import signal
        s.record("a", 1)
        assert r.flush(20)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        os.kill(os.getpid(), signal.SIGTERM)
        print(signal.sigwait({signal.SIGTERM}) == signal.SIGTERM)
        """
    )
    assert (done.returncode, done.stdout) == (0, "True\n")


def test_names_of_any_length_are_not_kept_in_memory(python: Python) -> None:
    done = python(
        """
        import resource
        def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        s.record("a" * 1_000_000, 1)
        before = peak()
        for number in range(300):
            s.record(f"{number}" + "x" * 1_000_000, 1)
        print((peak() - before) // 1000)
        """
    )
    assert int(done.stdout) < 50


def test_the_database_is_closed_while_nothing_is_recorded(
    python: Python, rows: Callable[[str], Rows]
) -> None:
    done = python(
        """
        from devflow_analytics_recorder import writer
        writer.IDLE_SECONDS = 0.01
        closed = writer.Target.close
        import queue
        told = queue.SimpleQueue()
        writer.Target.close = lambda target: (closed(target), told.put(None))
        for number in range(3):
            s.record("a", 1)
            told.get(timeout=20)
            print(os.path.exists(os.path.expanduser("~/.devflow/analytics.db-wal")))
        os._exit(0)
        """
    )
    assert done.stdout == "False\n" * 3
    assert len(rows("SELECT * FROM tool_calls")) == 3


@pytest.mark.parametrize(
    "end",
    [
        "pass",
        "sys.exit(3)",
        "os._exit(0)",
        "os.abort()",
        "os.kill(os.getpid(), 9)",
        "os.kill(os.getpid(), 15)",
        "raise KeyError",
        "import atexit; atexit.register(s.record, 'last', 1)",
        "import threading; threading._register_atexit(s.record, 'last', 1)",
    ],
)
def test_every_call_is_there_however_the_process_ends(
    end: str, python: Python, file: Path, rows: Callable[[str], Rows]
) -> None:
    done = python(f"for n in range(200): s.record(str(n), 1)\n{end}")
    assert not done.stdout
    with Recorder(file) as recorder:  # takes in what is left, if anything is
        recorder.session().record("next", 1)
    found = names(rows("SELECT * FROM tool_calls ORDER BY id"))
    assert found[:200] == [str(number) for number in range(200)]
    assert found[200:] == (["last", "next"] if "last" in end else ["next"])
    assert os.listdir(f"{file}-spool") == []
    counts = rows("SELECT tool_count FROM sessions ORDER BY id")
    assert [row["tool_count"] for row in counts] == [len(found) - 1, 1]


def test_a_call_is_kept_before_it_is_in_the_database(
    recorder: Recorder,
    calls: Callable[[], Rows],
    locked: Callable[[], Any],
    spools: Callable[[], list[bytes]],
) -> None:
    session = recorder.session()
    session.record("first", 1)
    calls()
    with locked():
        session.record("second", 1)
        (waiting,) = spools()
        assert waiting.count(b"\n") == 1
        assert b'"second"' in waiting
        assert not recorder.flush(0.1)
    assert names(calls()) == ["first", "second"]
    assert spools() == [b""]


def test_a_process_ends_in_time_while_the_database_is_locked_and_leaves_its_calls(
    python: Python, locked: Callable[[], Any], rows: Callable[[str], Rows]
) -> None:
    create_analytics_db().close()
    with locked():
        done = python(
            """
            import atexit, time
            s.record("a", 1)
            r.flush(0.5)  # by now the thread waits for the lock
            start = time.monotonic()
            r.close()
            print(time.monotonic() - start)
            """
        )
    assert done.returncode == 0
    assert not done.stderr
    assert float(done.stdout) < 2 * EXIT_SECONDS
    assert drain() == Drained(1, 0)
    assert names(rows("SELECT tool_name FROM tool_calls")) == ["a"]


def test_what_is_left_is_taken_in_once_by_whoever_comes(
    python: Python, rows: Callable[[str], Rows]
) -> None:
    python("for n in range(1000): s.record(str(n), 1)\nos._exit(0)")
    code = "from devflow_analytics_recorder import drain; print(drain().calls)"
    adopters = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(3)
    ]
    taken = [int(adopter.communicate(timeout=60)[0]) for adopter in adopters]
    assert [adopter.returncode for adopter in adopters] == [0, 0, 0]
    assert sum(taken) <= 1000
    assert rows("SELECT count(*) AS n FROM tool_calls") == [{"n": 1000}]
    assert rows("SELECT tool_count AS n FROM sessions") == [{"n": 1000}]
    assert drain() == Drained(0, 0)


def test_without_spools_nothing_is_opened_or_made(home: Path) -> None:
    assert drain() == Drained(0, 0)
    assert list(home.iterdir()) == []


def test_the_same_lines_twice_are_the_same_rows(file: Path, rows: Callable[[str], Rows]) -> None:
    """As where a process is killed after the commit, and before its spool is emptied."""
    with Recorder(file) as recorder:
        session = recorder.session(client="a")
        session.record("a", 1)
        line = _line(session)

    def adopt(lines: bytes) -> tuple[Rows, Rows]:
        (Path(f"{file}-spool") / "1-00c0ffee.v1.jsonl").write_bytes(lines)
        assert drain(file) == Drained(lines.count(b"\n"), 0)
        return rows("SELECT * FROM tool_calls ORDER BY id"), rows("SELECT * FROM sessions")

    calls, sessions = adopt(line * 3)
    assert names(calls) == ["a", "line"]
    assert [row["tool_count"] for row in sessions] == [2]
    assert adopt(line) == (calls, sessions)


def _line(session: Any) -> bytes:
    """Return the line of a new call, without recording it."""
    lines: list[bytes] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer.Writer, "append", lambda _, line: lines.append(line))
        session.record("line", 1)
    return lines[0]


def test_lines_that_are_none_are_counted_and_the_others_written(
    file: Path, rows: Callable[[str], Rows], caplog: pytest.LogCaptureFixture
) -> None:
    with Recorder(file) as recorder:
        session = recorder.session()
        session.record("first", 1)
    session = Recorder(file).session()
    lines = [_line(session) for _ in range(5)]
    unsound = [
        b"\n",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        lines[0].replace(b"[1,", b"[99,"),
        lines[0].replace(b'"line",1.0,', b'"line",NaN,'),
        lines[0].replace(b'"line",1.0,', b'"line",1e999,'),
        lines[0].replace(b'"line",1.0,', b'"line",-1,'),
        lines[0].replace(b'"line",1.0,', b'"line","long",'),
        lines[0].replace(b'"line",1.0,', b'"line",[1],'),
        lines[0].replace(b'"line"', b"null"),
        lines[0].replace(b'"success"', b'"fine"'),
    ]
    torn = lines[4][:-9]
    content = b"".join([lines[1], *unsound, lines[2], b"\n\n", lines[3], torn])
    (Path(f"{file}-spool") / "1-00c0ffee.v1.jsonl").write_bytes(content)
    assert drain(file) == Drained(3, len(unsound) + 3)
    assert names(rows("SELECT * FROM tool_calls ORDER BY rowid")) == ["first", *["line"] * 3]
    assert "a call was refused" in caplog.text
    assert os.listdir(f"{file}-spool") == []


def test_what_is_no_spool_of_ours_at_all_is_given_up(file: Path) -> None:
    with Recorder(file) as recorder:
        recorder.session().record("a", 1)
    (Path(f"{file}-spool") / "1-00c0ffee.v1.jsonl").write_bytes(
        b"x" * 3 * adoption.BATCH_BYTES + b"\n"
    )
    assert drain(file) == Drained(0, 1)
    assert os.listdir(f"{file}-spool") == []


def test_a_long_spool_is_taken_in_bit_by_bit_by_processes_that_are_killed(
    python: Python, file: Path, locked: Callable[[], Any], rows: Callable[[str], Rows]
) -> None:
    create_analytics_db().close()
    with locked():
        python("for n in range(3000): s.record('left', 1)\nos._exit(0)")
    (left,) = Path(f"{file}-spool").iterdir()
    sizes = [left.stat().st_size]
    kill = """
        from devflow_analytics_recorder import adoption, drain
        write, batches = adoption.write_batch, []
        def stop(part, target):
            batches.append(write(part, target))
            if len(batches) == 2: os._exit(0)
            return batches[-1]
        adoption.write_batch = stop
        drain()
        """
    while left.exists():
        python(kill)
        sizes.append(left.stat().st_size if left.exists() else 0)
    assert sizes == sorted(sizes, reverse=True)
    assert len({*sizes}) > 3
    assert rows("SELECT count(*) AS n FROM tool_calls") == [{"n": 3000}]
    assert rows("SELECT tool_count AS n FROM sessions") == [{"n": 3000}]


def test_what_a_later_release_wrote_is_left_to_it(file: Path) -> None:
    with Recorder(file) as recorder:
        recorder.session().record("a", 1)
    theirs = Path(f"{file}-spool") / "1-00c0ffee.v2.jsonl"
    theirs.write_text("[2]\n")
    assert drain(file) == Drained(0, 0)
    assert theirs.exists()


def test_ctrl_c_while_a_fork_waits_is_heard_after_it(
    python: Python, rows: Callable[[str], Rows]
) -> None:
    create_analytics_db().close()
    done = python(
        """
        import queue, signal, time
        from devflow_analytics_recorder import writer
        write = writer.Target.write
        def slowly(target, lines):
            begun.put(None)
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.3)
            write(target, lines)
        writer.Target.write = slowly
        begun = queue.SimpleQueue()
        s.record("a", 1)
        begun.get()
        try:
            child = os.fork()
            if child == 0:
                os._exit(0)
            time.sleep(5)
        except KeyboardInterrupt:
            print("heard")
        writer.Target.write = write
        s.record("b", 1)
        assert r.flush(20)
        """
    )
    # Python 3.12 warns of the fork, as another thread is about to interrupt this one
    assert (done.returncode, done.stdout) == (0, "heard\n")
    assert "Exception ignored" not in done.stderr
    assert len(rows("SELECT * FROM tool_calls")) == 2


def test_what_cannot_be_taken_in_is_a_named_error_and_waits_on(
    python: Python, file: Path, rows: Callable[[str], Rows]
) -> None:
    create_analytics_db().close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(
            "CREATE TRIGGER broken AFTER INSERT ON tool_calls"
            " BEGIN INSERT INTO missing VALUES (new.id); END"
        )
    python("s.record('a', 1)")
    with pytest.raises(AnalyticsDbError, match=r"cannot be written into it: no such table"):
        drain()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TRIGGER broken")
    assert drain() == Drained(1, 0)
    assert names(rows("SELECT tool_name FROM tool_calls")) == ["a"]


def test_a_row_that_the_database_refuses_blocks_no_other(
    recorder: Recorder, file: Path, calls: Callable[[], Rows]
) -> None:
    create_analytics_db(file).close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(
            "CREATE TRIGGER picky BEFORE INSERT ON tool_calls WHEN new.tool_name LIKE 'bad%'"
            " BEGIN SELECT RAISE(ROLLBACK, 'bad'); END"
        )
    session = recorder.session()
    for name in ("a", "bad1", "b", "bad2", "c"):
        session.record(name, 1)
    assert names(calls()) == ["a", "b", "c"]


def test_columns_of_a_users_do_not_matter(
    recorder: Recorder, file: Path, calls: Callable[[], Rows]
) -> None:
    create_analytics_db(file).close()
    with closing(sqlite3.connect(file)) as connection:
        for column in ("session", "calls", "last_call", "value"):
            connection.execute(f"ALTER TABLE sessions ADD COLUMN {column} TEXT")
            connection.execute(f"ALTER TABLE tool_calls ADD COLUMN {column} TEXT")
    recorder.session().record("a", 1)
    assert names(calls()) == ["a"]


def test_how_many_calls_were_refused_is_said(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    create_analytics_db(file).close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE UNIQUE INDEX one ON tool_calls (tool_name)")
    recorder = Recorder(file)
    for _ in range(5):
        recorder.session().record("a", 1)
    recorder.close(30)
    said = [record.message for record in caplog.records if "recorder" in record.name]
    assert len(said) == 2
    assert said[0].startswith(f"a call was refused by {file}")
    assert said[1] == f"4 calls were refused, and are not in {file}"


def test_a_deleted_session_is_there_again_with_its_next_call(
    recorder: Recorder, file: Path, calls: Callable[[], Rows], rows: Callable[[str], Rows]
) -> None:
    session = recorder.session(client="codex")
    session.record("a", 1)
    calls()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM sessions")
    session.record("b", 1)
    assert names(calls()) == ["b"]
    assert rows("SELECT id, client, tool_count FROM sessions") == [
        {"id": session.id, "client": "codex", "tool_count": 1}
    ]


def test_a_deleted_database_is_made_anew(
    recorder: Recorder, file: Path, calls: Callable[[], Rows]
) -> None:
    session = recorder.session()
    session.record("a", 1)
    calls()
    shutil.rmtree(file.parent)
    session.record("b", 1)
    assert names(calls()) == ["b"]
    session.record("c", 1)
    assert names(calls()) == ["b", "c"]
    assert len(os.listdir(f"{file}-spool")) == 1


def test_after_a_restore_it_goes_on_in_what_was_restored(
    recorder: Recorder, file: Path, calls: Callable[[], Rows]
) -> None:
    session = recorder.session()
    session.record("a", 1)
    calls()
    copy = backup(file)
    session.record("b", 1)
    calls()
    restore(copy, file)
    session.record("c", 1)
    assert names(calls()) == ["a", "c"]


def test_a_replaced_file_is_opened_anew(
    recorder: Recorder, file: Path, tmp_path: Path, calls: Callable[[], Rows]
) -> None:
    session = recorder.session()
    session.record("a", 1)
    calls()
    create_analytics_db(tmp_path / "other.db").close()
    for suffix in ("-wal", "-shm"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
    (tmp_path / "other.db").replace(file)
    session.record("b", 1)
    assert names(calls()) == ["b"]


def test_a_file_of_another_version_is_brought_up_to_date_again(
    recorder: Recorder, file: Path, calls: Callable[[], Rows]
) -> None:
    session = recorder.session()
    session.record("a", 1)
    calls()
    migrate(file, to=2, allow_down=True)
    session.record("b", 1)
    assert names(calls()) == ["a", "b"]


def test_what_keeps_calls_from_being_written_is_said_once_and_so_is_the_end_of_it(
    recorder: Recorder, file: Path, calls: Callable[[], Rows], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "devflow_analytics_recorder")
    file.parent.mkdir()
    file.write_text("something else")
    session = recorder.session()
    for name in ("a", "b"):
        session.record(name, 1)
        assert not recorder.flush(0.3)
    file.unlink()
    assert names(calls()) == ["a", "b"]
    said = [record.message for record in caplog.records if "recorder" in record.name]
    assert len(said) == 2
    assert "is not an SQLite database" in said[0]
    assert said[0].startswith(f"calls wait to be written to {file}")
    assert said[1] == f"calls are written to {file} again"


def test_what_has_no_room_is_dropped_and_counted(
    recorder: Recorder,
    calls: Callable[[], Rows],
    locked: Callable[[], Any],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = recorder.session()
    session.record("first", 1)
    calls()
    monkeypatch.setattr(outbox, "MOST_IN_SPOOL", 1000)
    with locked():
        for number in range(100):
            session.record(str(number), 1)
    kept = names(calls())
    session.record("last", 1)
    assert names(calls()) == [*kept, "last"]
    assert kept == ["first", *(str(number) for number in range(len(kept) - 1))]
    recorder.close()
    said = [record.message for record in caplog.records if "recorder" in record.name]
    assert said[0].startswith("there is no room")
    # how often it is counted depends on when the thread comes to run
    counts = [int(message.split()[0]) for message in said if "were dropped" in message]
    assert sum(counts) == 101 - len(kept)


def test_without_a_spool_calls_wait_in_memory(
    recorder: Recorder, file: Path, calls: Callable[[], Rows]
) -> None:
    file.parent.mkdir()
    Path(f"{file}-spool").write_text("in the way")
    session = recorder.session()
    session.record("a", 1)
    assert names(calls()) == ["a"]
    Path(f"{file}-spool").unlink()
    session.record("b", 1)
    calls()
    session.record("c", 1)
    assert names(calls()) == ["a", "b", "c"]
    assert len(os.listdir(f"{file}-spool")) == 1


def test_that_calls_wait_in_memory_is_said_once(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.parent.mkdir()
    Path(f"{file}-spool").write_text("in the way")
    with Recorder(file) as recorder:
        for _ in range(3):
            recorder.session().record("a", 1)
            assert recorder.flush(20)
    said = [record.message for record in caplog.records if "recorder" in record.name]
    assert len(said) == 1
    assert said[0].startswith("calls wait in memory, where a killed process loses them: ")


def test_memory_has_an_end(
    recorder: Recorder,
    file: Path,
    calls: Callable[[], Rows],
    locked: Callable[[], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create_analytics_db(file).close()
    Path(f"{file}-spool").write_text("in the way")
    monkeypatch.setattr(outbox, "MOST_IN_MEMORY", 1000)
    session = recorder.session()
    with locked():
        for number in range(100):
            session.record(str(number), 1)
    kept = names(calls())
    assert kept == [str(number) for number in range(len(kept))]
    assert 0 < len(kept) < 10


def test_a_full_disk_loses_nothing_while_there_is_memory(
    python: Python, file: Path, rows: Callable[[str], Rows]
) -> None:
    """A limit on the size of files stands in for the disk: `write` fails, or writes a part."""
    create_analytics_db().close()
    done = python(
        """
        import resource
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        for n in range(100): s.record(str(n), 1)
        assert not r.flush(0.5)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        assert r.flush(20)
        s.record("last", 1)
        """
    )
    assert done.returncode == 0, done.stderr
    assert names(rows("SELECT tool_name FROM tool_calls ORDER BY id")) == [
        *(str(number) for number in range(100)),
        "last",
    ]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000
    assert os.listdir(f"{file}-spool") == []


def test_a_spool_that_is_never_empty_is_left_for_a_new_one(
    recorder: Recorder,
    calls: Callable[[], Rows],
    locked: Callable[[], Any],
    spools: Callable[[], list[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "LONGEST_SPOOL", 1)
    monkeypatch.setattr(writer, "BATCH_BYTES", 500)
    session = recorder.session()
    session.record("0", 1)
    calls()
    with locked():
        for number in range(1, 100):
            session.record(str(number), 1)
    assert names(calls()) == [str(number) for number in range(100)]
    assert spools() == [b""]


def test_a_forked_child_records_in_a_session_of_its_own(
    python: Python, rows: Callable[[str], Rows], file: Path
) -> None:
    done = python(
        """
        keyed = r.session(key=("a", "b"))
        s.record("parent", 1)
        child = os.fork()
        s.record("child" if child == 0 else "parent", 1)
        keyed.record("keyed", 1)
        assert r.flush(20)
        r.close()
        if child:
            assert os.waitpid(child, 0)[1] == 0
        else:
            os._exit(0)
        """
    )
    assert done.returncode == 0, done.stderr
    found = rows("SELECT tool_name, session_id FROM tool_calls ORDER BY tool_name")
    assert names(found) == ["child", "keyed", "keyed", "parent", "parent"]
    assert len({row["session_id"] for row in found if row["tool_name"] != "keyed"}) == 2
    assert len({row["session_id"] for row in found if row["tool_name"] == "keyed"}) == 1
    assert os.listdir(f"{file}-spool") == []


def test_threads_that_fork_at_once_do_not_wait_for_each_other(python: Python) -> None:
    done = python(
        """
        import threading, time, warnings
        warnings.simplefilter("ignore")
        worst = 0
        def fork():
            global worst
            for _ in range(20):
                s.record("a", 1)
                start = time.monotonic()
                child = os.fork()
                if child == 0:
                    s.record("child", 1)
                    os._exit(0)
                worst = max(worst, time.monotonic() - start)
                os.waitpid(child, 0)
        threads = [threading.Thread(target=fork) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert r.flush(20)
        print(worst)
        """
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 4  # of 5 s


def test_a_fork_does_not_wait_for_a_thread_that_logs(python: Python) -> None:
    done = python(
        """
        import logging, time
        logging.basicConfig(level=logging.DEBUG, stream=open(os.devnull, "w"))
        worst = 0
        for n in range(20):
            s.record("a", 1)
            time.sleep(0.05 + n / 500)
            start = time.monotonic()
            child = os.fork()
            if child == 0:
                os._exit(0)
            worst = max(worst, time.monotonic() - start)
            os.waitpid(child, 0)
        print(worst)
        """
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 4  # of 5 s


@needs_proc
def test_a_recorder_that_nobody_has_any_more_keeps_nothing_open(
    python: Python, tmp_path: Path
) -> None:
    done = python(
        """
        import gc, time
        before = len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
        for n in range(30):
            os.mkdir(f"{sys.argv[1]}/{n}")
            recorder = Recorder(f"{sys.argv[1]}/{n}/a.db")
            recorder.session().record("a", 1)
            assert recorder.flush(20)
        del recorder
        gc.collect()
        end = time.monotonic() + 20
        while (len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))) != before:
            assert time.monotonic() < end
            time.sleep(0.01)
        """,
        tmp_path,
    )
    assert done.returncode == 0, done.stderr


def test_a_call_is_kept_where_the_spool_is_gone_and_the_database_locked(
    python: Python, file: Path, locked: Callable[[], Any], rows: Callable[[str], Rows]
) -> None:
    create_analytics_db().close()
    with locked():
        python(
            """
            s.record("first", 1)
            os.closerange(3, 100)
            for n in range(10): s.record("a", 1)
            os.kill(os.getpid(), 9)
            """
        )
    assert len(os.listdir(f"{file}-spool")) == 2
    assert drain() == Drained(11, 0)
    assert len(rows("SELECT * FROM tool_calls")) == 11


def test_memory_is_given_back_as_it_is_read(
    recorder: Recorder, file: Path, calls: Callable[[], Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    file.parent.mkdir()
    Path(f"{file}-spool").write_text("in the way")
    monkeypatch.setattr(outbox, "MOST_IN_MEMORY", 10_000)
    session = recorder.session()
    for _ in range(20):
        for _ in range(20):
            session.record("a", 1)
        assert recorder.flush(20)
    assert len(calls()) == 400


@needs_proc
def test_a_fork_finds_no_thread_of_ours(python: Python, rows: Callable[[str], Rows]) -> None:
    """Python warns of a fork with threads, and may hang in one."""
    done = python(
        """
        import warnings
        warnings.simplefilter("error")
        for n in range(5):
            s.record(f"parent {n}", 1)
            child = os.fork()
            if child == 0:
                os._exit(len(os.listdir("/proc/self/task")))
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
        assert r.flush(20)
        print(len(os.listdir("/proc/self/task")))
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n", "")
    assert len(rows("SELECT * FROM tool_calls")) == 5


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_multiprocessing_record_too(
    method: str, tmp_path: Path, file: Path, rows: Callable[[str], Rows]
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        f"""
import multiprocessing
from devflow_analytics_recorder import Recorder

session = Recorder({str(file)!r}).session()

def work(number):
    for call in range(100):
        session.record(f"{{number}}/{{call}}", 1)

if __name__ == "__main__":
    for call in range(100):
        session.record(f"parent/{{call}}", 1)
    with multiprocessing.get_context({method!r}).Pool(4) as pool:
        pool.map(work, range(8), chunksize=1)
        pool.close()
        pool.join()
"""
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    drain(file)
    parts = [*map(str, range(8)), "parent"]
    expected = {f"{part}/{call}" for part in parts for call in range(100)}
    assert {*names(rows("SELECT tool_name FROM tool_calls"))} == expected
    assert rows("SELECT count(*) AS n FROM tool_calls") == [{"n": len(expected)}]
    assert rows("SELECT sum(tool_count) AS n FROM sessions") == [{"n": len(expected)}]


def test_a_fork_in_the_midst_of_writing_harms_nobody(
    python: Python, rows: Callable[[str], Rows]
) -> None:
    done = python(
        """
        import threading
        stop = threading.Event()
        recorded = 0
        def record():
            global recorded
            while not stop.is_set():
                s.record("thread", 1)
                recorded += 1
        thread = threading.Thread(target=record)
        thread.start()
        children = []
        for n in range(10):
            child = os.fork()
            if child == 0:
                s.record("child", 1)
                os._exit(0 if r.flush(20) else 1)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 10
        stop.set()
        thread.join()
        print(recorded)
        """
    )
    assert done.returncode == 0, done.stderr
    drain()
    count = "SELECT count(*) AS n FROM tool_calls WHERE tool_name = "
    assert rows(f"{count} 'thread'") == [{"n": int(done.stdout)}]
    assert rows(f"{count} 'child'") == [{"n": 10}]


def test_a_signal_handler_may_record_in_the_midst_of_recording(
    python: Python, rows: Callable[[str], Rows]
) -> None:
    done = python(
        """
        import signal
        handled = 0
        def handle(*_):
            global handled
            handled += 1
            s.record("handler", 1)
            if handled < 50:  # else handlers would be called within handlers, without end
                signal.setitimer(signal.ITIMER_REAL, 0.0005)
        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.0005)
        recorded = 0
        while handled < 50:
            s.record("main", 1)
            recorded += 1
        print(recorded, handled)
        """
    )
    assert done.returncode == 0, done.stderr
    drain()
    main, handled = map(int, done.stdout.split())
    count = "SELECT count(*) AS n FROM tool_calls WHERE tool_name = "
    assert rows(f"{count} 'main'") == [{"n": main}]
    assert rows(f"{count} 'handler'") == [{"n": handled}]


def test_ctrl_c_in_the_midst_of_recording_leaves_it_usable(
    python: Python, rows: Callable[[str], Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A lock of coverage's own would be left taken, and its end wait for that.
    for name in [name for name in os.environ if name.startswith("COVERAGE_PROCESS")]:
        monkeypatch.delenv(name)
    done = python(
        """
        import signal
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        interrupted = recorded = 0
        while interrupted < 30:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.001)
                while True:
                    s.record("a", 1)
                    recorded += 1
            except KeyboardInterrupt:
                interrupted += 1
        print(recorded)
        """
    )
    assert done.returncode == 0, done.stderr
    drain()
    (found,) = rows("SELECT count(*) AS n FROM tool_calls")
    assert int(done.stdout) <= found["n"] <= int(done.stdout) + 30


@pytest.mark.parametrize(
    "place",
    [
        "signal.pthread_sigmask once before",
        "signal.pthread_sigmask once after",
        "start_new_thread once before",
        "start_new_thread once after",
    ],
)
def test_ctrl_c_as_the_thread_is_started_leaves_calls_to_another_thread(
    place: str,
    recorder: Recorder,
    calls: Callable[[], Rows],
    rows: Callable[[str], Rows],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, _, when = place.partition(" once ")
    owner: Any = writer if name == "start_new_thread" else writer.signal
    real = getattr(owner, name.removeprefix("signal."))
    interrupts = iter([KeyboardInterrupt])

    def interrupted(*arguments: Any) -> Any:
        comes = next(interrupts, None)
        if comes and when == "before":
            raise comes
        found = real(*arguments)
        if comes:
            raise comes
        return found

    session = recorder.session()
    with monkeypatch.context() as patch:
        patch.setattr(owner, name.removeprefix("signal."), interrupted)
        with pytest.raises(KeyboardInterrupt):
            session.record("a", 1)
    session.record("b", 1)
    assert names(calls()) == ["a", "b"]
    session.record("c", 1)
    recorder.close()
    assert names(rows("SELECT * FROM tool_calls ORDER BY rowid")) == ["a", "b", "c"]


def test_a_program_without_input_and_output_prints_nothing_into_the_spool(
    python: Python, file: Path
) -> None:
    done = python(
        """
        os.chdir("/")
        for descriptor in (0, 1, 2): os.close(descriptor)
        s.record("a", 1)
        for descriptor in (0, 1, 2):
            try: os.write(descriptor, b"what is printed\\n")
            except OSError: pass
        os.kill(os.getpid(), 9)
        """
    )
    assert done.returncode == -9
    (spool,) = Path(f"{file}-spool").iterdir()
    assert b"printed" not in spool.read_bytes()
    assert drain() == Drained(1, 0)


def test_nothing_is_written_into_files_of_a_program_that_closed_every_descriptor(
    python: Python, tmp_path: Path, rows: Callable[[str], Rows]
) -> None:
    """As daemons do: the number of the spool is another file's then."""
    done = python(
        """
        s.record("before", 1)
        assert r.flush(20)
        os.closerange(3, 100)

        def mine():
            while True:
                try:
                    return open(sys.argv[1], "a+b")
                except OSError:  # the thread has closed it: it had its number before
                    pass

        files = [mine() for _ in range(60)]
        s.record("after", 1)
        assert r.flush(20)
        for file in files: file.write(b"mine")
        """,
        tmp_path / "mine",
    )
    assert done.returncode == 0, done.stderr
    # SQLite closes what it takes for its own, but nothing is written there
    assert (tmp_path / "mine").read_bytes().replace(b"mine", b"") == b""
    assert names(rows("SELECT tool_name FROM tool_calls ORDER BY id")) == ["before", "after"]


def test_waiting_for_the_database_takes_no_processor_time(
    python: Python, locked: Callable[[], Any]
) -> None:
    create_analytics_db().close()
    with locked():
        done = python(
            """
            import time
            s.record("a", 1)
            r.flush(0.2)
            start = time.process_time()
            r.flush(2)
            print(time.process_time() - start)
            """
        )
    assert float(done.stdout) < 0.5


def test_the_thread_is_idle_when_nothing_is_recorded(python: Python) -> None:
    done = python(
        """
        import time
        s.record("a", 1)
        assert r.flush(20)
        time.sleep(0.2)
        start = time.process_time()
        time.sleep(1)
        print(time.process_time() - start)
        """
    )
    assert float(done.stdout) < 0.05


@needs_proc
def test_threads_that_begin_at_once_start_one_thread_of_ours(recorder: Recorder) -> None:
    before = {*os.listdir("/proc/self/task")}
    session = recorder.session()
    ready = threading.Barrier(8)

    def record() -> None:
        ready.wait()
        session.record("a", 1)

    threads = [threading.Thread(target=record) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.flush(30)
    assert len({*os.listdir("/proc/self/task")} - before) == 1
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
