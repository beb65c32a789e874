"""Log records as ``devflow_analytics_recorder``, silent until an application listens."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Literal

LOGGER_NAME = "devflow_analytics_recorder"

_said: set[str] = set()


def log(level: Literal["debug", "info", "warning", "error"], message: str, *values: object) -> None:
    """Log a message in the ``%`` form of `logging`, if the application uses `logging` at all.

    Never raises: a handler of the application's that fails is not to end a tool call.
    """
    logging = sys.modules.get("logging")
    if logging is None:
        return
    try:
        logger = logging.getLogger(LOGGER_NAME)
        if not logger.handlers:
            # Without a handler, warnings of a library reach stderr unasked.
            logger.addHandler(logging.NullHandler())
        getattr(logger, level)(message, *values, stacklevel=2)  # as the caller's
    except Exception:  # noqa: BLE001, S110  nobody is left to be told
        pass


def log_once(key: str, message: str, *values: object) -> None:
    """Log a warning, but only the first one with this key in this process."""
    if key not in _said:
        _said.add(key)
        log("warning", message, *values)
