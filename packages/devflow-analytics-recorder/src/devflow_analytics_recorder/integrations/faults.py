"""What goes wrong in this package while it watches a server: told once, and never the server's."""

from __future__ import annotations

import logging

LOGGER_NAME = "devflow_analytics_recorder"

_told: set[tuple[str, str]] = set()


def tell(where: str, fault: Exception) -> None:
    """Log a fault of ours, the first time that one of its class occurs at this place.

    Args:
        where: what was being done, as part of a sentence.
        fault: what was raised. Its class is logged, and its message only with its traceback, at
            the level ``DEBUG``: a message may quote what a tool was given.
    """
    kind = (where, type(fault).__name__)
    if kind in _told:
        return
    _told.add(kind)
    try:
        warn("%s failed with %s: the server goes on, the call may be missing", *kind)
        _logger().debug("%s failed", where, exc_info=fault)
    except Exception:  # noqa: BLE001, S110  a handler of the application's: nobody else is to know
        pass


def warn(message: str, *values: object) -> None:
    """Log a warning in the ``%`` form of `logging`."""
    _logger().warning(message, *values, stacklevel=2)


def _logger() -> logging.Logger:
    return logging.getLogger(LOGGER_NAME)
