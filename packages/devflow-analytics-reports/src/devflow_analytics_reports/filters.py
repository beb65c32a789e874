"""Which calls of a period a question is about."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions on calls: of each kind that is given, one must hold."""

    tools: tuple[str, ...] = ()
    """Names of tools; ``*``, ``?`` and ``[a-z]`` stand for other letters, as in a shell."""
    statuses: tuple[str, ...] = ()
    """``success``, ``error`` or ``timeout``."""
    servers: tuple[str, ...] = ()
    """Names of MCP servers, in the same way as those of tools."""
    clients: tuple[str, ...] = ()
    """Names of agents' programs, in the same way."""
    projects: tuple[str, ...] = ()
    """Names of projects, in the same way."""
    sessions: tuple[str, ...] = ()
    """Whole ids of sessions; `find_session` finds one by its end."""

    @property
    def are_of_tools(self) -> bool:
        """Whether they ask for nothing but tools."""
        return not replace(self, tools=())

    def of_any_status(self) -> Filters:
        """Return the same without the condition on the status."""
        return replace(self, statuses=())

    def __bool__(self) -> bool:
        """Tell whether any condition is given."""
        return any(getattr(self, field.name) for field in fields(self))


NO_FILTERS = Filters()
