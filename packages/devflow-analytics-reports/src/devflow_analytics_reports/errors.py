"""The errors of this package; those of the database are the db package's."""

from __future__ import annotations

from devflow_analytics_db import AnalyticsDbError


class PeriodError(AnalyticsDbError):
    """A period that means nothing, or that has an end before its beginning."""


class SessionNotFoundError(AnalyticsDbError):
    """No session has this id, or more than one ends in it."""

    exit_status = 66


class ExportError(AnalyticsDbError):
    """Calls cannot be written in a format: a package is missing, or it cannot hold a value."""
