"""Asks the database in threads, and no question twice that has the same answer."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

from devflow_analytics_dashboard import __version__
from devflow_analytics_dashboard.errors import RequestError
from devflow_analytics_dashboard.json_answers import json_answer
from devflow_analytics_dashboard.state import look
from devflow_analytics_db import open_readonly

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

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


class Answering:
    """Gives the answers of one database. All but `stop` belongs to one event loop."""

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        """Answer from a database; nothing is opened yet.

        Args:
            path: as for `devflow_analytics_db.open_readonly`.
        """
        self._path = path
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._asked: dict[str, asyncio.Task[bytes]] = {}
        self._free = asyncio.Semaphore(AT_ONCE)
        self._open: set[Connection] = set()
        self._lock = threading.Lock()
        self._is_stopped = False

    async def answer(
        self, name: str, question: Question, *, now: int, known: str | None
    ) -> Response:
        """Return the answer to a question: the whole of it, or that it is known.

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
            return json_answer(await self._in_thread(question))
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
        with self._lock:
            self._is_stopped = True
            for connection in self._open:
                connection.interrupt()

    async def _once(self, tag: str, question: Question) -> bytes:
        """Ask a question, or wait for the answer if the same is being asked."""
        task = self._asked.get(tag)
        if task is None:
            task = asyncio.create_task(self._in_thread(question))
            self._asked[tag] = task
            task.add_done_callback(lambda done: self._forget(tag, done))
        return await asyncio.shield(task)

    def _forget(self, tag: str, done: asyncio.Task[bytes]) -> None:
        del self._asked[tag]
        if not done.cancelled():
            done.exception()  # else asyncio prints it where nobody waits any more

    def _keep(self, tag: str, body: bytes) -> None:
        self._kept[tag] = body
        while len(self._kept) > MOST_ANSWERS or sum(map(len, self._kept.values())) > MOST_BYTES:
            self._kept.popitem(last=False)

    async def _in_thread(self, question: Question) -> bytes:
        async with self._free:
            return await in_thread(lambda: self._ask(question))

    def _ask(self, question: Question) -> bytes:
        try:
            with open_readonly(self._path) as connection, self._remembering(connection):
                return question(connection)
        except Exception:
            self._require_running()  # else it failed as it was interrupted
            raise

    @contextmanager
    def _remembering(self, connection: Connection) -> Iterator[None]:
        with self._lock:
            self._require_running()
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)

    def _require_running(self) -> None:
        if self._is_stopped:
            raise RequestError(503, "stopped", "The server is being stopped. Start it again.")


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
