"""The errors of this package: those of starting the server, and those that answer a request."""

from __future__ import annotations

from devflow_analytics_db import AnalyticsDbError, ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class PortTakenError(AnalyticsDbError):
    """Another program listens on the port, or this user may not listen on it."""

    exit_status = 69


class AddressError(ConfigurationError):
    """The page cannot be served on an address: other machines could reach it, or it is not here."""


class RequestError(Exception):
    """A request that is answered with an error."""

    def __init__(
        self, status: int, kind: str, sentence: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Say what is wrong.

        Args:
            status: of the answer.
            kind: a word for programs.
            sentence: what is wrong and what to do next, for people.
            headers: more headers of the answer.
        """
        super().__init__(sentence)
        self.status = status
        self.kind = kind
        self.sentence = sentence
        self.headers = headers or {}


def bad_request(sentence: str) -> RequestError:
    """Return the error for a parameter that means nothing."""
    return RequestError(400, "bad_request", sentence)
