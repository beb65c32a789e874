"""Who may ask: a page of this server, in a browser of this machine, with the key.

Any page that is open in the browser, and any user of the machine, can send requests to a local
port. A foreign name that resolves to this machine is told by its ``Host``, a foreign page by its
``Origin`` and ``Sec-Fetch-Site``, and another user by not having the key.
"""

from __future__ import annotations

import logging
import re
from hmac import compare_digest
from typing import TYPE_CHECKING

from devflow_analytics_dashboard.errors import RequestError
from devflow_analytics_dashboard.json_answers import error_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
            b" connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
            b" require-trusted-types-for 'script'; trusted-types 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (
        b"permissions-policy",
        (
            b"accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(),"
            b" gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()"
        ),
    ),
)
"""What every answer carries."""

MOST_HEADER_BYTES = 65_536
"""How long the head of a request may be. Cookies of other ports are in it, too."""

SEPARATORS = 4
"""How many bytes a header has besides its name and value: a colon, a space and the end of line."""

METHODS = ("GET", "HEAD")

_HOST = re.compile(rb"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)

_FROM_HERE = {b"same-origin", b"none"}
"""The values of Sec-Fetch-Site for a page of this server, and for what a user types."""

_NAVIGATION = {b"sec-fetch-mode": [b"navigate"], b"sec-fetch-dest": [b"document"]}
"""What a browser says where it opens a page in a tab of its own."""

_log = logging.getLogger("devflow_analytics_dashboard")
_log.addHandler(logging.NullHandler())


class Guard:
    """Lets through to an application what may ask, and answers the rest itself."""

    def __init__(
        self, application: ASGIApp, key: str, admitted: Callable[[], None] | None = None
    ) -> None:
        """Guard an application.

        Args:
            application: the application.
            key: what a request of the API must show.
            admitted: is called at each request that shows it.
        """
        self._application = application
        self._key = key.encode()
        self._admitted = admitted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the application do so."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        is_begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal is_begun
            if message["type"] == "http.response.start":
                is_begun = True
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        try:
            self._require_allowed(scope)
            await self._application(scope, receive, send_with_headers)
        except RequestError as error:
            await error_answer(error)(scope, receive, send_with_headers)
        except Exception:
            _log.exception("%s %s failed", scope["method"], scope["path"])
            if is_begun:
                raise
            fault = RequestError(
                500,
                "bug",
                "The server failed on this request, which is a bug of DevFlow Analytics. Please"
                " report it.",
            )
            await error_answer(fault)(scope, receive, send_with_headers)

    def _require_allowed(self, scope: Scope) -> None:
        """Make sure that a request may be answered.

        Raises:
            RequestError: it may not.
        """
        _require_short(scope)
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value.strip())
        host = _the_host(headers.get(b"host", []))
        if scope["method"] not in METHODS:
            raise RequestError(
                405,
                "method",
                "Only GET and HEAD are answered: nothing can be changed here.",
                {"allow": ", ".join(METHODS)},
            )
        _require_own_page(scope["path"], host, headers)
        if is_of_api(scope):
            self._require_key(headers.get(b"authorization", []))

    def _require_key(self, given: list[bytes]) -> None:
        if len(given) == 1:
            scheme, _, key = given[0].partition(b" ")
            if scheme.lower() == b"bearer" and compare_digest(key.strip(), self._key):
                if self._admitted is not None:
                    self._admitted()
                return
        what = "The key is wrong" if given else "The key is missing"
        raise RequestError(
            401,
            "no_key",
            f"{what}. Open the address that was printed when the server was started, or send its"
            " key as 'Authorization: Bearer KEY'.",
            {"www-authenticate": "Bearer"},
        )


def _require_short(scope: Scope) -> None:
    """Refuse the head of a request that is too long, though it came in one piece.

    Raises:
        RequestError: it is.
    """
    headers = scope["headers"]
    length = len(scope["query_string"]) + sum(
        len(name + value) + SEPARATORS for name, value in headers
    )
    if length > MOST_HEADER_BYTES:
        raise RequestError(
            431,
            "too_large",
            f"Query and headers of the request have {length:,} bytes. Send at most"
            f" {MOST_HEADER_BYTES:,}.",
        )


def is_of_api(scope: Scope) -> bool:
    """Tell whether a request is one of the API, whether there is such a route or not."""
    return f"{scope['path']}/".startswith("/api/")


def _the_host(given: list[bytes]) -> bytes:
    """Return the value of Host, if there is exactly one, and it names this machine."""
    if len(given) == 1 and _HOST.fullmatch(given[0]):
        return given[0].lower()
    raise RequestError(
        421,
        "wrong_host",
        "The request does not name this machine as its host. Use 127.0.0.1, localhost or [::1].",
    )


def _require_own_page(path: str, host: bytes, headers: dict[bytes, list[bytes]]) -> None:
    """Make sure that no page of another origin sent a request.

    The page itself may be opened from anywhere, or no link could lead to it: it holds no data.

    Raises:
        RequestError: another page did.
    """
    own = b"http://" + host
    origins = headers.get(b"origin", [])
    sites = headers.get(b"sec-fetch-site", [])
    is_opened = path == "/" and all(headers.get(name) == said for name, said in _NAVIGATION.items())
    is_foreign = any(origin.lower() != own for origin in origins)
    if is_foreign or not (is_opened or _FROM_HERE.issuperset(sites)):
        raise RequestError(
            403, "forbidden", "The request comes from a page of another origin. Open this page."
        )
