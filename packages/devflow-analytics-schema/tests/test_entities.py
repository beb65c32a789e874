from __future__ import annotations

import subprocess
import sys
from math import inf, nan
from typing import TYPE_CHECKING, Any

import pytest
from pony.orm import Database, db_session, flush, rollback, select
from pony.orm.core import ERDiagramError

import devflow_analytics_schema as schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from devflow_analytics_schema import Entities, NewToolCall

AFTER_2038 = 2**31 + 1


def a_call(**changes: Any) -> NewToolCall:
    call: dict[str, Any] = {
        "tool_name": "memory-get",
        "duration_ms": 12.5,
        "status": "success",
        "timestamp": 1_795_415_730,
        **changes,
    }
    return call  # type: ignore[return-value]  # a test may want it wrong


def test_a_session_and_its_calls_are_created_read_updated_and_deleted(entities: Entities) -> None:
    with db_session:
        session = entities.Session(started_at=100)
        entities.ToolCall(**a_call(session=session))
        key = session.id

    with db_session:
        session = entities.Session[key]
        row = {"id": key, "started_at": 100, "ended_at": None, "tool_count": 0}
        assert row.items() <= session.to_dict().items()
        (call,) = session.tool_calls
        row = dict(a_call(id=call.id, error_type=None, session=key))
        assert row.items() <= call.to_dict().items()
        session.ended_at = 200
        session.tool_count = 1

    with db_session:
        session = entities.Session[key]
        assert (session.ended_at, session.tool_count) == (200, 1)
        next(iter(session.tool_calls)).delete()

    with db_session:
        assert entities.Session[key].tool_calls.is_empty()


def test_deleting_a_session_deletes_its_calls_and_no_others(entities: Entities) -> None:
    with db_session:
        doomed = entities.Session(started_at=1)
        kept = entities.Session(started_at=2)
        for session in (doomed, doomed, kept):
            entities.ToolCall(**a_call(session=session))
        doomed_key, kept_key = doomed.id, kept.id

    with db_session:
        entities.Session[doomed_key].delete()

    with db_session:
        assert [call.session.id for call in entities.ToolCall.select()] == [kept_key]


def test_a_call_takes_its_session_as_an_entity_or_as_a_bare_key(entities: Entities) -> None:
    with db_session:
        session = entities.Session(started_at=1)
        by_entity = entities.ToolCall(**a_call(session=session))
        by_key = entities.ToolCall(**a_call(session=session.id))
        assert by_entity.session is by_key.session


def test_a_call_without_a_session_is_refused(entities: Entities) -> None:
    with db_session, pytest.raises(ValueError, match=r"ToolCall\.session is required"):
        entities.ToolCall(**a_call())


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "cancelled"},
        {"duration_ms": -0.001},
        {"duration_ms": inf},
        {"duration_ms": nan},
        {"duration_ms": "fast"},
        {"tool_name": None},
        {"timestamp": "yesterday"},
        {"source": "rumour"},
        {"source": ""},
        {"error_kind": "timeout"},
        {"error_code": "EPIPE"},
        {"request_bytes": -1},
        {"result_bytes": -1},
        {"started_ms": "yesterday"},
        {"duration_kind": "cpu"},
    ],
    ids=str,
)
def test_a_value_that_is_no_tool_call_is_refused(entities: Entities, wrong: dict[str, Any]) -> None:
    with db_session:
        session = entities.Session(started_at=1)
        with pytest.raises((ValueError, TypeError)):
            entities.ToolCall(**a_call(session=session, **wrong))
        rollback()


def test_a_negative_tool_count_is_refused(entities: Entities) -> None:
    with db_session, pytest.raises(ValueError, match="tool_count"):
        entities.Session(started_at=1, tool_count=-1)


@pytest.mark.parametrize("status", list(schema.ToolCallStatus))
def test_a_status_is_the_same_string_before_and_after_it_is_read_back(
    entities: Entities, status: schema.ToolCallStatus
) -> None:
    with db_session:
        session = entities.Session(started_at=1)
        written = entities.ToolCall(**a_call(session=session, status=status)).status
    with db_session:
        read = next(iter(entities.ToolCall.select())).status
    assert written == read == status
    assert type(written) is type(read) is str


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("source", source) for source in schema.CallSource),
        *(("error_kind", kind) for kind in schema.ErrorKind),
        *(("duration_kind", kind) for kind in schema.DurationKind),
    ],
)
def test_a_value_of_a_closed_list_is_the_same_string_before_and_after_it_is_read_back(
    entities: Entities, column: str, value: str
) -> None:
    with db_session:
        session = entities.Session(started_at=1)
        written = getattr(entities.ToolCall(**a_call(session=session, **{column: value})), column)
    with db_session:
        read = getattr(next(iter(entities.ToolCall.select())), column)
    assert written == read == value
    assert type(written) is type(read) is str


DETAILS: dict[str, Any] = {
    "server": " filesystem ",
    "agent": "Explore",
    "source": "proxy",
    "error_kind": "protocol",
    "error_code": -32602,
    "request_bytes": 0,
    "result_bytes": 2**40,
    "started_ms": 1_795_415_730_123,
    "duration_kind": "run",
}


def test_what_else_is_known_of_a_call_is_read_back_as_it_was_written(entities: Entities) -> None:
    client = {"client": "claude-code", "client_version": "2.1.0", "project": " odd "}
    with db_session:
        session = entities.Session(started_at=1, **client)
        entities.ToolCall(**a_call(session=session, **DETAILS))
    with db_session:
        (call,) = entities.ToolCall.select()
        assert DETAILS.items() <= call.to_dict().items()
        assert client.items() <= call.session.to_dict().items()
        call.set(**dict.fromkeys(DETAILS))
    with db_session:
        (call,) = entities.ToolCall.select()
        assert dict.fromkeys(DETAILS).items() <= call.to_dict().items()


def test_what_nobody_knows_of_a_call_is_none(entities: Entities) -> None:
    with db_session:
        entities.ToolCall(**a_call(session=entities.Session(started_at=1)))
    with db_session:
        (call,) = entities.ToolCall.select()
        assert dict.fromkeys(DETAILS).items() <= call.to_dict().items()
        assert {call.session.client, call.session.client_version, call.session.project} == {None}


def test_text_is_kept_to_the_last_space(entities: Entities) -> None:
    with db_session:
        session = entities.Session(started_at=1)
        entities.ToolCall(**a_call(session=session, tool_name=" odd ", error_type=""))
    with db_session:
        (call,) = entities.ToolCall.select()
        assert (call.tool_name, call.error_type) == (" odd ", "")


def test_times_after_2038_fit(entities: Entities) -> None:
    with db_session:
        session = entities.Session(started_at=AFTER_2038, ended_at=AFTER_2038)
        entities.ToolCall(**a_call(session=session, timestamp=AFTER_2038))
        flush()
        assert session.ended_at == AFTER_2038


def test_each_database_has_entities_of_its_own(new_entities: Callable[[], Entities]) -> None:
    first, second = new_entities(), new_entities()
    with db_session:
        first.Session(started_at=1)
    with db_session:
        assert first.Session.select().count() == 1
        assert second.Session.select().count() == 0


def test_one_database_takes_its_entities_once() -> None:
    database = Database()
    schema.define_entities(database)
    with pytest.raises(ERDiagramError, match="Session"):
        schema.define_entities(database)


def test_entities_are_instances_of_the_types_for_annotations(entities: Entities) -> None:
    with db_session:
        session = entities.Session(started_at=1)
        call = entities.ToolCall(**a_call(session=session))
        assert isinstance(session, schema.Session)
        assert isinstance(call, schema.ToolCall)
    assert schema.Query[schema.ToolCall]


@pytest.mark.parametrize("wanted", [schema.Session, schema.ToolCall])
def test_the_types_for_annotations_say_what_to_use_for_rows(wanted: Any) -> None:
    sentence = rf"create_analytics_db\(\)\.{wanted.__name__}, or that of define_entities\(\)"
    with pytest.raises(TypeError, match=sentence):
        wanted(started_at=1)
    with pytest.raises(TypeError, match=sentence):
        wanted["key"]


def test_rows_are_found_sorted_and_paged(entities: Entities) -> None:
    with db_session:
        for n in range(5):
            entities.Session(id=str(n), started_at=10 - n)

    def ids(sessions: Iterable[schema.Session]) -> list[str]:
        return [session.id for session in sessions]

    with db_session:
        by_start = entities.Session.select().order_by(lambda session: session.started_at)
        assert ids(by_start) == ["4", "3", "2", "1", "0"]
        assert ids(by_start[:2]) == ids(by_start.limit(2)) == ids(by_start.page(1, 2)) == ["4", "3"]
        assert ids(by_start.filter(lambda session: session.started_at > 8)) == ["1", "0"]
        assert by_start.first() is entities.Session["4"]
        assert entities.Session.get(id="nobody") is None
        assert entities.Session.exists(id="0")
        assert entities.Session.select(lambda session: session.started_at > 8).delete(bulk=True)
        assert ids(select(session for session in entities.Session)) == ["2", "3", "4"]


def test_importing_the_package_imports_none_of_its_dependencies() -> None:
    code = "import sys, devflow_analytics_schema; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    imported = set(done.stdout.decode().split())
    assert "devflow_analytics_schema" in imported
    assert not {"pony", "typing_extensions", "uuid_utils"} & imported


def test_a_name_that_the_package_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Rows'"):
        schema.Rows  # noqa: B018
    assert dir(schema) == sorted(schema.__all__)
