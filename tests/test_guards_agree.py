"""The page of the dashboard and the proxy for HTTP let the same programs and pages ask."""

from __future__ import annotations

import asyncio
from itertools import product
from typing import TYPE_CHECKING

from devflow_analytics_capture.proxy.http.guard import refusal
from devflow_analytics_dashboard.guard import Guard

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

HOSTS = [
    (),
    *(
        (host,)
        for host in (b"127.0.0.1", b"127.0.0.1:8321", b"LocalHost:1", b"[::1]", b" [::1]:80 ")
    ),
    *((host,) for host in (b"", b"::1", b"0.0.0.0", b"127.0.0.1:", b"127.0.0.1:123456", b"127.1")),
    *(
        (host,)
        for host in (b"example.com", b"localhost.example.com", b"a@localhost", b"localhost/")
    ),
    (b"127.0.0.1", b"127.0.0.1"),
]
ORIGINS = [
    (),
    *((origin,) for origin in (b"http://127.0.0.1:8321", b"HTTP://localhost:1", b"http://[::1]")),
    *((origin,) for origin in (b"null", b"", b"https://127.0.0.1", b"http://example.com")),
    (b"http://[::1]:80", b"http://[::1]:80"),
    (b"http://127.0.0.1", b"null"),
]
SITES = [
    (),
    *((site,) for site in (b"same-origin", b"none", b"same-site", b"cross-site", b"", b"NONE")),
    (b"none", b"cross-site"),
]


async def page(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def status_of_the_page(headers: list[tuple[bytes, bytes]]) -> int:
    """Return how the dashboard's guard answers a request for a file of the page."""
    statuses: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/main.js",
        "query_string": b"",
        "headers": headers,
    }
    await Guard(page, "key")(scope, receive, send)
    (status,) = statuses
    return status


async def compare() -> set[int]:
    """Compare both on every combination, and return the statuses that there were."""
    found = set()
    for hosts, origins, sites in product(HOSTS, ORIGINS, SITES):
        headers = [
            *((b"host", host) for host in hosts),
            *((b"origin", origin) for origin in origins),
            *((b"sec-fetch-site", site) for site in sites),
        ]
        refused = refusal(headers)
        status = refused.status if refused else 200
        assert status == await status_of_the_page(headers), headers
        found.add(status)
    return found


def test_the_page_and_the_proxy_admit_the_same() -> None:
    assert asyncio.run(compare()) == {200, 403, 421}
