"""Calls a recorded server from its own process: ``python -m servers.inside FAMILY DIRECTORY``."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from typing import Any

from devflow_analytics_recorder import record
from matrix.cases import CASES

CASE = CASES["raises_key_error"]


def client(family: str, server: Any) -> Any:
    """Return a client of the library that the server is made with."""
    if family == "mcp1":
        from mcp.shared.memory import (  # noqa: PLC0415  of another version
            create_connected_server_and_client_session as connect,
        )

        return connect(getattr(server, "_mcp_server", server))
    return importlib.import_module("fastmcp" if family == "fastmcp" else "mcp.client").Client(
        server
    )


async def main(family: str, directory: str) -> None:
    made = importlib.import_module(f"servers.{family}").High("inside", stateless=False)
    made.add({case.name: case.tool for case in CASES.values() if case.tool})
    with record(made.server, path=os.path.join(directory, "inside.db")):  # noqa: PTH118
        async with client(family, made.server) as one:
            try:
                result = await one.call_tool(CASE.name, dict(CASE.arguments))
            except Exception as error:  # noqa: BLE001  FastMCP's client raises
                print(type(error).__name__)  # noqa: T201  what is asked for
            else:
                print(getattr(result, "isError", None) or result.is_error)  # noqa: T201  the same


asyncio.run(main(*sys.argv[1:]))
