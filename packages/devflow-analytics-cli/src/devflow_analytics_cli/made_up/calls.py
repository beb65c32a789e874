"""All made-up calls: the sessions of sixty days, and their rows."""

from __future__ import annotations

from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING

from devflow_analytics_cli.made_up.chance import Chance, Weighted
from devflow_analytics_cli.made_up.session import Plan, calls_of
from devflow_analytics_cli.made_up.story import DAY, HOUR, LIMIT_FROM, Story
from devflow_analytics_db import create_analytics_db
from devflow_analytics_recorder import write_calls

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from devflow_analytics_recorder import ObservedCall

SEED = 20_261_125

DAYS = 60

CALLS_A_DAY = 720
"""On a usual weekday now."""

WEEK = (1.0, 1.12, 1.1, 1.02, 0.82, 0.16, 0.1)
"""How much is done on each day of the week beside a usual one; Monday first."""

GROWTH = 0.007
"""How much more is done each day than on the day before, as a share."""

HOURS = Weighted(
    [
        *((0, 0.2), (6, 0.5), (7, 2), (8, 5), (9, 9), (10, 11), (11, 9), (12, 4), (13, 8)),
        *((14, 11), (15, 11), (16, 9), (17, 6), (18, 3), (19, 2), (20, 2), (21, 1.5), (22, 0.8)),
    ]
)
"""The hours of the day in which sessions begin."""

WORK = Weighted([("code", 60), ("review", 20), ("research", 12), ("release", 8)])

FEWEST, MOST = 5, 600
"""How many calls a session has."""

BATCH = 10_000


def made_up_calls(now: int, seed: int = SEED) -> Iterable[ObservedCall]:
    """Return calls of the sixty days before a time, in the order in which they ended.

    They are the same for the same arguments, whatever the machine and the version of Python.

    Args:
        now: Unix time, seconds; at least 90 days after 1970 began. No call is later.
        seed: another one makes up other calls of the same kind.
    """
    story, chance = Story(now), Chance(seed)
    calls = [
        call
        for plan in _plans(story, chance, f"{now}/{seed}")
        for call in _until_now(plan, story, chance)
    ]
    calls.sort(key=attrgetter("timestamp", "started_ms", "id"))
    return calls


def write_made_up_calls(file: str | os.PathLike[str], now: int) -> None:
    """Write the made-up calls into a database, which is made if it is not there.

    Raises:
        AnalyticsDbError: as `devflow_analytics_db.create_analytics_db` does.
    """
    calls = iter(made_up_calls(now))
    with create_analytics_db(file) as db, db.transaction() as connection:
        while batch := list(islice(calls, BATCH)):
            write_calls(connection, batch)


def _until_now(plan: Plan, story: Story, chance: Chance) -> list[ObservedCall]:
    """Return the calls of a session; none of one that would go on now, but for those meant to."""
    calls = calls_of(plan, story, chance)
    if plan.ends is None and calls[-1].timestamp > story.now - HOUR // 12:
        return []
    return calls


def _plans(story: Story, chance: Chance, name: str) -> Iterator[Plan]:
    for days_ago in range(DAYS, -1, -1):
        left = chance.around(CALLS_A_DAY, 0.08) * WEEK[story.weekday(days_ago)]
        left *= (1 - GROWTH) ** days_ago
        number = 0
        while left > 0:
            calls = min(max(int(chance.around(70, 0.95)), FEWEST), MOST)
            hour = chance.one_of(HOURS) + chance.random()
            begins = story.today - days_ago * DAY + hour * HOUR
            left -= calls
            number += 1
            if story.now - DAYS * DAY <= begins < story.now:
                yield Plan(f"{name}/{days_ago}/{number}", chance.one_of(WORK), begins, calls)
    yield from _told(story, name)


def _told(story: Story, name: str) -> Iterator[Plan]:
    """Yield the sessions that there must be for the story."""
    for number, day in enumerate(story.limited):
        for minutes in (5, 50):
            begins = day + LIMIT_FROM + 60 * minutes
            yield Plan(f"{name}/limited/{number}/{minutes}", "triage", begins, 65)
    for tool, end in (("slack_post_message", story.silent), ("jira_search", story.shut_down)):
        yield Plan(f"{name}/{tool}", "code", end - HOUR, 48, end, tool)
    for number, (calls, seconds) in enumerate(((190, 2), (80, 7))):
        ends = story.now - seconds
        yield Plan(f"{name}/now/{number}", "code", ends - HOUR, calls, ends)
