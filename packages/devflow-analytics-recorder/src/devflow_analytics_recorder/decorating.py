"""Functions whose calls are recorded: what `Session.recorded` makes.

Apart, as what looks into functions takes 4 ms to import, and few programs decorate any.
"""

from __future__ import annotations

import inspect
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from devflow_analytics_recorder.call import Call
    from devflow_analytics_recorder.recorder import Session


def decorated(session: Session, function: Any, name: str) -> Any:  # noqa: ANN401  as it came
    """Return a function that does the same, and of which every call is recorded.

    Args:
        session: the session to which the calls belong.
        function: the function.
        name: the name of the tool.

    Raises:
        TypeError: as `Session.recorded` says.
    """
    if not callable(function) or isinstance(function, (classmethod, staticmethod)):
        raise TypeError(f"{function!r} is not called as it is: put this decorator below that one.")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(
            f"{name} is a generator function: its calls end before its work begins."
            " Use `with session.call(…)` inside it."
        )
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def recorded(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  as it came
            with session.call(name):
                return await function(*args, **kwargs)

    else:

        @wraps(function)
        def recorded(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  as it came
            call = session.call(name)
            with call:
                result = function(*args, **kwargs)
                if not inspect.isawaitable(result):
                    return result
                call.goes_on = True
            return _awaited(call, result)

    return recorded


async def _awaited(call: Call, result: Awaitable[Any]) -> Any:  # noqa: ANN401  as it came
    """Await what a function returned that is async and does not look so, as when decorated."""
    call.goes_on = False
    with call:
        return await result
