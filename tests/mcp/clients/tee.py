"""Keeps what HTTP servers answer, byte for byte, as it arrives."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ANSWERS: list[dict[str, Any]] = []


def keep_answers() -> None:
    """From now on, keep every answer in ANSWERS."""
    for name in ("httpx", "httpx2"):
        if importlib.util.find_spec(name):
            _tap(importlib.import_module(name))


def write_answers(file: Path) -> None:
    """Write down what was kept, and forget it."""
    file.write_text(json.dumps([{**one, "body": one["body"].decode()} for one in ANSWERS]))
    ANSWERS.clear()


def _tap(httpx: Any) -> None:
    send = httpx.AsyncHTTPTransport.handle_async_request

    class Kept(httpx.AsyncByteStream):
        def __init__(self, stream: Any, kept: dict[str, Any]) -> None:
            self.stream = stream
            self.kept = kept

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for chunk in self.stream:
                self.kept["body"] += chunk
                yield chunk

        async def aclose(self) -> None:
            await self.stream.aclose()

    async def handle(self: Any, request: Any) -> Any:
        response = await send(self, request)
        kept = {
            "method": request.method,
            "status": response.status_code,
            "headers": sorted(response.headers.items()),
            "body": bytearray(),
        }
        ANSWERS.append(kept)
        response.stream = Kept(response.stream, kept)
        return response

    httpx.AsyncHTTPTransport.handle_async_request = handle
