"""Names of any bytes, decoded as fast as may be."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def answers(question: Callable[P, T]) -> Callable[P, T]:
    """Make a function whose first argument is a connection read names at full speed.

    Names may be any bytes, and a connection of `open_readonly` replaces what is no UTF-8. That is a
    call of Python for each name, so it is done only where it turns out to be needed.
    """

    @wraps(question)
    def answered(*args: P.args, **kwargs: P.kwargs) -> T:
        connection: Any = args[0]
        replacing = connection.text_factory
        connection.text_factory = str
        try:
            return question(*args, **kwargs)
        except sqlite3.OperationalError as error:
            if "Could not decode" not in str(error):
                raise
            connection.text_factory = replacing
            return question(*args, **kwargs)
        finally:
            connection.text_factory = replacing

    return answered
