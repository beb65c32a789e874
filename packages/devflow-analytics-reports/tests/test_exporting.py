from __future__ import annotations

import csv
import io
import json
import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from pyarrow import parquet

from devflow_analytics_db import create_analytics_db, migrate, open_readonly
from devflow_analytics_reports import (
    ExportError,
    Filters,
    export_calls,
    exporting,
    parse_period,
)
from devflow_analytics_reports.sql.calls import Calls
from devflow_analytics_reports.sql.tables import CALL_COLUMNS, EXPORT_COLUMNS

if TYPE_CHECKING:
    from pathlib import Path

    from devflow_analytics_reports import Exported, Format

NOW = 2_000_000_000
EVER = parse_period("all", now=NOW)

NAMES = [
    *(
        "search",
        "größe",
        "呼び出し",
        "👩‍👩‍👧",
        "a'b\"c",
        'a}, {"id": ',
        "x,y;z",
        "two\nlines",
        "\r\n",
        "a\rb",
    ),
    *("tab\there", "\x1b[31m", "\u2028", "=1+1", " ", "\\", "\x00nul", "n" * 200, "\x7f", "\ufffd"),
]
DURATIONS = [0.0, 5e-324, 1e300, 0.1 + 0.2, 1 / 3, 123456789.12345679, 1e16, 3.0]


def rows(count: int, seed: int = 1) -> list[tuple[Any, ...]]:
    """Return rows of tool_calls, in the order of rows, with anything that may be in a column."""
    some = random.Random(seed)

    def maybe(*values: object) -> object:
        return some.choice([None, *values])

    return [
        (
            f"call {number}",
            some.choice(NAMES),
            some.choice(DURATIONS) if number % 2 else some.random() * 10**6,
            some.choice(["success", "error", "timeout"]),
            maybe(*NAMES),
            some.choice([0, 5, -3, NOW, some.randrange(NOW)]),
            f"session {some.randrange(3)}",
            maybe(*NAMES),
            maybe("Explore"),
            maybe("recorder", "proxy", "hook", "import"),
            maybe("tool", "cancelled"),
            maybe(-32602, 500),
            maybe(0, 2**63 - 1),
            maybe(17),
            maybe(1_700_000_000_123),
            maybe("run", "wall"),
        )
        for number in range(count)
    ]


SESSIONS = [
    ("session 0", 1, "claude-code", "2.1", 'the "project"'),
    ("session 1", 1, None, None, None),
    ("session 2", 1, "codex, cli", None, "größe"),
]


def make(file: Path, calls: list[tuple[Any, ...]]) -> None:
    create_analytics_db(file).close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executemany(
            "INSERT INTO sessions (id, started_at, client, client_version, project)"
            " VALUES (?, ?, ?, ?, ?)",
            SESSIONS,
        )
        marks = ", ".join("?" * len(CALL_COLUMNS))
        connection.executemany(
            f"INSERT INTO tool_calls ({', '.join(CALL_COLUMNS)}) VALUES ({marks})", calls
        )


def in_the_database(file: Path, condition: str = "true") -> list[dict[str, object]]:
    """Return what an export must hold, by plain SQL."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        return [
            dict(row)
            for row in connection.execute(
                "SELECT tool_calls.*, client, client_version, project FROM tool_calls"
                " JOIN sessions ON sessions.id = session_id"
                f" WHERE {condition} ORDER BY timestamp, tool_calls.rowid"
            )
        ]


def export(file: Path, form: Format, *, filters: Filters | None = None) -> tuple[Exported, bytes]:
    written = io.BytesIO()
    with open_readonly(file) as connection:
        done = export_calls(connection, EVER, filters or Filters(), written, format=form)
    return done, written.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "analytics.db"


@pytest.fixture(params=[200, 7])
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many calls are in memory at a time."""
    monkeypatch.setattr(exporting, "AT_ONCE", request.param)
    monkeypatch.setattr(exporting, "ROW_GROUP", 3 * request.param)


@pytest.mark.usefixtures("at_once")
def test_csv_holds_what_the_database_does(file: Path) -> None:
    make(file, rows(300))
    done, content = export(file, "csv")
    names, *lines = csv.reader(io.StringIO(content.decode(), newline=""))
    expected = in_the_database(file)
    assert names == list(expected[0]) == list(EXPORT_COLUMNS)
    assert lines == [["" if v is None else str(v) for v in row.values()] for row in expected]
    assert (done.calls, done.period.since, done.period.until) == (300, -3, NOW + 1)


@pytest.mark.usefixtures("at_once")
def test_json_holds_what_the_database_does_one_call_a_line(file: Path) -> None:
    make(file, rows(300))
    _, content = export(file, "json")
    found = json.loads(content)
    assert [list(call.items()) for call in found] == [
        list(row.items()) for row in in_the_database(file)
    ]
    first, *lines, last = content.decode().split("\n")[:-1]
    assert (first, last) == ("[", "]")
    assert [json.loads(line.removesuffix(",")) for line in lines] == found


@pytest.mark.usefixtures("at_once")
def test_parquet_holds_what_the_database_does(file: Path) -> None:
    make(file, rows(300))
    _, content = export(file, "parquet")
    table = parquet.read_table(io.BytesIO(content))
    assert {field.name: str(field.type) for field in table.schema} == dict.fromkeys(
        EXPORT_COLUMNS, "string"
    ) | {
        "duration_ms": "double",
        "timestamp": "timestamp[ms, tz=UTC]",
        **dict.fromkeys(("error_code", "request_bytes", "result_bytes", "started_ms"), "int64"),
    }
    found = table.to_pylist()
    for call in found:
        call["timestamp"] = int(call["timestamp"].timestamp())
    assert found == in_the_database(file)


def test_parquet_has_row_groups_of_a_useful_size(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "AT_ONCE", 10)
    monkeypatch.setattr(exporting, "ROW_GROUP", 100)
    make(file, rows(250))
    _, content = export(file, "parquet")
    found = parquet.ParquetFile(io.BytesIO(content)).metadata
    assert [found.row_group(number).num_rows for number in range(found.num_row_groups)] == [
        *(100, 100, 50)
    ]


def test_an_export_without_calls_is_a_whole_file(file: Path) -> None:
    make(file, [])
    assert export(file, "csv")[1].decode() == ",".join(EXPORT_COLUMNS) + "\n"
    assert export(file, "json")[1] == b"[]\n"
    done, content = export(file, "parquet")
    table = parquet.read_table(io.BytesIO(content))
    assert (done.calls, table.num_rows, tuple(table.column_names)) == (0, 0, EXPORT_COLUMNS)


@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        (Filters(tools=("s*", "größe")), "tool_name IN ('search', 'größe')"),
        (Filters(statuses=("error", "timeout")), "status <> 'success'"),
        (Filters(servers=("search",)), "server = 'search'"),
        (Filters(clients=("codex*",)), "client = 'codex, cli'"),
        (Filters(projects=("größe",), statuses=("error",)), "project = 'größe' AND status='error'"),
        (Filters(sessions=("session 1",)), "session_id = 'session 1'"),
    ],
)
def test_filters_apply(filters: Filters, condition: str, file: Path) -> None:
    make(file, rows(300))
    done, content = export(file, "json", filters=filters)
    expected = in_the_database(file, condition)
    assert json.loads(content) == expected
    assert done.calls == len(expected) > 0


def test_a_period_has_its_first_second_and_not_the_one_after_its_last(file: Path) -> None:
    make(file, [(f"{n}", "t", 1.0, "success", None, n, "session 0", *[None] * 9) for n in range(9)])
    written = io.BytesIO()
    period = parse_period("1970-01-01T00:00:03Z", "1970-01-01T00:00:06Z", now=NOW)
    with open_readonly(file) as connection:
        export_calls(connection, period, Filters(), written, format="json")
    assert [call["id"] for call in json.loads(written.getvalue())] == ["3", "4", "5"]


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_file_has_nulls_for_what_it_does_not_know(version: int, file: Path) -> None:
    make(file, rows(50))
    expected = in_the_database(file)
    migrate(file, to=version, allow_down=True)
    later = dict.fromkeys((*CALL_COLUMNS[7:], "client", "client_version", "project"))
    expected = [call | later for call in expected]
    assert json.loads(export(file, "json")[1]) == expected
    found = parquet.read_table(io.BytesIO(export(file, "parquet")[1])).to_pylist()
    assert [call["id"] for call in found] == [call["id"] for call in expected]
    assert len(export(file, "csv")[1].decode().split("call ")) == 51


def test_rows_of_the_wrong_types_are_left_out_as_in_every_answer(file: Path) -> None:
    make(file, [])
    migrate(file, to=1, allow_down=True)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "INSERT INTO tool_calls (id, tool_name, duration_ms, status, timestamp, session_id)"
            " VALUES ('1', x'ff61', 1, 'error', 1, 'session 0'),"
            " ('2', 't', 'soon', 'error', 2, 'session 0'),"
            " ('3', 't', 9e999, 'error', 3, 'session 0'),"
            " ('4', 't', 7, 'error', 4, 'session 0')"
        )
    (call,) = json.loads(export(file, "json")[1])
    assert (call["id"], call["duration_ms"]) == ("4", 7.0)


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_text_that_is_no_text_is_marked(form: Format, file: Path) -> None:
    make(file, rows(1))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE tool_calls SET tool_name = CAST(x'61ff62' AS TEXT)")
    assert "a\ufffdb".encode() in export(file, form)[1]


def test_a_time_that_parquet_cannot_hold_is_a_named_error(file: Path) -> None:
    call = ("1", "t", 1.0, "success", None, 10**18, "session 0", *[None] * 9)
    make(file, [call])
    with pytest.raises(ExportError, match="Parquet cannot hold a value of these calls"):
        export(file, "parquet")
    assert json.loads(export(file, "json")[1])[0]["timestamp"] == 10**18


def test_without_pyarrow_parquet_says_what_to_install(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(file, rows(1))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExportError) as raised:
        export(file, "parquet")
    assert str(raised.value) == (
        "Parquet needs the package pyarrow, which is not installed."
        " Install it, as the extra of devflow-analytics-cli[parquet] does."
    )
    assert raised.value.exit_status == 1
    assert export(file, "csv")[0].calls == 1


def test_pyarrow_is_imported_only_for_parquet(file: Path) -> None:
    make(file, rows(1))
    script = (
        "import io, sys\n"
        "from devflow_analytics_db import open_readonly\n"
        "from devflow_analytics_reports import Filters, export_calls, parse_period\n"
        "period = parse_period('all', now=1)\n"
        "with open_readonly(sys.argv[1]) as connection:\n"
        "    for form in ('csv', 'json'):\n"
        "        export_calls(connection, period, Filters(), io.BytesIO(), format=form)\n"
        "assert 'pyarrow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script, file], check=True, timeout=60)


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_progress_goes_from_the_first_calls_to_all_of_them(
    form: Format, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "AT_ONCE", 40)
    make(file, rows(100))
    told: list[tuple[int, int]] = []
    with open_readonly(file) as connection:
        export_calls(
            connection,
            EVER,
            Filters(),
            io.BytesIO(),
            format=form,
            progress=lambda done, total: told.append((done, total)),
        )
    assert told == [(40, 100), (80, 100), (100, 100)]


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_what_the_file_raises_reaches_the_caller(form: Format, file: Path) -> None:
    make(file, rows(10))
    with (
        open_readonly(file) as connection,
        open("/dev/full", "wb", buffering=0) as full,  # noqa: PTH123  unbuffered
        pytest.raises(OSError, match="No space left on device"),
    ):
        export_calls(connection, EVER, Filters(), full, format=form)


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_it_can_be_written_into_a_pipe(form: Format, file: Path) -> None:
    make(file, rows(20))
    ours, its = os.pipe()
    with open_readonly(file) as connection, open(its, "wb") as pipe:  # noqa: PTH123  a descriptor
        export_calls(connection, EVER, Filters(), pipe, format=form)
    with open(ours, "rb") as pipe:  # noqa: PTH123  a descriptor
        assert pipe.read() == export(file, form)[1]


def test_the_index_of_times_gives_the_order_so_that_nothing_is_sorted(file: Path) -> None:
    make(file, rows(10))
    with open_readonly(file) as connection:
        for filters in (Filters(), Filters(tools=("s*",)), Filters(clients=("c",))):
            run: list[str] = []
            connection.set_trace_callback(run.append)
            for cursor in (
                Calls(connection, EVER, filters).in_order(),
                Calls(connection, EVER, filters).in_order_as_json(),
            ):
                cursor.fetchall()
            connection.set_trace_callback(None)
            assert len(run) == 2
            for query in run:
                plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
                assert any(
                    "tool_calls USING INDEX timestamp_idx" in step
                    or "call USING INDEX timestamp_idx" in step
                    for step in plan
                ), plan
                assert not any("TEMP B-TREE" in step for step in plan), plan
