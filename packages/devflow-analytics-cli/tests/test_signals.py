from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_cli.signals import ENDING, ending_by_exception, signals_waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Handler = Callable[..., object] | int


@contextmanager
def handled(number: int, handler: Handler) -> Iterator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@pytest.fixture(autouse=True)
def default() -> Iterator[None]:
    """Let the signals have no handler, whatever runs the tests."""
    with handled(signal.SIGTERM, signal.SIG_DFL), handled(signal.SIGHUP, signal.SIG_DFL):
        yield


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_that_ends_the_process_raises_once(number: int, status: int) -> None:
    cleaned = []

    def clean_up_after() -> None:
        try:
            signal.raise_signal(number)
        finally:
            for other in ENDING:
                signal.raise_signal(other)
                cleaned.append(other)

    with pytest.raises(SystemExit) as raised, ending_by_exception():
        clean_up_after()
    assert (raised.value.code, cleaned) == (status, list(ENDING))
    assert [signal.getsignal(one) for one in ENDING] == [signal.SIG_DFL, signal.SIG_DFL]


def test_a_signal_that_is_ignored_or_heard_stays_so() -> None:
    heard: list[int] = []

    def hear(number: int, _: object) -> None:
        heard.append(number)

    signal.signal(signal.SIGHUP, hear)
    with pytest.raises(SystemExit), ending_by_exception():
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGHUP)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with ending_by_exception():
        signal.raise_signal(signal.SIGHUP)
    assert (heard, signal.getsignal(signal.SIGHUP)) == ([signal.SIGHUP], signal.SIG_IGN)


@pytest.mark.parametrize("number", [signal.SIGINT, *ENDING])
def test_signals_wait_until_the_block_is_done(number: int) -> None:
    done = []

    def work() -> None:
        signal.raise_signal(number)
        done.append(number)

    with (
        handled(signal.SIGINT, signal.default_int_handler),
        pytest.raises((KeyboardInterrupt, SystemExit)),
        ending_by_exception(),
        signals_waiting(),
    ):
        work()
    assert done == [number]
