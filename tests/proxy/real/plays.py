"""What is asked of each server, and the row that each call must leave."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from real.environments import Environments

CLIENTS = ("python-1", "python-2", "typescript")
"""The SDKs whose clients play; two versions of Python's."""

MOMENT = "1795780800 +0000"
"""When all commits are made, so that they have the same names in each run."""


class Row(NamedTuple):
    """What a row says of a call, but for what is the same of all calls of a play."""

    tool: str
    status: str = "success"
    error_kind: str | None = None
    error_code: int | None = None


@dataclass(frozen=True)
class Step:
    """One request of the client."""

    method: str
    params: Mapping[str, Any]
    how: str | None = None
    """``progress``: with a callback for it; ``cancel``: after the first progress; ``timeout``: the
    client waits for a moment only."""
    row: Row | None = None
    """What a call leaves."""
    unless: Mapping[str, Row] = field(default_factory=dict)
    """What it leaves with another client."""

    def row_of(self, client: str) -> Row | None:
        """Return the row that is left with a client."""
        return self.unless.get(client, self.row)


def ask(method: str, **params: object) -> Step:
    """Ask for something that is no call."""
    return Step(method, params)


def call(
    tool: str,
    arguments: Mapping[str, object],
    *failure: Any,
    how: str | None = None,
    unless: Mapping[str, Row] | None = None,
) -> Step:
    """Call a tool.

    Args:
        tool: its name.
        arguments: what for; ``{}`` at the start of a text stands for the directory of the play.
        failure: status, kind and code, if it fails.
        how: see Step.
        unless: see Step.
    """
    params = {"name": tool, "arguments": arguments}
    return Step("tools/call", params, how, Row(tool, *failure), unless or {})


@dataclass(frozen=True)
class Server:
    """A server, and what is asked of it."""

    name: str
    """What its rows are to say."""
    command: Callable[[Environments, Path], list[str]]
    """Its command, given a directory of the play's own."""
    steps: tuple[Step, ...]
    prepare: Callable[[Path], object] = lambda _directory: None
    """Fills the directory."""
    is_named: bool = True
    """Whether ``wrap`` is told the name, or finds it on the wire."""


LISTS = (ask("tools/list"),)
ALL_LISTS = (*LISTS, ask("prompts/list"), ask("resources/list"), ask("resources/templates/list"))

FAILED = ("error", "tool")
REFUSED = ("error", "arguments")
UNKNOWN = ("error", "not_found")
LONG = "trigger-long-running-operation"
WHOLE = {"duration": 0.3, "steps": 3}

EVERYTHING = (
    *ALL_LISTS,
    ask("prompts/get", name="args-prompt", arguments={"city": "Oslo"}),
    ask("resources/read", uri="demo://resource/dynamic/text/1"),
    call("echo", {"message": 'an "isError":true, ü, \u2028 and 😀'}),
    call("echo", {"message": "x" * 1_000_000}),
    call("get-sum", {"a": 2, "b": 40}),
    call("get-sum", {"a": "two"}, *REFUSED),
    call("no-such-tool", {}, *UNKNOWN),
    call("get-env", {}),
    call("get-tiny-image", {}),
    call("get-structured-content", {"location": "Chicago"}),
    call("get-resource-links", {"count": 3}),
    call("trigger-sampling-request", {"prompt": "How is the weather?", "maxTokens": 9}),
    call("trigger-elicitation-request", {}),
    call("get-roots-list", {}),
    call(LONG, WHOLE, how="progress"),
    call(LONG, {"duration": 1.5, "steps": 5}, "error", "cancelled", how="cancel"),
    call(
        LONG,
        {"duration": 1, "steps": 2},
        *("timeout", "cancelled"),
        how="timeout",
        unless={"python-1": Row(LONG)},  # it tells nobody, and the answer comes
    ),
    call(LONG, {"duration": 1.6, "steps": 2}, how="progress"),  # until all of these have ended
)

FILESYSTEM = (
    *LISTS,
    call("write_file", {"path": "{}/a.txt", "content": "one\ntwo\n"}),
    call("read_text_file", {"path": "{}/a.txt"}),
    call("edit_file", {"path": "{}/a.txt", "edits": [{"oldText": "one", "newText": "1"}]}),
    call("create_directory", {"path": "{}/sub/é"}),
    call("move_file", {"source": "{}/a.txt", "destination": "{}/sub/b.txt"}),
    call("directory_tree", {"path": "{}"}),
    call("search_files", {"path": "{}", "pattern": "**/*.txt"}),
    call("read_multiple_files", {"paths": ["{}/sub/b.txt", "{}/none"]}),
    call("read_text_file", {"path": "{}/large.txt"}),
    call("read_text_file", {"path": "/etc/passwd"}, *FAILED),
    call("read_text_file", {"path": "{}/none"}, *FAILED),
    call("write_file", {"path": 3}, *REFUSED),
    call("no-such-tool", {}, *UNKNOWN),
)

RAIN = {"name": "rain", "entityType": "weather", "observations": ["wet"]}
MEMORY = (
    *LISTS,
    call("create_entities", {"entities": [RAIN]}),
    call("create_relations", {"relations": [{"from": "rain", "to": "sun", "relationType": "r"}]}),
    call("read_graph", {}),
    call("search_nodes", {"query": "wet"}),
    call("open_nodes", {"names": ["rain"]}),
    call("add_observations", {"observations": [{"entityName": "x", "contents": []}]}, *FAILED),
    call("delete_entities", {"entityNames": ["rain"]}),
    call("no-such-tool", {}, *UNKNOWN),
)

HERE = {"repo_path": "{}"}
GIT = (
    *LISTS,
    call("git_status", HERE),
    call("git_add", HERE | {"files": ["b.txt"]}),
    call("git_diff_staged", HERE),
    call("git_commit", HERE | {"message": "Add b"}),
    call("git_log", HERE | {"max_count": 5}),
    call("git_show", HERE | {"revision": "HEAD"}),
    call("git_show", HERE | {"revision": "none"}, *FAILED),
    call("git_create_branch", HERE | {"branch_name": "other"}),
    call("git_branch", HERE | {"branch_type": "local"}),
    call("git_checkout", HERE | {"branch_name": "-f"}, *FAILED),
    call("git_status", {"repo_path": "/"}, *FAILED),
    call("git_status", {}, *REFUSED),
    call("no_such_tool", {}, *UNKNOWN, -32602),
)

TIME = (
    *LISTS,
    call("get_current_time", {"timezone": "Asia/Tokyo"}),
    call(
        "convert_time",
        {"source_timezone": "UTC", "time": "12:30", "target_timezone": "Asia/Kathmandu"},
    ),
    call("get_current_time", {"timezone": "Mars/Base"}, *FAILED),
    call("no_such_tool", {}, *UNKNOWN, -32602),
)

SQLITE = (
    *ALL_LISTS[:3],
    call("create_table", {"query": "CREATE TABLE rain (mm REAL, city TEXT)"}),
    call("write_query", {"query": "INSERT INTO rain VALUES (1.5, 'Oslo'), (2, 'Łódź')"}),
    call("read_query", {"query": "SELECT * FROM rain ORDER BY mm"}),
    call("list_tables", {}),
    call("describe_table", {"table_name": "rain"}),
    call("append_insight", {"insight": "It rains."}),
    ask("resources/read", uri="memo://insights"),
    ask("prompts/get", name="mcp-demo", arguments={"topic": "rain"}),
    call("read_query", {"query": "SELEC"}),  # it says nothing of an error but in words
    call("read_query", {"query": 3}, *REFUSED),
)


def _git(directory: Path) -> None:
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        subprocess.run(["git", *who, *arguments], cwd=directory, env=GIT_ENVIRONMENT, check=True)

    git("init", "--quiet", "--initial-branch=main")
    git("config", "user.name", "Ada")
    git("config", "user.email", "ada@example.org")
    (directory / "a.txt").write_text("a\n" * 1000)
    git("add", "a.txt")
    git("commit", "--quiet", "-m", "Add a")
    (directory / "b.txt").write_text("ü\n")


GIT_ENVIRONMENT = {"GIT_AUTHOR_DATE": MOMENT, "GIT_COMMITTER_DATE": MOMENT, "GIT_CONFIG_GLOBAL": ""}

SERVERS = (
    Server(
        "mcp-servers/everything",
        lambda there, _: [there.bin("mcp-server-everything")],
        EVERYTHING,
        is_named=False,
    ),
    Server(
        "the files",
        lambda there, directory: [there.bin("mcp-server-filesystem"), str(directory)],
        FILESYSTEM,
        prepare=lambda directory: (directory / "large.txt").write_text("large ☃\n" * 200_000),
    ),
    Server("memory", lambda there, _: [there.bin("mcp-server-memory")], MEMORY),
    Server(
        "git",
        lambda there, at: [there.script("mcp-2", "mcp-server-git"), "--repository", str(at)],
        GIT,
        prepare=_git,
    ),
    Server("time", lambda there, _: [there.script("mcp-2", "mcp-server-time")], TIME),
    Server(
        "sqlite",
        lambda there, at: [there.script("mcp-1", "mcp-server-sqlite"), "--db-path", f"{at}/x.db"],
        SQLITE,
    ),
)
