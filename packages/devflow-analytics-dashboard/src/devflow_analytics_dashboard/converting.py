"""Makes answers out of what the reports package returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from devflow_analytics_dashboard import answers

if TYPE_CHECKING:
    from datetime import tzinfo

    from devflow_analytics_reports import (
        Call,
        Period,
        Range,
        Session,
        Timeline,
        Tool,
        UncalledTool,
    )

SAFE = 2**53 - 1
"""The largest integer that JavaScript tells from its neighbours."""

Answer = TypeVar("Answer", bound=answers.Answer)


def like(found: object, kind: type[Answer], **others: object) -> Answer:
    """Return an answer whose fields are the attributes of an object, unless they are given."""
    values = {name: getattr(found, name) for name in kind.__struct_fields__ if name not in others}
    return msgspec.convert(values | others, kind, from_attributes=True)


def period(found: Period) -> answers.Period:
    """Return a period, and its zone in words."""
    before = found.before and range_(found.before)
    since, until = safe(found.since), safe(found.until)
    return like(found, answers.Period, zone=zone(found), before=before, since=since, until=until)


def range_(found: Range) -> answers.Range:
    """Return a range of seconds."""
    return like(found, answers.Range, since=safe(found.since), until=safe(found.until))


def safe(seconds: int) -> int:
    """Return a time, or the one nearest to it that JavaScript reads without rounding."""
    return max(-SAFE, min(seconds, SAFE))


def zone(found: Period) -> str:
    """Return the name of the zone of a period, or else how far it is from UTC at its end."""
    named: tzinfo | None = found.zone
    if named is not None:
        return str(named)
    try:
        text = f"{found.local(min(found.until, found.now)):%z}"
    except (OverflowError, OSError, ValueError):  # a year that Python does not know
        return "UTC"
    return f"UTC{text[:3]}:{text[3:5]}" if int(text[:5]) else "UTC"


def tool(found: Tool) -> answers.Tool:
    """Return how a tool is doing."""
    totals = like(found.totals, answers.Totals)
    of_calls = {name: getattr(totals, name) for name in totals.__struct_fields__}
    return like(found, answers.Tool, tool=found.name, **of_calls)


def uncalled(found: UncalledTool) -> answers.UncalledTool:
    """Return a tool that is not called."""
    return like(found, answers.UncalledTool, tool=found.name)


def call(found: Call) -> answers.Call:
    """Return a call."""
    return like(found, answers.Call, time=found.timestamp)


def session(found: Session) -> answers.Session:
    """Return a session."""
    return like(found, answers.Session, tools=dict(found.tools))


def timeline(found: Timeline, now: int) -> answers.Timeline:
    """Return a session and its timeline, as it was at a time in Unix seconds."""
    return like(found, answers.Timeline, session=session(found.session), now=now)
