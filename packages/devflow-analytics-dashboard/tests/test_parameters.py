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
