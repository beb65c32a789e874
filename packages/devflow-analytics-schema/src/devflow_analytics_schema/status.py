"""How a tool call ended."""

from enum import StrEnum


class ToolCallStatus(StrEnum):
    """How a tool call ended. Each member is the string that the database holds.

    The database refuses any other value (a ``CHECK`` of migration 2), so a new status is a
    migration, not only a new member here.
    """

    SUCCESS = "success"
    """The tool returned a result."""

    ERROR = "error"
    """The tool raised; `ToolCall.error_type` may say what."""

    TIMEOUT = "timeout"
    """The caller stopped waiting."""
