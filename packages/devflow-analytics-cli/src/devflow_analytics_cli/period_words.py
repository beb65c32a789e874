"""Periods, and what they are compared with, as people say them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devflow_analytics_cli.words import moment

if TYPE_CHECKING:
    from devflow_analytics_reports import Period


def in_words(period: Period) -> str:
    """Return a period as people say it, with its first and last time: ``last 7 days, ...``."""
    begin = moment(period.since, period.zone, period.now)
    end = "now" if period.is_open else moment(period.until, period.zone, period.now)
    return f"{_named(period.name)}{begin} \N{EN DASH} {end}, {offset(period)}"


def _named(name: str) -> str:
    """Return how a period is called, if it is one that has a name."""
    units = {"h": "hour", "d": "day", "w": "week"}
    if name[-1:] in units and name[:-1].isdigit():
        unit = units[name[-1]]
        return f"last {unit}, " if name[:-1] == "1" else f"last {name[:-1]} {unit}s, "
    if name in {"today", "this-week", "this-month"}:
        return f"{name.replace('-', ' ')}, "
    return "all time, " if name == "all" else ""


def before_in_words(period: Period) -> str:
    """Return what a period is compared with."""
    name = _named(period.name).removesuffix(", ")
    if name.startswith("last "):
        return f"the {name.removeprefix('last ')} before"
    same = {"today": "yesterday", "this week": "last week", "this month": "last month"}
    return f"{same[name]} until this time" if name in same else "the period before"


def offset(period: Period) -> str:
    """Return how far the clocks are from UTC at the end of a period: ``UTC+01:00``."""
    try:
        text = f"{period.local(min(period.until, period.now)):%z}"
    except (OverflowError, OSError, ValueError):  # a year that Python does not know
        return "UTC"
    return f"UTC{text[:3]}:{text[3:5]}" if int(text[:5]) else "UTC"
