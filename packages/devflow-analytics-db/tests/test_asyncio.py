"""Recording from asyncio: what the README's section on it says."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from pony.orm import db_session, flush

from devflow_analytics_db import AnalyticsDb, create_analytics_db

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    Rows = list[tuple[str]]
    Sql = Callable[[Path, str], Rows]

STORED = "SELECT id FROM sessions ORDER BY id"


@pytest.fixture
def db() -> Iterator[AnalyticsDb]:
    with create_analytics_db() as db:
        yield db


def run(tool: Callable[[str], Awaitable[None]]) -> list[str]:
    """Run three tasks side by side, and return what became of each."""

    async def gather() -> list[str]:
        ended = await asyncio.gather(*map(tool, "abc"), return_exceptions=True)
        return ["done" if one is None else repr(one) for one in ended]

    return asyncio.run(gather())


def write(db: AnalyticsDb, name: str, failing: str = "b") -> None:
    with db_session:
        db.Session(id=name, started_at=1)
        flush()
        if name == failing:
            raise RuntimeError(name)


@pytest.mark.parametrize("where", ["in threads", "in the event loop"])
def test_a_task_that_fails_after_its_awaiting_loses_only_its_own_row(
    where: str, db: AnalyticsDb, file: Path, sql: Sql
) -> None:
    def record(name: str) -> None:
        try:
            write(db, name)
        finally:
            db.close()

    async def tool(name: str) -> None:
        await asyncio.sleep(0)
        if where == "in threads":
            await asyncio.to_thread(record, name)
        else:
            record(name)

    assert run(tool) == ["done", "RuntimeError('b')", "done"]
    assert sql(file, STORED) == [("a",), ("c",)]


@pytest.mark.parametrize(
    ("failing", "stored"), [("c", []), ("a", [("a",), ("b",), ("c",)])], ids=["last", "first"]
)
def test_tasks_that_await_inside_of_a_db_session_share_it_and_the_last_decides(
    failing: str, stored: Rows, db: AnalyticsDb, file: Path, sql: Sql
) -> None:
    turns = {"a": 1, "b": 2, "c": 3}

    async def tool(name: str) -> None:
        with db_session:
            db.Session(id=name, started_at=1)
            for _ in range(turns[name]):
                await asyncio.sleep(0)
            if name == failing:
                raise RuntimeError(name)

    raised = f"RuntimeError({failing!r})"
    assert run(tool) == [raised if name == failing else "done" for name in "abc"]
    assert sql(file, STORED) == stored


def test_ponys_decorator_refuses_an_await_after_a_change(
    db: AnalyticsDb, file: Path, sql: Sql
) -> None:
    @db_session  # type: ignore[untyped-decorator]  # Pony has no types
    async def tool(name: str) -> None:
        db.Session(id=name, started_at=1)
        await asyncio.sleep(0)

    (error,) = set(run(tool))
    assert error.startswith("TransactionError('You need to manually commit() changes")
    assert sql(file, STORED) == []


def test_a_db_session_that_only_reads_waits_for_no_writer(db: AnalyticsDb) -> None:
    writing, read = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with db_session:
            db.Session(id="slow", started_at=1)
            flush()
            writing.set()
            assert read.wait(timeout=30)
        db.close()

    async def both() -> int:
        writer = asyncio.create_task(asyncio.to_thread(write_slowly))
        assert await asyncio.to_thread(writing.wait, 30)
        with db_session:
            seen = db.Session.select().count()
        read.set()
        await writer
        return seen

    assert asyncio.run(both()) == 0
    with db_session:
        assert db.Session.select().count() == 1
