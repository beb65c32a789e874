"""``calls``: the newest, or the slowest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., str]
    Record = Callable[..., None]

AT_80 = """\
Calls  all time, 15 Nov 16:06 – 25 Nov 16:01, UTC · 6 shown, newest first

Time             Tool         Took  Status  Error        Session   Server
25 Nov 16:01:13  run_tests  8.64 s  error   TestFailure  abb6e756  devtools
25 Nov 16:01:12  run_tests  8.64 s  error   TestFailure  abb6e756  devtools
25 Nov 16:01:11  run_tests  8.64 s  error   TestFailure  abb6e756  devtools
25 Nov 16:01:10  run_tests  8.64 s  error   TestFailure  abb6e756  devtools
25 Nov 15:59:10  read_file   24 ms  ok                   abb6e756
25 Nov 15:58:10  read_file   23 ms  ok                   abb6e756
"""  # noqa: RUF001  as it is printed

PIPED = """\
Calls  all time, 15 Nov 16:06 – 25 Nov 16:01, UTC · 6 shown, newest first

Time             Tool         Took  Status  Error        Session   Server    Agent
25 Nov 16:01:13  run_tests  8.64 s  error   TestFailure  abb6e756  devtools  tester
25 Nov 16:01:12  run_tests  8.64 s  error   TestFailure  abb6e756  devtools  tester
25 Nov 16:01:11  run_tests  8.64 s  error   TestFailure  abb6e756  devtools  tester
25 Nov 16:01:10  run_tests  8.64 s  error   TestFailure  abb6e756  devtools  tester
25 Nov 15:59:10  read_file   24 ms  ok                   abb6e756
25 Nov 15:58:10  read_file   23 ms  ok                   abb6e756
"""  # noqa: RUF001  as it is printed


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize(
    ("width", "shown"), [(["--width", "80"], AT_80), (["--width", "120"], PIPED), ([], PIPED)]
)
def test_the_newest_call_comes_first(ask: Ask, width: list[str], shown: str) -> None:
    assert ask("calls", "-n", "6", *width) == shown


SLOWEST = """\
Calls  all time, 15 Nov 16:06 – 25 Nov 16:01, UTC · 3 shown, slowest first

Time             Tool         Took  Status   Error        Session   Server    Agent
22 Nov 16:06:10  run_tests  60.0 s  timeout               570d3e31  devtools
25 Nov 16:01:13  run_tests  8.64 s  error    TestFailure  abb6e756  devtools  tester
25 Nov 16:01:12  run_tests  8.64 s  error    TestFailure  abb6e756  devtools  tester
"""  # noqa: RUF001  as it is printed


@pytest.mark.usefixtures("week")
def test_the_slowest_call_comes_first_if_that_is_asked(ask: Ask) -> None:
    assert ask("calls", "--slowest", "-n", "3") == SLOWEST


def test_tools_of_one_name_are_told_by_their_servers(ask: Ask, record: Record) -> None:
    record([{"tool_name": "search", "server": server} for server in ("jira", "github", None)])
    rows = [line.split()[3] for line in ask("calls", "--width", "70").splitlines()[-3:]]
    assert rows == ["search", "github/search", "jira/search"]


def test_csv_and_json_have_every_column(ask: Ask, record: Record, now: int) -> None:
    record(
        [
            {
                "id": "c",
                "tool_name": "t",
                "duration_ms": 1.5,
                "status": "error",
                "error_type": "E",
                "timestamp": now,
                "session_id": "s",
                "server": "v",
                "agent": "a",
                "source": "hook",
                "error_kind": "tool",
                "error_code": -1,
                "request_bytes": 2,
                "result_bytes": 3,
                "started_ms": 4,
                "duration_kind": "wall",
            },
            {"id": "d"},
        ]
    )
    assert ask("calls", "--csv") == (
        "time,tool,duration_ms,status,error_type,session,server,agent,source,error_kind,error_code,"
        "request_bytes,result_bytes,started_ms,duration_kind,id\n"
        f"{now},t,1.5,error,E,s,v,a,hook,tool,-1,2,3,4,wall,c\n"
        f"{now - 60},read_file,10.0,success,,session1,,,,,,,,,,d\n"
    )
    assert json.loads(ask("calls", "--json", "-n", "1")) == {
        "since": now - 60,
        "until": now + 1,
        "zone": "UTC",
        "calls": [
            {
                "time": now,
                "tool": "t",
                "duration_ms": 1.5,
                "status": "error",
                "error_type": "E",
                "session": "s",
                "server": "v",
                "agent": "a",
                "source": "hook",
                "error_kind": "tool",
                "error_code": -1,
                "request_bytes": 2,
                "result_bytes": 3,
                "started_ms": 4,
                "duration_kind": "wall",
                "id": "c",
            }
        ],
    }


def test_20_calls_are_shown_unless_more_are_asked_for(ask: Ask, record: Record) -> None:
    record([{}] * 25)
    assert ask("calls").splitlines()[0].endswith("UTC · 20 shown, newest first")
    assert len(json.loads(ask("calls", "--json"))["calls"]) == 20
    assert len(ask("calls", "--csv").splitlines()) == 21
    for limit in ("25", "26", "9" * 30):
        assert len(ask("calls", "-n", limit).splitlines()) == 28
        assert len(ask("calls", "--slowest", "-n", limit, "--csv").splitlines()) == 26


@pytest.mark.parametrize("status", ["success", "error", "timeout"])
def test_each_way_to_end_can_be_asked_for(ask: Ask, record: Record, status: str) -> None:
    record([{"status": name} for name in ("success", "error", "timeout")])
    (row,) = ask("calls", "--status", status).splitlines()[3:]
    assert row.split()[6] == ("ok" if status == "success" else status)
