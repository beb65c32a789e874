"""``sessions``: those of a period, and all that happened in one."""

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
Sessions  last 7 days, 18 Nov 16:06 – now, UTC · 4, newest first

Session        Started     Lasted  Calls  Failed  In tools  Mostly
abb6e756  25 Nov 15:36    running     28       4    34.9 s  read_file, run_tests
a8030906  24 Nov 16:06        0 s      0       0      0 ms
570d3e31  23 Nov 16:06  2 h 0 min     10       1    62.9 s  search, run_tests
0afa9be8  16 Nov 16:06      5.0 d      1       1     10 ms  read_file
"""  # noqa: RUF001  as it is printed

PIPED = """\
Sessions  last 7 days, 18 Nov 16:06 – now, UTC · 4, newest first

Session        Started     Lasted  Calls  Failed  In tools  Mostly                Client       Project
abb6e756  25 Nov 15:36    running     28       4    34.9 s  read_file, run_tests  claude-code  webshop
a8030906  24 Nov 16:06        0 s      0       0      0 ms
570d3e31  23 Nov 16:06  2 h 0 min     10       1    62.9 s  search, run_tests     codex
0afa9be8  16 Nov 16:06      5.0 d      1       1     10 ms  read_file
"""  # noqa: E501, RUF001  as it is printed


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize(
    ("width", "shown"), [(["--width", "80"], AT_80), (["--width", "120"], PIPED), ([], PIPED)]
)
def test_each_session_is_a_row(ask: Ask, width: list[str], shown: str) -> None:
    assert ask("sessions", *width) == shown


ONE = """\
Session abb6e756  25 Nov 15:36, running · claude-code 2.1 · webshop · 28 calls,
                  4 failed

Tool       Calls  Failing    p50    Time
read_file     24      0 %  12 ms  300 ms
run_tests      4    100 %      –  34.6 s

Calls  the last 3 of 28, all with --limit 28

Time             Tool         Took  Status  Error        Server    Agent
25 Nov 16:01:11  run_tests  8.64 s  error   TestFailure  devtools  tester
25 Nov 16:01:12  run_tests  8.64 s  error   TestFailure  devtools  tester
25 Nov 16:01:13  run_tests  8.64 s  error   TestFailure  devtools  tester
"""  # noqa: RUF001  as it is printed

WHOLE = "01a2135e-0000-7000-8000-0000abb6e756"


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize("name", [WHOLE, "abb6e756", "6e756"])
def test_one_session_is_named_by_the_end_of_its_id(ask: Ask, name: str) -> None:
    assert ask("sessions", name, "--width", "80", "-n", "3") == ONE


KILLED = """\
Session 570d3e31  23 Nov 16:06, 2 h 0 min · codex · 10 calls, 1 failed

Tool           Calls  Failing     p50    Time
github/search      6      0 %  320 ms  1.95 s
jira/search        3      0 %       –  930 ms
run_tests          1    100 %       –  60.0 s

Calls  in order

Time             Tool             Took  Status   Error  Server
22 Nov 16:06:10  run_tests      60.0 s  timeout         devtools
23 Nov 16:06:10  github/search  300 ms  ok              github
23 Nov 16:06:10  jira/search    300 ms  ok              jira
23 Nov 16:16:10  github/search  310 ms  ok              github
23 Nov 16:16:10  jira/search    310 ms  ok              jira
23 Nov 16:26:10  github/search  320 ms  ok              github
23 Nov 16:26:10  jira/search    320 ms  ok              jira
23 Nov 16:36:10  github/search  330 ms  ok              github
23 Nov 16:46:10  github/search  340 ms  ok              github
23 Nov 16:56:10  github/search  350 ms  ok              github
"""  # noqa: RUF001  as it is printed


@pytest.mark.usefixtures("week")
def test_all_of_a_session_is_in_order(ask: Ask) -> None:
    assert ask("sessions", "570d3e31") == KILLED


@pytest.mark.usefixtures("week")
def test_a_session_without_calls_says_so(ask: Ask) -> None:
    assert ask("sessions", "a8030906") == (
        "Session a8030906  24 Nov 16:06, 0 s · 0 calls, 0 failed\n\nIt has no calls.\n"
    )
    found = json.loads(ask("sessions", "a8030906", "--json"))
    assert (found["session"]["calls"], found["session"]["tools"], found["calls"]) == (0, {}, [])


LISTED = "'devflow-analytics sessions --since all' lists them."


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nothing", f"No session has the id 'nothing', or one that ends so. {LISTED}"),
        ("6", "More than one session has an id that ends in '6'. Give more of it."),
        ("%", f"No session has the id '%', or one that ends so. {LISTED}"),
        ("\x1b[31m", rf"No session has the id '\x1b[31m', or one that ends so. {LISTED}"),
    ],
)
def test_an_end_that_names_no_session_or_several_is_66(
    refused: Refused, name: str, sentence: str
) -> None:
    assert refused("sessions", name) == (66, f"Error: {sentence}")
    for command in ("stats", "tools", "errors", "sessions", "calls"):
        assert refused(command, "--session", name) == (66, f"Error: {sentence}")


@pytest.mark.usefixtures("week")
def test_an_empty_id_names_no_session(refused: Refused) -> None:
    told = f"Error: No session has the id '', or one that ends so. {LISTED}"
    assert refused("sessions", "") == (66, told)


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("since", "7d"), ("until", "today"), ("sort", "calls"), ("tool", "x"), ("server", "x")),
        *(("status", "error"), ("client", "x"), ("project", "x"), ("session", "abb6e756")),
    ],
)
def test_what_one_session_would_ignore_is_refused(
    refused: Refused, option: str, value: str
) -> None:
    assert refused("sessions", "abb6e756", f"--{option}", value) == (
        2,
        f"Error: ID shows a whole session, and cannot go with --{option}.",
    )


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("started", "cba"),
        ("lasted", "acb"),
        ("calls", "bca"),
        ("failed", "cba"),
        ("time", "acb"),
    ],
)
def test_the_most_of_what_it_is_sorted_by_comes_first(
    ask: Ask, record: Record, now: int, sort: str, order: str
) -> None:
    # started, lasted in hours, calls, failed, ms of each
    made = {"a": (30, 8, 1, 0, 900.0), "b": (20, 1, 5, 1, 1.0), "c": (10, 3, 4, 2, 50.0)}
    record(
        [
            {
                "session_id": key,
                "duration_ms": ms,
                "timestamp": now - 3600 * (began - lasted),
                "status": ("error", "timeout")[n % 2] if n < failed else "success",
            }
            for key, (began, lasted, calls, failed, ms) in made.items()
            for n in range(calls)
        ],
        [{"id": key, "started_at": now - 3600 * began} for key, (began, *_) in made.items()],
    )
    shown = ask("sessions", "--sort", sort).splitlines()
    assert "".join(line[0] for line in shown[3:]) == order
    assert shown[0].endswith("· 3, newest first" if sort == "started" else f"· 3, by {sort}")
    found = json.loads(ask("sessions", "--sort", sort, "-n", "2", "--json"))
    assert "".join(session["id"] for session in found["sessions"]) == order[:2]


def test_a_limit_says_how_to_see_the_rest_and_programs_get_all(ask: Ask, record: Record) -> None:
    record([{"session_id": f"session-{number}"} for number in range(23)])
    shown = ask("sessions").splitlines()
    assert (len(shown), shown[-1]) == (25, "3 more: --limit 23")
    assert len(ask("sessions", "--limit", "23").splitlines()) == 26
    assert len(ask("sessions", "-n", "9" * 30).splitlines()) == 26
    assert len(ask("sessions", "--csv").splitlines()) == 24
    assert len(json.loads(ask("sessions", "--json"))["sessions"]) == 23


@pytest.mark.parametrize(
    ("ended", "called", "lasted"),
    [
        (None, 600, "running"),
        (None, 601, "49 min"),
        (600, 3000, "running"),
        (601, 3000, "49 min"),
        (None, -100, "running"),
    ],
)
def test_a_session_runs_if_its_last_call_was_ten_minutes_ago_at_most(
    ask: Ask, record: Record, now: int, ended: int | None, called: int, lasted: str
) -> None:
    record(
        [{"timestamp": now - called}],
        [
            {
                "id": "session1",
                "started_at": now - 3600,
                "ended_at": None if ended is None else now - ended,
            }
        ],
    )
    (row,) = ask("sessions", "--csv").splitlines()[1:]
    assert row.split(",")[3] == str(lasted == "running")
    assert ask("sessions", "--until", "all").splitlines()[3].split("  ")[2].strip() == lasted


def test_ten_thousand_calls_of_one_session_are_the_last_20_or_all(
    ask: Ask, record: Record, now: int
) -> None:
    record([{"timestamp": now - 10_000 + number} for number in range(10_000)])
    shown = ask("sessions", "session1").splitlines()
    assert "Calls  the last 20 of 10,000, all with --limit 10000" in shown
    assert [line.split()[2] for line in shown[-2:]] == ["16:06:08", "16:06:09"]
    assert len(shown) == 28
    assert len(ask("sessions", "session1", "-n", "10000").splitlines()) == 10_008
    assert len(ask("sessions", "session1", "-n", "9" * 30).splitlines()) == 10_008
    found = json.loads(ask("sessions", "session1", "--json"))
    times = [call["time"] for call in found["calls"]]
    assert times == list(range(now - 10_000, now))
    assert len(json.loads(ask("sessions", "session1", "--json", "-n", "3"))["calls"]) == 3
    assert len(ask("sessions", "session1", "--csv").splitlines()) == 10_001
