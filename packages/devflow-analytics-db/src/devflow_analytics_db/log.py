"""Log records under the name ``devflow_analytics_db``, silent until an application listens."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

LOGGER_NAME = "devflow_analytics_db"


def log(level: Literal["debug", "info", "warning", "error"], message: str, *values: object) -> None:
    """Log a message in the ``%`` form of `logging`, if the application uses `logging` at all.

    An application that listens has imported `logging` to say so. Importing it here for those that
    do not would make opening a database in a new process half as slow again.
    """
    logging = sys.modules.get("logging")
    if logging is None:
        return
    logger = logging.getLogger(LOGGER_NAME)
    if not logger.handlers:
        # Without a handler, warnings of a library reach stderr unasked.
        logger.addHandler(logging.NullHandler())
    getattr(logger, level)(message, *values, stacklevel=2)  # as the caller's
