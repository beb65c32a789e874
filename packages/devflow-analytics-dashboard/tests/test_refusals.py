"""How a query is refused that means nothing: with the value, the fault, and what to do."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def client(shared_client: Any) -> Any:
    """A client of a server that is shared: nothing is changed here."""
    return shared_client


NUMBER = (
    "is not a period: a number before h, d or w goes from 1 to 999999. Give one like 24h, 7d or 4w."
)

KNOWN = "since, until, zone, tool, status, server, client, project, session"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("begin=7d", f"'begin' is no parameter here. There are: {KNOWN}."),
        ("limit=3", f"'limit' is no parameter here. There are: {KNOWN}."),
        ("%C3%A9=1", f"'é' is no parameter here. There are: {KNOWN}."),
        ("since=", "since is empty. Give it a value, or leave it out."),
        ("tool", "tool is empty. Give it a value, or leave it out."),
        ("tool=a&tool=", "tool is empty. Give it a value, or leave it out."),
        ("since=7d&since=24h", "since is given more than once. Give it once."),
        ("status=bad", "status is 'bad'. Give one of success, error, timeout."),
        (
            "until=2026-11-01",
            "The period ends before it begins: '7d' to '2026-11-01'. Give a later end.",
        ),
        (
            "since=2030-01-01",
            "'2030-01-01' is in the future. Give an earlier time, or an end as well.",
        ),
        ("since=999999w", "'999999w' is beyond the years 1 to 9999. Give a time within them."),
        ("since=0d", f"'0d' {NUMBER}"),
        ("since=99999999d", f"'99999999d' {NUMBER}"),
        (f"tool={'x' * 1001}", "tool has 1,001 letters. Give it at most 1,000."),
        ("&".join(["tool=x"] * 101), "The query has too many parameters. Give at most 100."),
    ],
)
def test_a_query_that_means_nothing_is_refused(query: str, sentence: str, client: Any) -> None:
    assert client.get(f"/api/summary?{query}").error == (400, "bad_request", sentence)


def test_a_period_that_means_nothing_is_refused_with_those_there_are(client: Any) -> None:
    assert client.get("/api/summary?since=soon").error == (
        400,
        "bad_request",
        (
            "'soon' is not a period. Give one like 24h, 7d or 4w, today, yesterday, this-week,"
            " this-month, all, a day like 2026-11-30, or a time like 2026-11-30T12:00."
        ),
    )


def test_a_hundred_filters_are_taken(client: Any) -> None:
    assert client.get(f"/api/calls?{'&'.join(['tool=g*'] * 100)}").status == 200


@pytest.mark.parametrize(
    "zone",
    ["Mars/Base", "../../etc/passwd", "/etc/localtime", "Europe", "tzdata.zi", "%00", "x" * 300],
)
def test_a_zone_that_is_not_known_is_refused(zone: str, client: Any) -> None:
    status, kind, sentence = client.get(f"/api/summary?zone={zone}").error
    assert (status, kind) == (400, "bad_request")
    assert sentence.endswith(", which is not known here. Give a name as Europe/Berlin or UTC.")


@pytest.mark.parametrize(
    "limit", ["0", "-1", "1001", "1e3", "x", "%D9%A3", "1" * 900, "0x1", "1.0", "%201", "1_0"]
)
def test_a_limit_is_a_number_from_1_to_1000(limit: str, client: Any) -> None:
    for route in ("calls", "sessions", "metrics/recent"):
        status, kind, sentence = client.get(f"/api/{route}?limit={limit}").error
        assert (status, kind) == (400, "bad_request")
        assert sentence.endswith(". Give a whole number from 1 to 1000.")


def test_an_order_is_one_of_two(client: Any) -> None:
    assert client.get("/api/calls?order=oldest").error == (
        400,
        "bad_request",
        "order is 'oldest'. Give one of newest, slowest.",
    )


@pytest.mark.parametrize("path", ["tools/names", "sessions/one-a", "version", "openapi.json"])
def test_a_route_without_parameters_takes_none(path: str, client: Any) -> None:
    assert client.get(f"/api/{path}?since=7d").error == (
        400,
        "bad_request",
        "'since' is no parameter here. There are: none.",
    )
