"""Asks the database in threads, and no question twice that has the same answer.

A question that nobody waits for any more is given up.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

from devflow_analytics_dashboard import __version__
from devflow_analytics_dashboard.errors import RequestError
from devflow_analytics_dashboard.json_answers import json_answer
from devflow_analytics_dashboard.state import look
from devflow_analytics_db import open_readonly

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from starlette.responses import Response

    from devflow_analytics_db import Connection

    Question = Callable[[Connection], bytes]

T = TypeVar("T")

AT_ONCE = 2
"""How many questions are asked at the same time: more would only get in each other's way."""

MOST_ANSWERS = 64
MOST_BYTES = 8_000_000
"""How many answers are kept, and how many bytes they have together."""

STEP_SECONDS = 300
"""For how long an answer is the same if the database is: periods end now."""

INSTRUCTIONS = 10_000
"""After how many instructions SQLite asks whether to go on: after a millisecond or less."""


class Answering:
    """Gives the answers of one database. All but `stop` belongs to one event loop."""

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        """Answer from a database; nothing is opened yet.

        Args:
            path: as for `devflow_analytics_db.open_readonly`.
        """
        self._path = path
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._asked: dict[str, _Asked] = {}
        self._free = asyncio.Semaphore(AT_ONCE)
        self._is_stopped = False

    async def answer(
        self, name: str, question: Question, *, now: int, known: str | None
    ) -> Response:
        """Return the answer to a question: the whole of it, or that it is known.

        If all that wait for an answer are cancelled, the database is no longer asked for it.

        Args:
            name: what tells it from other questions; the same name has the same answer as long as
                the database is the same.
            question: gives the answer in JSON.
            now: the time, in Unix seconds.
            known: the tags of answers that the client has: the value of If-None-Match.

        Raises:
            AnalyticsDbError, RequestError: it cannot be answered.
        """
        state = look(self._path)
        if state is None:  # whoever opens it finds out why
            return json_answer(await self._once(name, question))
        about = f"{__version__} {now // STEP_SECONDS} {state.token} {name}"
        tag = f'"{blake2b(about.encode("utf-8", "replace"), digest_size=12).hexdigest()}"'
        headers = {"etag": tag} if state.is_settled else {}
        if state.is_settled and is_known(tag, known):
            return json_answer(b"", status=304, headers=headers)
        body = self._kept.get(tag)
        if body is None:
            body = await self._once(tag, question)
            if state.is_settled:
                self._keep(tag, body)
        else:
            self._kept.move_to_end(tag)
        return json_answer(body, headers=headers)

    def stop(self) -> None:
        """Interrupt the questions that are being asked, and let no other begin."""
        self._is_stopped = True

    async def _once(self, tag: str, question: Question) -> bytes:
        """Ask a question, or wait for the answer if the same is being asked."""
        asked = self._asked.get(tag)
        if asked is None:
            asked = self._asked[tag] = _Asked()
            asked.task = asyncio.create_task(self._in_thread(question, asked))
            asked.task.add_done_callback(_retrieve)
        asked.waiting += 1
        try:
            return await asyncio.shield(asked.task)
        finally:
            asked.waiting -= 1
            if not asked.waiting:  # who asks the same from now on is no longer in time for this
                del self._asked[tag]

    def _keep(self, tag: str, body: bytes) -> None:
        self._kept[tag] = body
        while len(self._kept) > MOST_ANSWERS or sum(map(len, self._kept.values())) > MOST_BYTES:
            self._kept.popitem(last=False)

    async def _in_thread(self, question: Question, asked: _Asked) -> bytes:
        async with self._free:
            if not asked.waiting:
                return b""
            return await in_thread(lambda: self._ask(question, asked))

    def _ask(self, question: Question, asked: _Asked) -> bytes:
        def is_unwanted() -> bool:
            return self._is_stopped or not asked.waiting

        stopped = RequestError(503, "stopped", "The server is being stopped. Start it again.")
        if is_unwanted():
            raise stopped
        with open_readonly(self._path) as connection:
            connection.set_progress_handler(is_unwanted, INSTRUCTIONS)
            try:
                return question(connection)
            except Exception:
                if is_unwanted():  # it was interrupted, which is no fault of the database
                    raise stopped from None
                raise


class _Asked:
    """A question that is being asked."""

    task: asyncio.Task[bytes]

    def __init__(self) -> None:
        self.waiting = 0
        """How many wait for the answer."""


def _retrieve(done: asyncio.Task[bytes]) -> None:
    """Take the error of a task, which asyncio prints if nobody does."""
    if not done.cancelled():
        done.exception()


def is_known(tag: str, known: str | None) -> bool:
    """Tell whether a tag is in the value of If-None-Match."""
    tags = (one.strip().removeprefix("W/") for one in (known or "").split(","))
    return tag in tags


async def in_thread(function: Callable[[], T]) -> T:
    """Call a function in a thread that does not keep the process from ending.

    The threads of executors do, and one may wait for a locked database for seconds.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def call() -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001  it is raised where it is waited for
            tell(done.set_exception, error)
        else:
            tell(done.set_result, result)

    def tell(set_done: Callable[..., None], value: object) -> None:
        try:
            loop.call_soon_threadsafe(set_unless_cancelled, set_done, value)
        except RuntimeError:  # the loop is closed: nobody waits
            return

    def set_unless_cancelled(set_done: Callable[..., None], value: object) -> None:
        if not done.done():
            set_done(value)

    threading.Thread(target=call, name="question", daemon=True).start()
    return await done
