"""Answers the questions on the tool calls that DevFlow Analytics has recorded.

Each question is a function: from a connection for reading, a period and filters to a dataclass.
Nothing is written, and nothing is printed.

Importing this package imports nothing else: each name brings its module when it is first asked for.
"""

import sys

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:  # what `_MODULES` says, for type checkers
    from devflow_analytics_reports.csv_lines import write_csv as write_csv
    from devflow_analytics_reports.errors import (
        ExportError as ExportError,
        PeriodError as PeriodError,
        SessionNotFoundError as SessionNotFoundError,
    )
    from devflow_analytics_reports.exporting import (
        FORMATS as FORMATS,
        Exported as Exported,
        Format as Format,
        export_calls as export_calls,
    )
    from devflow_analytics_reports.filters import Filters as Filters
    from devflow_analytics_reports.following import Follower as Follower
    from devflow_analytics_reports.parts import By as By, Each as Each, Part as Part
    from devflow_analytics_reports.period import (
        Period as Period,
        Range as Range,
        parse_period as parse_period,
    )
    from devflow_analytics_reports.questions.calls import (
        Call as Call,
        NewestAfter as NewestAfter,
        SlowestAfter as SlowestAfter,
        calls_written_after as calls_written_after,
        last_written as last_written,
        newest_calls as newest_calls,
        slowest_calls as slowest_calls,
    )
    from devflow_analytics_reports.questions.failures import (
        Failure as Failure,
        Failures as Failures,
        Loop as Loop,
        failures as failures,
    )
    from devflow_analytics_reports.questions.sessions import (
        Session as Session,
        Sessions as Sessions,
        session as session,
        sessions as sessions,
    )
    from devflow_analytics_reports.questions.summary import (
        OverTime as OverTime,
        Summary as Summary,
        ToolTotals as ToolTotals,
        over_time as over_time,
        summary as summary,
    )
    from devflow_analytics_reports.questions.time_series import (
        Bucket as Bucket,
        TimeSeries as TimeSeries,
        time_series as time_series,
    )
    from devflow_analytics_reports.questions.timeline import (
        Bar as Bar,
        Lane as Lane,
        Stretch as Stretch,
        Timeline as Timeline,
        timeline as timeline,
    )
    from devflow_analytics_reports.questions.tools import (
        Tool as Tool,
        Tools as Tools,
        UncalledTool as UncalledTool,
        tool_names as tool_names,
        tools as tools,
    )
    from devflow_analytics_reports.sql.database import (
        find_session as find_session,
        recorded as recorded,
        resolved as resolved,
    )
    from devflow_analytics_reports.totals import Totals as Totals

_MODULES = {
    "questions.calls": (
        "Call",
        "NewestAfter",
        "SlowestAfter",
        "calls_written_after",
        "last_written",
        "newest_calls",
        "slowest_calls",
    ),
    "csv_lines": ("write_csv",),
    "errors": (
        "ExportError",
        "PeriodError",
        "SessionNotFoundError",
    ),
    "exporting": (
        "FORMATS",
        "Exported",
        "Format",
        "export_calls",
    ),
    "questions.failures": (
        "Failure",
        "Failures",
        "Loop",
        "failures",
    ),
    "filters": ("Filters",),
    "following": ("Follower",),
    "parts": ("By", "Each", "Part"),
    "period": (
        "Period",
        "Range",
        "parse_period",
    ),
    "questions.sessions": (
        "Session",
        "Sessions",
        "session",
        "sessions",
    ),
    "sql.database": ("find_session", "recorded", "resolved"),
    "questions.summary": (
        "OverTime",
        "Summary",
        "ToolTotals",
        "over_time",
        "summary",
    ),
    "questions.time_series": (
        "Bucket",
        "TimeSeries",
        "time_series",
    ),
    "questions.timeline": (
        "Bar",
        "Lane",
        "Stretch",
        "Timeline",
        "timeline",
    ),
    "questions.tools": (
        "Tool",
        "Tools",
        "UncalledTool",
        "tool_names",
        "tools",
    ),
    "totals": ("Totals",),
}
"""The public names, by the module that has them."""

__all__ = sorted(["__version__", *(name for names in _MODULES.values() for name in names)])  # noqa: PLE0605  a list all the same


def __getattr__(name: str) -> object:
    found = [module for module, names in _MODULES.items() if name in names]
    if not found:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = f"{__name__}.{found[0]}"
    try:
        __import__(module)
        value: object = getattr(sys.modules[module], name)
    except AttributeError as error:  # which would say that this package has no such name
        raise ImportError(f"{module} failed to import: {error}", name=module) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
