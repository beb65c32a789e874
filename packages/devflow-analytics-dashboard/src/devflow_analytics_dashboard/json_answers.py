"""Answers in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from starlette.responses import Response

from devflow_analytics_dashboard.answers import Error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devflow_analytics_dashboard.errors import RequestError

JSON = "application/json"


def json_answer(
    body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an answer whose body is JSON already."""
    return Response(body, status, headers, JSON)


def error_answer(error: RequestError) -> Response:
    """Return the answer for a request that is at fault, or cannot be answered."""
    body = msgspec.json.encode(Error(writable(error.sentence), error.kind))
    return json_answer(body, status=error.status, headers=error.headers)


def writable(text: str) -> str:
    """Return a text without what UTF-8 cannot hold: paths may be of any bytes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
