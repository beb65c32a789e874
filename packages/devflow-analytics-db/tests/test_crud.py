"""Rows written and read through the handle: Pony's entities, and the plain connection."""

from __future__ import annotations

from contextlib import closing

from pony.orm import db_session

from devflow_analytics_db import create_analytics_db
from devflow_analytics_schema import NewToolCall, ToolCallStatus, new_id

NEW_CALL: NewToolCall = {
    "tool_name": "memory-get",
    "duration_ms": 12.5,
    "status": ToolCallStatus.ERROR,
    "error_type": "TypeError",
    "timestamp": 1_795_415_730,
    "session": "s",
}


def test_sessions_and_calls_are_created_read_updated_and_deleted_with_pony() -> None:
    with create_analytics_db() as db:
        with db_session:
            session = db.Session(id="s", started_at=100)
            call_key = db.ToolCall(**NEW_CALL).id

        with db_session:
            call = db.ToolCall[call_key]
            assert {**NEW_CALL, "id": call_key}.items() <= call.to_dict().items()
            session = call.session
            row = {"id": "s", "started_at": 100, "ended_at": None, "tool_count": 0}
            assert row.items() <= session.to_dict().items()
            session.ended_at = 200
            call.duration_ms = 13

        with db_session:
            assert db.Session["s"].ended_at == 200
            assert db.ToolCall[call_key].duration_ms == 13
            db.ToolCall[call_key].delete()

        with db_session:
            assert db.ToolCall.select().count() == 0
            assert db.Session.select().count() == 1


def test_deleting_a_session_with_pony_deletes_its_calls() -> None:
    with create_analytics_db() as db:
        with db_session:
            db.Session(id="s", started_at=100)
            db.ToolCall(**NEW_CALL)
        with db_session:
            db.Session["s"].delete()
        with db_session:
            assert not db.ToolCall.exists()


def test_what_the_plain_connection_writes_the_entities_read() -> None:
    with create_analytics_db() as db, closing(db.connect()) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO sessions (id, started_at) VALUES ('s', 100)")
        connection.executemany(
            "INSERT INTO tool_calls"
            " (id, tool_name, duration_ms, status, error_type, timestamp, session_id) VALUES"
            " (:id, :tool_name, :duration_ms, :status, :error_type, :timestamp, :session)",
            [{**NEW_CALL, "id": new_id()} for _ in range(50)],
        )
        connection.execute("COMMIT")
        with db_session:
            calls = list(db.ToolCall.select())
            for call in calls:
                assert {**NEW_CALL, "id": call.id}.items() <= call.to_dict().items()
            assert len(calls) == 50
