"""Log records as ``devflow_analytics_recorder``, silent until an application listens."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Literal

# Imported here, and so before the `writer` registers what is to be done before a fork: that has to
# come before what logging does then, which is to take its lock.
logger = logging.getLogger("devflow_analytics_recorder")
# Without a handler, warnings of a library reach stderr unasked.
logger.addHandler(logging.NullHandler())

_said: set[str] = set()


def log(level: Literal["debug", "info", "warning", "error"], message: str, *values: object) -> None:
    """Log a message in the ``%`` form of `logging`.

    Never raises: a handler of the application's that fails is not to end a tool call.
    """
    with suppress(Exception):  # nobody is left to be told
        getattr(logger, level)(message, *values, stacklevel=2)  # as the caller's


def log_once(key: str, message: str, *values: object) -> None:
    """Log a warning, but only the first one with this key in this process."""
    if key not in _said:
        _said.add(key)
        log("warning", message, *values)
