"""That a JSON text is changed in one place, and read as Python reads it."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from devflow_analytics_capture.settings.document import (
    Array,
    NotJsonError,
    Object,
    Scalar,
    appended,
    parse,
    replaced,
    without,
)


def plain(value: Object | Array | Scalar) -> Any:
    if isinstance(value, Object):
        return {member.key: plain(member.value) for member in value.items}
    if isinstance(value, Array):
        return [plain(item) for item in value.items]
    return value.value


def made(chance: random.Random, depth: int = 0) -> Any:
    """Make any value."""
    kind = chance.choice("onasbe" if depth < 3 else "nsb")
    texts = ["", "a", "hooks", "é", "😀", '"', "\\", "\n", "{", "]", ",", "\ud800"]
    if kind == "o":
        return {
            chance.choice(texts) + str(n): made(chance, depth + 1)
            for n in range(chance.randrange(4))
        }
    if kind in "ae":
        return [made(chance, depth + 1) for _ in range(chance.randrange(4))]
    if kind == "n":
        return chance.choice([0, -1, 1.5, 1e300, 10**30, None])
    return chance.choice([True, False]) if kind == "b" else chance.choice(texts)


def laid_out(value: Any, chance: random.Random) -> str:
    """Write a value as somebody might."""
    return json.dumps(
        value,
        indent=chance.choice([None, 2, 4, "\t", 0]),
        ensure_ascii=chance.choice([True, False]),
        separators=chance.choice([None, (",", ":"), (" ,\n", " : ")]),
    )


@pytest.mark.parametrize("seed", range(60))
def test_any_text_is_read_as_python_reads_it(seed: int) -> None:
    chance = random.Random(seed)
    value = made(chance)
    text = laid_out(value, chance)
    for whole in (text, f"\ufeff{text}", f" \r\n{text}\t\n"):
        assert plain(parse(whole)) == value


@pytest.mark.parametrize("seed", range(60))
def test_what_is_appended_and_taken_out_again_leaves_the_text_as_it_was(seed: int) -> None:
    chance = random.Random(seed)
    for value in ({"a": made(chance), "b": 1}, [made(chance), 2]):
        text = laid_out(value, chance)
        container = parse(text)
        assert isinstance(container, (Object, Array))
        key = "new" if isinstance(container, Object) else None
        new = appended(text, container, {"x": [1, {}], "é": []}, key)
        after = parse(new)
        assert isinstance(after, (Object, Array))
        found = plain(after)
        assert (found["new"] if key else found[-1]) == {"x": [1, {}], "é": []}
        assert without(new, after, after.items[-1]) == text


@pytest.mark.parametrize("seed", range(20))
def test_an_item_is_taken_out_and_no_other(seed: int) -> None:
    chance = random.Random(seed)
    values = [made(chance) for _ in range(chance.randrange(1, 5))]
    text = laid_out(values, chance)
    container = parse(text)
    assert isinstance(container, Array)
    for place, item in enumerate(container.items):
        rest = without(text, container, item)
        assert json.loads(rest) == values[:place] + values[place + 1 :]


def test_a_scalar_is_replaced() -> None:
    text = '{ "a" : "old", "b": 1 }'
    root = parse(text)
    assert isinstance(root, Object)
    value = root.get("a")
    assert isinstance(value, Scalar)
    assert replaced(text, value, 'né"w') == '{ "a" : "né\\"w", "b": 1 }'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", '{\n  "k": [\n    1\n  ]\n}'),
        ('{\n\t"a": 1\n}\n', '{\n\t"a": 1,\n\t"k": [\n\t\t1\n\t]\n}\n'),
        ('{\r\n    "a": 1\r\n}', '{\r\n    "a": 1,\r\n    "k": [\r\n        1\r\n    ]\r\n}'),
        ('{"a": 1}', '{"a": 1,\n  "k": [\n    1\n  ]}'),
        ('{"a": {\n   "b": 1}}', '{"a": {\n   "b": 1},\n   "k": [\n      1\n   ]}'),
        ('\ufeff{\n  "a": 1\n}', '\ufeff{\n  "a": 1,\n  "k": [\n    1\n  ]\n}'),
    ],
)
def test_what_is_appended_is_laid_out_as_the_rest_is(text: str, expected: str) -> None:
    root = parse(text)
    assert isinstance(root, Object)
    assert appended(text, root, [1], "k") == expected


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ("", 1, 1, "it ends too early"),
        ("{", 1, 2, "it ends too early"),
        ('{"a": 1', 1, 8, "it ends too early"),
        ('{"a": 1,}', 1, 9, "'}' is not expected"),
        ('{\n  "a": 1,\n  // a comment\n}', 3, 3, "there is a comment, which JSON does not have"),
        ('{\n  "a": /* one */ 1}', 2, 8, "there is a comment, which JSON does not have"),
        ('{"a": 1, "b": 2,\n "a": 3}', 2, 2, "the key 'a' is there twice"),
        ("{'a': 1}", 1, 2, '"\'" is not expected'),
        ('{"a" 1}', 1, 6, "'1' is not expected"),
        ("{a: 1}", 1, 2, "'a' is not expected"),
        ("[1 2]", 1, 4, "'2' is not expected"),
        ("[1,]", 1, 4, "']' is not expected"),
        ("[NaN]", 1, 2, "'N' is not expected"),
        ("[1] 2", 1, 5, "there is more after the end"),
        ('["a\nb"]', 1, 4, "the string is not one of JSON's"),
        ('["a', 1, 2, "the string is not one of JSON's"),
        ('["\\x"]', 1, 3, "the string is not one of JSON's"),
        ("[" * 1000, 1, 202, "it is nested too deeply"),
        ("[" + "1" * 5000 + "]", 1, 2, "the number is too long"),
        ("nul", 1, 1, "'n' is not expected"),
    ],
)
def test_what_is_no_json_is_named_with_its_place(
    text: str, line: int, column: int, reason: str
) -> None:
    with pytest.raises(NotJsonError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column, caught.value.reason) == (line, column, reason)
