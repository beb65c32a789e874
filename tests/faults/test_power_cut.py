"""The power fails at every moment: what was not synced is lost, torn, or there out of order.

What the package really says to SQLite is recorded, then said again to an SQLite whose every write
to the disk is recorded in turn (``record_disk.py``). From that come the states in which a disk may
be when the power fails at one of them, and each is opened as after a restart.
"""

from __future__ import annotations

import json
import pickle
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_db import AnalyticsDbError, check, create_analytics_db, migrate
from devflow_analytics_db.file import opening as connection
from devflow_analytics_db.migrations import migrate as migrator
from devflow_analytics_db.schema.structure import structure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devflow_analytics_db.file.connection import Connection

    Operation = tuple[Any, ...]
    Script = list[list[str]]
    State = tuple[object, ...]

RECORD_DISK = Path(__file__).with_name("record_disk.py")
SECTOR = 512
TORN = 0.05
"""How likely only the beginning of a sector comes."""

NAME = "analytics.db"

NAMES = [f"commit {number}" for number in range(12)]
"""What is committed after it, each with its name."""

CHECKPOINT = "PRAGMA wal_autocheckpoint = 12"
"""In pages; SQLite's own 1000 would never come about here."""

RUNS = {"first init": "nothing", "adoption": "server's", "upgrade": "at 1", "way down": "current"}
"""What is going on, and the file to begin with."""

STATES = 4
"""How many states are tried at each moment: all of it lost, all of it there, and mixtures."""

STATES_WITH_JOURNAL = 120
"""The same while there is a rollback journal, on which all depends then, and that is not long."""


class Content:
    """What a disk holds of a file: what was synced, and what came after and may be there."""

    def __init__(self, synced: bytes = b"") -> None:
        self.synced = bytearray(synced)
        self.pending: list[Operation] = []

    def sync(self) -> None:
        self.synced = self.after_a_cut(random.Random(0), likely=1)
        self.pending.clear()

    def after_a_cut(self, chance: random.Random, likely: float) -> bytearray:
        """Return what is there, if each piece of what came after is there as likely as said."""
        content = self.synced.copy()

        def write(place: int, piece: bytes) -> None:
            content.extend(bytes(max(0, place + len(piece) - len(content))))
            content[place : place + len(piece)] = piece

        for kind, place, *written in self.pending:
            if kind == "truncate":
                if chance.random() < likely:
                    del content[place:]
                continue
            if chance.random() < likely:
                # A file may have grown although what it grew by never came; that reads as zeros.
                content.extend(bytes(max(0, place + len(written[0]) - len(content))))
            for start, sector in in_sectors(place, *written):
                if chance.random() < likely:
                    torn = likely < 1 and chance.random() < TORN
                    write(start, sector[: 16 * chance.randrange(32)] if torn else sector)
        return content


def in_sectors(place: int, written: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the pieces of a write, each with its place in the file."""
    first = SECTOR - place % SECTOR
    yield place, written[:first]
    for start in range(first, len(written), SECTOR):
        yield place + start, written[start : start + SECTOR]


class Disk:
    """What a directory is on the disk, while the recorded operations reach it one by one."""

    def __init__(self, start: Path | None) -> None:
        self.names: dict[str, Content] = {}  # as the process sees them
        self.durable: dict[str, Content] = {}  # as a cut would leave them at least
        self.changes: list[tuple[str, Content | None]] = []  # names made and deleted since
        if start:
            self.durable[NAME] = self.names[NAME] = Content(start.read_bytes())
        else:
            self._name(NAME, Content())

    def _name(self, name: str, content: Content | None) -> None:
        if content is None:
            del self.names[name]
        else:
            self.names[name] = content
        self.changes.append((name, content))

    def _sync_directory(self) -> None:
        self.durable = self.names.copy()
        self.changes.clear()

    def do(self, operation: Operation) -> None:
        kind, name, *rest = operation
        if kind == "create":
            self._name(name, Content())
        elif kind == "delete":
            self._name(name, None)
            if rest[0]:
                self._sync_directory()
        elif kind == "sync":
            self.names[name].sync()
            if name != NAME:  # SQLite syncs the directory, too, the first time
                self._sync_directory()
        else:
            self.names[name].pending.append((kind, *rest))

    def has_journal(self) -> bool:
        return f"{NAME}-journal" in self.names

    def after_a_cut(self, seed: int, moment: int) -> dict[str, bytes]:
        """Return the files as they may be when the power fails now."""
        chance = random.Random(1000 * moment + seed)
        likely = [0, 1][seed] if seed < 2 else chance.choice([0.1, 0.5, 0.9])
        names = self.durable.copy()
        # what a directory names comes in order, from the journals of file systems
        for name, content in self.changes[: round(len(self.changes) * chance.random())]:
            if content is None:
                names.pop(name, None)
            else:
                names[name] = content
        return {name: bytes(names[name].after_a_cut(chance, likely)) for name in sorted(names)}


def state_of(file: Path) -> tuple[State, list[str]]:
    """Open files as any program may, and return what they are, and which commits are there.

    What they are is all that `check` looks at, and the rows.
    """
    with closing(sqlite3.connect(file)) as opened:
        opened.execute("PRAGMA synchronous = OFF")  # the disk is none that could fail again
        assert opened.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        parts = structure(opened)
        header = [opened.execute("PRAGMA user_version").fetchone()]
        if parts:  # an empty file may be ours already
            header.append(opened.execute("PRAGMA application_id").fetchone())
        tables = {part.table for part in parts if part.kind == "table"}
        rows, commits = [], []
        for table in sorted(tables & {"sessions", "tool_calls"}):
            found = opened.execute(f"SELECT rowid, * FROM {table} ORDER BY rowid").fetchall()
            rows += [row for row in found if "commit" not in row[1]]
            commits.append([row[1] for row in found if "commit" in row[1]])
        assert all(found == commits[0] for found in commits)
        ledgers = {
            "__drizzle_migrations": "hash",
            "devflow_migrations": "version, name, checksum, compatible_with",
        }
        for table in ledgers.keys() & tables:
            rows += opened.execute(
                f"SELECT {ledgers[table]} FROM {table} ORDER BY rowid"
            ).fetchall()
        return (parts, header, rows), commits[0] if commits else []


class Run:
    """Something that is going on when the power fails."""

    def __init__(self, name: str, directory: Path, starts: dict[str, Path | None]) -> None:
        self.name = name
        self.start = starts[RUNS[name]]
        self.directory = directory
        self.file = self._prepare("done for real")
        self.possible = [state_of(self.file)[0]]
        self.told: Script = []
        """What each connection was told, statement by statement."""

    def _prepare(self, name: str) -> Path:
        file = self.directory / name / NAME
        file.parent.mkdir()
        file.write_bytes(self.start.read_bytes() if self.start else b"")
        return file

    def do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Do it, and write down what SQLite is told."""
        open_existing = connection.open_existing

        def traced(file: str, timeout_ms: int) -> Connection:
            opened = open_existing(file, timeout_ms)
            self.told.append([])
            opened.set_trace_callback(self.told[-1].append)
            return opened

        with monkeypatch.context() as patch:
            patch.setattr(migrator, "open_existing", traced)
            if self.name == "way down":
                migrate(self.file, to=1, allow_down=True)
            else:
                create_analytics_db(self.file).close()
        self.possible.append(state_of(self.file)[0])
        opened = self.directory / "opened" / NAME
        shutil.copytree(self.file.parent, opened.parent)
        create_analytics_db(opened).close()
        assert check(opened).findings == ()
        self.current = state_of(opened)[0]
        """What it is once our code has opened it, whatever the cut left of it."""
        with closing(traced(str(self.file), 0)) as writer:
            connection.configure(writer)
            writer.execute(CHECKPOINT)
            for name in NAMES:
                writer.execute("BEGIN IMMEDIATE")
                writer.execute(
                    f"INSERT INTO sessions (id, started_at, tool_count) VALUES ('{name}', 1, 2)"
                )
                writer.execute(
                    "INSERT INTO tool_calls"
                    " (id, tool_name, duration_ms, status, timestamp, session_id)"
                    f" VALUES ('{name}', 'git-log', 1.5, 'success', 2, '{name}')"
                )
                writer.execute("COMMIT")

    def record(self, synchronous: str) -> list[Operation]:
        """Say it all to an SQLite that is watched, and return what it did to the disk."""
        script = [
            [
                statement.replace("synchronous = NORMAL", f"synchronous = {synchronous}")
                for statement in statements
            ]
            for statements in self.told
        ]
        if synchronous == "OFF":
            script = [["PRAGMA synchronous = OFF", *statements] for statements in script]
        trace = self.directory / "trace"
        subprocess.run(
            [sys.executable, RECORD_DISK, trace],
            input=json.dumps([str(self._prepare(synchronous)), script]),
            text=True,
            check=True,
            timeout=60,
        )
        operations: list[Operation] = pickle.loads(trace.read_bytes())
        return operations

    def cuts(self, operations: list[Operation]) -> Iterator[tuple[str, dict[str, bytes], int]]:
        """Yield what may be on the disk at each moment, and how many commits SQLite had done."""
        disk = Disk(self.start)
        done = 0
        seen: set[int] = set()
        for moment, (kind, *rest) in enumerate(operations):
            if kind == "done":
                done += rest == [1, "COMMIT"]
            else:
                disk.do((kind, *rest))
            states = STATES_WITH_JOURNAL if disk.has_journal() else STATES
            for seed in range(states):
                files = disk.after_a_cut(seed, moment)
                known = hash((done, *files.items()))
                if known not in seen:
                    seen.add(known)
                    yield f"moment {moment}, seed {seed}", files, done

    def open(self, files: dict[str, bytes]) -> list[str]:
        """Open what a cut left, by SQLite and by our own code, and return the commits it has."""
        cut = self.directory / "cut"
        for copy in ("by SQLite", "by us"):
            (cut / copy).mkdir(parents=True)
            for name, content in files.items():
                (cut / copy / name).write_bytes(content)
                (cut / copy / name).chmod(0o600)
        try:
            state, commits = state_of(cut / "by SQLite" / NAME)
            assert state in self.possible
            assert state == self.possible[-1] or not commits
            create_analytics_db(cut / "by us" / NAME).close()
            assert state_of(cut / "by us" / NAME) == (self.current, commits)
            return commits
        finally:
            shutil.rmtree(cut)


@pytest.fixture(params=RUNS)
def run(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    starts: dict[str, Path | None],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    run = Run(request.param, tmp_path, starts)
    run.do(monkeypatch)
    return run


@pytest.mark.parametrize("synchronous", ["NORMAL", "FULL"])
def test_a_power_cut_loses_at_most_the_last_commits(
    run: Run, synchronous: str, count: Callable[[int], None]
) -> None:
    operations = run.record(synchronous)
    assert operations.count(("sync", NAME)) > len(NAMES) / 2  # the WAL is written back many times
    cases = lost = 0
    for here, files, done in run.cuts(operations):
        cases += 1
        commits = run.open(files)
        assert commits == [*NAMES[: len(commits)]], here
        lost += done > len(commits)
        assert len(commits) <= done + 1, here
    assert (lost > 0) == (synchronous == "NORMAL")  # as SQLite says
    count(cases)


def test_without_syncs_the_same_cuts_do_damage(run: Run, count: Callable[[int], None]) -> None:
    """Or nothing above would mean anything."""
    cases = damaged = 0
    for _, files, _ in run.cuts(run.record("OFF")):
        cases += 1
        try:
            commits = run.open(files)
            assert commits == [*NAMES[: len(commits)]]
        # what integrity_check says of a damaged file may quote it, and then is no UTF-8
        except (AssertionError, AnalyticsDbError, sqlite3.DatabaseError, UnicodeDecodeError):
            damaged += 1
    assert damaged > cases / 20, (damaged, cases)
    count(cases)
