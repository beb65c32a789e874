"""``stats``: how things are, beside the period before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., str]
    Record = Callable[..., None]

DAY = 24 * 3600

AT_80 = """\
Stats  last 7 days, 18 Nov 16:06 – now, UTC · beside the 7 days before

Calls          39  ▲ 86 %      was 21                      ▁    ▁    ▃▁        ▇
Errors       13 %  ▲ 13 pp     was 0 %                     ▇                   ▁
Timeouts        1  new         was 0                            ▇
Median      19 ms  ▲ 850 %     was 2.0 ms
95 of 100  8.64 s  ▲ >9,999 %  was 2.0 ms
99 of 100  60.0 s  ▲ >9,999 %  was 10 ms
In tools   97.8 s  ▲ >9,999 %  was 50 ms
Sessions        3  ▲ 50 %      was 2

Most     read_file 25  github/search 6  run_tests 5  jira/search 3
Slowest  read_file 23 ms
Failing  read_file 4.0 %
"""  # noqa: RUF001  as it is printed

AT_120 = """\
Stats  last 7 days, 18 Nov 16:06 – now, UTC · beside the 7 days before

Calls          39  ▲ 86 %      was 21                               ▁        ▁       ▂▁               ▇
Errors       13 %  ▲ 13 pp     was 0 %                              ▇                                 ▁
Timeouts        1  new         was 0                                         ▇
Median      19 ms  ▲ 850 %     was 2.0 ms
95 of 100  8.64 s  ▲ >9,999 %  was 2.0 ms
99 of 100  60.0 s  ▲ >9,999 %  was 10 ms
In tools   97.8 s  ▲ >9,999 %  was 50 ms
Sessions        3  ▲ 50 %      was 2

Most     read_file 25  github/search 6  run_tests 5  jira/search 3
Slowest  read_file 23 ms
Failing  read_file 4.0 %
"""  # noqa: E501, RUF001  as it is printed

PIPED = """\
Stats  last 7 days, 18 Nov 16:06 – now, UTC · beside the 7 days before

Calls          39  ▲ 86 %      was 21
Errors       13 %  ▲ 13 pp     was 0 %
Timeouts        1  new         was 0
Median      19 ms  ▲ 850 %     was 2.0 ms
95 of 100  8.64 s  ▲ >9,999 %  was 2.0 ms
99 of 100  60.0 s  ▲ >9,999 %  was 10 ms
In tools   97.8 s  ▲ >9,999 %  was 50 ms
Sessions        3  ▲ 50 %      was 2

Most     read_file 25  github/search 6  run_tests 5  jira/search 3
Slowest  read_file 23 ms
Failing  read_file 4.0 %
"""  # noqa: RUF001  as it is printed


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize(
    ("width", "shown"), [(["--width", "80"], AT_80), (["--width", "120"], AT_120), ([], PIPED)]
)
def test_figures_stand_beside_those_of_the_period_before(
    ask: Ask, width: list[str], shown: str
) -> None:
    assert ask("stats", *width) == shown


DAYS = """\
Calls a day  last 7 days, 18 Nov 00:00 – now, UTC

Day         Calls  Errors  Timeouts  Failing
Wed 18 Nov      0       0         0        –
Thu 19 Nov      0       0         0        –
Fri 20 Nov      0       0         0        –
Sat 21 Nov      1       1         0    100 %          ▇
Sun 22 Nov      1       0         1    100 %          ▇
Mon 23 Nov      9       0         0      0 %          ▇▇▇▇▇▇▇▇
Tue 24 Nov      0       0         0        –
Wed 25 Nov     28       4         0     14 %  so far  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
"""  # noqa: RUF001  as it is printed


@pytest.mark.usefixtures("week")
def test_calls_of_each_day_are_counted_and_the_last_day_goes_on(ask: Ask) -> None:
    assert ask("stats", "--by", "day", "--width", "80") == DAYS


WEEKS = """\
Calls a week  9 Nov 00:00 – now, UTC

Week    Calls  Errors  Timeouts  Failing
9 Nov       1       0         0      0 %
16 Nov     22       1         1    9.1 %
23 Nov     37       4         0     11 %  so far
"""  # noqa: RUF001  as it is printed


@pytest.mark.usefixtures("week")
def test_weeks_begin_on_monday_and_have_no_bars_where_they_are_piped(ask: Ask) -> None:
    assert ask("stats", "--by", "week", "--since", "2026-11-10") == WEEKS


HOURS = """\
Calls an hour  25 Nov 14:00 – now, UTC

Hour          Calls  Errors  Timeouts  Failing
25 Nov 14:00      0       0         0        –
25 Nov 15:00     24       0         0      0 %          ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
25 Nov 16:00      4       4         0    100 %  so far  ▇▇▇▇
"""  # noqa: RUF001  as it is printed


@pytest.mark.usefixtures("week")
def test_hours_are_told_by_their_time(ask: Ask) -> None:
    shown = ask("stats", "--by", "hour", "--since", "2026-11-25T14:30", "--width", "80")
    assert shown == HOURS


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize(
    ("by", "words", "told"),
    [
        ("hour", ["--since", "today"], "so far"),
        ("day", ["--since", "today"], "so far"),
        ("week", ["--since", "today"], "so far"),
        ("hour", ["--since", "all"], "so far"),
        ("day", ["--since", "all"], "so far"),
        ("week", ["--since", "all"], "so far"),
        ("day", ["--since", "today", "--until", "today"], "so far"),
        ("hour", ["--since", "today", "--until", "2026-11-25T16:05"], "in part"),
        ("day", ["--since", "today", "--until", "2026-11-25T16:05"], "in part"),
        ("week", ["--since", "today", "--until", "2026-11-25T16:05"], "in part"),
        ("day", ["--since", "2026-11-20", "--until", "2026-11-22T16:30"], "in part"),
        ("week", ["--since", "2026-11-20", "--until", "2026-11-21"], "in part"),
        ("week", ["--since", "2026-11-20", "--until", "2026-11-22"], ""),
    ],
)
def test_a_last_part_goes_on_or_is_there_in_part(
    ask: Ask, by: str, words: list[str], told: str
) -> None:
    last = ask("stats", "--by", by, *words).splitlines()[-1]
    assert last.rpartition(" %")[2].strip() == told


def test_of_all_time_a_last_day_that_is_over_does_not_go_on(
    ask: Ask, record: Record, now: int
) -> None:
    record([{"timestamp": now - 2 * DAY, "status": "error"}])
    for by in ("hour", "day"):
        shown = ask("stats", "--by", by, "--since", "all")
        assert shown.endswith("  100 %  in part\n")
    assert ask("stats", "--by", "week", "--since", "all").endswith("  100 %  so far\n")


@pytest.mark.usefixtures("week")
def test_csv_has_a_row_for_each_period(ask: Ask, now: int) -> None:
    head = "period,since,until,calls,errors,timeouts,total_ms,p50_ms,p95_ms,p99_ms,sessions\n"
    since, before = now + 1 - 7 * DAY, now + 1 - 14 * DAY
    assert ask("stats", "--csv") == (
        f"{head}now,{since},{now + 1},39,5,1,97750.0,19.0,8640.0,60000.0,3\n"
        f"before,{before},{since},21,0,0,50.0,2.0,2.0,10.0,2\n"
    )
    assert ask("stats", "--csv", "--since", "30d").count("\n") == 2


@pytest.mark.usefixtures("week")
def test_csv_has_a_row_for_each_part(ask: Ask, now: int) -> None:
    midnight = now // DAY * DAY
    assert ask("stats", "--by", "day", "--since", "yesterday", "--csv") == (
        "since,until,calls,errors,timeouts,is_whole\n"
        f"{midnight - DAY},{midnight},0,0,0,True\n"
        f"{midnight},{now + 1},28,4,0,False\n"
    )


def test_a_period_before_the_first_record_is_nothing_and_not_0(
    ask: Ask, record: Record, now: int
) -> None:
    record([{"timestamp": now - 6 * DAY}])
    assert ask("stats").startswith(
        "Stats  last 7 days, 18 Nov 16:06 \N{EN DASH} now, UTC · nothing before\n\n"
        "Calls           1\n"
    )
    assert "was" not in ask("stats")
    assert json.loads(ask("stats", "--json"))["before"] is None
    assert ask("stats", "--csv").count("\n") == 2


def test_all_time_is_beside_nothing(ask: Ask, record: Record) -> None:
    record([{}])
    heading = ask("stats", "--since", "all").splitlines()[0]
    assert heading == "Stats  all time, 25 Nov 16:05 \N{EN DASH} 25 Nov 16:05, UTC"


@pytest.mark.parametrize(
    ("since", "beside"),
    [
        ("24h", "the 24 hours before"),
        ("1d", "the day before"),
        ("4w", "the 4 weeks before"),
        ("today", "yesterday until this time"),
        ("this-week", "last week until this time"),
        ("this-month", "last month until this time"),
        ("yesterday", "the period before"),
        ("2026-11-24T12:00", "the period before"),
    ],
)
def test_it_says_what_it_is_beside(
    ask: Ask, record: Record, now: int, since: str, beside: str
) -> None:
    record([{}, {"timestamp": now - 90 * DAY}])
    assert ask("stats", "--since", since).splitlines()[0].endswith(f", UTC · beside {beside}")


def figures(shown: str) -> dict[str, str]:
    """Return the figures of an answer by their titles."""
    lines = [line for line in shown.splitlines() if line[10:11] == " " and line[:1] != " "]
    return {line[:9].strip(): line[10:].strip() for line in lines}


@pytest.mark.parametrize(
    ("calls", "median", "p95"),
    [
        (1, "\N{EN DASH}", "~7.0 ms"),
        (4, "\N{EN DASH}", "~7.0 ms"),
        (5, "7.0 ms", "~7.0 ms"),
        (19, "7.0 ms", "~7.0 ms"),
    ],
)
def test_few_calls_have_no_median_and_marked_percentiles(
    ask: Ask, record: Record, calls: int, median: str, p95: str
) -> None:
    record([{"duration_ms": 7.0}] * calls)
    shown = ask("stats")
    assert (figures(shown)["Median"], figures(shown)["95 of 100"]) == (median, p95)
    assert shown.endswith("\n\n~ of fewer than 20 calls\n")


def test_20_calls_are_not_few(ask: Ask, record: Record) -> None:
    record([{"duration_ms": 7.0}] * 20)
    shown = ask("stats")
    assert (figures(shown)["Median"], figures(shown)["95 of 100"]) == ("7.0 ms", "7.0 ms")
    assert "~" not in shown


def test_a_period_without_calls_is_beside_one_that_had_some(
    ask: Ask, record: Record, now: int
) -> None:
    record([{"timestamp": now - 2 * DAY, "status": "timeout", "duration_ms": 30_000.0}])
    shown = ask("stats", "--since", "36h")
    assert "\nCalls         0  ▼ 100 %  was 1\n" in shown
    assert "\nMedian        \N{EN DASH}           was \N{EN DASH}\n" in shown
    assert "Most" not in shown


def test_tools_that_were_called_less_than_20_times_are_neither_slowest_nor_failing(
    ask: Ask, record: Record
) -> None:
    record(
        [
            *([{"tool_name": "often", "duration_ms": 5.0}] * 19),
            {"tool_name": "often", "status": "error"},
            *([{"tool_name": "slow", "duration_ms": 50.0}] * 20),
            *([{"tool_name": "seldom", "duration_ms": 9e9, "status": "error"}] * 19),
        ]
    )
    assert ask("stats").splitlines()[-3:] == [
        "Most     often 20  slow 20  seldom 19",
        "Slowest  slow 50 ms  often 5.0 ms",
        "Failing  often 5.0 %",
    ]


def test_a_long_name_leaves_room_for_its_figure(ask: Ask, record: Record) -> None:
    record(
        [{"tool_name": "x" * 200}, {"tool_name": "列" * 100}, {"tool_name": "\x1b[31m" * 40}] * 7
    )
    for width in (80, 120, 40, 20):
        shown = ask("stats", "--width", str(width))
        assert all(cell_len(line) <= max(width, 40) for line in shown.splitlines()[2:])
        most = next(line for line in shown.splitlines() if line.startswith("Most"))
        assert most.endswith("… 7")
    assert f"{'x' * 200} 7" in ask("stats")


def test_too_many_parts_are_a_usage_error(
    refused: Callable[..., tuple[int, str]], record: Record
) -> None:
    record([{}])
    status, sentence = refused("stats", "--by", "hour", "--since", "2020-01-01")
    assert status == 2
    assert sentence == (
        "Error: Invalid value for '--by': The period has more than 10,000 hours. Give a shorter"
        " period, or longer parts."
    )
