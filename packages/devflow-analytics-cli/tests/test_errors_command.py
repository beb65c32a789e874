"""``errors``: what fails, and what fails again and again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., str]
    Record = Callable[..., None]

SHOWN = """\
Errors  last 7 days, 18 Nov 16:06 – now, UTC · by tool and type

Calls  Of its  Tool       Type              Last  Server
    4    80 %  run_tests  TestFailure  4 min ago  devtools
    1    20 %  run_tests  timeout        3 d ago  devtools
    1   4.0 %  read_file  OSError        4 d ago

In a row  the same tool, by the same agent

Calls  Tool       Type         Session        Last  Agent
    4  run_tests  TestFailure  abb6e756  4 min ago  tester
"""  # noqa: RUF001  as it is printed


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize("width", [["--width", "80"], ["--width", "120"], []])
def test_what_fails_is_listed_and_then_what_fails_in_a_row(ask: Ask, width: list[str]) -> None:
    assert ask("errors", *width) == SHOWN


NARROW = """\
Errors  last 7 days, 18 Nov 16:06 – now, UTC · by
        tool and type

Calls  Of its  Tool       Type              Last
    4    80 %  run_tests  TestFailure  4 min ago
    1    20 %  run_tests  timeout        3 d ago
    1   4.0 %  read_file  OSError        4 d ago

In a row  the same tool, by the same agent

Calls  Tool       Type         Session        Last
    4  run_tests  TestFailure  abb6e756  4 min ago
"""  # noqa: RUF001  as it is printed


@pytest.mark.usefixtures("week")
def test_in_a_narrow_terminal_counts_tools_and_types_stay(ask: Ask) -> None:
    assert ask("errors", "--width", "50") == NARROW


LOOPS = """\
Loops  last 7 days, 18 Nov 16:06 – now, UTC · 1 found

Calls  Tool       Type         Session        Last  Agent
    4  run_tests  TestFailure  abb6e756  4 min ago  tester
"""  # noqa: RUF001  as it is printed


@pytest.mark.usefixtures("week")
def test_loops_alone_can_be_listed(ask: Ask, now: int) -> None:
    assert ask("errors", "--loops") == LOOPS
    assert ask("errors", "--loops", "--csv") == (
        "tool,server,session,agent,error_type,calls,since,last\n"
        f"run_tests,devtools,01a2135e-0000-7000-8000-0000abb6e756,tester,TestFailure,4,"
        f"{now - 300},{now - 297}\n"
    )
    found = json.loads(ask("errors", "--loops", "--json"))
    assert list(found) == ["since", "until", "zone", "calls", "loops"]


@pytest.mark.usefixtures("week")
def test_csv_has_a_row_for_each_way_to_fail(ask: Ask, now: int) -> None:
    assert ask("errors", "--csv") == (
        "tool,server,status,error_type,calls,share,last\n"
        f"run_tests,devtools,error,TestFailure,4,0.8,{now - 297}\n"
        f"run_tests,devtools,timeout,,1,0.2,{now - 3 * 86400}\n"
        f"read_file,,error,OSError,1,0.04,{now - 4 * 86400}\n"
    )


def test_what_no_type_is_known_of_is_unknown_or_a_timeout(ask: Ask, record: Record) -> None:
    record([{"status": "error"}, {"status": "timeout"}, {"status": "success"}])
    kinds = [line.split()[4] for line in ask("errors").splitlines()[3:]]
    assert sorted(kinds) == ["timeout", "unknown"]


@pytest.mark.parametrize(
    ("statuses", "sentence"),
    [
        ((), "None of 2 calls failed."),
        (("error",), "None of 2 calls failed with an error."),
        (("timeout",), "None of 2 calls timed out."),
        (("error", "timeout"), "None of 2 calls failed."),
        (("success", "timeout"), "None of 2 calls timed out."),
        (
            ("success",),
            "Those are no errors: 'devflow-analytics calls --status success' lists them.",
        ),
    ],
)
def test_it_says_what_none_of_the_calls_did(
    ask: Ask, record: Record, statuses: tuple[str, ...], sentence: str
) -> None:
    record([{}, {}])
    given = [word for status in statuses for word in ("--status", status)]
    assert ask("errors", *given).splitlines()[2:] == [sentence]


def test_a_filter_of_statuses_does_not_hide_that_others_failed(ask: Ask, record: Record) -> None:
    record([{"status": "error"}])
    shown = ask("errors", "--status", "timeout").splitlines()
    assert shown[2:] == ["None of 1 calls timed out."]


def test_where_nothing_fails_in_a_row_it_says_so(ask: Ask, record: Record) -> None:
    record([{"status": "error"}] * 2)
    shown = ask("errors", "--loops").splitlines()
    assert (shown[0][-7:], shown[2:]) == ("0 found", ["Nothing failed three times in a row."])


def test_limits_say_how_to_see_the_rest(ask: Ask, record: Record) -> None:
    record(
        [
            {"tool_name": f"tool{number:02}", "status": "error", "error_type": "E"}
            for number in range(22)
            for _ in range(3)
        ]
    )
    shown = ask("errors")
    assert shown.count("  E  ") == 25
    assert "\n2 more: --limit 22\n" in shown
    assert shown.endswith("\n\n17 more: --loops\n")
    loops = ask("errors", "--loops")
    assert (loops.count("  E  "), loops.splitlines()[-1]) == (20, "2 more: --limit 22")
    assert ask("errors", "--loops", "-n", "22").count("  E  ") == 22
    assert "--limit" not in ask("errors", "-n", "22")
    assert ask("errors", "-n", "9" * 30).count("  E  ") == 27
    assert ask("errors", "-n", "1").count("  E  ") == 6
    assert ask("errors", "--csv").count("\n") == 23
    found = json.loads(ask("errors", "--json"))
    assert (len(found["errors"]), len(found["loops"])) == (22, 22)


def test_tools_of_one_name_are_told_by_their_servers(ask: Ask, record: Record) -> None:
    record(
        [
            {"tool_name": "search", "server": server, "status": "error", "error_type": "E"}
            for server in ("github", "jira", None)
            for _ in range(3)
        ]
    )
    shown = ask("errors", "--width", "60")
    assert [shown.count(f"  {name} ") for name in ("github/search", "jira/search", "search")] == [
        *(2, 2, 2)
    ]
