"""Records the tool calls of a Python program or MCP server for DevFlow Analytics.

`record` records every call of an MCP server, by one line. A `Recorder` is for programs that know
their calls themselves. Both do nothing if ``DEVFLOW_ANALYTICS_ENABLED`` is 0, and neither ever
raises into the program, makes it wait for the database, or writes to its output.

Importing this package imports nothing else: each name brings its module when it is first asked for.
"""

import sys

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:  # what `_MODULES` says, for type checkers
    from devflow_analytics_recorder.adoption import Drained as Drained, drain as drain
    from devflow_analytics_recorder.call import Call as Call
    from devflow_analytics_recorder.conversations import (
        conversation as conversation,
        conversation_of_process as conversation_of_process,
        native_id as native_id,
    )
    from devflow_analytics_recorder.ids import call_id as call_id, named_id as named_id
    from devflow_analytics_recorder.integrations import record as record
    from devflow_analytics_recorder.line import clean_name as clean_name
    from devflow_analytics_recorder.observed import ObservedCall as ObservedCall
    from devflow_analytics_recorder.recorder import Recorder as Recorder, Session as Session
    from devflow_analytics_recorder.rows import write_calls as write_calls

_MODULES = {
    "adoption": ("Drained", "drain"),
    "call": ("Call",),
    "conversations": ("conversation", "conversation_of_process", "native_id"),
    "ids": ("call_id", "named_id"),
    "integrations": ("record",),
    "line": ("clean_name",),
    "observed": ("ObservedCall",),
    "recorder": ("Recorder", "Session"),
    "rows": ("write_calls",),
}
"""The public names, by the module that has them."""

__all__ = sorted(["__version__", *(name for names in _MODULES.values() for name in names)])  # noqa: PLE0605  a list all the same


def __getattr__(name: str) -> object:
    found = [module for module, names in _MODULES.items() if name in names]
    if not found:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = f"{__name__}.{found[0]}"
    try:
        __import__(module)
        value: object = getattr(sys.modules[module], name)
    except AttributeError as error:  # which would say that this package has no such name
        raise ImportError(f"{module} failed to import: {error}", name=module) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
