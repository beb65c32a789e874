"""Pages of calls, and the calls that were written after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = 1_795_622_770


def pages(client: Any, query: str) -> list[list[str]]:
    """Return the ids of all pages of a query."""
    found, more = [], ""
    while True:
        page = client.get(f"/api/calls?{query}{more}").json
        found.append([call["id"] for call in page["calls"]])
        if page["next"] is None:
            return found
        more = f"&after={page['next']}"


@pytest.mark.parametrize("order", ["newest", "slowest"])
@pytest.mark.parametrize("limit", [1, 3, 10, 11])
def test_every_call_is_on_one_page_also_those_of_the_same_second_and_duration(
    order: str, limit: int, client: Any, add: Callable[..., None]
) -> None:
    add(
        *(
            {"timestamp": NOW - number // 4, "duration_ms": 0.1 + number // 5}
            for number in range(10)
        ),
        {"timestamp": NOW - 90 * 86_400},
    )
    found = pages(client, f"order={order}&limit={limit}")
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    ids = [call for page in found for call in page]
    assert sorted(ids) == sorted(f"c{number}" for number in range(1, 11))
    assert ids == pages(client, f"order={order}&limit=1000")[0]


def test_a_last_page_that_is_full_has_no_next(client: Any, add: Callable[..., None]) -> None:
    add({}, {})
    assert client.get("/api/calls?limit=2").json["next"] is None


def test_calls_that_come_in_between_move_no_page(client: Any, add: Callable[..., None]) -> None:
    add(*({"timestamp": NOW - 10} for _ in range(4)))
    first = client.get("/api/calls?limit=2").json
    add({"timestamp": NOW})
    second = client.get(f"/api/calls?limit=2&after={first['next']}").json
    assert [call["id"] for call in first["calls"] + second["calls"]] == ["c4", "c3", "c2", "c1"]


@pytest.mark.parametrize(
    "after",
    [
        "x",
        "!",
        "WzE3OTU2MjI3MTAsNV0x",
        "W10",
        "WzEsMiwzXQ",  # [1,2,3]
        "WzE4NDQ2NzQ0MDczNzA5NTUxNjE2LDFd",  # [18446744073709551616,1]
        "%C3%A9",
    ],
)
def test_a_page_goes_on_only_where_one_ended(after: str, client: Any) -> None:
    status, kind, sentence = client.get(f"/api/calls?after={after}").error
    assert (status, kind) == (400, "bad_request")
    assert sentence.startswith("after is ")
    assert sentence.endswith(". Give the value of next of an answer with the same order.")


def test_a_page_of_another_order_is_refused(client: Any, add: Callable[..., None]) -> None:
    add({}, {})
    page = client.get("/api/calls?order=slowest&limit=1").json
    assert client.get(f"/api/calls?after={page['next']}").status == 400
    assert client.get(f"/api/calls?order=slowest&after={page['next']}").status == 200


def test_calls_written_after_another_come_whatever_their_time(
    client: Any, add: Callable[..., None]
) -> None:
    add({"id": "first", "timestamp": NOW - 5})
    known = client.get("/api/calls").json["last_written"]
    assert known == "first"
    add(
        {"id": "late", "timestamp": NOW - 3600, "tool_name": "import"},
        {"id": "of last year", "timestamp": NOW - 365 * 86_400},
        {"id": "now"},
    )
    found = client.get(f"/api/calls?written_after={known}").json
    assert [call["id"] for call in found["calls"]] == ["now", "late"]
    assert (found["last_written"], found["next"], found["is_restart"]) == ("now", None, False)
    found = client.get(f"/api/calls?written_after={known}&limit=1").json
    assert [call["id"] for call in found["calls"]] == ["now"]
    found = client.get(f"/api/calls?written_after={known}&tool=import").json
    assert [call["id"] for call in found["calls"]] == ["late"]
    assert client.get("/api/calls?written_after=now").json["calls"] == []


def test_a_call_that_is_gone_is_a_restart_with_the_newest_calls(
    client: Any, add: Callable[..., None]
) -> None:
    add({"id": "a", "timestamp": NOW - 1}, {"id": "b"})
    found = client.get("/api/calls?written_after=gone").json
    assert ([call["id"] for call in found["calls"]], found["is_restart"]) == (["b", "a"], True)


@pytest.mark.parametrize("more", ["order=slowest", "after=WzE3OTU2MjI3MTAsNV0"])
def test_calls_written_after_another_have_no_other_order_and_no_pages(
    more: str, client: Any
) -> None:
    assert client.get(f"/api/calls?written_after=x&{more}").error == (
        400,
        "bad_request",
        "written_after goes with order=newest, and not with after. Leave one out.",
    )


def test_without_calls_nothing_is_last(client: Any, file: Path) -> None:
    assert file.exists()
    found = client.get("/api/calls").json
    assert (found["calls"], found["next"], found["last_written"]) == ([], None, None)
