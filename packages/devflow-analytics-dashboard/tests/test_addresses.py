"""Where a server listens."""

from __future__ import annotations

import errno
import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_dashboard import AddressError, Dashboard, PortTakenError
from devflow_analytics_db import AnalyticsDbError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HAS_IPV6 = pytest.mark.skipif(not socket.has_ipv6, reason="this Python knows no IPv6")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def first_ports(monkeypatch: pytest.MonkeyPatch) -> int:
    """Where to begin to look for a free port in this test: tests in parallel use others."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port: int = listening.getsockname()[1]
    monkeypatch.setattr("devflow_analytics_dashboard.listening.FIRST_PORT", port)
    monkeypatch.setattr("devflow_analytics_dashboard.listening.MORE_PORTS", 1)
    return port


def test_a_server_listens_before_it_runs_and_only_on_this_machine() -> None:
    with (
        Dashboard(port=0) as dashboard,
        closing(socket.create_connection(("127.0.0.1", dashboard.port), timeout=10)) as connection,
    ):
        assert connection.getpeername() == ("127.0.0.1", dashboard.port)
        assert dashboard.host == "127.0.0.1"
        assert dashboard.url == f"http://127.0.0.1:{dashboard.port}/#key={dashboard.key}"


def test_the_port_is_8321_unless_it_is_taken() -> None:
    from devflow_analytics_dashboard import listening  # noqa: PLC0415  its only use

    assert (listening.FIRST_PORT, listening.MORE_PORTS) == (8321, 20)


def test_the_next_free_port_is_taken_and_in_the_end_any(first_ports: int) -> None:
    dashboards = []
    try:
        for _ in range(4):
            dashboards.append(Dashboard())  # noqa: PERF401  each is to be closed, whatever comes
        found = [dashboard.port for dashboard in dashboards]
        assert found[0] == first_ports
        assert found[1] in {first_ports + 1, found[1]}
        assert len(set(found)) == 4
    finally:
        for dashboard in dashboards:
            dashboard.close()


def test_a_given_port_that_is_taken_is_told(taken: int) -> None:
    with pytest.raises(PortTakenError) as raised:
        Dashboard(port=taken)
    assert str(raised.value) == (
        f"Port {taken} of 127.0.0.1 is taken by another program. Give another `port`, or none for"
        " the next that is free."
    )
    assert raised.value.exit_status == 69
    assert isinstance(raised.value, AnalyticsDbError)


def test_a_port_that_is_not_allowed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(PortTakenError) as raised:
        Dashboard(port=80)
    assert str(raised.value) == (
        "This user may not listen on port 80 of 127.0.0.1. Give a `port` of 1024 or more, or none."
    )


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.1", "localhost", "127.0.0.2", "", "attacker.example"]
)
def test_an_address_that_others_may_reach_is_refused(host: str) -> None:
    with pytest.raises(AddressError) as raised:
        Dashboard(host=host, port=0)
    assert str(raised.value) == (
        f"The page is not served on {host!r}: other machines could reach it there. Use 127.0.0.1 or"
        " ::1, and from another machine ssh -L; in a container, set"
        " DEVFLOW_ANALYTICS_IN_CONTAINER=1 to use 0.0.0.0 or ::."
    )
    assert isinstance(raised.value, ConfigurationError)


@pytest.mark.parametrize("value", ["", "0", "yes"])
def test_a_container_is_told_by_1_alone(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_IN_CONTAINER", value)
    with pytest.raises(AddressError):
        Dashboard(host="0.0.0.0", port=0)


def test_in_a_container_every_address_is_taken(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_IN_CONTAINER", "1")
    client = serve(host="0.0.0.0")
    client.host = "127.0.0.1"
    assert client.get("/api/version").status == 200
    assert client.get("/api/version", Host="192.168.1.1:8321").status == 421
    with Dashboard(host="0.0.0.0", port=0) as dashboard:
        assert dashboard.url == f"http://127.0.0.1:{dashboard.port}/#key={dashboard.key}"
    with pytest.raises(AddressError):
        Dashboard(host="192.168.1.1", port=0)


@HAS_IPV6
def test_the_address_of_ipv6_is_served_too(serve: Callable[..., Any]) -> None:
    client = serve(host="::1")
    assert client.get("/api/version").status == 200
    assert client.get("/api/version", Origin=f"http://[::1]:{client.port}").status == 200
    with Dashboard(host="::1", port=0) as dashboard:
        assert dashboard.url == f"http://[::1]:{dashboard.port}/#key={dashboard.key}"


@HAS_IPV6
def test_in_a_container_every_address_of_ipv6_is_taken(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_IN_CONTAINER", "1")
    client = serve(host="::")
    for host in ("::1", "127.0.0.1"):
        client.host = host
        assert client.get("/api/version").status == 200


@pytest.mark.parametrize("where", ["socket", "bind"])
def test_an_address_that_this_machine_lacks_is_told(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    monkeypatch.setattr(
        *((socket, "socket") if where == "socket" else (socket.socket, "bind")), refuse
    )
    with pytest.raises(AddressError) as raised:
        Dashboard(host="::1")
    assert str(raised.value) == (
        "This machine cannot listen on ::1: Cannot assign requested address. Use 127.0.0.1."
    )


def test_several_servers_run_at_once_each_with_its_key(serve: Callable[..., Any]) -> None:
    first, second = serve(), serve()
    assert first.get("/api/version").status == second.get("/api/version").status == 200
    assert first.get("/api/version", key=second.key).status == 401
