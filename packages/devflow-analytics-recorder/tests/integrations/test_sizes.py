"""How many bytes arguments and results are, as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, Field

from devflow_analytics_recorder.integrations.sizes import LONG, Sizes


class Text(BaseModel):
    type: str = "text"
    text: str
    annotations: None = None


class Image(BaseModel):
    type: str = "image"
    data: str
    mime_type: str = Field("image/png", alias="mimeType")


class Result(BaseModel):
    meta: None = Field(None, alias="_meta")
    content: list[Text | Image]
    structuredContent: Any = None  # noqa: N815  as it is sent


def encoded(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def sent(result: Result) -> dict[str, Any]:
    return result.model_dump(by_alias=True, exclude_none=True)


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        (None, 0),
        ({}, 2),
        ({"a": 1, "b": "two"}, 17),
        ({"é": "\n"}, 11),
        ([1], 3),
        ({"a": object()}, None),
        ({"a": "\ud800"}, None),
    ],
)
def test_arguments_are_as_large_as_their_json(arguments: object, size: int | None) -> None:
    assert Sizes().arguments(arguments) == size


@pytest.mark.parametrize(
    "content",
    [
        [],
        [Text(text="short")],
        [Text(text='"é\n\t\\\x01漢😀')],
        [Text(text="a"), Image(data="QUJD")],
    ],
)
def test_a_result_is_as_large_as_its_json_as_a_model_and_as_an_object(
    content: list[Text | Image],
) -> None:
    result = Result(content=content, structuredContent={"rows": [1, None, "é"]})
    size = encoded(sent(result))
    assert Sizes().result(result, result.content) == size
    assert Sizes().result(sent(result), sent(result)["content"]) == size


@pytest.mark.parametrize("text", ["a", "é", "漢", "\n", '"'])
def test_a_long_text_of_one_character_is_measured_exactly(text: str) -> None:
    result = Result(content=[Text(text=text * (3 * LONG + 1)), Text(text="b"), Image(data="QUJD")])
    size = encoded(sent(result))
    assert Sizes().result(result, result.content) == size
    assert Sizes().result(sent(result), sent(result)["content"]) == size


def test_a_long_text_is_estimated_from_parts_of_it() -> None:
    lines = "".join(f'\t{{"id": {number}, "name": "é"}},\n' for number in range(50_000))
    result = Result(content=[Text(text=lines + "x" * 500_000)])
    assert Sizes().result(result, result.content) == pytest.approx(encoded(sent(result)), rel=0.05)


def test_a_long_image_is_measured_without_its_data_being_encoded() -> None:
    result = Result(content=[Image(data="QUJD" * LONG)])
    assert Sizes().result(result, result.content) == encoded(sent(result))


def test_what_cannot_be_sent_has_no_size() -> None:
    assert Sizes().result({"content": [], "structuredContent": object()}, []) is None
