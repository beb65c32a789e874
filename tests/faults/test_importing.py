"""An import is struck, raced and disturbed: in the end the rows are those of one that was not.

All columns of all rows are compared, those of the cursors too. Only when a log was last found
depends on the clock.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, closing, suppress
from functools import partial
from itertools import count as count_from
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_capture import import_calls, run
from devflow_analytics_capture.importers.claude_code import ClaudeCode
from devflow_analytics_capture.testing.claude_code import write_logs
from devflow_analytics_capture.testing.claude_lines import VERSIONS
from devflow_analytics_db import (
    backup,
    check,
    create_analytics_db,
    restore,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Rows = dict[str, list[tuple[Any, ...]]]

BATCH = 25
"""Calls that are committed at once, so that few make several commits."""

CALLS, FEW = 1_200, 40

ROUNDS = 100

IMPORT = f"""
from devflow_analytics_capture import import_calls, run
run.BATCH_CALLS = {BATCH}
import_calls()
"""

IMPORT_WHEN_TOLD = """
import sys
print("ready", flush=True)
if len(sys.argv) > 1:
    sys.stdin.read()
"""

APPEND = """
import json, os, random, sys
chance = random.Random(int(sys.argv[2]))
for path, kept in json.loads(sys.argv[1]):
    with open(kept, "rb") as file:
        content = file.read()
    with open(path, "ab", buffering=0) as log:
        while content:
            cut = chance.randint(1, 5000)
            log.write(content[:cut])
            content = content[cut:]
            os.sched_yield()
"""
"""Writes logs piece by piece, one after the other."""

CHANGING = ("pwrite64", "ftruncate", "fdatasync", "unlink", "mkdir", "flock")

FAILING = {"ENOSPC": ("pwrite64", "ftruncate"), "EIO": ("pwrite64", "fdatasync")}

EVERYTHING = {
    "tool_calls": "SELECT * FROM tool_calls ORDER BY id",
    "sessions": "SELECT * FROM sessions ORDER BY id",
    "import_exclusions": "SELECT * FROM import_exclusions ORDER BY 1",
    "import_cursors": (
        "SELECT client, device, inode, size, modified_ns, position, head, tail, since, unanswered,"
        " state FROM import_cursors ORDER BY 1, 2, 3"
    ),
}

BELOW = tuple(version for version in VERSIONS if not version.subagents_beside)
"""Versions whose subagents' logs are read after those of their sessions."""


@pytest.fixture
def file(home: Path) -> Path:
    return home / ".devflow" / "analytics.db"


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "BATCH_CALLS", BATCH)


@pytest.fixture
def current(file: Path, starts: dict[str, Path | None]) -> Callable[[], None]:
    """Make the file anew, with 60 calls that somebody else recorded."""
    start = starts["current"]
    assert start

    def make() -> None:
        shutil.rmtree(file.parent, ignore_errors=True)
        file.parent.mkdir()
        shutil.copy(start, file)

    return make


def rows_of(file: Path) -> Rows:
    """Return everything that an import writes; the file must be sound."""
    assert check(file).findings == ()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {name: connection.execute(query).fetchall() for name, query in EVERYTHING.items()}


def importing(*arguments: str) -> subprocess.Popen[str]:
    """Start an import; with an argument, it waits for the end of its input."""
    return subprocess.Popen(
        [sys.executable, "-c", IMPORT_WHEN_TOLD + IMPORT, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def strikes(
    prepare: Callable[[], None], strike: Callable[..., Any], call: str, fault: str
) -> Iterator[tuple[str, int, str]]:
    """Strike at each of these system calls of an import in turn, on new ground each time.

    Yields what it was, and how the import ended and what it said.
    """
    for number in count_from(1):
        prepare()
        ended = strike(IMPORT, call, fault, number)
        if not ended.was_struck:
            return
        yield f"{call} number {number}: {fault}", ended.status, ended.said


def test_wherever_an_import_is_killed_the_next_one_brings_in_what_is_missing(
    home: Path,
    file: Path,
    strike: Callable[..., Any],
    current: Callable[[], None],
    count: Callable[[int], None],
) -> None:
    write_logs(home, calls=FEW)
    current()
    import_calls()
    whole = rows_of(file)
    struck: Counter[str] = Counter()
    for call in CHANGING:
        for here, status, said in strikes(current, strike, call, "signal=KILL"):
            struck[call] += 1
            assert (status, said) == (-9, ""), here
            import_calls()
            assert rows_of(file) == whole, here
    assert min(struck[call] for call in ("pwrite64", "unlink", "flock")) > 0, struck
    count(struck.total())


@pytest.mark.parametrize("error", FAILING)
def test_an_import_that_fails_says_so_by_name_and_the_next_one_brings_in_the_rest(
    error: str,
    home: Path,
    file: Path,
    strike: Callable[..., Any],
    current: Callable[[], None],
    count: Callable[[int], None],
) -> None:
    write_logs(home, calls=FEW)
    current()
    import_calls()
    whole = rows_of(file)
    struck: Counter[str] = Counter()
    for call in FAILING[error]:
        for here, status, said in strikes(current, strike, call, f"error={error}"):
            struck[call] += 1
            assert status == 0 or "\ndevflow_analytics_db.errors." in said, (here, said)
            import_calls()
            # a log that could not be read is read again as a whole, if it is not known how far
            assert rows_of(file) == whole, here
    assert struck["pwrite64"] > 0, struck
    count(struck.total())


def test_an_import_that_is_killed_again_and_again_gets_there(
    home: Path, file: Path, current: Callable[[], None], count: Callable[[int], None]
) -> None:
    write_logs(home, calls=CALLS)
    current()
    start = time.monotonic()
    import_calls()
    seconds = time.monotonic() - start
    whole = rows_of(file)
    current()
    chance = random.Random(1)
    killed = 0
    for number in range(ROUNDS):
        with importing() as process:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            time.sleep(chance.uniform(0, seconds / 6))  # a moment at random
            process.kill()
        killed += process.returncode == -signal.SIGKILL
        if number % 20 == 19:
            import_calls()
            assert rows_of(file) == whole, number
            current()
    import_calls()
    assert rows_of(file) == whole
    assert killed > ROUNDS / 4  # or the kills came too late to mean anything
    count(killed)


@pytest.mark.parametrize("free", [0, 4096, 65536, 262144])
def test_on_a_full_disk_an_import_says_so_and_goes_on_once_there_is_room(
    free: int, home: Path, file: Path, count: Callable[[int], None]
) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    write_logs(home, calls=CALLS)
    import_calls()
    whole = rows_of(file)
    with ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory())
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "importing", place], check=True)
        stack.callback(subprocess.run, ["umount", place], check=True)
        other, ballast = Path(place) / "analytics.db", Path(place) / "ballast"
        create_analytics_db(other).close()
        found = os.statvfs(place)
        ballast.write_bytes(b"\0" * max(0, found.f_bavail * found.f_frsize - free))
        with pytest.raises(Exception, match=r"full|has room") as raised:
            import_calls(other)
        assert type(raised.value).__module__ == "devflow_analytics_db.errors"
        ballast.unlink()
        import_calls(other)
        assert rows_of(other) == whole
    count(1)


def test_of_two_imports_at_once_one_says_so_and_no_call_is_there_twice(
    home: Path, file: Path, current: Callable[[], None], count: Callable[[int], None]
) -> None:
    write_logs(home, calls=CALLS // 4)
    current()
    import_calls()
    whole = rows_of(file)
    refused = 0
    rounds = ROUNDS // 5
    for _ in range(rounds):
        current()
        with importing("wait") as first, importing("wait") as second:
            for process in (first, second):
                assert process.stdout
                assert process.stdout.readline() == "ready\n"
            for process in (first, second):
                assert process.stdin
                process.stdin.close()
            said = []
            for process in (first, second):
                assert process.stderr
                said.append((process.wait(60), process.stderr.read()))
        assert min(status for status, _ in said) == 0, said
        for status, words in said:
            refused += status != 0
            assert status == 0 or "\ndevflow_analytics_db.errors.ImportRunningError: " in words
        assert rows_of(file) == whole
    assert refused > rounds / 2
    count(rounds)


def copy_at(at: int, told: list[int], copies: list[Path], _done: int, _total: int) -> None:
    """Copy the database when an import has told so many times how far it came."""
    told[0] += 1
    if told[0] == at:
        copies.append(backup())


def test_a_database_restored_from_a_backup_of_an_import_that_was_not_over_gets_the_rest(
    home: Path,
    file: Path,
    current: Callable[[], None],
    count: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_logs(home, calls=CALLS // 4)
    current()
    import_calls()
    whole = rows_of(file)
    monkeypatch.setattr(run, "TELL_SECONDS", 0)
    chance = random.Random(2)
    rounds, copied = 20, 0
    for number in range(rounds):
        current()
        copies: list[Path] = []
        import_calls(progress=partial(copy_at, chance.randrange(1, 800), [0], copies))
        assert rows_of(file) == whole, number
        if copies:
            copied += 1
            restore(copies[0], file)
            import_calls()
            assert rows_of(file) == whole, number
    assert copied > rounds / 2
    count(copied)


def test_what_is_appended_while_it_is_imported_comes_in(
    home: Path,
    file: Path,
    tmp_path: Path,
    current: Callable[[], None],
    count: Callable[[int], None],
) -> None:
    write_logs(home, calls=CALLS // 4, versions=BELOW)
    current()
    import_calls()
    whole = rows_of(file)
    logs = [(log.path, str(tmp_path / f"{at}")) for at, log in enumerate(ClaudeCode().logs())]
    for log, kept in logs:
        shutil.move(log, kept)
    imports = 0
    for seed in range(3):
        current()
        with subprocess.Popen(
            [sys.executable, "-c", APPEND, json.dumps(logs), str(seed)]
        ) as appending:
            while appending.poll() is None:
                import_calls()
                imports += 1
        assert appending.returncode == 0
        import_calls()
        found = rows_of(file)
        assert found["tool_calls"] == whole["tool_calls"]
        assert found["sessions"] == whole["sessions"]
        for log, _ in logs:
            Path(log).unlink()
    assert imports > 10
    count(imports)


def truncate_it_for_a_while(log: Path) -> None:
    keep(log, log.read_bytes())
    os.truncate(log, log.stat().st_size // 3)


def write_it_again(log: Path) -> None:
    log.write_bytes(log.read_bytes())


def replace_it(log: Path) -> None:
    shutil.copy(log, log.with_suffix(".new"))
    log.with_suffix(".new").replace(log)


def move_it(log: Path) -> None:
    place = log.parent.parent / f"{log.parent.name}-moved"
    place.mkdir(exist_ok=True)
    log.rename(place / log.name)
    with suppress(FileNotFoundError):
        name = log.with_suffix(".meta.json").name
        log.with_name(name).rename(place / name)


def delete_it_for_a_while(log: Path) -> None:
    keep(log, log.read_bytes())
    log.unlink()


def keep(log: Path, content: bytes) -> None:
    """Keep what is to be in a log in the end."""
    if not log.with_suffix(".kept").exists():
        log.with_suffix(".kept").write_bytes(content)


def append_half_a_line(log: Path) -> None:
    with log.open("ab") as file:
        file.write(b'{"type":"assistant","message":{"content":[{"type":"tool_use"')


def disturb_one(
    disturb: Callable[[Path], None],
    logs: list[Path],
    chance: random.Random,
    disturbed: list[int],
    _done: int,
    _total: int,
) -> None:
    """Disturb one of the logs now and then, when an import tells how far it came."""
    if chance.random() < 0.05:
        with suppress(FileNotFoundError):
            disturb(chance.choice(logs))
            disturbed[0] += 1


@pytest.mark.parametrize(
    "disturb",
    [
        *(truncate_it_for_a_while, write_it_again, replace_it, move_it, delete_it_for_a_while),
        append_half_a_line,
    ],
)
def test_whatever_becomes_of_logs_while_they_are_read_no_call_is_lost_or_doubled(
    disturb: Callable[[Path], None],
    home: Path,
    file: Path,
    current: Callable[[], None],
    count: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # of a copy that does not say so, only the times of change tell that it is one
    versions = tuple(
        version
        for version in VERSIONS
        if version.copies == "branch" and version.names_agents == "meta"
    )
    write_logs(home, calls=CALLS // 4, versions=versions)
    current()
    import_calls()
    whole = rows_of(file)
    monkeypatch.setattr(run, "TELL_SECONDS", 0)
    chance = random.Random(3)
    disturbed = [0]
    for _ in range(5):
        current()
        logs = sorted((home / ".claude").rglob("*.jsonl"))
        import_calls(progress=partial(disturb_one, disturb, logs, chance, disturbed))
        for kept in (home / ".claude").rglob("*.kept"):
            with kept.with_suffix(".jsonl").open("ab") as log:
                log.write(kept.read_bytes()[log.tell() :])
            kept.unlink()
        import_calls()
        found = rows_of(file)
        assert found["tool_calls"] == whole["tool_calls"]
        assert found["sessions"] == whole["sessions"]
    assert disturbed[0] > 10
    count(disturbed[0])


def test_all_of_a_hundred_thousand_calls_are_found(
    home: Path, file: Path, count: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the batches, but the home as well
    monkeypatch.setenv("HOME", str(home))
    truth = write_logs(home, calls=100_000, seed=1)
    (found,) = import_calls().clients
    assert (found.found, found.added, found.known) == (truth.found, len(truth.rows), truth.copies)
    assert (found.refused, found.unanswered, found.untimed, found.malformed) == (
        *(truth.refused, truth.unanswered, truth.untimed, truth.malformed),
    )
    assert len(rows_of(file)["tool_calls"]) == len(truth.rows)
    count(1)
