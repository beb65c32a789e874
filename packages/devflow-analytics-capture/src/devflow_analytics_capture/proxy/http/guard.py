"""Who may ask the local server: programs of this machine, and no page of another origin.

Any page that is open in a browser can send requests to a local port. A foreign name that resolves
to this machine is told by its ``Host``, and a foreign page by its ``Origin`` and
``Sec-Fetch-Site``. Clients of MCP servers are no pages, and send neither. The page of the dashboard
has the same rules.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOST = re.compile(rb"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)

_FROM_HERE = {b"same-origin", b"none"}
"""The values of Sec-Fetch-Site for a page of this server, and for what a user types."""


class Refusal(NamedTuple):
    """The answer to a request that is not passed on."""

    status: int
    sentence: str


WRONG_HOST = Refusal(
    421, "The request does not name this machine as its host. Use 127.0.0.1 or localhost."
)
FOREIGN_PAGE = Refusal(
    403, "The request comes from a page of another origin. Only programs of this machine may ask."
)


def refusal(headers: Iterable[tuple[bytes, bytes]]) -> Refusal | None:
    """Return why a request with these headers is not passed on; None if it is.

    Args:
        headers: names in lower case, and values.
    """
    given: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        given.setdefault(name, []).append(value.strip())
    hosts = given.get(b"host", [])
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return WRONG_HOST
    own = b"http://" + hosts[0].lower()
    is_foreign = any(origin.lower() != own for origin in given.get(b"origin", []))
    if is_foreign or not _FROM_HERE.issuperset(given.get(b"sec-fetch-site", [])):
        return FOREIGN_PAGE
    return None
