"""The help of the questions: its keys of ``--json`` are the real ones, and it can be read."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Ask = Callable[..., str]
    Command = Callable[..., subprocess.CompletedProcess[str]]
    Shape = dict[str, list[str] | None]

COMMANDS = ("stats", "tools", "errors", "sessions", "calls")

KEYS = re.compile(r"( {4}| {6})([a-z0-9_]+(?:, [a-z0-9_]+)*),?(?: {2,}(\S.*))?")
"""A line of the help that begins with keys, and may go on with what they are."""

LISTED = re.compile(r": ([a-z0-9_]+(?:, [a-z0-9_]+)+)")
"""Keys in what is said of a key."""


def documented(command: Command, name: str, section: str) -> Shape:
    """Return the keys that the help documents, each with the keys within it, in order."""
    lines = iter(command(name, "--help", COLUMNS="80").stdout.splitlines())
    found: Shape = {}
    texts: dict[str, str] = {}
    key = ""
    assert any(line == f"  {section}:" for line in lines)
    for line in lines:
        if not line.startswith("    "):
            break
        match = KEYS.fullmatch(line)
        if match and match[1] == " " * 4:
            names = match[2].split(", ")
            found |= dict.fromkeys(names)
            key = names[-1]
            texts[key] = match[3] or ""
        elif match:
            found[key] = (found[key] or []) + match[2].split(", ")
        else:
            texts[key] += f" {line.strip()}"
    for name_of, text in texts.items():
        if found[name_of] is None and (listed := LISTED.search(text)):
            found[name_of] = listed[1].split(", ")
    return found


def shape(answer: str) -> Shape:
    """Return the keys of an answer, each with the keys of what is listed in it."""
    found: Shape = {}
    for key, value in json.loads(answer).items():
        found[key] = None
        if isinstance(value, list) and value and isinstance(value[0], dict):
            found[key] = list(value[0])
            assert all(list(item) == found[key] for item in value)
    return found


def in_any_order(keys: Shape) -> dict[str, list[str] | None]:
    return {key: value and sorted(value) for key, value in keys.items()}


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize("name", COMMANDS)
def test_the_keys_of_json_are_those_of_the_help(ask: Ask, command: Command, name: str) -> None:
    keys = documented(command, name, "The keys of --json")
    real = shape(ask(name, "--json"))
    assert in_any_order(keys) == in_any_order(real)


@pytest.mark.usefixtures("week")
def test_the_period_before_has_the_keys_that_the_help_says(ask: Ask, command: Command) -> None:
    keys = documented(command, "stats", "The keys of --json")
    before = json.loads(ask("stats", "--json"))["before"]
    assert sorted(before) == sorted(keys.keys() - {"before", "zone", "parts", "tools"})


@pytest.mark.usefixtures("week")
def test_the_keys_of_parts_are_those_of_the_help(ask: Ask, command: Command) -> None:
    keys = documented(command, "stats", "With --by")
    assert keys == shape(ask("stats", "--by", "day", "--json"))


@pytest.mark.usefixtures("week")
def test_the_keys_of_one_session_are_those_of_the_help(ask: Ask, command: Command) -> None:
    answer = ask("sessions", "abb6e756", "--json")
    keys, real = documented(command, "sessions", "With ID"), shape(answer)
    assert list(keys) == list(real) == ["zone", "session", "calls"]
    of_list = documented(command, "sessions", "The keys of --json")["sessions"]
    assert list(json.loads(answer)["session"]) == of_list
    of_calls = documented(command, "calls", "The keys of --json")["calls"]
    assert real["calls"] is not None
    assert of_calls is not None
    assert sorted(real["calls"]) == sorted(of_calls)


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize(
    ("name", "option", "gone"), [("tools", "--unused", "tools"), ("errors", "--loops", "errors")]
)
def test_what_an_option_leaves_out_is_said(
    ask: Ask, command: Command, name: str, option: str, gone: str
) -> None:
    assert f"With {option} there are no {gone} in it." in command(name, "--help").stdout
    whole, part = json.loads(ask(name, "--json")), json.loads(ask(name, option, "--json"))
    assert part.keys() == whole.keys() - {gone}


NOT_IN_CSV = {
    "stats": {"zone", "before", "parts", "tools"},
    "tools": {"trend"},
    "sessions": {"tools"},
}
"""What is not one value, or not in each row."""


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize("name", COMMANDS)
def test_csv_has_the_keys_of_json(ask: Ask, command: Command, name: str) -> None:
    keys = documented(command, name, "The keys of --json")
    of_row = set(keys.get(name) or keys) - NOT_IN_CSV.get(name, set())
    header = ask(name, "--csv").splitlines()[0].split(",")
    first = ["period"] if name == "stats" else []
    assert sorted(header) == sorted([*first, *of_row])


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("columns", ["80", "200"])
def test_no_line_of_the_help_is_longer_than_80(command: Command, name: str, columns: str) -> None:
    done = command(name, "--help", COLUMNS=columns)
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["sta"], ["stats", "status"]),
        (["to"], ["tools"]),
        (["tools", "--un"], ["--until", "--unused"]),
        (["tools", "--sort", "p"], ["p50", "p95", "p99"]),
        (["errors", "--lo"], ["--loops"]),
        (["sessions", "--status", ""], ["success", "error", "timeout"]),
        (["calls", "--sl"], ["--slowest"]),
        (["stats", "--by", ""], ["hour", "day", "week"]),
    ],
)
def test_shells_complete_commands_options_and_choices(
    command: Command, words: list[str], offered: list[str]
) -> None:
    done = command(
        _DEVFLOW_ANALYTICS_COMPLETE="bash_complete",
        COMP_WORDS="\n".join(["devflow-analytics", *words]),
        COMP_CWORD=str(len(words)),
    )
    found = [line.removeprefix("plain,") for line in done.stdout.splitlines()]
    assert sorted(found) == sorted(offered)
