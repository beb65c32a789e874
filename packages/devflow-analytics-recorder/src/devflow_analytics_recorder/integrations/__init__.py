"""Recording every tool call of an MCP server by one line.

Nothing here imports ``mcp`` or ``fastmcp``: whoever has a server has imported what it is made with.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from devflow_analytics_recorder.integrations import handlers, middleware
from devflow_analytics_recorder.log import log
from devflow_analytics_recorder.recorder import Recorder

if TYPE_CHECKING:
    import os

__all__ = ["record"]

_RANDOM_LENGTH = len("1a2b")
_HEXADECIMAL = frozenset("0123456789abcdef")


def record(
    server: object, *, path: str | os.PathLike[str] | None = None, name: str | None = None
) -> Recorder:
    """Record every tool call that clients make to an MCP server.

    It may be called before or after tools are added, and while the server runs. A second call for
    the same server changes nothing, and returns what the first did. Where recording is switched
    off, the server is not touched. Where ``devflow-analytics wrap`` runs it, the proxy records its
    calls over stdio, and this adds to those that fail which exception was raised.

    Args:
        server: a server of the official SDK (``FastMCP`` or ``MCPServer``, or the low-level
            ``Server``), or of FastMCP. Anything else is not recorded, which a log record says.
        path: the database; the usual one if not given.
        name: what the server is called in the records; its own name if not given.

    Returns:
        What writes the records. It need not be kept.
    """
    low: object = None
    attach = existing = None
    with suppress(Exception):  # of whatever the object does when it is looked at
        low = _low_level(server)
        if handlers.fits(low):
            attach, existing = handlers.attach, handlers.recorder_of(low)
        elif middleware.fits(low):
            attach, existing = middleware.attach, middleware.recorder_of(low)
    if existing is not None:
        return existing
    recorder = Recorder(path, server=name or _name(server, low))
    if not recorder.enabled:
        return recorder
    if attach is None:
        log("warning", "no calls are recorded: %s is no known MCP server", _described(server))
        return recorder
    try:
        attach(low, server, recorder)
    except Exception as fault:  # noqa: BLE001  the server works without us
        log("warning", "no calls of %s are recorded: %r", _described(server), fault)
    return recorder


def _low_level(server: object) -> object:
    """Return the low-level server in what the user made, or that itself."""
    for name in ("_lowlevel_server", "_mcp_server"):
        low = getattr(server, name, None)
        if low is not None:
            return low
    return server


def _name(server: object, low: object) -> str | None:
    """Return a server's own name, without the random end of one that FastMCP made up."""
    name = getattr(low, "name", None)
    if not isinstance(name, str) or not name:
        return None
    kind, _, end = name.rpartition("-")
    made_up = len(end) == _RANDOM_LENGTH and not set(end) - _HEXADECIMAL
    if made_up and (kind == type(server).__name__ or kind.startswith("FastMCP")):
        return kind
    return name


def _described(server: object) -> str:
    """Return an object's class, and the version of the package that defines it."""
    kind = type(server)
    module = str(kind.__module__)
    package = module.partition(".")[0]
    return f"{module}.{kind.__qualname__} {_version(package)}".rstrip()


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  rarely needed

    try:
        return version(package)
    except PackageNotFoundError:
        return ""
