"""The calls of one made-up session."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_cli.made_up.chance import Weighted
from devflow_analytics_cli.made_up.story import DAY
from devflow_analytics_cli.made_up.tools import (
    BY_NAME,
    MISMATCH,
    RARE,
    RATE_LIMIT,
    STALE_INDEX,
    TEST_FAILURE,
    TIMEOUT,
)
from devflow_analytics_recorder import ObservedCall, named_id

if TYPE_CHECKING:
    from typing import Literal

    from devflow_analytics_cli.made_up.chance import Chance
    from devflow_analytics_cli.made_up.story import Story
    from devflow_analytics_cli.made_up.tools import Fault, Tool

CLIENTS = Weighted([("claude-code", 58), ("codex", 27), ("cursor", 15)])
PROJECTS = Weighted([("webshop", 45), ("payments-api", 30), ("infra", 15), ("docs", 10)])
SUBAGENTS = Weighted([("explore", 6), ("code-reviewer", 3), ("test-runner", 2)])

SUBAGENT_STARTS = 0.012
"""How likely a subagent starts at a call of Claude Code, which is the one that has them."""

LOOPS = {("edit_file", MISMATCH): 0.15, ("run_tests", TEST_FAILURE): 0.1}
"""How likely an agent that failed so tries the same again and again."""

PAUSES = 0.04
"""How likely the agent waits for its user before a call."""

RARELY = 0.002
"""How likely a call fails in one of the ways of `RARE`."""

HANGS = 0.002
"""How likely a call of a tool with a time limit reaches it, whatever it usually takes."""

LONGEST_MS = 420_000
"""The longest that a call of a tool without a limit takes."""


class Plan(NamedTuple):
    """What is settled of a session before its calls."""

    name: str
    """Its key is made from it."""
    work: str
    begins: float
    """Unix time, seconds."""
    calls: int
    ends: float | None = None
    """When its last call must have ended, if there is such a time; then it is moved there."""
    last: str | None = None
    """The tool that it must call last, if there is one."""


class _Draft(NamedTuple):
    """A call, as far as it does not depend on its session."""

    tool: Tool
    begun: float
    """Unix time, seconds."""
    duration_ms: float
    fault: Fault | None
    agent: str | None


def calls_of(plan: Plan, story: Story, chance: Chance) -> list[ObservedCall]:
    """Return the calls of a session, in their order."""
    client = chance.one_of(CLIENTS)
    drafts = _drafts(plan, story, chance, has_subagents=client == "claude-code")
    last = drafts[-1]
    moved = 0.0 if plan.ends is None else plan.ends - last.begun - last.duration_ms / 1000
    started_at = int(drafts[0].begun + moved - 1 - 20 * chance.random())
    key = named_id("demo", plan.name)
    version = _version(client, (started_at - story.now) // DAY)
    project = chance.one_of(PROJECTS)
    calls = []
    for number, (tool, begun, duration_ms, fault, agent) in enumerate(drafts):
        source, kind = _seen_by(client, tool)
        asked, told = (None, None) if source == "hook" else _sizes(tool, fault, chance)
        begun += moved  # noqa: PLW2901  from here on it is the time in the data
        calls.append(
            ObservedCall(  # by position, which takes half the time
                named_id("demo", f"{plan.name}, call {number}"),
                tool.name,
                duration_ms,
                _status(fault),
                int(begun + duration_ms / 1000),  # when it was recorded: as it ended
                key,
                started_at,
                source,
                kind,
                fault and fault.error_type,
                agent,
                fault and fault.kind,
                fault and fault.code,
                asked,
                told,
                int(begun * 1000),
                tool.server,
                client,
                version,
                project,
            )
        )
    return calls


def _drafts(plan: Plan, story: Story, chance: Chance, *, has_subagents: bool) -> list[_Draft]:
    drafts: list[_Draft] = []
    at = plan.begins
    again = by_subagent = 0  # how many calls a loop, and a subagent, still go on
    agent: str | None = None
    for number in range(plan.calls):
        before = drafts[-1] if drafts else None
        if by_subagent:
            by_subagent -= 1
        else:
            agent = None
            if has_subagents and chance.random() < SUBAGENT_STARTS:
                agent, by_subagent = chance.one_of(SUBAGENTS), 4 + chance.below(26)
        if plan.last and number == plan.calls - 1:
            tool, fault = BY_NAME[plan.last], None
        elif again > 1 and before:
            again -= 1
            tool, fault = before.tool, before.fault
        elif again:  # then the agent looks at the file at last
            again = 0
            tool, fault = BY_NAME["read_file"], None
        else:
            tool = chance.one_of(story.tools(plan.work, at))
            fault = _fault(tool, at, story, chance)
            is_new = not before or before.tool is not tool
            if fault and is_new and chance.random() < LOOPS.get((tool.name, fault), 0):
                again = 3 + chance.below(7)
        duration_ms, fault = _duration(tool, fault, at, story, chance)
        drafts.append(_Draft(tool, at, duration_ms, fault, agent))
        at += duration_ms / 1000 + _gap(chance)
    return drafts


def _gap(chance: Chance) -> float:
    """Return how many seconds pass before the next call."""
    if chance.random() < PAUSES:
        return min(chance.around(100, 1), 1500)
    return chance.around(3.5, 0.9)


def _fault(tool: Tool, at: float, story: Story, chance: Chance) -> Fault | None:
    """Return how a call fails, but for timeouts; None if it does not."""
    drawn = chance.random()
    if tool.name == "github_get_issue" and story.is_limited(at):
        return RATE_LIMIT
    if tool.name == "search_code" and at >= story.released and drawn > 0.94:  # noqa: PLR2004  one
        return STALE_INDEX  # time in sixteen
    if drawn < tool.failing:
        return chance.one_of(tool.faults)
    if tool.server and drawn < tool.failing + RARELY:
        return chance.one_of(RARE)
    return None


def _duration(
    tool: Tool, fault: Fault | None, at: float, story: Story, chance: Chance
) -> tuple[float, Fault | None]:
    """Return how many milliseconds a call takes, and how it fails: now also by a timeout."""
    median = tool.median_ms
    if fault == RATE_LIMIT:
        median /= 3  # a refusal is quick
    elif tool.name == "search_code" and at >= story.released:
        median *= 1.7
    taken = chance.around(median, tool.spread)
    if tool.limit_s is None:
        return round(min(taken, LONGEST_MS), 3), fault
    hangs = fault is None and chance.random() < HANGS
    if hangs or taken >= tool.limit_s * 1000:
        return round(tool.limit_s * 1000 + chance.around(6, 0.8), 3), TIMEOUT
    return round(taken, 3), fault


def _status(fault: Fault | None) -> Literal["success", "error", "timeout"]:
    if fault is None:
        return "success"
    return "timeout" if fault is TIMEOUT else "error"


def _seen_by(
    client: str, tool: Tool
) -> tuple[Literal["recorder", "proxy", "hook", "import"], Literal["run", "wall"]]:
    """Return who saw a call, and what its duration is the time of."""
    if client == "cursor":
        return "hook", "run"
    if tool.server is None:
        return "import", "wall"
    return ("recorder" if tool.server in {"code-index", "git", "devtools"} else "proxy"), "run"


def _sizes(tool: Tool, fault: Fault | None, chance: Chance) -> tuple[int, int | None]:
    """Return the bytes of the arguments and of the result."""
    asked = int(chance.around(tool.argument_bytes, 0.6))
    told = chance.around(tool.result_bytes, 1.1)
    if fault is TIMEOUT:
        return asked, None
    return asked, int(min(told, tool.result_bytes) if fault else told)


def _version(client: str, day: int) -> str:
    """Return the version of a client on a day, counted from now: it goes up with time."""
    if client == "claude-code":
        return f"2.1.{70 + day // 3}"
    return f"0.{95 + day // 7}.0" if client == "codex" else f"2.{9 + day // 14}"
