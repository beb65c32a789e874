"""The server whose calls are recorded: where its address leads, and connecting to it."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from devflow_analytics_capture.errors import ServerAddressError
from devflow_analytics_capture.proxy.http.peer import PIECE

if TYPE_CHECKING:
    from typing import NoReturn

CONNECT_SECONDS = 30
"""How long connecting may take, with TLS."""

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Upstream:
    """A server that speaks HTTP."""

    scheme: str
    """``http`` or ``https``."""
    host: str
    """Its name or address, without brackets."""
    port: int
    target: str
    """Its path, with its query: what is asked for at first."""

    @property
    def authority(self) -> str:
        """The value of ``Host``, without the port that everybody expects."""
        named = f"[{self.host}]" if ":" in self.host else self.host
        return named if self.port == _PORTS[self.scheme] else f"{named}:{self.port}"

    @property
    def origin(self) -> str:
        """The beginning of its addresses, as ``Origin`` has it."""
        return f"{self.scheme}://{self.authority}"

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect, and let the server prove that it is who it should be, if it speaks TLS.

        Raises:
            OSError: it cannot be reached, or its certificate is not valid.
            TimeoutError: that takes too long.
        """
        context = _trusting() if self.scheme == "https" else None
        async with asyncio.timeout(CONNECT_SECONDS):
            return await asyncio.open_connection(self.host, self.port, ssl=context, limit=PIECE)


@cache
def _trusting() -> ssl.SSLContext:
    """Return what connections with TLS trust: what this system does."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def upstream_at(url: str) -> Upstream:
    """Return the server at an address.

    Raises:
        ServerAddressError: there can be none.
    """
    if not url.isascii() or any(char <= " " or char == "\x7f" for char in url):
        _refuse(url, "has a space or another character that addresses cannot have. Write it as %XX")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        (host or "").encode("idna")  # refuses parts of more than 63 letters
    except ValueError:
        _refuse(url, "is no address. Write it as https://HOST/PATH")
    if parts.scheme not in _PORTS or not host:
        _refuse(url, "is no address of a server that speaks HTTP. Write it as https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise ServerAddressError(
            "The address holds a name or a password, which every user of this machine can read.",
            None,
            "Leave them out, and let the client send them in a header.",
        )
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    return Upstream(parts.scheme, host, port or _PORTS[parts.scheme], target)


def reason_of(fault: OSError) -> str:
    """Return why connecting failed, in words."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {fault.verify_message}"
    if isinstance(fault, ssl.SSLError):
        return "it does not speak TLS as it should"
    if isinstance(fault, TimeoutError):
        return "it takes too long"
    if isinstance(fault, socket.gaierror):
        return "no server of this name is found"
    return os.strerror(fault.errno) if fault.errno else "none of its addresses answers"


def _refuse(url: str, fault: str) -> NoReturn:
    named = "The address" if "@" in url else repr(url)  # there may be a password before that
    raise ServerAddressError(f"{named} {fault}.")
