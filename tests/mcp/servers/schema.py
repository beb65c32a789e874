"""What servers that list their tools themselves say of them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

TYPES = {"str": "string", "int": "integer"}


def schema(tool: Callable[..., Any]) -> dict[str, Any]:
    """Return what JSON Schema says of a tool's parameters."""
    parameters = inspect.signature(tool).parameters
    return {
        "type": "object",
        "properties": {name: {"type": TYPES[one.annotation]} for name, one in parameters.items()},
        "required": list(parameters),
    }
