"""The application: the page's files and the API, behind the guard."""

from __future__ import annotations

import asyncio
import os
import time
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from starlette.routing import Route as HttpRoute, Router

from devflow_analytics_dashboard import __version__, answers
from devflow_analytics_dashboard.answering import Answering
from devflow_analytics_dashboard.api import ROUTES, Asked, Route
from devflow_analytics_dashboard.errors import RequestError, bad_request
from devflow_analytics_dashboard.guard import Guard, is_of_api
from devflow_analytics_dashboard.json_answers import JSON, json_answer, writable
from devflow_analytics_dashboard.openapi_document import openapi
from devflow_analytics_dashboard.parameters import Query
from devflow_analytics_dashboard.state import look
from devflow_analytics_dashboard.static_files import static_routes, tagged
from devflow_analytics_db import (
    AnalyticsDbError,
    ConfigurationError,
    DatabaseGoneError,
    DatabaseNotFoundError,
    LockedError,
    resolve_path,
)
from devflow_analytics_reports import PeriodError, SessionNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

KINDS = {
    (DatabaseNotFoundError, DatabaseGoneError): "no_database",
    (LockedError,): "locked",
}
"""The words for what is wrong with the database, where it is not just unreadable."""

SHORTEST_KEY = 32
"""How many letters a key has at least."""


def create_app(
    path: str | os.PathLike[str] | None = None,
    *,
    key: str,
    clock: Callable[[], float] | None = None,
    advise: Callable[[str], str] | None = None,
) -> ASGIApp:
    """Return the page and its API as an ASGI application.

    Only requests to 127.0.0.1, localhost or [::1] are answered, and those of the API only if they
    show the key. The database is opened for each answer, and need not exist yet.

    Args:
        path: the database; without it the one of `devflow_analytics_db.default_path`.
        key: what requests of the API show; `secrets.token_urlsafe(32)` makes a good one.
        clock: gives the time that counts as now, in Unix seconds; `time.time` if None.
        advise: puts other words into what an error says to do next, which names Python functions.

    Raises:
        ConfigurationError: the key is too short, or has other letters than ASCII.
    """
    return Application(path, key=key, clock=clock, advise=advise)


class Application:
    """The page and its API; an ASGI application that can be stopped."""

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        *,
        key: str,
        clock: Callable[[], float] | None,
        advise: Callable[[str], str] | None,
        admitted: Callable[[], None] | None = None,
    ) -> None:
        """Make the application, as `create_app` does.

        Args:
            path: the database.
            key: what requests of the API show.
            clock: gives the time that counts as now.
            advise: puts other words into advice.
            admitted: is called at each request that shows the key.
        """
        if len(key) < SHORTEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
            raise ConfigurationError(
                f"The key has {len(key)} characters, or some that a header cannot hold. It needs"
                f" {SHORTEST_KEY} printable characters of ASCII, without spaces.",
                None,
                "Make one with secrets.token_urlsafe(32).",
            )
        self._path = path
        self._clock = clock or time.time
        self._advise = advise or str
        self._answering = Answering(path)
        self._openapi = msgspec.json.encode(openapi())
        application = Router(
            [
                *(HttpRoute(route.path, partial(self._ask, route)) for route in ROUTES),
                HttpRoute("/api/version", self._version),
                HttpRoute("/api/openapi.json", self._document),
                *static_routes(),
            ],
            redirect_slashes=False,
            default=_nothing,
        )
        self._guarded = Guard(application, key, admitted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._guarded(scope, receive, send)

    def stop(self) -> None:
        """Interrupt what is being asked, from any thread; nothing is answered any more."""
        self._answering.stop()

    async def _ask(self, route: Route, request: Request) -> Response:
        text, path = request.scope["query_string"], request.scope["path"]
        now = int(self._clock())
        query = Query(text, route.parameters)
        question = route.asks(Asked(query, now, request.path_params.get("id", "")))
        try:
            return await _unless_disconnected(
                request.receive,
                self._answering.answer(
                    f"{path}?{text!r}",
                    lambda connection: msgspec.json.encode(question(connection)),
                    now=now,
                    known=request.headers.get("if-none-match"),
                ),
            )
        except AnalyticsDbError as error:
            raise self._of_database(error) from error

    async def _version(self, request: Request) -> Response:
        Query(request.scope["query_string"], ())
        state = look(self._path)
        version = answers.Version(
            version=state.token if state else None,
            database=writable(_shown(self._path)),
            program=__version__,
            now=int(self._clock()),
        )
        return json_answer(msgspec.json.encode(version))

    async def _document(self, request: Request) -> Response:
        Query(request.scope["query_string"], ())
        return tagged(request, self._openapi, JSON)

    def _of_database(self, error: AnalyticsDbError) -> RequestError:
        """Return how to answer what is wrong with the database, or with what was asked of it."""
        if isinstance(error, PeriodError):
            return bad_request(str(error))
        advice = error.advice and self._advise(error.advice)
        sentence = f"{error.what} {advice}" if advice else error.what
        if isinstance(error, SessionNotFoundError):
            return RequestError(404, "no_session", sentence)
        for kinds, kind in KINDS.items():
            if isinstance(error, kinds):
                return RequestError(503, kind, sentence)
        return RequestError(503, "unreadable", sentence)


async def _unless_disconnected(
    receive: Receive, answer: Coroutine[None, None, Response]
) -> Response:
    """Return an answer; cancel it if the client goes away before it is there."""

    async def disconnected() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass  # a part of a body, which nobody needs

    answering, leaving = asyncio.create_task(answer), asyncio.create_task(disconnected())
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return answering.result() if answering.done() else json_answer(b"")  # which nobody reads
    finally:
        for task in (answering, leaving):
            task.cancel()


async def _nothing(scope: Scope, _: Receive, __: Send) -> None:
    """Answer that there is nothing at a path."""
    there = "/api/openapi.json lists what there is" if is_of_api(scope) else "The page is at /"
    raise RequestError(404, "not_found", f"There is nothing at this path. {there}.")


def _shown(path: str | os.PathLike[str] | None) -> str:
    """Return the path of the database for people: with ``~`` for their home."""
    try:
        file = str(resolve_path(path))
    except AnalyticsDbError:
        file = os.fspath(path) if path is not None else ""
    home = os.path.expanduser("~").rstrip("/")  # noqa: PTH111  text is what is asked for
    return f"~{file[len(home) :]}" if home and file.startswith(f"{home}/") else file
