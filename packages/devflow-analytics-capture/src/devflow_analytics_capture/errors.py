"""The errors of this package; those of the database are the db package's."""

from __future__ import annotations

from devflow_analytics_db import AnalyticsDbError, ConfigurationError


class SettingsError(AnalyticsDbError):
    """An agent's settings are not what they should be, so they are left as they are."""

    exit_status = 65


class AgentNotFoundError(AnalyticsDbError):
    """The agent is not installed, as far as can be seen: it has no settings."""

    exit_status = 66


class ServerNotFoundError(AnalyticsDbError):
    """No settings that were found have an MCP server of that name."""

    exit_status = 66


class SettingsChangedError(AnalyticsDbError):
    """Somebody else goes on changing the settings; they are left as they are."""

    exit_status = 75


class ServerAddressError(ConfigurationError):
    """The address is none of a server that speaks HTTP, or it holds a name or a password."""


class PortTakenError(AnalyticsDbError):
    """Another program listens on the port, or this user may not listen on it."""

    exit_status = 69
