"""What `check` and `diagnose` return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from devflow_analytics_db.result import Result

if TYPE_CHECKING:
    from devflow_analytics_db.errors import AnalyticsDbError

Severity: TypeAlias = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was examined."""

    subject: str
    """What it is about, such as ``integrity`` or ``index session_id_idx``."""
    severity: Severity
    """``fail`` if the database is in danger or cannot be used, ``warn`` if it may come to that."""
    message: str
    """What was found."""
    advice: str | None = None
    """What to do about it; None if there is nothing to do.

    What a Python program can use stands in backquotes.
    """

    def __str__(self) -> str:
        line = f"{self.severity.upper():4}  {self.subject}: {self.message}"
        return f"{line} {self.advice}" if self.advice else line


@dataclass(frozen=True, slots=True)
class Diagnosis(Result):
    """What `check` or `diagnose` found, and what `diagnose` fixed."""

    file: str
    """The database file, symbolic links followed; the path as it was given if it is not usable."""
    findings: tuple[Finding, ...]
    """From `diagnose`, one for each check that could be made, in a fixed order.

    From `check`, one for each difference.
    """
    fixed: tuple[str, ...] = ()
    """What was fixed before the checks, in sentences."""

    @property
    def ok(self) -> bool:
        """Whether no finding is a ``fail``."""
        return all(finding.severity != "fail" for finding in self.findings)

    def __str__(self) -> str:
        lines = [self.file, *self.fixed, *map(str, self.findings)]
        return "\n".join(lines) if len(lines) > 1 else f"{self.file}: no findings"


def refusal(subject: str, error: AnalyticsDbError) -> Finding:
    """Return the finding for what would be raised elsewhere."""
    return Finding(subject, "fail", error.what, error.advice)
