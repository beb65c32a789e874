"""What an import of opencode's logs brings in."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_capture import Place, import_calls
from devflow_analytics_capture.importers import opencode_db
from devflow_analytics_capture.importers.opencode import OVERLAP_MS, OpenCode
from devflow_analytics_capture.testing.opencode import SCHEMA, SCHEMA_2, write_files, write_logs
from devflow_analytics_capture.testing.truth import SECRET
from devflow_analytics_recorder import Recorder, named_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TypeAlias

    from devflow_analytics_capture import ClientImport
    from devflow_analytics_capture.testing.truth import Truth

    Ask: TypeAlias = Callable[..., list[dict[str, Any]]]

AT = 1767348000000
"""The second of January 2026, 10 o'clock."""
CALL = "toolu_A1b2C3d4"
COLUMNS = (
    *("tool_name", "server", "agent", "status", "error_kind", "error_type", "error_code"),
    *("timestamp", "started_ms", "duration_ms", "duration_kind"),
)


class Store:
    """A database of opencode's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.open() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(SCHEMA + SCHEMA_2)

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            yield connection

    def put(self, table: str, *values: object) -> None:
        with self.open() as connection:
            marks = ", ".join("?" for _ in values)
            connection.execute(f"INSERT INTO {table} VALUES ({marks})", values)

    def session(
        self, session: str = "ses_1", parent: str | None = None, table: str = "session"
    ) -> None:
        more = [None] if table == "session_v2" else []
        self.put(table, session, parent, *more, "x", "/home/x/shop", "t", "1.18.21", AT, AT)

    def part(self, data: Any, *, session: str = "ses_1", changed: int = AT) -> None:
        self.number += 1
        content = data if isinstance(data, (str, bytes)) else text(data)
        self.put("part", f"prt_{self.number:04}", "msg_1", session, AT, changed, content)

    def message(self, *content: Any, kind: str = "assistant", data: Any = None) -> None:
        self.number += 1
        data = data or text({"agent": "explore", "content": content})
        self.put("session_message", f"msg_{self.number}", "ses_1", kind, self.number, AT, AT, data)


def text(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"))


def tool(name: str = "bash", call_id: Any = CALL, **state: Any) -> dict[str, Any]:
    state = {"status": "completed", "time": {"start": AT, "end": AT + 1500}, **state}
    state["input"] = {"command": SECRET}
    return {"type": "tool", "callID": call_id, "tool": name, "state": state}


@pytest.fixture
def store(home: Path) -> Store:
    return Store(home / ".local" / "share" / "opencode" / "opencode.db")


def imported(**options: Any) -> ClientImport:
    return import_calls(clients=["opencode"], **options).clients[0]


def found_calls(rows: Ask) -> list[dict[str, Any]]:
    return rows(f"SELECT {', '.join(COLUMNS)} FROM tool_calls ORDER BY started_ms, tool_name")


def test_a_part_becomes_a_row_with_an_upper_bound_of_its_time(store: Store, rows: Ask) -> None:
    store.session()
    store.part(tool("gh_get_issue"))
    assert imported().added == 1
    assert rows("SELECT * FROM tool_calls") == [
        {
            "id": named_id("opencode", CALL),
            "session_id": named_id("opencode", "ses_1"),
            "tool_name": "gh_get_issue",
            "duration_ms": 1500.0,
            "status": "success",
            "error_type": None,
            "timestamp": 1767348001,
            "server": None,
            "agent": None,
            "source": "import",
            "error_kind": None,
            "error_code": None,
            "request_bytes": None,
            "result_bytes": None,
            "started_ms": AT,
            "duration_kind": "wall",
        }
    ]
    assert rows("SELECT client, client_version, project FROM sessions") == [
        {"client": "opencode", "client_version": "1.18.21", "project": None}
    ]


@pytest.mark.parametrize("client", ["opencode", None, "claude-code"])
def test_a_call_that_a_server_recorded_is_known_by_the_end_of_its_name(
    client: str | None, store: Store, rows: Ask
) -> None:
    with Recorder(server="files") as recorder:
        recorder.session(client=client).record("read", 1000)
    rows("UPDATE tool_calls SET started_ms = ?, timestamp = ?", AT + 200, (AT + 1200) // 1000)
    store.session()
    for number, name in enumerate(("read", "my_files_read", "reread", "read_my_files")):
        store.part(tool(name, f"toolu_{number}"))
    found = imported()
    is_same = client != "claude-code"
    assert (found.recorded, found.added) == ((1, 3) if is_same else (0, 4))
    imports = {row["tool_name"] for row in rows("SELECT * FROM tool_calls WHERE source = 'import'")}
    assert ("my_files_read" in imports) is not is_same
    assert {"read", "reread", "read_my_files"} <= imports


ERROR = {"status": "error", "error_kind": "tool"}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (tool(metadata={"exit": 0}), {"status": "success"}),
        (tool(metadata={"exit": None}), {"status": "success"}),
        (tool(metadata={"exit": 2}), ERROR | {"error_type": "ExitStatus"}),
        (tool("invalid"), {"status": "error", "error_kind": "arguments"}),
        (tool(status="error", error="any"), ERROR | {"error_type": None}),
        (tool(status="error", error={"odd": 1}), ERROR),
        (tool(time={"start": AT + 9, "end": AT}), {"duration_ms": 0.0}),
        (tool(time={"start": "2026-01-02T10:00:00Z", "end": AT + 5}), {"duration_ms": 5.0}),
    ],
)
def test_the_state_of_a_part_says_how_a_call_ended(
    found: Any, expected: Any, store: Store, rows: Ask
) -> None:
    store.session()
    store.part(found)
    imported()
    (row,) = found_calls(rows)
    assert row == {**row, **expected}


@pytest.mark.parametrize(
    "state",
    [
        {"error": "The user rejected permission to use this specific tool call."},
        {"error": "Error: The user rejected permission with feedback: no"},
        {"error": "Tool execution aborted", "time": {"start": AT, "end": AT}},
        {"error": "x", "metadata": {"interrupted": True}},
    ],
)
def test_a_call_that_did_not_run_is_counted_and_no_row(state: Any, store: Store, rows: Ask) -> None:
    store.session()
    store.part(tool(status="error", **state))
    assert (imported().refused, found_calls(rows)) == (1, [])


@pytest.mark.parametrize(
    ("found", "untimed"),
    [
        (tool(time={"start": AT}), 1),
        (tool(time={"start": -62135596800000, "end": 1}), 1),
        (tool(time=[]), 1),
        (tool(status="odd"), 0),
        ({"type": "text", "text": text(tool())}, 0),
        ({"type": "step-start", "inner": tool()}, 0),
    ],
)
def test_what_has_no_time_or_is_no_call_is_no_row(found: Any, untimed: Any, store: Store) -> None:
    store.session()
    store.part(found)
    result = imported()
    assert (result.untimed, result.added, result.malformed) == (untimed, 0, 0)


def test_a_call_waits_until_its_part_is_written_again(store: Store, rows: Ask) -> None:
    store.session()
    store.part({**tool(status="pending"), "state": {"status": "pending", "input": {}}})
    assert (imported().unanswered, imported().read) == (1, 0)
    with store.open() as connection:
        running = text(tool(status="running", time={"start": AT}))
        connection.execute("UPDATE part SET data = ?, time_updated = ?", (running, AT + 1))
    assert imported().unanswered == 1
    with store.open() as connection:
        connection.execute("UPDATE part SET data = ?, time_updated = ?", (text(tool()), AT + 2))
    assert (imported().added, rows("SELECT unanswered FROM import_cursors")) == (
        1,
        [{"unanswered": 0}],
    )


def test_only_what_has_changed_is_looked_at_again(store: Store, rows: Ask) -> None:
    store.session()
    for number in range(3):
        store.part(tool(call_id=f"toolu_x{number}y"), changed=AT + number * OVERLAP_MS)
    assert imported().found == 3
    store.part(tool(call_id="toolu_new"), changed=AT + 3 * OVERLAP_MS)
    assert imported().found == 3  # that one, and what the overlap takes in
    assert imported(full=True).found == 4
    assert len(found_calls(rows)) == 4


def test_pages_go_on_where_the_last_one_ended(
    store: Store, rows: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opencode_db, "PAGE", 2)
    store.session()
    store.session(table="session_v2")
    for number in range(7):
        store.part(tool(call_id=f"toolu_x{number}y"))
        store.message(*(content(f"toolu_{number}_{each}") for each in range(3)))
    assert (imported().added, len(found_calls(rows))) == (28, 28)


def test_calls_of_a_subagent_say_its_type(store: Store, rows: Ask) -> None:
    store.session("ses_1", parent="ses_0")
    store.part(tool("unknown"))
    imported()
    assert found_calls(rows)[0]["agent"] == "subagent"
    store.put("message", "msg_1", "ses_1", AT, AT, text({"agent": "explore"}))
    store.part(tool("known", "toolu_Bb"))
    imported()
    assert [row["agent"] for row in found_calls(rows)] == ["explore", "subagent"]


def test_a_fork_copies_its_parts_and_they_stay_the_first_ones(store: Store, rows: Ask) -> None:
    for session in ("ses_1", "ses_2"):
        store.session(session)
        store.part(tool(), session=session)
        store.part(tool(call_id="call_0"), session=session)
    store.part(tool(call_id="call_0", time={"start": AT + 5, "end": AT + 6}), session="ses_2")
    assert (imported().added, imported(full=True).known) == (3, 5)
    counts = {row["id"]: row["tool_count"] for row in rows("SELECT * FROM sessions")}
    assert counts == {named_id("opencode", "ses_1"): 2, named_id("opencode", "ses_2"): 1}


@pytest.mark.parametrize(
    "found",
    [
        '{"type":"tool","callID":"x"',
        tool(call_id=7),
        tool(call_id=None),
        tool(name=""),
        '{"type":"tool","state":' + '{"a":' * 5_000 + "}",
    ],
)
def test_a_part_that_cannot_be_read_is_named_and_the_rest_is_read(found: Any, store: Store) -> None:
    store.session()
    store.part(found)
    store.part(tool())
    result = imported()
    assert (result.added, result.malformed) == (1, 1)
    assert result.places == (Place(str(store.path), reason="row 1"),)


def test_names_are_kept_as_the_database_can_keep_them(store: Store, rows: Ask) -> None:
    store.part(text(tool("PLACE")).replace("PLACE", "a\\ud800b\\u0000c"))
    store.part(text(tool("PLACE", "toolu_Bb")).encode().replace(b"PLACE", b"\xff"))
    imported()
    names = [row["tool_name"] for row in found_calls(rows)]
    assert all("\ufffd" in name for name in names)


def content(call_id: Any = CALL, **fields: Any) -> dict[str, Any]:
    time = {"created": AT - 7, "ran": AT, "completed": AT + 1500}
    found = {"type": "tool", "id": call_id, "name": "bash", "time": time}
    return {**found, "state": {"status": "completed", "input": {"x": SECRET}}, **fields}


def test_version_2_has_calls_in_the_content_of_messages(store: Store, rows: Ask) -> None:
    store.session(table="session_v2", parent="ses_0")
    failed = {"status": "error", "error": {"type": "unknown", "message": "x"}}
    denied = {"status": "error", "error": {"message": "The user rejected permission"}}
    bad = {"status": "completed", "structured": {"exit": 3}}
    store.message(
        {"type": "text", "text": "x"},
        content(),
        content("toolu_Bb", state=failed),
        content("toolu_Cc", state=denied),
        content("toolu_Dd", state=bad),
        content("toolu_Ee", state={"status": "running"}),
        "odd",
        kind="assistant",
    )
    store.message(content("toolu_Ff"), kind="synthetic")
    result = imported()
    assert (result.added, result.refused, result.unanswered) == (3, 1, 1)
    assert [
        (row["status"], row["error_type"], row["duration_ms"], row["agent"])
        for row in found_calls(rows)
    ] == [
        ("success", None, 1500.0, "explore"),
        ("error", None, 1500.0, "explore"),
        ("error", "ExitStatus", 1500.0, "explore"),
    ]


@pytest.mark.parametrize("data", ['{"content":[{"type":"tool"', "no JSON", b"\xff\xfe"])
def test_a_message_that_cannot_be_read_is_named(data: Any, store: Store) -> None:
    store.message(data=data)
    store.message(content())
    assert (imported().malformed, imported(full=True).known) == (1, 1)


def test_a_database_of_another_shape_holds_no_calls(home: Path) -> None:
    path = home / ".local" / "share" / "opencode" / "opencode-dev.db"
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE part (id)")
    assert (imported().files, imported(full=True).found) == (1, 0)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE session (id)")
        connection.execute("CREATE TABLE message (id)")
    (place,) = imported(full=True).places
    assert place.reason == "SQLite cannot read it"


def test_reading_changes_nothing_and_makes_no_file(store: Store) -> None:
    store.session()
    store.part(tool())
    before = {path.name: path.read_bytes() for path in store.path.parent.iterdir()}
    assert sorted(before) == ["opencode.db"]
    assert imported().added == 1
    assert {path.name: path.read_bytes() for path in store.path.parent.iterdir()} == before


def test_what_is_still_in_the_wal_is_read_while_opencode_runs(store: Store, rows: Ask) -> None:
    store.session()
    with store.open() as connection:
        connection.execute("SELECT count(*) FROM part").fetchall()  # from now on it has it open
        store.part(tool())
        assert (imported().added, imported().read) == (1, 0)
        store.part(tool(call_id="toolu_Bb"))
        assert imported().added == 1
        wal = store.path.with_name("opencode.db-wal").read_bytes()
        imported(full=True)
        assert store.path.with_name("opencode.db-wal").read_bytes() == wal
    assert len(found_calls(rows)) == 2


def test_a_writer_that_begins_in_the_middle_is_noticed(
    store: Store, rows: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.session()
    store.part(tool())
    ask = opencode_db.Database._ask  # noqa: SLF001  to begin just then
    others: list[sqlite3.Connection] = []

    def interrupted(self: opencode_db.Database, question: str, **values: int) -> Any:
        if "max(time_updated)" in question and not others:
            others.append(sqlite3.connect(store.path, isolation_level=None))
            others[0].execute("SELECT count(*) FROM part").fetchall()  # it stays open
            store.part(tool(call_id="toolu_Bb"))
        return ask(self, question, **values)

    monkeypatch.setattr(opencode_db.Database, "_ask", interrupted)
    assert imported().added == 2
    others[0].close()
    assert len(found_calls(rows)) == 2


def test_a_wal_without_its_index_is_left_to_opencode(store: Store) -> None:
    store.path.with_name("opencode.db-wal").write_bytes(b"")
    (place,) = imported().places
    assert place.reason is not None
    assert "-wal without a -shm" in place.reason


def test_a_file_that_is_no_database_is_named(home: Path) -> None:
    path = home / ".local" / "share" / "opencode" / "opencode.db"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database " * 100)
    (place,) = imported().places
    assert (place.path, place.reason) == (str(path), "SQLite cannot read it")


def test_a_locked_database_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opencode_db, "TIMEOUT_S", 0.01)
    with store.open() as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        for end in ("-wal", "-shm"):
            store.path.with_name(f"opencode.db{end}").touch()
        (place,) = imported().places
        assert place.reason == "it is locked by another program"


def test_a_database_that_cannot_be_opened_is_named(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError

    monkeypatch.setattr(opencode_db.sqlite3, "connect", refuse)
    database = opencode_db.UnreadableLogError
    with pytest.raises(database, match="cannot open"):
        opencode_db.Database(str(store.path))


def test_the_directory_of_opencode_is_looked_up_when_asked(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.session()
    store.part(tool())
    moved = home / "data" / "opencode"
    moved.parent.mkdir()
    store.path.parent.rename(moved)
    assert list(OpenCode().logs()) == []
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    assert [log.path for log in OpenCode().logs()] == [str(moved / "opencode.db")]
    monkeypatch.setenv("OPENCODE_DATA_DIR", str(moved))
    (moved / "opencode.db").rename(moved / "named.sqlite")
    assert list(OpenCode().logs()) == []
    monkeypatch.setenv("OPENCODE_DB", "named.sqlite")
    assert imported().added == 1


# Files, as before version 1.2


@pytest.fixture
def files(home: Path) -> Callable[..., Path]:
    """Write a part into a file of its own."""
    storage = home / ".local" / "share" / "opencode" / "storage"

    def write(part: Any, name: str = "prt_1", **session: Any) -> Path:
        for path, value in (
            (storage / "session" / "global" / "ses_1.json", {"version": "1.0.9", **session}),
            (storage / "part" / "msg_1" / f"{name}.json", part),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(value if isinstance(value, str) else json.dumps(value, indent=2))
        return path

    return write


def in_file(**fields: Any) -> dict[str, Any]:
    return {"id": "prt_1", "sessionID": "ses_1", "messageID": "msg_1", **tool(), **fields}


def test_a_part_in_a_file_becomes_a_row(files: Callable[..., Path], rows: Ask) -> None:
    files(in_file(), directory="/home/x/shop")
    assert imported().added == 1
    assert [(row["duration_ms"], row["agent"]) for row in found_calls(rows)] == [(1500.0, None)]
    assert rows("SELECT client_version FROM sessions") == [{"client_version": "1.0.9"}]


def test_a_part_in_a_file_of_a_subagent_says_its_type(
    files: Callable[..., Path], rows: Ask
) -> None:
    path = files(in_file(), parentID="ses_0")
    imported()
    assert found_calls(rows)[0]["agent"] == "subagent"
    message = path.parents[2] / "message" / "ses_1" / "msg_1.json"
    message.parent.mkdir(parents=True)
    message.write_text(json.dumps({"mode": "explore"}))
    files(in_file(callID="toolu_Bb"), "prt_2", parentID="ses_0")
    imported()
    assert {row["agent"] for row in found_calls(rows)} == {"subagent", "explore"}


@pytest.mark.parametrize(
    ("part", "malformed"),
    [
        (in_file(type="text"), 0),
        ({"type": "text", "text": "x"}, 0),
        (in_file(sessionID=None), 0),
        (in_file(callID=None), 1),
        (in_file(callID=7), 1),
        (in_file(state=None), 0),
        ('{"type": "tool"', 1),
        ('{"type": "tool", "state": ' + '{"a": ' * 100_000, 1),
    ],
)
def test_a_file_that_holds_no_call_is_passed_over_or_named(
    part: Any, malformed: Any, files: Callable[..., Path]
) -> None:
    files(part)
    result = imported()
    assert (result.malformed, result.added) == (malformed, 0)


def test_files_are_left_alone_once_there_is_a_database(
    files: Callable[..., Path], store: Store
) -> None:
    files(in_file())
    assert [log.path for log in OpenCode().logs()] == [str(store.path)]


def test_a_file_that_is_too_large_is_named(
    files: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devflow_analytics_capture.importers.opencode.LARGEST_PART", 10)
    files(in_file())
    (place,) = imported().places
    assert place.reason == "it is too large"


def by_key(truth: Truth) -> dict[str, dict[str, Any]]:
    return {named_id("opencode", native_id): row for (_, native_id), row in truth.rows.items()}


@pytest.mark.parametrize("write", [write_logs, write_files])
def test_an_import_finds_exactly_what_opencode_logged(
    write: Callable[..., Truth], home: Path, rows: Ask
) -> None:
    truth = write(home, calls=1_000, seed=1)
    result = imported()
    found = rows(f"SELECT id, {', '.join(COLUMNS)} FROM tool_calls")
    assert {row.pop("id"): row for row in found} == by_key(truth)
    counted = result.refused, result.unanswered, result.known, result.malformed
    assert counted == (truth.refused, truth.unanswered, truth.copies, truth.malformed)
    assert result.found == truth.found
    assert imported().read == 0


@pytest.mark.parametrize("write", [write_logs, write_files])
def test_nothing_private_gets_into_any_file(
    write: Callable[..., Truth], home: Path, file: Path
) -> None:
    write(home, calls=300)
    assert imported().added > 100
    files = [path for path in file.parent.rglob("*") if path.is_file()]
    assert file in files
    assert not any(SECRET.encode() in path.read_bytes() for path in files)


def test_a_database_that_grows_bit_by_bit_gives_the_same_rows(
    home: Path, rows: Ask, tmp_path: Path
) -> None:
    truth = write_logs(tmp_path / "whole", calls=300, seed=2)
    inside = ".local/share/opencode/opencode.db"
    target = Store(home / inside)
    with target.open() as connection:
        connection.execute("ATTACH ? AS whole", (str(tmp_path / "whole" / inside),))
        for table in ("session", "session_v2", "message"):
            connection.execute(f"INSERT INTO {table} SELECT * FROM whole.{table}")
        for table in ("part", "session_message"):
            ids = connection.execute(f"SELECT id FROM whole.{table} ORDER BY rowid").fetchall()
            for start in range(0, len(ids), 150):
                connection.execute(
                    f"INSERT INTO {table} SELECT * FROM whole.{table} WHERE id IN"
                    " (SELECT value FROM json_each(?)) ORDER BY rowid",
                    (json.dumps([one for (one,) in ids[start : start + 150]]),),
                )
                imported()
    found = rows(f"SELECT id, {', '.join(COLUMNS)} FROM tool_calls")
    assert {row.pop("id"): row for row in found} == by_key(truth)


def test_a_writer_that_goes_on_meanwhile_loses_nothing_and_waits_for_nothing(
    store: Store, rows: Ask
) -> None:
    store.session()
    write = f"""
import json, sqlite3, sys
connection = sqlite3.connect({str(store.path)!r}, isolation_level=None, timeout=30)
for number in range(300):
    data = json.loads(sys.argv[1])
    data["callID"] = f"toolu_{{number}}z"
    data = json.dumps(data, separators=(",", ":"))
    values = (f"prt_{{number}}", "msg_1", "ses_1", {AT}, {AT} + number, data)
    connection.execute("INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)", values)
"""
    writer = subprocess.Popen([sys.executable, "-c", write, text(tool())])
    while writer.poll() is None:
        imported()
    assert writer.returncode == 0
    imported()
    assert len(found_calls(rows)) == 300
