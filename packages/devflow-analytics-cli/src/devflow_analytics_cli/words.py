"""Numbers and times as people read them."""

from __future__ import annotations

from itertools import pairwise
from math import ceil, isfinite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo

UNKNOWN = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

MINUTE, HOUR, DAY = 60, 3600, 86400  # in seconds


def duration(ms: float | None) -> str:
    """Return how long something took, given in milliseconds.

    ===============  ================================
    below 10 ms      ``3.2 ms``, at least ``<0.1 ms``
    below 1 s        ``363 ms``
    below 10 s       ``8.64 s``
    below 100 s      ``69.9 s``
    below 10 min     ``1 min 43 s``
    below 1 h        ``10 min``
    below 24 h       ``22 h 43 min``
    below 100 h      ``49.7 h``
    below 100 days   ``12.3 d``
    else             ``123 d``, at most ``>9,999 d``
    ===============  ================================

    The first four are rounded, and the rounded value counts: 999.6 ms is ``1.00 s``, and 99.96 s is
    ``1 min 40 s``. Seconds and minutes are full ones: ``1 h 4 min`` lasts until the fifth is over.
    """
    if ms is None:
        return UNKNOWN
    if ms < 999.5:  # noqa: PLR2004  rounded, 1000
        return f"{_figure(ms)} ms"
    seconds = ms / 1000
    if seconds < 99.95:  # noqa: PLR2004  rounded, 100.0
        return f"{seconds:.{2 if seconds < 9.995 else 1}f} s"  # noqa: PLR2004  rounded, 10.00
    if seconds < 10 * MINUTE:
        minutes, rest = divmod(int(max(seconds, 100)), MINUTE)
        return f"{minutes} min {rest} s"
    return _in_minutes(seconds)


def lasted(seconds: float | None) -> str:
    """Return how long a session lasted: ``35 s``, ``24 min``, ``1 h 30 min``; above as `duration`.

    A clock that was set back makes it ``0 s``.
    """
    if seconds is None:
        return UNKNOWN
    if seconds < MINUTE:
        return "<1 s" if 0 < seconds < 1 else f"{max(0, int(seconds))} s"
    return _in_minutes(seconds)


def _in_minutes(seconds: float) -> str:
    if seconds < DAY:
        hours, minutes = divmod(int(seconds // MINUTE), 60)
        return f"{hours} h {minutes} min" if hours else f"{minutes} min"
    if seconds < 99.95 * HOUR:
        return f"{seconds / HOUR:.1f} h"
    days = seconds / DAY
    return f"{days:.1f} d" if days < 99.95 else f"{_whole(days)} d"  # noqa: PLR2004  rounded, 100.0


def _figure(value: float) -> str:
    """Return a figure in two digits or more, but no finer than tenths."""
    if 0 < value < 0.05:  # noqa: PLR2004  rounded, 0.0
        return "<0.1"
    return f"{value:.1f}" if 0 < value < 9.95 else _whole(value)  # noqa: PLR2004  rounded, 10.0


def _whole(value: float) -> str:
    return f"{value:,.0f}" if value < 9999.5 else ">9,999"  # noqa: PLR2004  rounded, 10,000


def share(part: float | None) -> str:
    """Return a part of 1 in percent: ``4.6 %``, ``11 %``.

    ``0 %`` is exactly none and ``100 %`` exactly all; next to them are ``<0.1 %`` and ``>99 %``.
    """
    if part is None:
        return UNKNOWN
    return ">99 %" if 0.995 <= part < 1 else f"{_figure(100 * part)} %"  # noqa: PLR2004  rounded, 1


def change(now: float | None, before: float | None) -> str:
    """Return how far a figure is from what it was: ``▼ 15 %``.

    ``same`` if it is equal, ``new`` if it was 0, and nothing if one of the two is unknown.
    """
    if now is None or before is None:
        return ""
    if now != before and not before:
        return "new"
    return _moved(100 * (now / before - 1) if before else 0, "%")


def change_in_points(now: float | None, before: float | None) -> str:
    """Return how far a share is from what it was, in percentage points: ``▲ 0.3 pp``.

    Both are parts of 1. ``same`` if it is equal, and nothing if one of the two is unknown.
    """
    return "" if now is None or before is None else _moved(100 * (now - before), "pp")


def _moved(by: float, unit: str) -> str:
    return f"{'▲' if by > 0 else '▼'} {_figure(abs(by))} {unit}" if by else "same"


def signed_change(now: float | None, before: float | None) -> str:
    """Return `change` for a column of them: with plus or minus, in whole percent, and ``+0 %``."""
    if now is None or before is None:
        return ""
    if not before:
        return "new" if now else "+0 %"
    percent = round(100 * min(now / before - 1, 1e6))
    return f"{MINUS if percent < 0 else '+'}{_whole(abs(percent))} %"


def ago(seconds: float | None) -> str:
    """Return how long ago something was: ``now``, ``4 min ago``, ``5 h ago``, ``25 d ago``.

    Minutes count up to 90, hours up to 48. What a clock that was set back makes future is ``now``.
    """
    if seconds is None:
        return UNKNOWN
    if seconds < MINUTE:
        return "now"
    if seconds < 90 * MINUTE:
        return f"{int(seconds // MINUTE)} min ago"
    if seconds < 47.5 * HOUR:
        return f"{int(seconds / HOUR + 0.5)} h ago"  # 90 min are 2 h: 1 h would be less than 89 min
    return f"{_whole(seconds / DAY)} d ago"


def size(count: int | None) -> str:
    """Return a number of bytes: ``61.4 kB``."""
    from devflow_analytics_db import readable_size  # noqa: PLC0415  seldom needed

    return UNKNOWN if count is None else readable_size(count)


def moment(at: float, zone: tzinfo | None, now: float, *, seconds: bool = False) -> str:
    """Return a time as people write it: ``25 Nov 17:06``.

    Args:
        at: the time in Unix seconds. One that no calendar holds is returned as this number.
        zone: whose clocks show it; None for the local zone.
        now: the present in Unix seconds. The year is left out if it is the same.
        seconds: show them too: ``25 Nov 17:06:10``.
    """
    time, present = _calendar(at, zone), _calendar(now, zone)
    if time is None:
        return str(at)
    year = "" if present and present.year == time.year else f" {time.year}"
    return f"{time.day} {MONTHS[time.month - 1]}{year} {time:{'%H:%M:%S' if seconds else '%H:%M'}}"


def day(at: float, zone: tzinfo | None, now: float, *, weekday: bool = False) -> str:
    """Return a day as people write it, with or without the day of the week: ``Wed 18 Nov``.

    The arguments are as for `moment`.
    """
    time, present = _calendar(at, zone), _calendar(now, zone)
    if time is None:
        return str(at)
    year = "" if present and present.year == time.year else f" {time.year}"
    name = f"{WEEKDAYS[time.weekday()]} " if weekday else ""
    return f"{name}{time.day} {MONTHS[time.month - 1]}{year}"


def clock(at: float, zone: tzinfo | None) -> str:
    """Return only the time of day: ``17:06:10``. The arguments are as for `moment`."""
    time = _calendar(at, zone)
    return str(at) if time is None else f"{time:%H:%M:%S}"


def _calendar(at: float, zone: tzinfo | None) -> datetime | None:
    from datetime import datetime  # noqa: PLC0415  seldom needed

    try:
        return datetime.fromtimestamp(at, zone)
    except (OverflowError, OSError, TypeError, ValueError):  # whatever another program wrote there
        return None


def sparkline(values: Sequence[float | None], width: int) -> str:
    """Return the values as bars of seven heights from 0.

    The largest leaves an eighth of the line free, so that bars of two lines do not touch. A bar is
    blank where there is 0 or nothing. If there are more values than bars, each shows the
    mean of its part of them.
    """
    count = min(len(values), max(width, 0))
    edges = [len(values) * bar // count for bar in range(count + 1)] if count else []
    means = [_mean(values[start:end]) for start, end in pairwise(edges)]
    largest = max(means, default=0)
    heights = [max(1, ceil(7 * (mean / largest))) if mean > 0 else 0 for mean in means]
    return "".join(" ▁▂▃▄▅▆▇"[height] for height in heights)


def _mean(values: Sequence[float | None]) -> float:
    there = [value for value in values if value is not None and isfinite(value)]
    return sum(there) / len(there) if there else 0
