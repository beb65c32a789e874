"""The tests of faults can fail: with one safeguard taken out of the code, they do.

Each mutation is made in a copy of a package, on which the test that should notice it is run.
It is found by the name of a function and by what a line there looks like, in whatever module.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

import devflow_analytics_capture
import devflow_analytics_db

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = {
    package.__name__: Path(package.__file__).parent
    for package in (devflow_analytics_capture, devflow_analytics_db)
}


class Mutation(NamedTuple):
    """A safeguard taken out, the test that must notice it, and why that fails."""

    function: str
    line: str
    """A regular expression; it sees each statement on a line of its own, without comments."""
    instead: str
    test: str
    why: str
    package: str = "devflow_analytics_db"


RACE = (
    "tests/faults/test_race.py::test_eight_processes_open_one_file_and_every_committed_row_is_there"
)
CRASH = (
    "tests/faults/test_crash.py::test_whatever_strikes_the_file_is_whole_and_the_next_run_succeeds"
)
POWER_CUT = "tests/faults/test_power_cut.py::test_a_power_cut_loses_at_most_the_last_commits"
FORK = "tests/faults/test_fork.py::test_a_forked_child_"
SWITCH = (
    "packages/devflow-analytics-db/tests/test_concurrency.py"
    "::test_the_switch_to_wal_is_tried_again_while_another_connection_writes"
)
GOLDEN = (
    "packages/devflow-analytics-db/tests/test_golden.py"
    "::test_a_golden_file_becomes_what_a_new_file_is_with_every_row[v1]"
)

IMPORTING = "tests/faults/test_importing.py::"

MUTATIONS = {
    "the switch to WAL is not tried again": Mutation(
        "enable_wal",
        r"if time\.monotonic\(\) > deadline:",
        "if True:",
        SWITCH,  # in a race the lock that is taken just before makes it too rare to count on
        "OperationalError: database is locked",
    ),
    "no second look under the lock": Mutation(
        "bring_to",
        r"( *)(with writing\(connection\):\n) *(route = .*\n)",
        r"\1\3\1\2",
        f"{RACE}[some killed-server's]",
        # done twice, or judged in the middle of another's work: which comes first is chance
        "devflow_analytics_db.errors.",
    ),
    "rows follow their references while tables are rebuilt": Mutation(
        "bring_to",
        r"in PRAGMAS:",
        "in PRAGMAS[1:]:",
        GOLDEN,
        "MigrationError: Migrating",  # which finds that the calls would be lost
    ),
    "each migration is committed by itself": Mutation(
        "take",
        r"( *)yield execute\(step\.record_sql\(.*\)\)\n",
        r"\g<0>\1connection.execute('COMMIT')\n\1connection.execute('BEGIN IMMEDIATE')\n",
        f"{CRASH}[signal=KILL-first init]",
        "AssertionError: pwrite64 number",
    ),
    "a child may open what its parent has open": Mutation(
        "require_opened_after_fork",
        r"if .*_Forked\.everything.*:",
        "if False:",
        f"{FORK}that_could_lose_rows_is_refused_by_name[a_connection_that_is_not_ours]",
        "AssertionError: 0",  # rows are missing in the first round
    ),
    "a child ends what its parent is writing": Mutation(
        "_disable",
        r"connection\._pins\.append\(connection\)",
        "pass",
        f"{FORK}loses_no_row_and_neither_does_its_parent"
        "[a_child_that_ends_in_the_middle_of_a_write]",
        "sqlite3.DatabaseError: database disk image is malformed",
    ),
    "idle connections are open at a fork": Mutation(
        "_before",
        r"idle\.close\(\)",
        "pass",
        f"{FORK}loses_no_row_and_neither_does_its_parent[a_handle_used_before_multiprocessing]",
        "AssertionError: assert 'refused' not in",
    ),
    "syncs are spared before there is WAL": Mutation(
        "configure",
        r"( *)connection\.execute\('PRAGMA trusted_schema = OFF'\)\n",
        r"\g<0>\1connection.execute('PRAGMA synchronous = NORMAL')\n",
        f"{POWER_CUT}[first init-NORMAL]",
        "DatabaseError",
    ),
    "cursors are committed before the calls": Mutation(
        "commit",
        r"( *)counts\['added'\] \+= write_calls\(.*\)\n",
        r"\1for cursor in batch.cursors:\n"
        r"\1    save_cursor(connection, batch.client, cursor, now)\n"
        r"\1connection.execute('COMMIT')\n\1connection.execute('BEGIN IMMEDIATE')\n\g<0>",
        f"{IMPORTING}test_on_a_full_disk_an_import_says_so_and_goes_on_once_there_is_room[65536]",
        "assert {'tool_calls'",
        "devflow_analytics_capture",
    ),
    "two imports run at once": Mutation(
        "import_calls",
        r"stack\.enter_context\(import_lock\(file\)\)",
        "pass",
        f"{IMPORTING}test_of_two_imports_at_once_one_says_so_and_no_call_is_there_twice",
        "assert ",  # nobody says so
        "devflow_analytics_capture",
    ),
    "a log that was written anew goes on where it ended": Mutation(
        "can_go_on",
        r"return hashes\(.*\) == .*",
        "return True",
        "packages/devflow-analytics-capture/tests/test_log_cases.py"
        "::test_a_log_that_was_rewritten_longer_behind_the_same_head_is_read_from_its_start",
        "assert (59, 0) == (80, 20)",
        "devflow_analytics_capture",
    ),
}


def mutate(package: Path, function: str, line: str, instead: str) -> None:
    """Replace the one line like this in the one function of this name."""
    times = 0
    for module in package.rglob("*.py"):
        tree = ast.parse(module.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name == function:
                code, replaced = re.subn(line, instead, ast.unparse(node))
                if replaced:
                    times += replaced
                    (node.body,) = (part.body for part in ast.parse(code).body)  # type: ignore[attr-defined]
                    module.write_text(ast.unparse(tree), encoding="utf-8")
    if times != 1:
        pytest.fail(
            f"{times} lines like {line!r} in functions of {package.name} called {function!r}:"
            " the code has changed, so change MUTATIONS"
        )


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_safeguard_that_is_missing_is_noticed(
    name: str, tmp_path: Path, count: Callable[[int], None]
) -> None:
    mutation = MUTATIONS[name]
    copy = shutil.copytree(PACKAGES[mutation.package], tmp_path / "mutant" / mutation.package)
    mutate(copy, mutation.function, mutation.line, mutation.instead)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-n", "0", "-m", "", "--no-cov"),
            *("-p", "no:cacheprovider", "--basetemp", tmp_path / "run", ROOT / mutation.test),
        ],
        env=os.environ | {"PYTHONPATH": str(copy.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert re.search(rf"(?m)^E .*{re.escape(mutation.why)}", done.stdout), done.stdout
    count(1)
