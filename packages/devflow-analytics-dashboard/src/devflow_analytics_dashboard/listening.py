"""Finds an address and a port to listen on."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress

from devflow_analytics_dashboard.errors import AddressError, PortTakenError

LOOPBACK = ("127.0.0.1", "::1")
EVERY = ("0.0.0.0", "::")  # noqa: S104  only in a container, where its network is the limit
"""Addresses of this machine alone, and those that stand for all of its addresses."""

IN_CONTAINER = "DEVFLOW_ANALYTICS_IN_CONTAINER"
"""The environment variable that says that a container limits who can reach the server."""

FIRST_PORT = 8321
MORE_PORTS = 20
"""Where to listen if nobody says it: the first port that is free, of so many after the first."""


def listen(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: the address: 127.0.0.1 or ::1; in a container also 0.0.0.0 or ::.
        port: the port; None for `FIRST_PORT`, or the next that is free, or any.

    Raises:
        AddressError: the address is another one, or this machine does not have it.
        PortTakenError: the port is taken, or not allowed.
    """
    if host not in LOOPBACK and not (host in EVERY and os.environ.get(IN_CONTAINER) == "1"):
        raise AddressError(
            f"The page is not served on {host!r}: other machines could reach it there.",
            None,
            "Use 127.0.0.1 or ::1, and from another machine ssh -L; in a container, set"
            f" {IN_CONTAINER}=1 to use 0.0.0.0 or ::.",
        )
    if port is not None:
        return _listen(host, port)
    for some in range(FIRST_PORT, FIRST_PORT + 1 + MORE_PORTS):
        with suppress(PortTakenError):
            return _listen(host, some)
    return _listen(host, 0)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # asyncio sets TCP_NODELAY only where the protocol is named; without, bodies come 40 ms late
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise _no_address(host, error) from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::")
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(
                f"Port {port} of {host} is taken by another program.",
                None,
                "Give another `port`, or none for the next that is free.",
            ) from None
        if error.errno == errno.EACCES:
            raise PortTakenError(
                f"This user may not listen on port {port} of {host}.",
                None,
                "Give a `port` of 1024 or more, or none.",
            ) from None
        raise _no_address(host, error) from None
    return listening


def _no_address(host: str, error: OSError) -> AddressError:
    return AddressError(
        f"This machine cannot listen on {host}: {error.strerror}.", None, "Use 127.0.0.1."
    )
