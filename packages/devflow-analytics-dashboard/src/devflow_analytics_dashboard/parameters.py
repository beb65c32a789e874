"""The parameters of a query: what each is called, what it may be, and what it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from devflow_analytics_dashboard.errors import bad_request
from devflow_analytics_reports import Filters, Period, PeriodError, parse_period

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

MOST_PARAMETERS = 100
LONGEST_VALUE = 1000
"""How many parameters a query may have, and how many letters one of them: SQLite has limits."""

MOST_ROWS = 1000
ROWS = 50
"""How many rows an answer has at most, and how many if nobody says it."""

STATUSES = ("success", "error", "timeout")
ORDERS = ("newest", "slowest")


@dataclass(frozen=True)
class Parameter:
    """A parameter that a query may have."""

    name: str
    meaning: str
    """For the documentation: a sentence."""
    is_repeatable: bool = False
    schema: Mapping[str, object] = field(default_factory=lambda: {"type": "string"})
    """The JSON schema of one value."""


PERIOD = (
    Parameter(
        "since",
        "Where the period begins: 24h, 7d or 4w ago, today, yesterday, this-week, this-month, a"
        " day or time as 2026-11-30 or 2026-11-30T12:00, or all.",
        schema={"type": "string", "default": "7d"},
    ),
    Parameter(
        "until",
        "Where it ends, in the same words; a day, week or month that is named is included. Without"
        " it, the period goes on until now.",
    ),
    Parameter(
        "zone",
        "The time zone of days and times, as Europe/Berlin. Without it, the zone of the machine.",
    ),
)

FILTERS = (
    Parameter(
        "tool",
        "Only calls of this tool; `*`, `?` and `[a-z]` stand for other letters.",
        is_repeatable=True,
    ),
    Parameter(
        "status",
        "Only calls with this status.",
        is_repeatable=True,
        schema={"type": "string", "enum": list(STATUSES)},
    ),
    Parameter(
        "server", "Only calls of tools of this MCP server; takes `*` too.", is_repeatable=True
    ),
    Parameter("client", "Only calls by this agent program; takes `*` too.", is_repeatable=True),
    Parameter(
        "project",
        "Only calls in this project, where that is recorded; takes `*` too.",
        is_repeatable=True,
    ),
    Parameter(
        "session",
        "Only calls of this session; the end of its id is enough.",
        is_repeatable=True,
    ),
)

ABOUT = (*PERIOD, *FILTERS)
"""Which calls an answer is about."""

ORDER = Parameter(
    "order",
    "Which calls come first.",
    schema={"type": "string", "enum": list(ORDERS), "default": ORDERS[0]},
)

AFTER = Parameter("after", "Where to go on: `next` of the page before, with the same order.")

WRITTEN_AFTER = Parameter(
    "written_after",
    "Only calls whose rows were written after that of the call with this id, the last written"
    " first.",
)


def limit(rows: int = ROWS) -> Parameter:
    """Return the parameter for how many rows an answer has.

    Args:
        rows: how many if nobody says it.
    """
    return Parameter(
        "limit",
        "How many rows the answer has at most.",
        schema={"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": rows},
    )


class Query:
    """The parameters of one request."""

    def __init__(self, text: bytes, allowed: Sequence[Parameter]) -> None:
        """Read the query of a request.

        Args:
            text: what stands after the question mark.
            allowed: what it may have.

        Raises:
            RequestError: it has something else, something twice, or something empty.
        """
        self._allowed = {one.name: one for one in allowed}
        self._given: dict[str, list[str]] = {}
        for name, value in _pairs(text):
            self._add(name, value)

    def one(self, name: str) -> str | None:
        """Return the value of a parameter; its default, or None, if it is not given."""
        if name in self._given:
            return self._given[name][0]
        default = self._allowed[name].schema.get("default")
        return None if default is None else str(default)

    def limit(self) -> int:
        """Return how many rows the answer has at most.

        Raises:
            RequestError: that is no such number.
        """
        text = self.one("limit") or ""
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MOST_ROWS))
        if is_number and 1 <= int(text) <= MOST_ROWS:
            return int(text)
        raise bad_request(f"limit is {text!r}. Give a whole number from 1 to {MOST_ROWS}.")

    def period(self, now: int) -> Period:
        """Return the period that is meant.

        Args:
            now: the time, in Unix seconds.

        Raises:
            RequestError: the words mean none.
        """
        zone = self.zone()
        try:
            return parse_period(self.one("since") or "", self.one("until"), now=now, zone=zone)
        except PeriodError as error:
            raise bad_request(str(error)) from None

    def zone(self) -> tzinfo | None:
        """Return the zone of days and times; None for that of the machine.

        Raises:
            RequestError: no such zone is known.
        """
        name = self.one("zone")
        if name is None:
            return None
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise bad_request(
                f"zone is {name!r}, which is not known here. Give a name as Europe/Berlin or UTC."
            ) from None

    def filters(self) -> Filters:
        """Return the filters; sessions are given by the ends of their ids."""
        names = ("tool", "status", "server", "client", "project", "session")
        tools, statuses, servers, clients, projects, sessions = (
            tuple(self._given.get(name, ())) for name in names
        )
        return Filters(tools, statuses, servers, clients, projects, sessions)

    def _add(self, name: str, value: str) -> None:
        parameter = self._allowed.get(name)
        if parameter is None:
            known = ", ".join(self._allowed) or "none"
            raise bad_request(f"{name!r} is no parameter here. There are: {known}.")
        if not value:
            raise bad_request(f"{name} is empty. Give it a value, or leave it out.")
        if len(value) > LONGEST_VALUE:
            raise bad_request(
                f"{name} has {len(value):,} letters. Give it at most {LONGEST_VALUE:,}."
            )
        if name in self._given and not parameter.is_repeatable:
            raise bad_request(f"{name} is given more than once. Give it once.")
        choices = parameter.schema.get("enum")
        if isinstance(choices, list) and value not in choices:
            raise bad_request(f"{name} is {value!r}. Give one of {', '.join(choices)}.")
        self._given.setdefault(name, []).append(value)


def _pairs(text: bytes) -> Iterator[tuple[str, str]]:
    """Yield names and values of a query.

    Raises:
        RequestError: there are too many.
    """
    try:
        # bytes that are no UTF-8 become a letter that no name has
        yield from parse_qsl(
            text.decode("ascii", "replace"),
            keep_blank_values=True,
            max_num_fields=MOST_PARAMETERS,
            errors="replace",
        )
    except ValueError:
        raise bad_request(
            f"The query has too many parameters. Give at most {MOST_PARAMETERS}."
        ) from None
