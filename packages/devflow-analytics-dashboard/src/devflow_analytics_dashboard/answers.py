"""What the answers of the API hold: the source of its OpenAPI document."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Seconds = Annotated[int, Meta(description="A time in Unix seconds.")]
Milliseconds = Annotated[float, Meta(description="A duration in milliseconds.")]
Count = Annotated[int, Meta(ge=0)]
Server = Annotated[
    str | None,
    Meta(description="The MCP server; null if the tool is built into the agent, or not known."),
]
ErrorType = Annotated[str | None, Meta(description="The exception's class, or a code.")]


class Answer(Struct, kw_only=True):
    """Anything that is answered."""


class Error(Struct):
    """Why a request is not answered."""

    error: Annotated[str, Meta(description="What is wrong and what to do next, for people.")]
    kind: Annotated[str, Meta(description="The same for programs, in one word.")]


class Range(Answer):
    """A stretch of time."""

    since: Annotated[int, Meta(description="Its first second, in Unix time.")]
    until: Annotated[int, Meta(description="The first second after it, in Unix time.")]


class Period(Range):
    """The period that an answer is about."""

    name: Annotated[str, Meta(description="How it was asked for.")]
    zone: Annotated[
        str, Meta(description="The zone of its days: a name as Europe/Berlin, or UTC+01:00.")
    ]
    is_open: Annotated[bool, Meta(description="Whether more calls can come into it.")]
    before: Annotated[Range | None, Meta(description="The period before; null for all.")]
    now: Annotated[int, Meta(description="When this was answered, in Unix seconds.")]


class Totals(Answer):
    """What some calls amount to."""

    calls: Count
    errors: Count
    timeouts: Count
    total_ms: Annotated[float, Meta(description="How long all took together, in milliseconds.")]
    p50_ms: Annotated[float | None, Meta(description="The median; null without calls.")]
    p95_ms: Annotated[float | None, Meta(description="What 95 of 100 calls took at most.")]
    p99_ms: Annotated[float | None, Meta(description="What 99 of 100 calls took at most.")]
    percentile_error: Annotated[
        float, Meta(description="How far the percentiles may be off, as a share; 0 if exact.")
    ]


class Bucket(Range):
    """The calls of an hour, three hours, a day, a week, a month or a year of the period."""

    is_whole: Annotated[
        bool, Meta(description="Whether it is all of that time, and that time is over.")
    ]
    calls: Count
    errors: Count
    timeouts: Count
    total_ms: Milliseconds
    p50_ms: float | None
    p95_ms: float | None
    calls_before: Annotated[
        int | None,
        Meta(description="Calls as long after the beginning of the period before, if known."),
    ]
    histogram: Annotated[
        list[tuple[int, int]],
        Meta(
            description="Pairs of a bin and its calls. Bin n has durations from 2^(n/2) to"
            " 2^((n+1)/2) ms; -7 and 60 are the first and last, and have all beyond."
        ),
    ]


class Summary(Answer):
    """How things are in a period, beside the period before."""

    period: Period
    totals: Totals
    before: Annotated[Totals | None, Meta(description="Null if nothing was recorded by then.")]
    sessions: Annotated[int, Meta(description="Sessions with a call in the period.")]
    sessions_before: int | None
    each: Annotated[
        Literal["hour", "3 hours", "day", "week", "month", "year"],
        Meta(description="What a bucket is."),
    ]
    buckets: list[Bucket]
    recorded: Annotated[
        Range | None, Meta(description="From when to when calls are recorded at all.")
    ]


class Tool(Totals):
    """How a tool is doing."""

    tool: str
    server: Server
    calls_before: Count
    p95_before_ms: float | None
    sized_calls: Annotated[int, Meta(description="Calls whose result has a known size.")]
    result_bytes: Annotated[int | None, Meta(description="Bytes of those results together.")]
    last: Seconds
    trend: Annotated[list[int], Meta(description="Calls in equal parts of the period.")]
    trend_failed: Annotated[list[int], Meta(description="Those of them that failed.")]


class UncalledTool(Answer):
    """A tool that was only called before the period."""

    tool: str
    server: Server
    last: Seconds


class Tools(Answer):
    """How each tool is doing, and which are not called."""

    period: Period
    tools: Annotated[list[Tool], Meta(description="Those with most calls first.")]
    not_called: Annotated[
        list[UncalledTool], Meta(description="Empty with a filter other than tool.")
    ]
    servers_not_called: list[str]


class ToolNames(Answer):
    """The names of all tools that were ever called."""

    tools: list[str]


class Failure(Answer):
    """Calls of a tool that failed in the same way."""

    tool: str
    server: Server
    status: Literal["error", "timeout"]
    error_type: ErrorType
    calls: Count
    share: Annotated[float, Meta(description="Of all calls of the tool, 0 to 1.")]
    last: Seconds


class Loop(Answer):
    """Calls of a tool by one agent that failed one after the other."""

    tool: str
    server: Server
    session: str
    agent: str | None
    calls: Count
    since: Seconds
    last: Seconds
    error_type: ErrorType


class Errors(Answer):
    """What fails."""

    period: Period
    calls: Annotated[int, Meta(description="All calls of the period, however they ended.")]
    errors: Annotated[list[Failure], Meta(description="What fails most first.")]
    loops: Annotated[list[Loop], Meta(description="The longest first.")]


class Call(Answer):
    """One call of a tool."""

    id: str
    time: Annotated[int, Meta(description="When it was recorded, in Unix seconds.")]
    tool: str
    duration_ms: Milliseconds
    status: Literal["success", "error", "timeout"]
    error_type: ErrorType
    session: Annotated[str, Meta(description="The id of its session.")]
    server: Server
    agent: Annotated[str | None, Meta(description="Type of the subagent; null: the main one.")]
    source: Annotated[str | None, Meta(description="Who saw it.")]
    error_kind: str | None
    error_code: int | None
    request_bytes: int | None
    result_bytes: int | None
    started_ms: Annotated[int | None, Meta(description="When it began, in Unix milliseconds.")]
    duration_kind: Annotated[
        str | None, Meta(description="`wall` if the duration is an upper bound.")
    ]


class Calls(Answer):
    """A page of calls."""

    period: Period
    calls: list[Call]
    next: Annotated[str | None, Meta(description="`after` of the next page; null on the last.")]
    last_written: Annotated[
        str | None,
        Meta(description="The id of the call written last of all: `written_after` of later."),
    ]
    is_restart: Annotated[
        bool,
        Meta(description="True if the call of `written_after` is gone; these are the newest."),
    ]


class Session(Answer):
    """A run of an agent."""

    id: str
    started_at: Seconds
    last_at: Annotated[int, Meta(description="When its last call ended, in Unix seconds.")]
    is_running: Annotated[
        bool, Meta(description="Whether that was at most ten minutes ago: nothing tells it.")
    ]
    client: str | None
    client_version: str | None
    project: str | None
    calls: Count
    errors: Count
    timeouts: Count
    total_ms: Milliseconds
    tools: Annotated[dict[str, int], Meta(description="Calls by tool, most first.")]


class Sessions(Answer):
    """The sessions of a period."""

    period: Period
    count: Annotated[int, Meta(description="How many there are, in this answer or not.")]
    sessions: Annotated[list[Session], Meta(description="The last started first.")]


class Stretch(Answer):
    """A stretch of a session's timeline; between two of them there is a long gap."""

    since_ms: Annotated[int, Meta(description="In Unix milliseconds.")]
    until_ms: Annotated[int, Meta(description="In Unix milliseconds.")]
    column: float
    columns: float


class Bar(Answer):
    """A call, or several that would be drawn in the same place."""

    column: float
    columns: float
    status: Literal["success", "error", "timeout"]
    calls: Count


class Lane(Answer):
    """The calls of one tool in a session's timeline."""

    tool: str
    server: Server
    calls: Count
    failed: Count
    total_ms: Milliseconds
    bars: list[Bar]


class Timeline(Answer):
    """A session, and when its tools ran."""

    session: Session
    now: Seconds
    columns: Annotated[int, Meta(description="The width that columns are counted in.")]
    stretches: list[Stretch]
    lanes: Annotated[list[Lane], Meta(description="Tools with most time first, at most 12.")]
    more_tools: Annotated[int, Meta(description="Tools that have no lane.")]


class Version(Answer):
    """In which state the database is."""

    version: Annotated[
        str | None,
        Meta(description="Another one whenever the database changes; null: there is none."),
    ]
    database: Annotated[str, Meta(description="The path of the file; empty if none is meant.")]
    program: Annotated[str, Meta(description="The version of this program.")]
    now: Seconds
