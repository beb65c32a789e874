"""A plugin of pytest's: puts the proxy before each server that the client of the SDK starts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import anyio

open_directly = anyio.open_process
wrap = os.environ["WRAP_COMMAND"].split("\n")
started = 0


async def open_wrapped(command: list[str], **options: Any) -> Any:
    """Start a server as `anyio.open_process` does, with the proxy before it."""
    global started  # noqa: PLW0603  a plugin is a module
    started += 1
    return await open_directly([*wrap, *command], **options)


anyio.open_process = open_wrapped


def pytest_sessionfinish() -> None:
    """Write down how many servers were started."""
    Path(os.environ["WRAP_COUNT"]).write_text(f"{started}")
