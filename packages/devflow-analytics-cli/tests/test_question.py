"""What all questions have in common: a period, filters, and states in which there is little."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import create_analytics_db, migrate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Ask = Callable[..., str]
    Record = Callable[..., None]
    Refused = Callable[..., tuple[int, str]]

DAY = 24 * 3600
DASH = "\N{EN DASH}"

COMMANDS = ("stats", "tools", "errors", "sessions", "calls")

each = pytest.mark.parametrize("name", COMMANDS)

ALL_ASKED = (
    *("stats", "stats --by hour", "stats --by day", "stats --by week", "tools", "tools --unused"),
    *("errors", "errors --loops", "sessions", "sessions session1", "calls", "calls --slowest"),
)

NOTHING = """\
No calls are recorded yet. 'devflow-analytics import' takes in what your
agents have logged; 'devflow-analytics demo' shows what there will be to see.
"""

PERIODS = (
    " is not a period. Give one like 24h, 7d or 4w, today, yesterday, this-week, this-month, all,"
    " a day like 2026-11-30, or a time like 2026-11-30T12:00."
)


@pytest.mark.parametrize("asked", ALL_ASKED)
def test_without_a_database_it_says_how_to_make_one(
    refused: Refused, file: Path, asked: str
) -> None:
    told = (
        f"Error: {file} does not exist: there is no database. Make it with 'devflow-analytics"
        " init', or name another file with --db or DEVFLOW_ANALYTICS_DB_PATH."
    )
    assert refused(*asked.split()) == (66, told)
    assert not file.parent.exists()
    file.parent.mkdir()
    file.touch()
    told = told.replace("does not exist", "is empty")
    assert refused(*asked.split()) == (66, told)


@pytest.mark.parametrize("asked", [asked for asked in ALL_ASKED if asked != "sessions session1"])
def test_before_the_first_call_it_says_how_to_get_some(ask: Ask, file: Path, asked: str) -> None:
    create_analytics_db(file).close()
    for width in ([], ["--width", "80"]):
        heading, empty, answer = ask(*asked.split(), *width).split("\n", 2)
        assert (empty, answer) == ("", NOTHING)
        assert f" {DASH} " in heading
    for value in json.loads(ask(*asked.split(), "--json")).values():
        assert not isinstance(value, list) or not value or "since" in value[0]


@each
def test_a_period_without_calls_names_the_last_call(
    ask: Ask, record: Record, now: int, name: str
) -> None:
    record([{"timestamp": now - 40 * DAY}], [{"id": "old", "started_at": now - 50 * DAY}])
    told = "No calls in this period. The last one was at 16 Oct 16:06, 40 d ago: try --since all."
    assert ask(name, "--since", "7d").splitlines()[2] == told


@each
def test_a_period_before_all_calls_names_the_first_one(
    ask: Ask, record: Record, now: int, name: str
) -> None:
    record([{"timestamp": now - 40 * DAY}])
    for since in ("2026-01-01", "all"):
        shown = ask(name, "--since", since, "--until", "2026-02-01").splitlines()
        assert shown[2] == "No calls in this period. The first one was at 16 Oct 16:06, 40 d ago."


@each
def test_filters_that_let_nothing_through_are_told_from_there_being_nothing(
    ask: Ask, record: Record, name: str
) -> None:
    record([{}])
    for words in (["--tool", "read_file"], []):
        filters = [*words, "--client", "nothing"]
        shown = ask(name, *filters, "--since", "7d").splitlines()
        assert shown[2:] == ["No call of this period matches these filters: try --since all."]
        shown = ask(name, *filters, "--since", "all").splitlines()
        assert shown[2:] == ["No call matches these filters."]


@each
@pytest.mark.parametrize("since", ["7d", "all"])
def test_where_there_never_was_such_a_tool_up_to_three_near_ones_are_named(
    ask: Ask, record: Record, now: int, name: str, since: str
) -> None:
    tools = ("read_file", "edit_file", "write_file", "real_files", "search_code")
    record([{"tool_name": tool, "timestamp": now - 8 * DAY} for tool in tools])
    none = "No call matches these filters."
    shown = ask(name, "--tool", "read_fil*", "--tool", "reed_file", "--since", "1h").splitlines()
    assert shown[2] == "No call of this period matches these filters: try --since all."
    shown = ask(name, "--tool", "reed_file", "--since", since).splitlines()
    assert shown[2:] == [none, "Tools with such a name: read_file, edit_file, write_file"]
    shown = ask(
        name, "--tool", "search_c0de*", "--tool", "rite_file", "--since", since
    ).splitlines()
    near = "search_code, write_file, read_file"
    assert shown[2:] == [none, f"Tools with such a name: {near}"]
    assert ask(name, "--tool", "zzz", "--since", since).splitlines()[2:] == [none]


def test_a_tool_with_brackets_in_its_name_is_known_by_it(ask: Ask, record: Record) -> None:
    record([{"tool_name": "[red]x"}])
    shown = ask("tools", "--tool", "[red]x", "--client", "nothing").splitlines()
    assert shown[2] == "No call of this period matches these filters: try --since all."


def test_a_near_tool_cannot_command_the_terminal(ask: Ask, record: Record) -> None:
    record([{"tool_name": "read\x1b[31m_file"}])
    shown = ask("tools", "--tool", "read_file").splitlines()
    assert shown[3] == r"Tools with such a name: read\x1b[31m_file"


@each
@pytest.mark.parametrize("option", ["since", "until"])
@pytest.mark.parametrize("word", ["nonsense", "7x", "7 d", "+1d", "2026-13-01", "\x1b[31m"])
def test_a_word_that_is_no_period_is_told(
    refused: Refused, name: str, option: str, word: str
) -> None:
    told = f"Error: Invalid value for '--{option}': {word!r}{PERIODS}"
    assert refused(name, f"--{option}={word}") == (2, told)


@each
def test_an_empty_word_is_no_period_and_not_the_usual_one(refused: Refused, name: str) -> None:
    told = "Error: Invalid value for '--since': ''"
    assert refused(name, "--since", "") == (2, f"{told}{PERIODS}")
    told = "Error: Invalid value for '--until': '' is not a period."
    advice = " Give one like today, or leave it out."
    assert refused(name, "--until", "") == (2, f"{told}{advice}")


@each
@pytest.mark.parametrize("option", ["tool", "server", "client", "project", "session"])
def test_an_empty_filter_is_refused(refused: Refused, name: str, option: str) -> None:
    told = (2, f"Error: Invalid value for '--{option}': it is empty.")
    assert refused(name, f"--{option}", "") == told
    assert refused(name, f"--{option}", "some", f"--{option}=") == told


@each
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["--since", "2031-01-01"],
            "'--since': '2031-01-01' is in the future. Give an earlier time, or an end as well.",
        ),
        (
            ["--since", "all", "--until", ""],
            "'--until': '' is not a period. Give one like today, or leave it out.",
        ),
        (
            ["--since", "today", "--until", "yesterday"],
            (
                "'--until': The period ends before it begins: 'today' to 'yesterday'. Give a later"
                " end."
            ),
        ),
        (["--since", "0000-01-01"], f"'--since': '0000-01-01'{PERIODS}"),
        (
            ["--since", "999999w"],
            "'--since': '999999w' is beyond the years 1 to 9999. Give a time within them.",
        ),
    ],
)
def test_a_period_that_cannot_be_is_told(
    refused: Refused, name: str, words: list[str], told: str
) -> None:
    assert refused(name, *words) == (2, f"Error: Invalid value for {told}")


@each
def test_a_period_may_end_in_the_future(ask: Ask, record: Record, name: str) -> None:
    record([{}])
    shown = ask(name, "--since", "today", "--until", "2031-01-01").splitlines()[0]
    assert f"  25 Nov 00:00 {DASH} now, UTC" in shown
    found = json.loads(ask(name, "--since", "today", "--until", "2031-01-01", "--json"))
    assert found["until"] > 1_900_000_000


@each
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--json", "--csv"], "--json and --csv exclude each other."),
        (
            ["--status", "failed"],
            "Invalid value for '--status': 'failed' is not one of 'success', 'error', 'timeout'.",
        ),
        *(
            (
                ["--width", width],
                f"Invalid value for '--width': {width} is not in the range 20<=x<=1000.",
            )
            for width in ("0", "19", "1001", "-80")
        ),
    ],
)
def test_options_that_contradict_or_are_none_are_usage_errors(
    refused: Refused, name: str, words: list[str], told: str
) -> None:
    assert refused(name, *words) == (2, f"Error: {told}")


@pytest.mark.parametrize("name", COMMANDS[1:])
@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", ""])
def test_a_limit_is_1_or_more(refused: Refused, name: str, limit: str) -> None:
    status, told = refused(name, f"--limit={limit}")
    assert status == 2
    assert told.startswith("Error: Invalid value for '-n' / '--limit': ")
    assert limit in told


@pytest.mark.usefixtures("week")
@each
def test_filters_stand_in_the_heading_and_can_be_repeated(ask: Ask, name: str) -> None:
    words = [
        *("--tool", "run_*", "--tool", "read_file", "--status", "error", "--status", "timeout"),
        *("--server", "devtools", "--client", "claude-code", "--project", "webshop"),
        *("--session", "abb6e756", "--session", "570d3e31"),
    ]
    shown = ask(name, *words, "--since", "7d").splitlines()[0]
    filters = (
        "tool run_*, read_file · status error, timeout · server devtools · client claude-code"
        " · project webshop · session abb6e756, 570d3e31"
    )
    assert f"last 7 days, 18 Nov 16:06 {DASH} now, UTC · {filters}" in shown


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize(
    ("words", "count"),
    [
        ([], 39),
        (["--tool", "read_file"], 25),
        (["--tool", "read_file", "--tool", "search"], 34),
        (["--tool", "r*"], 30),
        (["--status", "success"], 33),
        (["--status", "error", "--status", "timeout"], 6),
        (["--server", "github"], 6),
        (["--server", "github", "--server", "j*"], 9),
        (["--client", "codex"], 10),
        (["--project", "web*"], 28),
        (["--session", "abb6e756", "--session", "570d3e31"], 38),
        (["--session", "abb6e756", "--tool", "run_tests", "--status", "error"], 4),
        (["--session", "abb6e756", "--status", "timeout"], 0),
    ],
)
def test_every_question_keeps_the_same_calls(ask: Ask, words: list[str], count: int) -> None:
    def found(name: str) -> dict[str, list[dict[str, int]]]:
        answer: dict[str, list[dict[str, int]]] = json.loads(
            ask(*name.split(), *words, "--since", "7d", "--json")
        )
        return answer

    assert found("stats")["calls"] == count
    assert sum(tool["calls"] for tool in found("tools")["tools"]) == count
    assert len(found("calls -n 100")["calls"]) == count
    with_calls = [one["calls"] for one in found("sessions")["sessions"]]
    assert sum(with_calls) == count
    assert 0 not in with_calls or not words
    assert sum(part["calls"] for part in found("stats --by hour")["parts"]) == count
    failed = sum(row["calls"] for row in found("errors")["errors"])
    assert failed == sum(tool["errors"] + tool["timeouts"] for tool in found("tools")["tools"])


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize("asked", [asked for asked in ALL_ASKED if asked != "sessions session1"])
def test_a_file_of_an_older_version_answers_with_what_it_has(
    ask: Ask, file: Path, asked: str
) -> None:
    words = [*asked.split(), "--since", "all"]
    newer = json.loads(ask(*words, "--json"))
    migrate(file, 2, allow_down=True)
    older = json.loads(ask(*words, "--json"))
    assert older.keys() == newer.keys()
    for column in ("Server ", "Agent ", "Client ", "Project "):
        assert column not in f"{ask(*words)} " or asked == "tools --unused"
    for key in ("calls", "errors", "timeouts"):
        if isinstance(newer.get(key), int):
            assert older[key] == newer[key]


@each
@pytest.mark.parametrize("width", [20, 21, 33, 40, 60, 79, 81, 100, 200, 1000])
@pytest.mark.usefixtures("week")
def test_any_width_keeps_names_and_calls(ask: Ask, name: str, width: int) -> None:
    lines = ask(name, "--since", "7d", "--width", str(width)).splitlines()
    assert any("39" in line or "read_f" in line or "abb6e756" in line for line in lines)
    if width >= 60:
        assert max(map(len, lines)) <= width
    natural = ask(name, "--since", "7d").splitlines()
    assert len(lines) >= len(natural)


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("UTC", f"25 Nov 00:00 {DASH} now, UTC ·"),
        ("Europe/Berlin", f"25 Nov 00:00 {DASH} now, UTC+01:00 ·"),
        ("Asia/Kathmandu", f"25 Nov 00:00 {DASH} now, UTC+05:45 ·"),
        ("America/St_Johns", f"25 Nov 00:00 {DASH} now, UTC-03:30 ·"),
    ],
)
def test_days_are_those_of_the_zone_and_it_is_named(
    run: Callable[..., bytes], record: Record, zone: str, told: str
) -> None:
    record([{}])
    shown = run("tools", "--since", "today", TZ=zone).decode()
    assert shown.splitlines()[0] == f"Tools  today, {told} 1 called"
    found = json.loads(run("tools", "--since", "today", "--json", TZ=zone))
    assert found["zone"] == told.split(", ")[1].split(maxsplit=1)[0]
    found = json.loads(run("tools", "--since", "today", "--json", "--utc", TZ=zone))
    assert (found["zone"], found["since"] % DAY) == ("UTC", 0)


@each
def test_times_that_no_calendar_has_are_numbers(
    ask: Ask, record: Record, now: int, name: str
) -> None:
    record([{"timestamp": -(10**15)}])
    for words in ([], ["--json"], ["--csv"]):
        shown = ask(name, "--since", "all", *words)
        assert "-1000000000000000" in shown or name == "errors"
    assert json.loads(ask(name, "--since", "all", "--json"))["zone"] == "UTC"
    record([{"timestamp": now}, {"timestamp": 10**15}])
    assert ask(name, "--since", "all").splitlines()[2]
