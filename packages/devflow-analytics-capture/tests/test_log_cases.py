"""Whatever becomes of a log, and whatever stands in it: each call is one row, and none is lost."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_capture import import_calls
from devflow_analytics_capture.importers.claude_code import ClaudeCode
from devflow_analytics_db import backup, restore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from devflow_analytics_capture.logs.log import Log as Found

    Row = dict[str, Any]
    Rows = list[Row]
    Log = Any
    """A `ClaudeLog` of the conftest's."""

MANY = 40
"""Calls that make a log longer than what is hashed of it."""

LIMIT_MIB = 100

IMPORT_IN_LITTLE_MEMORY = """
from devflow_analytics_capture import import_calls
(found,) = import_calls().clients
for line in open("/proc/self/status"):
    if line.startswith("VmHWM:"):
        print(found.added, found.malformed, int(line.split()[1]) // 1024)
"""


def fill(log: Log, first: int = 0, count: int = MANY) -> list[str]:
    """Write so many calls, and return their ids."""
    names = [f"toolu_{number:04}" for number in range(first, first + count)]
    for number, name in enumerate(names):
        log.write(log.call(name, 10_000 * number), log.result(name, 10_000 * number + 1250))
    return names


@pytest.fixture
def expected(row: Callable[..., Row]) -> Callable[..., Rows]:
    """Return the rows of calls that `fill` wrote."""

    def rows(*filled: list[str]) -> Rows:
        made = [row(name, 10_000 * at) for names in filled for at, name in enumerate(names)]
        return sorted(made, key=lambda one: (one["timestamp"], one["started_ms"], one["id"]))

    return rows


def test_importing_again_adds_nothing_and_reads_nothing(
    claude: Callable[..., Log], calls: Callable[[], Rows], expected: Callable[..., Rows]
) -> None:
    names = fill(claude())
    assert import_calls().added == MANY
    (again,) = import_calls().clients
    assert (again.files, again.read, again.read_bytes, again.found) == (1, 0, 0, 0)
    (full,) = import_calls(full=True).clients
    assert (full.read, full.added, full.known) == (1, 0, MANY)
    assert calls() == expected(names)


def test_a_result_may_arrive_in_a_later_import(
    claude: Callable[..., Log], row: Callable[..., Row], calls: Callable[[], Rows]
) -> None:
    log = claude()
    log.write(log.call("toolu_01A"))
    (first,) = import_calls().clients
    assert (first.unanswered, first.added) == (1, 0)
    log.write(log.result("toolu_01A"))
    (second,) = import_calls().clients
    assert (second.unanswered, second.added) == (0, 1)
    assert calls() == [row("toolu_01A")]


def test_a_line_cut_inside_a_character_waits_for_its_rest(
    claude: Callable[..., Log], row: Callable[..., Row], calls: Callable[[], Rows]
) -> None:
    log = claude()
    log.write(log.call("toolu_01A"))
    line = json.dumps(log.result("toolu_01A", content="für"), ensure_ascii=False).encode() + b"\n"
    cut = line.index("ü".encode()) + 1
    log.write(line[:cut])
    (first,) = import_calls().clients
    assert (first.unanswered, first.malformed) == (1, 0)
    assert import_calls().clients[0].added == 0
    log.write(line[cut:-1])
    assert import_calls().clients[0].added == 0
    log.write(b"\n")
    (last,) = import_calls().clients
    assert (last.added, last.malformed, last.unanswered) == (1, 0, 0)
    assert calls() == [row("toolu_01A")]


def test_each_parallel_call_has_its_own_duration_whatever_the_order_of_results(
    claude: Callable[..., Log], row: Callable[..., Row], calls: Callable[[], Rows]
) -> None:
    log = claude()
    log.write(
        *(log.call("toolu_01A", 0), log.call("toolu_01B", 10), log.call("toolu_01C", 20)),
        *(log.result("toolu_01C", 1000), log.result("toolu_01A", 3000)),
        log.result("toolu_01B", 5000),
    )
    import_calls()
    assert calls() == [
        row("toolu_01C", 20, 980),
        row("toolu_01A", 0, 3000),
        row("toolu_01B", 10, 4990),
    ]


def test_a_log_that_became_shorter_is_read_from_its_start(
    claude: Callable[..., Log], calls: Callable[[], Rows], expected: Callable[..., Rows]
) -> None:
    log = claude()
    names = fill(log)
    import_calls()
    os.truncate(log.path, 0)
    others = fill(log, first=MANY, count=5)
    (found,) = import_calls().clients
    assert (found.added, found.known) == (5, 0)
    assert calls() == expected(names, others)


def test_a_log_that_was_rewritten_at_the_same_size_is_read_from_its_start(
    claude: Callable[..., Log], calls: Callable[[], Rows], expected: Callable[..., Rows]
) -> None:
    log = claude()
    names = fill(log)
    import_calls()
    size = log.path.stat().st_size
    os.truncate(log.path, 0)
    others = fill(log, first=MANY)
    os.utime(log.path, ns=(0, log.path.stat().st_mtime_ns + 1))  # whatever the clock's steps
    assert log.path.stat().st_size == size
    assert import_calls().added == MANY
    assert calls() == expected(names, others)


def test_a_log_that_was_rewritten_longer_behind_the_same_head_is_read_from_its_start(
    claude: Callable[..., Log], row: Callable[..., Row], calls: Callable[[], Rows]
) -> None:
    log = claude()
    names = fill(log)
    import_calls()
    content = log.path.read_bytes()
    head = content[: content.index(b"toolu_0020")]
    assert len(head) > 4096
    with log.path.open("r+b") as file:
        file.truncate(head.rindex(b"\n") + 1)
    later = [f"toolu_x{number}" for number in range(2 * MANY)]
    for name in later:
        log.write(log.call(name), log.result(name))
    assert log.path.stat().st_size > len(content)
    (found,) = import_calls().clients
    assert (found.added, found.known) == (2 * MANY, 20)
    assert {one["id"] for one in calls()} == {row(name)["id"] for name in names + later}


def test_a_log_that_was_moved_is_not_read_again_and_a_copy_of_it_adds_nothing(
    claude: Callable[..., Log], calls: Callable[[], Rows], expected: Callable[..., Rows]
) -> None:
    log = claude()
    names = fill(log)
    import_calls()
    moved = log.path.parent.parent / "-another" / "T.jsonl"
    moved.parent.mkdir()
    log.path.rename(moved)
    assert import_calls().clients[0].read == 0
    shutil.copy(moved, log.path)
    (found,) = import_calls().clients
    assert (found.read, found.known, found.added) == (1, MANY, 0)
    assert calls() == expected(names)


def test_a_log_that_is_replaced_while_it_is_looked_for_is_read_or_passed_over(
    claude: Callable[..., Log],
    row: Callable[..., Row],
    calls: Callable[[], Rows],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logs = {name: claude(name) for name in ("gone", "a directory", "a pipe", "empty", "longer")}
    for name, log in logs.items():
        log.write(log.call(f"toolu_{name}"), log.result(f"toolu_{name}"))
    find = ClaudeCode.logs

    def find_and_change(importer: ClaudeCode) -> Iterator[Found]:
        found = [*find(importer)]
        for name in ("gone", "a directory", "a pipe"):
            logs[name].path.unlink()
        logs["a directory"].path.mkdir()
        os.mkfifo(logs["a pipe"].path)
        os.truncate(logs["empty"].path, 0)
        logs["longer"].write(logs["longer"].call("toolu_2"), logs["longer"].result("toolu_2"))
        return iter(found)

    monkeypatch.setattr(ClaudeCode, "logs", find_and_change)
    (found,) = import_calls().clients
    assert (found.added, found.malformed) == (2, 0)
    assert {one["id"] for one in calls()} == {row(f"toolu_{n}")["id"] for n in ("longer", "2")}


DEEP = b'{"tool_use":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"

MALFORMED = {
    "no JSON": b'{"tool_use" "tool_use"}\n',
    "too deep to decode": b'{"message":{"content":"tool_use"},"x":' + DEEP[:-2] + b"}}\n",
    "no object": b"tool_use\n",
    "a list": b'["tool_use"]\n',
    "half a line": b'{"type":"assistant","message":{"content":[{"type":"tool_use"\n',
    "the other half": b'"tool_use"}]}}\n',
    "another type": b'{"type":["tool_use"],"x":"tool_use"}\n',
    "a number for a time that is none": b'{"timestamp":{"tool_use":1}}\n',
    "a block that is none": b'{"message":{"content":["tool_use"]}}\n',
    "a name that is a number": b'{"message":{"content":[{"type":"tool_use","id":"a","name":1}]}}\n',
    "half of it lost": b'{"type":"user","mess\0\0\0\0\n',
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_line_is_named_with_its_place_and_the_rest_is_read(
    name: str, claude: Callable[..., Log], calls: Callable[[], Rows], expected: Callable[..., Rows]
) -> None:
    log = claude()
    names = fill(log, count=1)
    start = log.path.stat().st_size
    log.write(MALFORMED[name])
    more = fill(log, 1, 1)
    (found,) = import_calls().clients
    assert (found.added, found.malformed) == (2, 1)
    (place,) = found.places
    assert (place.path, place.offset, place.reason) == (str(log.path), start, None)
    assert calls() == expected(names, more)
    assert import_calls().clients[0].malformed == 0  # said once


def test_of_many_malformed_lines_the_first_are_named(claude: Callable[..., Log]) -> None:
    log = claude()
    log.write(b"{\n" * 50)
    (found,) = import_calls().clients
    assert (found.malformed, [place.offset for place in found.places]) == (50, [*range(0, 40, 2)])


def test_a_line_of_a_hundred_megabytes_is_read_in_little_memory(
    claude: Callable[..., Log], row: Callable[..., Row], calls: Callable[[], Rows]
) -> None:
    log = claude()
    log.write(log.call("toolu_01A", input={"content": "a\\n" * 34_000_000}))
    log.write(log.result("toolu_01A", content='"' * 17_000_000))
    log.write(b'{"type":"assistant","unfinished":"' + b"tool_use " * 5_000_000)
    assert log.path.stat().st_size > 200_000_000
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_IN_LITTLE_MEMORY], capture_output=True, text=True, check=True
    )
    added, malformed, mebibytes = map(int, done.stdout.split())
    assert (added, malformed) == (1, 0)
    assert mebibytes < LIMIT_MIB
    assert calls() == [row("toolu_01A")]
    log.write(b'"}\n', log.call("toolu_01B"), log.result("toolu_01B"))
    assert import_calls().added == 1


def test_what_editors_and_crashes_leave_between_lines_is_passed_over(
    claude: Callable[..., Log], calls: Callable[[], Rows], expected: Callable[..., Rows]
) -> None:
    log = claude()
    log.write(b"\xef\xbb\xbf")
    names = fill(log, count=3)
    content = log.path.read_bytes().replace(b"\n", b"\r\n")
    blank = b"\r\n\n\t \n" + b"\0" * 5000 + b"\n\0\0"
    log.path.write_bytes(content.replace(b"\n", b"\n" + blank, 2))
    (found,) = import_calls().clients
    assert (found.added, found.malformed) == (3, 0)
    assert calls() == expected(names)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (b"a\\ud800b", "a\ufffdb"),
        (b"a\\u0000b", "a\ufffdb"),
        (b"a\0b", "a\ufffdb"),
        (b"a\xffb", "a\ufffdb"),
        (b"a\xc3\xbcb", "aüb"),
        (b"a\\ud83d\\ude00b", "a\U0001f600b"),
        (b"x" * 300, "x" * 255),
        (b"x" * 5_000_000, "x" * 255),
    ],
)
def test_a_name_that_is_no_text_is_cleaned(
    name: bytes,
    kept: str,
    claude: Callable[..., Log],
    row: Callable[..., Row],
    calls: Callable[[], Rows],
) -> None:
    log = claude()
    line = json.dumps(log.call("toolu_01A", name="NAME")).encode() + b"\n"
    log.write(line.replace(b"NAME", name), log.result("toolu_01A"))
    (found,) = import_calls().clients
    assert (found.added, found.malformed) == (1, 0)
    assert calls() == [row("toolu_01A", tool_name=kept, server=None)]


def test_a_duration_is_not_negative_when_the_clock_was_set_back(
    claude: Callable[..., Log], row: Callable[..., Row], calls: Callable[[], Rows]
) -> None:
    log = claude()
    log.write(log.call("toolu_01A", 5000), log.result("toolu_01A", 2000))
    import_calls()
    (found,) = calls()
    assert found == row("toolu_01A", 5000, 0, timestamp=1767323047)


@pytest.mark.parametrize(
    "time",
    [
        *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "2019-12-31T23:59:59Z", "now", ""),
        *(None, 0, -1, 1e300, 253402300799999, "2026-02-30T00:00:00Z", "1767323045000"),
        "9999-12-31T23:59:59-14:00",
    ],
)
@pytest.mark.parametrize("where", ["call", "result"])
def test_a_call_at_an_impossible_time_is_counted_and_no_row(
    where: str, time: object, claude: Callable[..., Log], calls: Callable[[], Rows]
) -> None:
    log = claude()
    lines = {"call": log.call("toolu_01A"), "result": log.result("toolu_01A")}
    lines[where]["timestamp"] = time
    log.write(*lines.values())
    (found,) = import_calls().clients
    assert (found.untimed, found.added, found.unanswered, found.found) == (1, 0, 0, 1)
    assert calls() == []


@pytest.mark.parametrize(
    "time", ["2026-01-02T03:04:05Z", "2026-01-02T04:04:05.000+01:00", 1767323045000, 1767323045e3]
)
def test_a_time_may_be_written_otherwise(
    time: object, claude: Callable[..., Log], row: Callable[..., Row], calls: Callable[[], Rows]
) -> None:
    log = claude()
    log.write(log.call("toolu_01A", timestamp=time), log.result("toolu_01A"))
    import_calls()
    assert calls() == [row("toolu_01A")]


def test_what_only_looks_like_a_call_is_none(
    claude: Callable[..., Log], calls: Callable[[], Rows]
) -> None:
    log = claude()
    call, result = log.call("toolu_01A"), log.result("toolu_01A")
    blocks = call["message"]["content"] + result["message"]["content"]
    log.write(
        {"type": "progress", "data": {"type": "agent_progress", "message": call}},
        {"type": "progress", "data": {"type": "agent_progress", "message": result}},
        {"type": "attachment", "attachment": {"type": "prompt_snapshot", "tools": blocks}},
        {"type": "assistant", "message": {"content": json.dumps(call)}},
        {"type": "assistant", "message": {"content": [{"type": "text", "text": str(call)}]}},
        {"type": "assistant", "message": {"content": [{"type": "text", "content": blocks}]}},
        {"type": "assistant", "message": {"content": None}, "content": blocks},
        {"type": "assistant", "message": None, "x": "tool_use"},
        {"type": "user", "message": {"content": []}, "toolUseResult": blocks},
        {"type": "user", "message": call["message"]},
        {"type": "assistant", "message": result["message"]},
        {"type": "assistant", "message": {"content": [{"type": "server_tool_use", "id": "a"}]}},
        {
            "type": "assistant",
            "message": {"content": [{"type": "tool_use", "id": "", "name": "x"}]},
        },
        {"type": "assistant", "message": {"content": [{"type": "tool_use", "id": "a"}]}},
        {"type": "user", "message": {"content": [{"type": "tool_result"}]}},
        {"message": call["message"]},
        result,
    )
    (found,) = import_calls().clients
    assert (found.found, found.malformed) == (0, 0)
    assert calls() == []


def test_what_is_no_file_is_passed_over_without_waiting_for_it(
    claude: Callable[..., Log], calls: Callable[[], Rows], row: Callable[..., Row]
) -> None:
    log = claude()
    log.write(log.call("toolu_01A"), log.result("toolu_01A"))
    place = log.path.parent
    os.mkfifo(place / "pipe.jsonl")
    (place / "directory.jsonl").mkdir()
    (place / "dangling.jsonl").symlink_to(place / "nowhere")
    (place / "loop.jsonl").symlink_to(place / "loop.jsonl")
    (place / "device.jsonl").symlink_to("/dev/zero")
    (place / "around").symlink_to(place, target_is_directory=True)
    os.link(log.path, place / "hard link.jsonl")
    (place / "link.jsonl").symlink_to(log.path)
    (found,) = import_calls().clients
    assert (found.files, found.added, found.known, found.malformed) == (1, 1, 0, 0)
    assert calls() == [row("toolu_01A")]


@pytest.mark.parametrize("when", ["before the rest", "after all"])
def test_a_database_restored_from_a_backup_gets_again_what_was_imported_since(
    when: str,
    file: Path,
    claude: Callable[..., Log],
    calls: Callable[[], Rows],
    expected: Callable[..., Rows],
) -> None:
    log = claude()
    names = fill(log)
    import_calls()
    copy = backup(file)
    log.write(log.call("toolu_later", 0))
    more = fill(log, first=MANY)
    if when == "after all":
        import_calls()
    restore(copy, file)
    import_calls()
    assert calls() == expected(names, more)


def test_calls_that_were_deleted_do_not_come_back(
    file: Path, claude: Callable[..., Log], calls: Callable[[], Rows], expected: Callable[..., Rows]
) -> None:
    log = claude()
    names = fill(log)
    import_calls()
    rows = expected(names)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM tool_calls WHERE id = ?", (rows[3]["id"],))
        connection.execute("DELETE FROM tool_calls WHERE id = ?", (rows[7]["id"],))
    (found,) = import_calls(full=True).clients
    assert (found.excluded, found.known, found.added) == (2, MANY - 2, 0)
    assert calls() == [one for at, one in enumerate(rows) if at not in {3, 7}]
    shutil.copy(log.path, log.path.with_name("T.jsonl"))
    assert import_calls().clients[0].excluded == 2


def test_calls_from_before_the_import_floor_do_not_come_in(
    file: Path, claude: Callable[..., Log], calls: Callable[[], Rows], expected: Callable[..., Rows]
) -> None:
    log = claude()
    names = fill(log, count=1)
    import_calls()
    rows = expected(names)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM tool_calls")
        connection.execute("UPDATE import_floor SET not_before = ?", (rows[0]["timestamp"] + 1,))
        connection.execute("DELETE FROM import_exclusions")
    log.write(log.call("toolu_2", 2000), log.result("toolu_2", 3250))
    (found,) = import_calls(full=True).clients
    assert (found.too_old, found.added) == (1, 1)
    assert [one["started_ms"] for one in calls()] == [1_767_323_047_000]


def test_a_long_line_at_the_end_is_read_once(claude: Callable[..., Log]) -> None:
    log = claude()
    log.write(log.call("toolu_1", input={"text": "x" * 6_000_000}))
    (first,) = import_calls().clients
    assert (first.read_bytes, first.unanswered) == (log.path.stat().st_size, 1)
    log.write(log.result("toolu_1"))
    (second,) = import_calls().clients
    assert (second.read_bytes, second.added) == (log.path.stat().st_size - first.read_bytes, 1)
