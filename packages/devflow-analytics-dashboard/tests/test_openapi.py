"""The OpenAPI document, and that it is true."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from devflow_analytics_dashboard import answers, create_app, openapi
from devflow_analytics_dashboard.api import ROUTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW = 1_795_622_770

PATHS = [route.path.replace("{id:path}", "one") for route in ROUTES]


@pytest.fixture(autouse=True)
def rows(add: Callable[..., None]) -> None:
    calls = [
        {"tool_name": f"tool {number % 7}", "status": status, "timestamp": NOW - number * 3000}
        for number in range(60)
        for status in ("success", "error", "timeout")
    ]
    add(
        *(
            {"session_id": f"session {number // 50} one"[-20:], **call}
            for number, call in enumerate(calls)
        )
    )
    add({"session_id": "one", "server": "s", "result_bytes": 5, "started_ms": NOW * 1000})


@pytest.mark.parametrize(
    ("route", "query"),
    [
        pytest.param(route, query, id=f"{route.name}{query}")
        for route in ROUTES
        for query in ("", "?since=24h&tool=*")
        if route.parameters or not query
    ],
)
def test_an_answer_is_what_its_type_says_and_nothing_more(
    route: Any, query: str, client: Any
) -> None:
    body = client.get(route.path.replace("{id:path}", "one") + query).body
    answer = msgspec.json.decode(body, type=route.answer, strict=True)
    assert msgspec.json.encode(answer) == body


def test_the_document_is_served_as_it_is_returned(client: Any) -> None:
    assert client.get("/api/openapi.json").json == json.loads(json.dumps(openapi()))


def test_the_document_has_every_route(client: Any) -> None:
    paths = openapi()["paths"]
    expected = {route.path.replace(":path", "") for route in ROUTES}
    assert set(paths) == expected | {"/api/version", "/api/openapi.json"}
    for path in paths:
        assert client.get(path.replace("{id}", "one")).status == 200
    names = [path["get"]["operationId"] for path in paths.values()]
    assert len(set(names)) == len(names)


def references(value: object) -> Iterator[str]:
    """Yield what a document refers to."""
    if isinstance(value, dict):
        for key, some in value.items():
            if key == "$ref":
                yield some
            yield from references(some)
    elif isinstance(value, list):
        for some in value:
            yield from references(some)


def test_all_that_the_document_refers_to_is_in_it() -> None:
    document = openapi()
    found = set(references(document))
    assert len(found) > 20
    for reference in found:
        place: Any = document
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]


def test_every_type_of_an_answer_is_described() -> None:
    schemas = openapi()["components"]["schemas"]
    assert {"Summary", "Bucket", "Tool", "Call", "Session", "Timeline", "Lane", "Error"} <= set(
        schemas
    )
    assert [name for name, schema in schemas.items() if not schema.get("description")] == []


def parameters(path: str) -> dict[str, Any]:
    found = openapi()["paths"][path]["get"]["parameters"]
    return {parameter["name"]: parameter for parameter in found}


def test_a_parameter_that_repeats_is_a_list() -> None:
    found = parameters("/api/calls")
    assert found["status"]["schema"] == {
        "type": "array",
        "items": {"type": "string", "enum": ["success", "error", "timeout"]},
    }
    limit = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 50}
    assert found["limit"]["schema"] == limit
    assert parameters("/api/metrics/recent")["limit"]["schema"] == limit | {"default": 20}
    assert found["since"]["schema"] == {"type": "string", "default": "7d"}
    assert list(parameters("/api/sessions/{id}")) == ["id"]


@pytest.mark.parametrize("path", [*PATHS, "/api/version"])
def test_an_error_is_what_its_type_says(path: str, client: Any) -> None:
    for reply in (client.get(path, key=None), client.get(f"{path}?x=1")):
        error = msgspec.json.decode(reply.body, type=answers.Error)
        assert msgspec.json.encode(error) == reply.body
        assert str(reply.status) in openapi()["components"]["responses"]


def test_an_application_is_made_without_a_server() -> None:
    assert callable(create_app(key="x" * 32))
