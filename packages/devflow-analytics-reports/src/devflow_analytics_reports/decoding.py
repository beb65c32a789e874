"""Names of any bytes, decoded as fast as may be."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from devflow_analytics_db import Connection

P = ParamSpec("P")
T = TypeVar("T")


def decodes_fast(
    question: Callable[Concatenate[Connection, P], T],
) -> Callable[Concatenate[Connection, P], T]:
    """Make a function whose first argument is a connection decode names at full speed.

    Names may be any bytes, and a connection of `open_readonly` replaces what is no UTF-8. That is a
    call of Python for each name, so it is done only where it turns out to be needed.
    """

    @wraps(question)
    def answered(connection: Connection, /, *args: P.args, **kwargs: P.kwargs) -> T:
        replacing: Any = connection.text_factory
        connection.text_factory = str
        try:
            return question(connection, *args, **kwargs)
        except sqlite3.OperationalError as error:
            if "Could not decode" not in str(error):
                raise
            connection.text_factory = replacing
            return question(connection, *args, **kwargs)
        finally:
            connection.text_factory = replacing

    return answered
