"""The made-up tools: how often each is called, how long it takes, and how it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_cli.made_up.chance import Weighted

if TYPE_CHECKING:
    from typing import Literal

    Kind = Literal["tool", "arguments", "not_found", "protocol", "cancelled", "transport"]


class Fault(NamedTuple):
    """How a call may fail."""

    error_type: str
    kind: Kind = "tool"
    code: int | None = None


class Tool(NamedTuple):
    """A tool, and what its calls are like."""

    name: str
    server: str | None
    """Its MCP server; None if it is built into the agent."""
    weight: float
    """How often it is called, beside the others."""
    median_ms: float
    spread: float
    """Of the duration; see `Chance.around`."""
    limit_s: int | None
    """A call that takes longer ends as a timeout; None if there is no limit."""
    failing: float
    """The share of its calls that fail, timeouts aside."""
    faults: Weighted[Fault]
    argument_bytes: float
    """The median."""
    result_bytes: float
    """The median."""


def _faults(*weights: tuple[str, float]) -> Weighted[Fault]:
    return Weighted((Fault(name), weight) for name, weight in weights)


MISMATCH = Fault("EditMismatchError")
TEST_FAILURE = Fault("TestFailure")
RATE_LIMIT = Fault("RateLimitError", code=429)
STALE_INDEX = Fault("StaleIndexError")
TIMEOUT = Fault("TimeoutError")

RARE = Weighted(
    [
        (Fault("ValidationError", "arguments", -32602), 5),
        (Fault("CancelledError", "cancelled"), 3),
        (Fault("ConnectionError", "transport"), 2),
        (Fault("McpError", "protocol", -32603), 2),
        (Fault("UnknownToolError", "not_found", -32601), 1),
    ]
)
"""How a call of any MCP server may fail."""

_FILES = _faults(("FileNotFoundError", 5), ("PermissionError", 1), ("UnicodeDecodeError", 1))
_EDITS = Weighted([(MISMATCH, 20), (Fault("FileNotFoundError"), 2), (Fault("PermissionError"), 1)])
_PATCHES = Weighted([(Fault("PatchConflictError"), 8), (MISMATCH, 2)])
_COMMANDS = _faults(("CalledProcessError", 7), ("OSError", 3))
_TESTS = Weighted([(TEST_FAILURE, 8), (Fault("CollectionError"), 3)])
_INDEX = Weighted([(STALE_INDEX, 3), (Fault("OSError"), 1)])
_GIT = _faults(("GitError", 1))
_TYPES = _faults(("TypeCheckFailure", 1))
_LINT = _faults(("LintFailure", 1))
_BUILD = _faults(("BuildFailure", 4), ("CalledProcessError", 1))
_SQL = _faults(("OperationalError", 3), ("ProgrammingError", 2))
_HTTP = _faults(("HTTPStatusError", 3), ("ConnectError", 1))
_PAGE = _faults(("NavigationError", 3), ("ConnectError", 1))
_IMAGE = _faults(("ContentPolicyError", 2), ("HTTPStatusError", 1))

TOOLS = tuple(
    Tool(*row)
    for row in (
        # name, server, weight, median ms, spread, limit s, failing, faults, bytes in, bytes out
        ("read_file", None, 188, 3.2, 0.71, None, 0.014, _FILES, 90, 5200),
        ("list_directory", None, 94, 2.1, 0.62, None, 0.015, _FILES, 60, 900),
        ("edit_file", None, 88, 7.3, 0.84, None, 0.045, _EDITS, 900, 240),
        ("run_command", None, 86, 625, 1.75, 60, 0.095, _COMMANDS, 150, 1400),
        ("write_file", None, 33, 5.1, 0.69, None, 0.02, _FILES, 3100, 90),
        ("apply_patch", None, 14, 12, 0.8, None, 0.14, _PATCHES, 1900, 160),
        ("web_search", None, 9, 900, 0.8, 30, 0.015, _HTTP, 80, 7800),
        ("fetch_url", None, 16, 480, 1.25, 30, 0.1, _HTTP, 110, 14000),
        ("image_generate", None, 2, 9200, 0.62, 30, 0.05, _IMAGE, 320, 420_000),
        ("search_code", "code-index", 114, 45, 0.9, 30, 0.012, _INDEX, 120, 3600),
        ("find_references", "code-index", 31, 62, 0.85, 30, 0.008, _INDEX, 100, 2100),
        ("outline_file", "code-index", 12, 38, 0.8, 30, 0.01, _INDEX, 80, 1700),
        ("git_status", "git", 58, 14, 0.6, None, 0.005, _GIT, 40, 420),
        ("git_diff", "git", 49, 22, 0.9, None, 0.007, _GIT, 70, 4200),
        ("git_log", "git", 34, 19, 0.7, None, 0.005, _GIT, 60, 2600),
        ("git_commit", "git", 11, 42, 0.7, None, 0.03, _GIT, 260, 180),
        ("git_blame", "git", 7, 55, 0.8, None, 0.006, _GIT, 80, 3800),
        ("run_tests", "devtools", 38, 8640, 1.2, None, 0.2, _TESTS, 130, 3900),
        ("typecheck", "devtools", 15, 4200, 0.75, 60, 0.16, _TYPES, 60, 1100),
        ("lint", "devtools", 17, 1100, 0.75, 60, 0.12, _LINT, 60, 800),
        ("docker_build", "devtools", 3, 48_000, 0.8, None, 0.22, _BUILD, 140, 9000),
        ("query_database", "devtools", 13, 38, 1.6, 30, 0.06, _SQL, 240, 2300),
        ("github_get_issue", "github", 16, 260, 0.75, 30, 0.015, _HTTP, 60, 4800),
        ("github_create_pr", "github", 5, 820, 0.6, 30, 0.04, _HTTP, 1500, 900),
        ("github_get_checks", "github", 9, 310, 0.7, 30, 0.01, _HTTP, 60, 2700),
        ("browser_navigate", "browser", 6, 1400, 1.2, 30, 0.06, _PAGE, 90, 9500),
        ("browser_click", "browser", 6, 190, 0.9, 30, 0.07, _PAGE, 70, 600),
        ("browser_screenshot", "browser", 4, 350, 0.7, 30, 0.02, _PAGE, 40, 180_000),
        ("slack_read_channel", "slack", 3, 240, 0.7, 30, 0.01, _HTTP, 60, 5100),
        ("slack_post_message", "slack", 4, 220, 0.7, 30, 0.01, _HTTP, 310, 120),
        ("jira_get_ticket", "jira", 7, 410, 0.8, 30, 0.02, _HTTP, 50, 3900),
        ("jira_search", "jira", 5, 690, 0.9, 30, 0.03, _HTTP, 120, 8800),
    )
)
"""All of them: those built into agents first, then by server."""

BY_NAME = {tool.name: tool for tool in TOOLS}

WORK: dict[str, dict[str, float]] = {
    "code": {},
    "review": {
        **dict.fromkeys(("edit_file", "write_file", "apply_patch", "docker_build"), 0.15),
        **dict.fromkeys(("git_diff", "git_log", "github_get_checks"), 3.0),
    },
    "research": {
        **dict.fromkeys(("edit_file", "write_file", "run_tests", "typecheck", "lint"), 0.2),
        **dict.fromkeys(("web_search", "fetch_url", "search_code", "browser_navigate"), 3.0),
    },
    "release": dict.fromkeys(("docker_build", "run_tests", "run_command", "github_create_pr"), 2.5),
    "triage": {"github_get_issue": 60.0, "edit_file": 0.2, "run_tests": 0.2},
}
"""What sessions are about: how many times as often some tools are called in them."""


def weighted(work: str, gone: frozenset[str]) -> Weighted[Tool]:
    """Return the tools as often as they are called in a kind of work, without those gone."""
    factors = WORK[work]
    return Weighted(
        (tool, tool.weight * factors.get(tool.name, 1.0)) for tool in TOOLS if tool.name not in gone
    )
