"""A condensed document is the document, without what is long or deep in it."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from devflow_analytics_capture.logs import condense
from devflow_analytics_capture.logs.condense import DEEPEST, LONGEST_TEXT, Condenser

CHARACTERS = (
    *("a", "b", '"', "\\", "/", "\n", "{", "}", "[", "]", ",", ":", "ü", "€", "\U0001f600"),
    *("\0", "\ud800", "\udc00"),
)


def condensed(document: bytes, *cuts: int) -> bytes:
    condenser = Condenser()
    for start, end in zip([0, *cuts], [*cuts, len(document)], strict=True):
        condenser.feed(document[start:end])
    return condenser.result()


def made_up(chance: Random, depth: int = 0) -> Any:
    kind = chance.randrange(8 if depth < 8 else 5)
    if kind == 0:
        return chance.choice([None, True, False, 0, -1.5e300, 12345678901234567890])
    if kind < 5:
        length = chance.choice([0, 1, 5, LONGEST_TEXT - 1, LONGEST_TEXT, LONGEST_TEXT + 1, 2000])
        return "".join(chance.choices(CHARACTERS, k=length))
    inner = [made_up(chance, depth + 1) for _ in range(chance.randrange(4))]
    return inner if kind == 5 else {chance.choice("abcdef"): value for value in inner}


def pruned(value: Any, depth: int = 0) -> Any:
    """Return what is left of a value but for its long texts."""
    if isinstance(value, (dict, list)) and depth == DEEPEST:
        return None
    if isinstance(value, dict):
        return {key: pruned(inner, depth + 1) for key, inner in value.items()}
    return [pruned(inner, depth + 1) for inner in value] if isinstance(value, list) else value


def differences(whole: Any, left: Any) -> list[tuple[str, str]]:
    """Return the texts that differ; all else must not."""
    if isinstance(whole, str) and isinstance(left, str):
        return [] if whole == left else [(whole, left)]
    assert type(whole) is type(left)
    if isinstance(whole, dict):
        assert list(whole) == list(left)
        return [pair for key in whole for pair in differences(whole[key], left[key])]
    if isinstance(whole, list):
        assert len(whole) == len(left)
        return [pair for pair in zip(whole, left, strict=True) for pair in differences(*pair)]
    assert whole == left
    return []


@pytest.mark.parametrize("escapes", [True, False])
def test_what_is_left_is_the_document_with_its_long_texts_cut_and_its_depths_null(
    escapes: bool,  # noqa: FBT001  a parameter
) -> None:
    chance = Random(1)
    cut = 0
    for _ in range(300):
        whole = made_up(chance)
        document = json.dumps(whole, ensure_ascii=escapes).encode(errors="replace")
        whole = json.loads(document)
        indented = json.dumps(whole, ensure_ascii=escapes, indent=1).encode(errors="replace")
        left = condensed(document)
        for text, kept in differences(pruned(whole), json.loads(left)):
            assert text.startswith(kept)
            assert len(json.dumps(text, ensure_ascii=escapes).encode(errors="replace")) - 2 > 512
            assert len(json.dumps(kept, ensure_ascii=escapes).encode(errors="replace")) - 2 > 480
            cut += 1
        assert json.loads(condensed(indented)) == json.loads(left)
        where = sorted(chance.randrange(len(document) + 1) for _ in range(chance.randrange(9)))
        assert condensed(document, *where) == left
        assert condensed(document, *range(1, len(document))) == left
    assert cut > 100


@pytest.mark.parametrize("at", range(20))
def test_no_half_of_an_escape_or_of_a_character_is_left(at: int) -> None:
    for end in ("\\ud83d\\ude00", "\\\\\\\\\\\\", "\\n\\n\\n", "üüüü", "\U0001f600\U0001f600"):
        document = ('"' + "x" * (LONGEST_TEXT - at) + end + "y" * 50 + '"').encode()
        for cut in range(LONGEST_TEXT - at, len(document)):
            left = condensed(document, cut)
            text = json.loads(left)
            assert json.loads(document).startswith(text)
            text.encode()  # no lone surrogate
            assert len(left) <= LONGEST_TEXT + 2


def test_what_is_no_document_is_none_afterwards() -> None:
    for broken in (b"", b'{"a":', b'{"a":"b', b"}", b"]]]]", b'{"a" "b"}', b'"', b'{"a":"\\'):
        with pytest.raises(ValueError, match="column"):
            json.loads(condensed(broken))


def test_a_list_of_many_short_texts_is_kept() -> None:
    names = {"filenames": [f"src/module_{number:05}/__init__.py" for number in range(90_000)]}
    assert json.loads(condensed(json.dumps(names).encode(), 2**20)) == names


def test_a_document_that_stays_large_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(condense, "MOST", 1000)
    left = condensed(json.dumps(["x"] * 1000).encode())
    assert len(left) <= 1000 + LONGEST_TEXT
    with pytest.raises(ValueError, match="column"):
        json.loads(left)


def test_a_depth_without_end_costs_nothing() -> None:
    assert condensed(b"[" * 100_000) == b"[" * DEEPEST + b"null"
    assert json.loads(condensed(b"[" * 100_000 + b"]" * 100_000)) == [[[[[None]]]]]
