"""That what is put into any settings is taken out again without a trace."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import json5
import pytest
from hypothesis import given, settings, strategies as st

from devflow_analytics_capture.enabling.clients import CLIENTS
from devflow_analytics_capture.enabling.edits import with_wraps, without_wraps, wrapped
from devflow_analytics_capture.enabling.entry import Entry
from devflow_analytics_capture.enabling.json_entries import json_entries
from devflow_analytics_capture.enabling.toml_entries import toml_entries
from devflow_analytics_capture.enabling.words import Program

if TYPE_CHECKING:
    import random

Read = Callable[[str], list[Entry]]

PROGRAM = Program(["/opt/é/bin/devflow-analytics"], None)
MOVED = Program(["/usr/bin/python", "-m", "devflow_analytics_cli"], "/tmp/my own.db")
STRINGS = [
    "x",
    "",
    "-y",
    "--",
    "é 😀",
    'a "b"',
    "C:\\d",
    "tab\t",
    "//",
    "/* */",
    "#",
    ",",
    "]",
    "}",
]
COMMANDS = ["npx", "cmd", "/usr/bin/env", "C:\\Program Files\\n.exe", 'a"b', "é"]
NAMES = ["a", "b.c", "d e", 'f"g', "--", "é", "servers"]

every = settings(max_examples=80, deadline=None, database=None)


HAND_WRITTEN = """
{"mcpServers": {"files": {
  "command": "devflow-analytics", "args": ["wrap", "npx", "server-fs", "--", "/home/me"]
}}}
"""


def test_words_that_somebody_wrote_without_the_two_dashes_are_left() -> None:
    read = read_json("cursor")
    assert without_wraps(HAND_WRITTEN, read, everything) == HAND_WRITTEN
    assert with_wraps(HAND_WRITTEN, read, "cursor", PROGRAM, everything) == (HAND_WRITTEN, True)


def everything(_: Entry) -> bool:
    return True


def read_json(client: str) -> Read:
    syntax = CLIENTS[client].syntax
    assert syntax
    return partial(json_entries, client=CLIENTS[client], syntax=syntax)


def read_toml(text: str) -> list[Entry]:
    return toml_entries(text, "mcp_servers")


class Writer:
    """Lays settings out as nobody would."""

    def __init__(self, chance: random.Random, *, comments: bool, trailing_commas: bool) -> None:
        self.chance = chance
        self.white = ["", "", " ", "\n", "\n    ", "\t", "\r\n  "]
        if comments:
            self.white += [" // c, ]\n", "/* [ */", "\n  // d\n  "]
        self.trailing_commas = trailing_commas

    def gap(self) -> str:
        return self.chance.choice(self.white)

    def string(self, value: str) -> str:
        return json.dumps(value, ensure_ascii=self.chance.random() < 0.5)

    def joined(self, items: list[str], brackets: str) -> str:
        comma = "," if items and self.trailing_commas and self.chance.random() < 0.5 else ""
        inner = ",".join(f"{self.gap()}{item}{self.gap()}" for item in items)
        return f"{brackets[0]}{inner}{comma}{self.gap()}{brackets[1]}"

    def value(self, value: Any) -> str:
        if isinstance(value, dict):
            pairs = [
                f"{self.string(key)}{self.gap()}:{self.gap()}{self.value(item)}"
                for key, item in value.items()
            ]
            return self.joined(pairs, "{}")
        if isinstance(value, list):
            return self.joined([self.value(item) for item in value], "[]")
        return self.string(value) if isinstance(value, str) else json.dumps(value)


def a_server(chance: random.Random, *, as_list: bool = False) -> dict[str, Any]:
    command = chance.choice(COMMANDS)
    args = chance.choices(STRINGS, k=chance.randrange(4))
    fields: list[tuple[str, Any]] = [("env", {"A": "1"}), ("disabled", True)]
    fields = chance.sample(fields, k=chance.randrange(3))
    if as_list:
        fields.append(("command", [command, *args]))
    else:
        fields.append(("command", command))
        if chance.random() < 0.7:
            fields.append(("args", args))
    return dict(chance.sample(fields, k=len(fields)))


def the_words(server: dict[str, Any]) -> list[str]:
    command = server.pop("command")
    return command if isinstance(command, list) else [command, *server.pop("args", [])]


def check(text: str, read: Read, client: str, values: Callable[[str], Any]) -> None:
    """Hold a text to what holds for every one."""
    names = {entry.name for entry in read(text)}
    after, is_safe = with_wraps(text, read, client, PROGRAM, everything)
    assert is_safe
    assert all(map(wrapped, read(after)))
    assert without_wraps(after, read, everything) == text
    assert with_wraps(after, read, client, PROGRAM, everything) == (after, True)
    moved, is_safe = with_wraps(after, read, client, MOVED, everything)
    assert is_safe
    assert without_wraps(moved, read, everything) == text
    old, new = values(text), values(after)
    assert set(old) == set(new) == names
    for name, server in old.items():
        was, found = the_words(server), the_words(new[name])
        assert found[:2] == [*PROGRAM.words, "wrap"]
        assert found[-len(was) - 1 :] == ["--", *was]
    assert old == new


@every
@given(
    st.randoms(use_true_random=False), st.sampled_from(["claude-desktop", "gemini-cli", "cursor"])
)
def test_json_of_any_layout_is_given_back(chance: random.Random, client: str) -> None:
    syntax = CLIENTS[client].syntax
    assert syntax
    writer = Writer(chance, comments=syntax.comments, trailing_commas=syntax.trailing_commas)
    names = chance.sample(NAMES, k=chance.randrange(1, 4))
    document = {"z": [1], "mcpServers": {name: a_server(chance) for name in names}}
    text = chance.choice(["", "\ufeff"]) + writer.gap() + writer.value(document) + writer.gap()
    check(
        text,
        read_json(client),
        client,
        lambda text: json5.loads(text.removeprefix("\ufeff"))["mcpServers"],
    )


@every
@given(st.randoms(use_true_random=False))
def test_commands_that_are_lists_are_given_back(chance: random.Random) -> None:
    writer = Writer(chance, comments=True, trailing_commas=True)
    names = chance.sample(NAMES, k=chance.randrange(1, 4))
    servers = {name: a_server(chance, as_list=True) for name in names}
    text = writer.value({"mcp": servers})
    check(text, read_json("opencode"), "opencode", lambda text: json5.loads(text)["mcp"])


class TomlWriter:
    """Lays TOML out as nobody would."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.line_end = chance.choice(["\n", "\n", "\r\n"])

    def string(self, value: str) -> str:
        kinds = [json.dumps(value, ensure_ascii=False)]
        if not set("'\n") & set(value):
            kinds += [f"'{value}'", f"'''{value}'''"]
        if not set('"\\\n') & set(value):
            kinds.append(f'"""{self.line_end}{value}"""')
        return self.chance.choice(kinds)

    def gap(self, *, one_line: bool) -> str:
        lines = ["\n", "\n    ", " # c, ]\n", '\n  # d "\n  ']
        white = ["", "", " ", "\t", *([] if one_line else lines)]
        return self.chance.choice(white).replace("\n", self.line_end)

    def array(self, items: list[str], *, one_line: bool) -> str:
        gap = partial(self.gap, one_line=one_line)
        comma = "," if items and self.chance.random() < 0.5 else ""
        inner = ",".join(f"{gap()}{self.string(item)}{gap()}" for item in items)
        return f"[{inner}{comma}{gap()}]"

    def fields(self, server: dict[str, Any], *, one_line: bool) -> list[str]:
        found = []
        for key, value in server.items():
            if isinstance(value, dict):
                text = '{ "A" = "1" }'
            elif isinstance(value, list):
                text = self.array(value, one_line=one_line)
            else:
                text = (
                    "true"
                    if value is True
                    else self.string(value).replace(
                        f'"""{self.line_end}', '"""' if one_line else f'"""{self.line_end}'
                    )
                )
            found.append(f"{self.key(key)}{self.chance.choice(['=', ' = '])}{text}")
        return found

    def key(self, name: str) -> str:
        if name.isascii() and name.isalpha() and self.chance.random() < 0.7:
            return name
        return json.dumps(name, ensure_ascii=False)

    def table(self, name: str, server: dict[str, Any]) -> str:
        fields = self.fields(server, one_line=False)
        comments = [self.chance.choice(["", " # 'c"]) for _ in fields]
        lines = [f"{field}{comment}" for field, comment in zip(fields, comments, strict=True)]
        indent = self.chance.choice(["", "  ", "\t"])
        head = f"[mcp_servers.{self.key(name)}]"
        return "".join(f"{indent}{line}{self.line_end}" for line in [head, *lines])

    def inline(self, name: str, server: dict[str, Any]) -> str:
        gap = self.chance.choice(["", " "])
        fields = f"{gap},{gap}".join(self.fields(server, one_line=True))
        return f"mcp_servers.{self.key(name)} = {{{gap}{fields}{gap}}}{self.line_end}"

    def dotted(self, name: str, server: dict[str, Any]) -> str:
        start = f"mcp_servers.{self.key(name)}."
        fields = self.fields(server, one_line=False)
        return "".join(f"{start}{field}{self.line_end}" for field in fields)


@every
@given(st.randoms(use_true_random=False))
def test_toml_of_any_layout_is_given_back(chance: random.Random) -> None:
    writer = TomlWriter(chance)
    names = chance.sample(NAMES, k=chance.randrange(1, 4))
    if chance.random() < 0.5:
        other = f"[other]{writer.line_end}mcp_servers = 1{writer.line_end}"
        parts = [
            writer.table(name, a_server(chance)) + chance.choice(["", other]) for name in names
        ]
        text = "".join(parts)
        text = text.replace(other, "", max(0, text.count(other) - 1))
    else:
        kinds = [writer.inline, writer.dotted]
        text = "".join(chance.choice(kinds)(name, a_server(chance)) for name in names)
    text = chance.choice(["", "\ufeff"]) + (
        text.removesuffix(writer.line_end) if chance.random() < 0.3 else text
    )
    check(
        text,
        read_toml,
        "codex",
        lambda text: tomllib.loads(text.removeprefix("\ufeff"))["mcp_servers"],
    )


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_settings_that_their_client_has_written_anew_mean_what_they_did(
    indent: int | str | None,
) -> None:
    before = {"mcpServers": {"a": {"command": "x"}, "b": {"args": [], "command": "x"}}}
    before["mcpServers"]["c"] = {"command": "x", "args": ["wrap", "--"], "env": {}}
    read = read_json("claude-code")
    text = '{ "mcpServers" :' + json.dumps(before["mcpServers"]) + "}"
    after, _ = with_wraps(text, read, "claude-code", PROGRAM, everything)
    anew = json.dumps(json.loads(after), indent=indent)
    found = json.loads(without_wraps(anew, read, everything))
    assert json.dumps(found) == json.dumps(before)


@pytest.mark.parametrize(
    ("anew", "expected"),
    [
        ('["wrap", "--", "x",]', "[]"),
        ('[ "wrap", "--", "x", // c\n]', "[  // c\n]"),
        ('["wrap", "--", "x",\n\n  "y"]', '["y"]'),
        ('[\n"wrap",\n"--",\n"x"\n,\n"y"\n]', '[\n"y"\n]'),
        ('[ "wrap", "--", "x" /* c */ , "y"]', '[ "y"]'),
    ],
)
def test_what_others_have_laid_out_anew_is_taken_out_all_the_same(anew: str, expected: str) -> None:
    start = '{"mcpServers": {"a": {"command": '
    text = f'{start}"devflow-analytics", "args": {anew}}}}}}}'
    found = without_wraps(text, read_json("cursor"), everything)
    assert found == f'{start}"x", "args": {expected}}}}}}}'


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ('"args": [{}], "command": "devflow-analytics"', '"args": [], "command": "x"'),
        (
            '"command": "devflow-analytics", "env": {{}}, "args": [{}]',
            '"command": "x", "env": {}, "args": []',
        ),
    ],
)
def test_arguments_that_others_have_moved_stay_as_an_empty_list(server: str, expected: str) -> None:
    words = '"wrap", "--client", "cursor", "--server", "a", "--", "x"'
    text = f'{{"mcpServers": {{"a": {{{server.format(words)}}}}}}}'
    found = without_wraps(text, read_json("cursor"), everything)
    assert found == f'{{"mcpServers": {{"a": {{{expected}}}}}}}'


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_lines_that_are_added_end_as_the_others_do(line_end: str) -> None:
    lines = ["{", ' "mcpServers": {', '  "a": {', '   "command": "x"', "  }", " }", "}", ""]
    after, is_safe = with_wraps(
        line_end.join(lines), read_json("cursor"), "cursor", PROGRAM, everything
    )
    assert is_safe
    found = after.split(line_end)
    assert len(found) == len(lines) + 1
    assert not [line for line in found if "\n" in line or "\r" in line]
    if line_end != "\r":  # which TOML does not have
        text = line_end.join(["[mcp_servers.a]", 'command = "x"', ""])
        after, _ = with_wraps(text, read_toml, "codex", PROGRAM, everything)
        assert [line[:4] for line in after.split(line_end)] == ["[mcp", "comm", "args", ""]


def test_a_program_that_is_started_by_python_is_known_again() -> None:
    read = read_json("cursor")
    text = '{"mcpServers": {"a": {"command": "x", "args": ["y"]}}}'
    after, _ = with_wraps(text, read, "cursor", MOVED, everything)
    (server,) = json.loads(after)["mcpServers"].values()
    assert server == {
        "command": "/usr/bin/python",
        "args": [
            *("-m", "devflow_analytics_cli", "--db", "/tmp/my own.db"),
            *("wrap", "--server", "a", "--client", "cursor", "--", "x", "y"),
        ],
    }
    (entry,) = read(after)
    found = wrapped(entry)
    assert found
    assert found.program == MOVED


def test_only_the_servers_that_are_meant_are_changed() -> None:
    read = read_json("cursor")
    text = '{"mcpServers": {"a": {"command": "x"}, "b": {"command": "y"}}}'
    after, _ = with_wraps(text, read, "cursor", PROGRAM, lambda entry: entry.name == "b")
    assert [bool(wrapped(entry)) for entry in read(after)] == [False, True]
    all_of_them, _ = with_wraps(after, read, "cursor", MOVED, lambda entry: entry.name == "a")
    assert without_wraps(all_of_them, read, lambda entry: entry.name == "a") == after


def test_options_of_somebodys_own_stay() -> None:
    read = read_json("cursor")
    own = '["wrap", "--quick", "--server", "mine", "--", "x"]'
    text = f'{{"mcpServers": {{"a": {{"command": "devflow-analytics", "args": {own}}}}}}}'
    after, is_safe = with_wraps(text, read, "cursor", PROGRAM, everything)
    assert is_safe
    assert after == text.replace('"devflow-analytics"', f'"{PROGRAM.words[0]}"')


@pytest.mark.parametrize(
    "words",
    [
        ["devflow-analytics"],
        ["devflow-analytics", "wrap"],
        ["devflow-analytics", "wrap", "--"],
        ["devflow-analytics", "wrap", "--server", "--"],
        ["devflow-analytics", "--db"],
        ["devflow-analytics", "--db", "x", "status", "--", "y"],
        ["devflow-analytics", "wrap", "--url", "http://127.0.0.1:1"],
        ["python", "-m", "other", "wrap", "--", "x"],
        ["devflow-analytics-other", "wrap", "--", "x"],
    ],
)
def test_what_is_no_wrap_is_not_taken_for_one(words: list[str]) -> None:
    text = json.dumps({"mcp": {"a": {"command": words}}})
    (entry,) = read_json("opencode")(text)
    assert wrapped(entry) is None


def test_what_cannot_be_undone_is_told() -> None:
    read = read_json("cursor")

    def odd(text: str) -> list[Entry]:
        entries = read(text)
        return [entry._replace(new_args=(0, "")) for entry in entries]

    text = '{"mcpServers": {"a": {"command": "x"}}}'
    assert with_wraps(text, odd, "cursor", PROGRAM, everything)[1] is False
