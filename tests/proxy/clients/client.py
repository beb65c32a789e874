"""Plays a client of the Python SDK, of version 1 or 2: ``client.py PLAYS``.

PLAYS is a file with a list of objects as ``real.running`` writes them. What the client gets goes
into the file that each names.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

from mcp import ClientSession, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client

IS_2 = not version("mcp").startswith("1.")
if IS_2:
    import mcp_types as types
    from mcp.client import Client
    from mcp.client.streamable_http import streamable_http_client
    from mcp.shared.exceptions import MCPError
else:
    from mcp import types
    from mcp.client.streamable_http import streamablehttp_client as streamable_http_client
    from mcp.shared.exceptions import McpError as MCPError

SECONDS = 60
"""How long a step may take."""

LISTS = {
    "tools/list": "list_tools",
    "prompts/list": "list_prompts",
    "resources/list": "list_resources",
    "resources/templates/list": "list_resource_templates",
}


def plain(model: Any) -> Any:
    """Return an answer as it was on the wire."""
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Playing:
    """One play: a connection, and what came of each step."""

    def __init__(self, play: dict[str, Any], errors: TextIO) -> None:
        self.play = play
        self.errors = errors
        self.asked: set[str] = set()
        self.client: Any = None

    async def sample(self, _context: object, _params: object) -> Any:
        self.asked.add("sampling/createMessage")
        content = types.TextContent(type="text", text="It rains.")
        return types.CreateMessageResult(role="assistant", content=content, model="a model")

    async def elicit(self, _context: object, _params: object) -> Any:
        self.asked.add("elicitation/create")
        return types.ElicitResult(action="accept", content={"name": "Ada", "check": True})

    async def roots(self, _context: object) -> Any:
        self.asked.add("roots/list")
        uri: Any = Path(self.play["root"]).as_uri()
        return types.ListRootsResult(roots=[types.Root(uri=uri, name="the root")])

    def transport(self) -> Any:
        """Return what leads to the server."""
        url = self.play.get("url")
        if url is None:
            command, *arguments = self.play["command"]
            server = StdioServerParameters(command=command, args=arguments, env=self.play["env"])
            return stdio_client(server, errlog=self.errors)
        return sse_client(url) if url.endswith("/sse") else streamable_http_client(url)

    async def connect(self, stack: AsyncExitStack) -> None:
        """Connect to the server, as it is done with this version."""
        options: dict[str, Any] = {
            "client_info": types.Implementation(
                name=self.play["client"], version=self.play["version"]
            ),
            "sampling_callback": self.sample,
            "elicitation_callback": self.elicit,
            "list_roots_callback": self.roots,
        }
        transport = self.transport()
        if IS_2:
            self.client = await stack.enter_async_context(Client(transport, **options))
        else:
            read, write, *_ = await stack.enter_async_context(transport)
            self.client = await stack.enter_async_context(ClientSession(read, write, **options))
            await self.client.initialize()

    async def take(self, step: dict[str, Any]) -> Any:
        """Take a step, and return the answer."""
        method, params = step["method"], step["params"]
        if method in LISTS:
            return plain(await getattr(self.client, LISTS[method])())
        if method == "prompts/get":
            return plain(await self.client.get_prompt(params["name"], params["arguments"]))
        if method == "resources/read":
            return plain(await self.client.read_resource(params["uri"]))
        return await self.call(step)

    async def call(self, step: dict[str, Any]) -> Any:
        """Call a tool, in the way that the step says."""
        seen: list[float] = []
        begun = asyncio.Event()

        async def progress(done: float, total: float | None, _message: object) -> None:
            begun.set()
            if done != total:
                seen.append(done)

        options: dict[str, Any] = {}
        if step["how"] in {"progress", "cancel"}:
            options["progress_callback"] = progress
        if step["how"] == "timeout":
            seconds = 0.2
            options["read_timeout_seconds"] = seconds if IS_2 else timedelta(seconds=seconds)
        params = step["params"]
        calling = asyncio.create_task(
            self.client.call_tool(params["name"], params["arguments"], **options)
        )
        if step["how"] == "cancel":
            await begun.wait()
            if not IS_2:
                await self.tell_of_cancellation()
            calling.cancel()
            await asyncio.wait([calling])
            return "cancelled" if calling.cancelled() else repr(calling.exception())
        answer = plain(await calling)
        return [seen, answer] if step["how"] == "progress" else answer

    async def tell_of_cancellation(self) -> None:
        """Cancel the call that was made last; version 1 has no means for it."""
        params = types.CancelledNotificationParams(requestId=self.client._request_id - 1)  # noqa: SLF001
        notification = types.CancelledNotification(method="notifications/cancelled", params=params)
        await self.client.send_notification(types.ClientNotification(notification))

    async def perform(self) -> dict[str, Any]:
        """Take all steps, and return what came of each."""
        got = []
        async with AsyncExitStack() as stack:
            await self.connect(stack)
            for step in self.play["steps"]:
                try:
                    async with asyncio.timeout(SECONDS):
                        got.append(await self.take(step))
                except MCPError as error:
                    got.append({"error": plain(error.error)})
        return {"got": got, "asked": sorted(self.asked)}


for each in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
    with Path(each["stderr"]).open("w", encoding="utf-8") as stderr:
        outcome = asyncio.run(Playing(each, stderr).perform())
    Path(each["output"]).write_text(json.dumps(outcome), encoding="utf-8")
