"""What a query may say, and how what it may not say is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_795_622_770


@pytest.fixture(autouse=True)
def rows(add: Callable[..., None], insert: Callable[..., None]) -> None:
    insert(
        "sessions",
        {"id": "one-a", "started_at": NOW, "client": "codex", "project": "shop"},
        {"id": "one-b", "started_at": NOW, "client": "cursor"},
    )
    add(
        {"id": "1", "session_id": "one-a", "tool_name": "git_log", "server": "git"},
        {"id": "2", "session_id": "one-a", "tool_name": "git_diff", "status": "error"},
        {"id": "3", "session_id": "one-b", "tool_name": "read", "status": "timeout"},
        {"id": "4", "session_id": "one-b", "tool_name": "é 100%&=+", "timestamp": NOW - 86_400},
    )


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", "1234"),
        ("tool=git_*", "12"),
        ("tool=git_log&tool=read", "13"),
        (f"tool={quote('é 100%&=+')}", "4"),
        ("tool=%00", ""),
        ("tool=%ED%A0%80", ""),
        ("tool=%ff%fe", ""),
        ("status=error&status=timeout", "23"),
        ("server=g*", "1"),
        ("client=codex", "12"),
        ("project=shop", "12"),
        ("session=e-b", "34"),
        ("session=one-a&session=one-b", "1234"),
        ("session=one-a&status=error", "2"),
        ("since=12h", "123"),
        ("since=yesterday&until=yesterday&zone=UTC", "4"),
        ("since=2026-11-24&until=2026-11-24&zone=Pacific/Kiritimati", ""),
        ("&", "1234"),
    ],
)
def test_calls_are_filtered(query: str, ids: str, client: Any) -> None:
    found = client.get(f"/api/calls?{query}").json["calls"]
    assert sorted(call["id"] for call in found) == list(ids)


ROUTES = ("summary", "tools", "errors", "calls", "sessions")


@pytest.mark.parametrize("route", ROUTES)
def test_every_list_takes_the_filters(route: str, client: Any) -> None:
    whole = client.get(f"/api/{route}").json
    filtered = client.get(
        f"/api/{route}?tool=git_*&status=error&server=x&client=x&project=x&session=e-a&zone=UTC"
    ).json
    assert list(whole) == list(filtered)
    assert whole != filtered


KNOWN = "since, until, zone, tool, status, server, client, project, session"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("sinse=7d", f"'sinse' is no parameter here. There are: {KNOWN}."),
        ("limit=3", f"'limit' is no parameter here. There are: {KNOWN}."),
        ("%C3%A9=1", f"'é' is no parameter here. There are: {KNOWN}."),
        ("since=", "since is empty. Give it a value, or leave it out."),
        ("tool", "tool is empty. Give it a value, or leave it out."),
        ("tool=a&tool=", "tool is empty. Give it a value, or leave it out."),
        ("since=7d&since=24h", "since is given more than once. Give it once."),
        ("status=bad", "status is 'bad'. Give one of success, error, timeout."),
        ("until=2026-11-01", "the period ends before it begins: '7d' to '2026-11-01'."),
        ("since=2030-01-01", "'2030-01-01' is in the future."),
        ("since=999999w", "'999999w' is a year that clocks do not show."),
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
        "'soon' is not a period: give one like 24h, 7d or 4w, today, yesterday, this-week,"
        " this-month, all, a day like 2026-11-30, or a time like 2026-11-30T12:00.",
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


def test_a_period_of_too_many_buckets_is_refused(client: Any, add: Callable[..., None]) -> None:
    add({"timestamp": -(2**40)})
    status, kind, sentence = client.get("/api/summary?since=all").error
    assert (status, kind) == (400, "bad_request")
    assert sentence[-1] == "."


@pytest.mark.parametrize("path", ["sessions/nothing", "calls?session=nothing"])
def test_a_session_that_is_not_there_is_not_found(path: str, client: Any) -> None:
    assert client.get(f"/api/{path}").error == (
        404,
        "no_session",
        "No session has the id 'nothing', or one that ends so. `sessions()` lists them.",
    )


def test_the_end_of_several_ids_is_refused(client: Any, add: Callable[..., None]) -> None:
    add({"session_id": "two-a"})
    assert client.get("/api/sessions/-a").error == (
        404,
        "no_session",
        "More than one session has an id that ends in '-a'. Give more of it.",
    )


def test_advice_is_put_into_other_words(file: Any, serve: Callable[..., Any]) -> None:
    client = serve(file, advise=lambda advice: advice.replace("`sessions()`", "the list"))
    assert client.get("/api/sessions/nothing").error[2].endswith(" the list lists them.")
