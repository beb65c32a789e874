"""``tools``: how each tool is doing, and which are not called."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., str]
    Record = Callable[..., None]
    Refused = Callable[..., tuple[int, str]]

DAY = 24 * 3600

AT_80 = """\
Tools  last 7 days, 18 Nov 16:06 – now, UTC · 4 called

Tool           Calls  Trend         Failing     p50      p95      p99   p95 was
read_file         25       ▁     ▇    4.0 %   12 ms    23 ms    24 ms  +1,050 %
github/search      6          ▇         0 %  320 ms  ~350 ms  ~350 ms
run_tests          5        ▂    ▇    100 %  8.64 s  ~60.0 s  ~60.0 s
jira/search        3          ▇         0 %       –  ~320 ms  ~320 ms

~ of fewer than 20 calls
Not called: fetch (last 10 d ago)
Servers not called: web
"""  # noqa: RUF001  as it is printed

AT_120 = """\
Tools  last 7 days, 18 Nov 16:06 – now, UTC · 4 called

Tool           Calls  Trend         Failing     p50      p95      p99   p95 was    Time       Last  Server    Results
read_file         25       ▁     ▇    4.0 %   12 ms    23 ms    24 ms  +1,050 %  310 ms  7 min ago                  –
github/search      6          ▇         0 %  320 ms  ~350 ms  ~350 ms            1.95 s   47 h ago  github    12.0 kB
run_tests          5        ▂    ▇    100 %  8.64 s  ~60.0 s  ~60.0 s            94.6 s  4 min ago  devtools        –
jira/search        3          ▇         0 %       –  ~320 ms  ~320 ms            930 ms    2 d ago  jira       6.0 kB

~ of fewer than 20 calls
Not called: fetch (last 10 d ago)
Servers not called: web
"""  # noqa: E501, RUF001  as it is printed

PIPED = """\
Tools  last 7 days, 18 Nov 16:06 – now, UTC · 4 called

Tool           Calls  Failing     p50      p95      p99   p95 was    Time       Last  Server    Results
read_file         25    4.0 %   12 ms    23 ms    24 ms  +1,050 %  310 ms  7 min ago                  –
github/search      6      0 %  320 ms  ~350 ms  ~350 ms            1.95 s   47 h ago  github    12.0 kB
run_tests          5    100 %  8.64 s  ~60.0 s  ~60.0 s            94.6 s  4 min ago  devtools        –
jira/search        3      0 %       –  ~320 ms  ~320 ms            930 ms    2 d ago  jira       6.0 kB

~ of fewer than 20 calls
Not called: fetch (last 10 d ago)
Servers not called: web
"""  # noqa: E501, RUF001  as it is printed


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize(
    ("width", "shown"), [(["--width", "80"], AT_80), (["--width", "120"], AT_120), ([], PIPED)]
)
def test_each_tool_is_a_row(ask: Ask, width: list[str], shown: str) -> None:
    assert ask("tools", *width) == shown


@pytest.mark.usefixtures("week")
def test_csv_has_what_is_known_of_each(ask: Ask, now: int) -> None:
    assert ask("tools", "--csv") == (
        "tool,server,calls,errors,timeouts,p50_ms,p95_ms,p99_ms,total_ms,calls_before,p95_before_ms,"
        "sized_calls,result_bytes,last\n"
        f"read_file,,25,1,0,12.0,23.0,24.0,310.0,20,2.0,0,,{now - 420}\n"
        f"search,github,6,0,0,320.0,350.0,350.0,1950.0,0,,6,12000,{now - 2 * DAY + 3000}\n"
        f"run_tests,devtools,5,4,1,8640.0,60000.0,60000.0,94560.0,0,,0,,{now - 297}\n"
        f"search,jira,3,0,0,310.0,320.0,320.0,930.0,0,,3,6000,{now - 2 * DAY + 1200}\n"
    )


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (120, ["Time", "Last", "Server", "Results"]),
        (110, ["Time", "Last", "Results"]),
        (100, ["Time", "Results"]),
        (90, ["Time"]),
    ],
)
def test_what_answers_cost_in_context_stays_longer_than_servers_and_times(
    ask: Ask, width: int, titles: list[str]
) -> None:
    shown = ask("tools", "--width", str(width)).splitlines()[2]
    assert shown.partition("p95 was")[2].split() == titles


# of: most calls, most failing, median, 95 of 100, time, results, last
SIX: dict[str, list[dict[str, object]]] = {
    "a": [{"duration_ms": 1.0}] * 9,
    "b": [{"duration_ms": 2.0, "status": "error"}] * 4,
    "c": [{"duration_ms": 30.0}] * 5,
    "d": [*([{"duration_ms": 3.0}] * 4), {"duration_ms": 200.0}],
    "e": [{"duration_ms": 29.0, "result_bytes": 7}] * 8,
    "f": [{"duration_ms": 2.5, "timestamp": 1_795_622_770}],
}


@pytest.mark.parametrize(
    ("sort", "first", "heading"),
    [
        ("calls", "a", ""),
        ("failing", "b", ", by failing"),
        ("p50", "c", ", by p50"),
        ("p95", "d", ", by p95"),
        ("p99", "d", ", by p99"),
        ("time", "e", ", by time"),
        ("results", "e", ", by results"),
        ("last", "f", ", by last"),
        ("slower", "c", ", by slower"),
    ],
)
def test_the_most_of_what_it_is_sorted_by_comes_first(
    ask: Ask, record: Record, now: int, sort: str, first: str, heading: str
) -> None:
    for tool, calls in SIX.items():
        record([{"tool_name": tool, **call} for call in calls])
    of_before = {"a": 5.0, "b": 1.0, "c": 1.0, "d": 100.0}
    record(
        [
            {"tool_name": tool, "duration_ms": ms, "timestamp": now - 8 * DAY}
            for tool, ms in of_before.items()
        ]
    )
    shown = ask("tools", "--sort", sort).splitlines()
    assert shown[0].endswith(f" · 6 called{heading}")
    assert shown[3].split()[0] == first
    narrow = ask("tools", "--sort", sort, "--width", "40").splitlines()
    (titles,) = (line.lower() for line in narrow if line.startswith("Tool "))
    assert f"  {'p95 was' if sort == 'slower' else sort}  " in f"{titles}  "
    asked = json.loads(ask("tools", "--sort", sort, "--json", "-n", "1"))
    assert [tool["tool"] for tool in asked["tools"]] == [first]


@pytest.mark.parametrize("raw", ["--json", "--csv"])
def test_a_limit_says_how_to_see_the_rest_and_programs_get_all(
    ask: Ask, record: Record, raw: str
) -> None:
    record([{"tool_name": f"tool{number:02}"} for number in range(33)])
    shown = ask("tools").splitlines()
    assert (len(shown), shown[-2]) == (26, "13 more: --limit 33")
    whole = ask("tools", "--limit", "33")
    assert whole.count("\ntool") == 33
    assert "more" not in whole
    assert ask("tools", "-n", "9" * 30) == whole
    assert ask("tools", "-n", "1").splitlines()[-2] == "32 more: --limit 33"
    assert ask("tools", raw).count("tool3") == 3


UNUSED = """\
Unused tools  last 7 days, 18 Nov 16:06 – now, UTC · 1 not called

Tool   Server          Last
fetch  web     15 Nov 16:06  10 d ago

Servers not called: web
"""  # noqa: RUF001  as it is printed


@pytest.mark.usefixtures("week")
def test_unused_tools_are_those_that_were_called_at_another_time(ask: Ask, now: int) -> None:
    assert ask("tools", "--unused") == UNUSED
    last = now - 10 * DAY
    assert ask("tools", "--unused", "--csv") == f"tool,server,last\nfetch,web,{last}\n"
    found = json.loads(ask("tools", "--unused", "--json"))
    assert found == {
        "since": now + 1 - 7 * DAY,
        "until": now + 1,
        "zone": "UTC",
        "not_called": [{"tool": "fetch", "server": "web", "last": last}],
        "servers_not_called": ["web"],
    }


def test_many_unused_tools_are_named_in_part(ask: Ask, record: Record, now: int) -> None:
    gone = [
        {"tool_name": f"gone{number:02}", "timestamp": now - (10 + number) * DAY}
        for number in range(25)
    ]
    record([{}, *gone])
    named = ", ".join(f"gone0{number} (last {10 + number} d ago)" for number in range(5))
    assert ask("tools").splitlines()[-1] == f"Not called: {named} and 20 more: --unused"
    shown = ask("tools", "--unused")
    assert (shown.count("\ngone"), shown.splitlines()[-1]) == (20, "5 more: --limit 25")
    assert ask("tools", "--unused", "-n", "25").count("\ngone") == 25
    assert ask("tools", "--unused", "--csv").count("\ngone") == 25
    wrapped = ask("tools", "--width", "60").splitlines()[-3:]
    assert wrapped == [
        "Not called: gone00 (last 10 d ago), gone01 (last 11 d ago),",
        "  gone02 (last 12 d ago), gone03 (last 13 d ago), gone04",
        "  (last 14 d ago) and 20 more: --unused",
    ]


@pytest.mark.usefixtures("week")
def test_of_what_was_not_called_only_the_tool_is_known(ask: Ask, refused: Refused) -> None:
    for name, value in {"server": "git", "status": "error", "session": "abb6e756"}.items():
        status, sentence = refused("tools", "--unused", f"--{name}", value)
        assert status == 2
        assert sentence == (
            "Error: --unused takes no filter but --tool: calls that were not made have no status,"
            " session or server."
        )
        assert "Not called" not in ask("tools", f"--{name}", value)
    assert "\nfetch  web " in ask("tools", "--unused", "--tool", "f*")
    assert ask("tools", "--unused", "--tool", "r*").splitlines()[2:] == [
        "Every such tool that was ever called is called in this period."
    ]


def test_tools_of_the_same_name_are_told_apart_by_their_servers_in_what_is_unused(
    ask: Ask, record: Record, now: int
) -> None:
    record(
        [
            {"tool_name": "search", "server": "used"},
            {"tool_name": "search", "server": "idle", "timestamp": now - 10 * DAY},
        ]
    )
    assert "called:" not in ask("tools")  # below the table it goes by names
    unused = json.loads(ask("tools", "--unused", "--json"))
    assert unused["not_called"] == [{"tool": "search", "server": "idle", "last": now - 10 * DAY}]
    assert unused["servers_not_called"] == ["idle"]
