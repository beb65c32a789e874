"""A request and its answer, as far as anybody wants to know what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    Headers: TypeAlias = Iterable[tuple[bytes, bytes]]


class Exchange:
    """What is told of a request, as each part has passed on, and of its answer, before it does.

    This one forgets it: it is for what nobody wants to know.
    """

    def see_request(self, data: bytes) -> None:
        """See the next part of the request's body."""

    def end_request(self) -> None:
        """See that the request is whole."""

    def see_head(self, status: int, headers: Headers) -> None:
        """See the head of the answer; names in lower case."""

    def see_answer(self, data: bytes) -> None:
        """See the next part of the answer's body."""

    def end_answer(self) -> None:
        """See that the answer is whole; it may be told twice."""

    def break_off(self, *, by_client: bool) -> None:
        """See that there will be no more, as the client, or else the server, has gone."""


class SafeExchange(Exchange):
    """Another exchange, whose faults do no harm to what passes."""

    def __init__(self, begin: Callable[[], Exchange], tell: Callable[[Exception], None]) -> None:
        """Put a net under an exchange.

        Args:
            begin: returns the exchange; after a fault it is told nothing more.
            tell: is told of a fault.
        """
        self._exchange = Exchange()
        self._tell = tell
        self._do(lambda: setattr(self, "_exchange", begin()))

    def see_request(self, data: bytes) -> None:
        """Tell the exchange, as all the others do."""
        self._do(self._exchange.see_request, data)

    def end_request(self) -> None:
        """Tell the exchange."""
        self._do(self._exchange.end_request)

    def see_head(self, status: int, headers: Headers) -> None:
        """Tell the exchange."""
        self._do(self._exchange.see_head, status, headers)

    def see_answer(self, data: bytes) -> None:
        """Tell the exchange."""
        self._do(self._exchange.see_answer, data)

    def end_answer(self) -> None:
        """Tell the exchange."""
        self._do(self._exchange.end_answer)

    def break_off(self, *, by_client: bool) -> None:
        """Tell the exchange."""
        self._do(lambda: self._exchange.break_off(by_client=by_client))

    def _do(self, step: Callable[..., None], *values: object) -> None:
        try:
            step(*values)
        except Exception as fault:  # noqa: BLE001  what passes is more than what is noted
            self._exchange = Exchange()
            self._tell(fault)
