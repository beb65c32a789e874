from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from devflow_analytics_reports import (
    Filters,
    Tool,
    Tools,
    Totals,
    UncalledTool,
    parse_period,
    tool_names,
    tools,
)

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = 86400
NOW = 20_000 * DAY + 12 * 3600
TODAY = 20_000 * DAY
PERIOD = parse_period("today", now=NOW, zone=ZoneInfo("UTC"))


def test_an_empty_database_has_no_tools(ask: Callable[..., Any]) -> None:
    assert ask(tools, PERIOD) == Tools(PERIOD, (), (), ())


def test_each_tool_has_its_totals_trend_sizes_and_what_was_before(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(
        {"timestamp": TODAY - DAY - 1, "duration_ms": 9.0},
        {"timestamp": TODAY - DAY, "duration_ms": 5.0},
        {"timestamp": TODAY - DAY // 2, "duration_ms": 6.0},
        {"timestamp": TODAY - DAY // 2 + 1, "duration_ms": 9.0},
        {"timestamp": TODAY - DAY, "duration_ms": 7.0, "server": "x"},
        {"timestamp": NOW, "duration_ms": 10.0, "result_bytes": 0},
        {"timestamp": TODAY, "duration_ms": 30.0, "result_bytes": 2**62, "status": "error"},
        {"timestamp": TODAY + 1, "duration_ms": 20.0, "status": "timeout"},
        {"timestamp": TODAY + 2, "duration_ms": 40.0, "result_bytes": 2**62},
        {"timestamp": NOW - 1, "tool_name": "u", "server": "x"},
        {"timestamp": NOW + 1, "tool_name": "u", "server": "x"},
    )
    assert ask(tools, PERIOD, parts=3) == Tools(
        PERIOD,
        (
            Tool(
                None,
                "t",
                Totals(4, 1, 1, 100.0, 20.0, 40.0, 40.0),
                calls_before=2,
                p95_before_ms=6.0,
                trend=(3, 0, 1),
                trend_failed=(2, 0, 0),
                last=NOW,
                sized_calls=3,
                result_bytes=2**63,
            ),
            Tool(
                "x",
                "u",
                Totals(1, 0, 0, 1.0, 1.0, 1.0, 1.0),
                calls_before=0,
                p95_before_ms=None,
                trend=(0, 0, 1),
                trend_failed=(0, 0, 0),
                last=NOW - 1,
                sized_calls=0,
                result_bytes=None,
            ),
        ),
        (),
        (),
    )


def test_all_has_nothing_before(ask: Callable[..., Any], add: Callable[..., None]) -> None:
    add({"timestamp": NOW - 400 * DAY}, {"timestamp": NOW})
    found = ask(tools, parse_period("all", now=NOW))
    assert [(tool.totals.calls, tool.calls_before) for tool in found.tools] == [(2, 0)]


def test_tools_that_are_not_called_are_listed_with_their_last_call(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(
        {"timestamp": NOW, "tool_name": "here", "server": "used"},
        {"timestamp": NOW - DAY, "tool_name": "here", "server": "gone"},  # called, by its name
        {"timestamp": NOW - 2 * DAY, "tool_name": "old", "server": "lost"},
        {"timestamp": NOW - 3 * DAY, "tool_name": "old", "server": "older"},
        {"timestamp": NOW - DAY, "tool_name": "of used", "server": "used"},
        {"timestamp": NOW + 1, "tool_name": "to come"},
        {"timestamp": NOW - 2 * DAY, "tool_name": "as old", "server": "found"},
    )
    found = ask(tools, PERIOD)
    assert [tool.name for tool in found.tools] == ["here"]
    assert found.not_called == (
        UncalledTool("used", "of used", NOW - DAY),
        UncalledTool("found", "as old", NOW - 2 * DAY),
        UncalledTool("lost", "old", NOW - 2 * DAY),
    )
    assert found.servers_not_called == ("found", "lost")
    found = ask(tools, PERIOD, every_server=True)
    assert found.not_called == (
        UncalledTool("gone", "here", NOW - DAY),
        UncalledTool("used", "of used", NOW - DAY),
        UncalledTool("found", "as old", NOW - 2 * DAY),
        UncalledTool("lost", "old", NOW - 2 * DAY),
        UncalledTool("older", "old", NOW - 3 * DAY),
    )
    assert found.servers_not_called == ("found", "gone", "lost", "older")
    found = ask(tools, PERIOD, Filters(tools=("h*",)), every_server=True)
    assert found.not_called == (UncalledTool("gone", "here", NOW - DAY),)


def test_all_tools_that_were_ever_called_have_names(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    assert ask(tool_names) == ()
    add(*({"tool_name": name} for name in ("write", "read", "read", "[x]")))
    assert ask(tool_names) == ("[x]", "read", "write")


def test_filters_of_tools_say_which_may_be_listed_as_not_called_and_others_list_none(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    for name in ("git-log", "git-diff", "fetch", "git-*", "[git]"):
        add({"timestamp": NOW - DAY, "tool_name": name})
    add({"timestamp": NOW, "tool_name": "git-log"})

    def not_called(*names: str, **others: tuple[str, ...]) -> list[str]:
        found = ask(tools, PERIOD, Filters(tools=names, **others))
        assert found.tools or others or "git-log" not in names
        return [tool.name for tool in found.not_called]

    assert not_called("git-*") == ["git-*", "git-diff"]
    assert not_called("git-log", "fetch") == ["fetch"]
    assert not_called("[git]") == ["[git]"]
    assert not_called("*[[]*", "f???h") == ["[git]", "fetch"]
    assert not_called("GIT-*") == []
    assert not_called("git-*", statuses=("success",)) == []
    assert not_called(projects=("x",)) == []
