"""Runs a server: ``python -m servers FAMILY LEVEL DIRECTORY stdio`` or ``… http SOCKET SOCKET``.

It records into DIRECTORY, or not at all if that is ``-``. Over HTTP there are two servers in one
process, the first with sessions and the second without, on sockets that listen already.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import socket
import sys
from typing import TYPE_CHECKING, Any

from matrix.cases import CASES

if TYPE_CHECKING:
    from starlette.applications import Starlette

FAMILY, LEVEL, DIRECTORY, WAY, *SOCKETS = sys.argv[1:]
TOOLS = {case.name: case.tool for case in CASES.values() if case.tool}


def make(name: str, *, stateless: bool, record_first: bool) -> Any:
    """Make a server that is recorded, before it has tools or after; twice, which is once."""
    module = importlib.import_module(f"servers.{FAMILY}")
    made = (module.High if LEVEL == "high" else module.Low)(name, stateless=stateless)
    if not record_first:
        made.add(TOOLS)
    if DIRECTORY != "-":
        from devflow_analytics_recorder import record  # noqa: PLC0415

        path = os.path.join(DIRECTORY, f"{name}.db")  # noqa: PTH118
        record(made.server, path=path)
        record(getattr(made.server, "_mcp_server", made.server), path=path)
    if record_first:
        made.add(TOOLS)
    return made


async def serve(apps: list[Starlette]) -> None:
    import uvicorn  # noqa: PLC0415

    servers = [
        uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="critical",
                timeout_graceful_shutdown=1,
                # on a busy machine a client may use a connection just as it is closed for idleness
                timeout_keep_alive=60,
            )
        )
        for app in apps
    ]
    sockets = [socket.socket(fileno=int(number)) for number in SOCKETS]
    await asyncio.gather(
        *(server.serve([one]) for server, one in zip(servers, sockets, strict=True))
    )


if WAY == "stdio":
    make("stdio", stateless=False, record_first=False).run_stdio()
else:
    made = [
        make("http", stateless=False, record_first=True),
        make("stateless", stateless=True, record_first=False),
    ]
    asyncio.run(serve([one.app() for one in made]))
