"""The files of the page, as they are in this package."""

from __future__ import annotations

from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from devflow_analytics_dashboard.answering import is_known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

DIRECTORY = Path(__file__).parent / "static"

PAGE = "index.html"

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""By the end of a name; other files are not served."""


def static_routes(directory: Path = DIRECTORY) -> Iterator[Route]:
    """Yield a route for each file; they are read once, so no request can lead to another one."""
    for file in sorted(directory.rglob("*")):
        if file.suffix in TYPES:
            name = file.relative_to(directory).as_posix()
            content = file.read_bytes()
            answer = partial(_answer, content, TYPES[file.suffix])
            yield Route("/" if name == PAGE else f"/{name}", answer, name=name)


async def _answer(content: bytes, kind: str, request: Request) -> Response:
    return tagged(request, content, kind)


def tagged(request: Request, content: bytes, kind: str) -> Response:
    """Return an answer that never changes, or that the client has it.

    Args:
        request: the request.
        content: the body.
        kind: its media type.
    """
    headers = {"etag": f'"{blake2b(content, digest_size=12).hexdigest()}"'}
    if is_known(headers["etag"], request.headers.get("if-none-match")):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers | {"content-type": kind})
