"""What is typed is read without click where that leaves no doubt."""

from __future__ import annotations

import pytest

from devflow_analytics_capture import wrap_arguments


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("wrap -- npx -y x", (["npx", "-y", "x"], {})),
        ("wrap npx -y x", (["npx", "-y", "x"], {})),
        (
            "wrap --server a --client=b -- c -- d",
            (["c", "--", "d"], {"server": "a", "client": "b"}),
        ),
        ("--db f wrap x --server y", (["x", "--server", "y"], {"database": "f"})),
        ("--db=f wrap -- -odd", (["-odd"], {"database": "f"})),
        ("--db wrap wrap x", (["x"], {"database": "wrap"})),
        ("wrap --server a --server b x", (["x"], {"server": "b"})),
        ("wrap", None),
        ("wrap --", None),
        ("wrap --server", None),
        ("wrap --server= x", None),
        ("wrap --help", None),
        ("wrap --url http://127.0.0.1", None),
        ("-q wrap x", None),
        ("--db wrap", None),
        ("stats wrap x", None),
        ("", None),
    ],
)
def test_the_words_of_wrap(words: str, expected: object) -> None:
    assert wrap_arguments(words.split()) == expected
