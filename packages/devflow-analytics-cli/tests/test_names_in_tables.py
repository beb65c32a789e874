"""Names are anybody's: whatever they hold, a table stays one."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from devflow_analytics_cli.layout import Column, cut
from devflow_analytics_cli.output import printable
from devflow_analytics_cli.table import Options, print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def table(names: Sequence[str], width: int | None, *, terminal: bool = False) -> None:
    """Print names between figures."""
    count = ["1,234"] * len(names)
    parts = [Column("Calls", count), Column("Tool", names, is_name=True)]
    options = Options(width, coloured=False, terminal=terminal, encoding="utf-8")
    print_table([*parts, Column("p95", count, "right")], options=options)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("[red]a[/red] :smile: 1.5 'b' \\[x]", "[red]a[/red] :smile: 1.5 'b' \\[x]"),
        ("a\x1b[31m\x07\t\r\n", "a\\x1b[31m\\x07\\t\\r\\n"),
        ("a\x9b31m\x85", "a\\x9b31m\\x85"),
        ("\u202a\u202e\u2066\u2069\u200e\u061c", r"\u202a\u202e\u2066\u2069\u200e\u061c"),
        ("\u2028\u2029\u200b\ufeff\u00ad", r"\u2028\u2029\u200b\ufeff\xad"),
        ("a\u200db\ufe0f\u034f\u3164", r"a\u200db\ufe0f\u034f\u3164"),
        ("a\U000e0061\U000e0100", r"a\U000e0061\U000e0100"),
        ("a\ud800b", r"a\ud800b"),
        ("👩\u200d💻 ❤\ufe0f 1\ufe0f\u20e3 🇩🇪 👍🏽", "👩\u200d💻 ❤\ufe0f 1\ufe0f\u20e3 🇩🇪 👍🏽"),
        ("👩\u200d\u200d 👍\ufe0f\ufe0f", "👩\\u200d\\u200d 👍\ufe0f\\ufe0f"),
        ("列出目錄 e\u0301 שלום", "列出目錄 e\u0301 שלום"),
    ],
)
def test_a_name_does_nothing_but_be_read(
    name: str, shown: str, written: Callable[..., str]
) -> None:
    assert printable(name) == shown
    gap = " " * max(0, 4 - cell_len(shown))
    assert written(lambda: table([name], None)).splitlines()[1] == f"1,234  {shown}{gap}  1,234"


def test_a_name_from_right_to_left_keeps_its_place(written: Callable[..., str]) -> None:
    for name in ("שלום", "قراءة ملف", "read-ملف-12", "١٢"):
        line = written(lambda name=name: table([name], 80, terminal=True)).splitlines()[1]
        assert line == f"1,234  \u2068{name}\u2069{' ' * (4 - cell_len(name))}  1,234"
        piped = written(lambda name=name: table([name], None)).splitlines()[1]
        assert piped == line.translate(dict.fromkeys((0x2068, 0x2069)))
    line = written(lambda: table(["אבגד" * 4], 19, terminal=True)).splitlines()[1]
    assert line == "1,234  \u2068אבגדאבג…\u2069  1,234"


GRAPHEMES = [
    *(
        "a",
        "Z",
        "_",
        "7",
        "é",
        "e\u0301",
        "o\u0308\u0323",
        "中",
        "한",
        "\u1112\u1161\u11ab",
        "\uff46",
    ),
    *(
        "😀",
        "👍🏽",
        "👩\u200d💻",
        "👨\u200d👩\u200d👧",
        "❤\ufe0f",
        "🇩🇪",
        "1\ufe0f\u20e3",
        "ש",
        "م",
        "नि",
    ),
]


def made_up(count: int) -> Iterator[list[str]]:
    """Yield names as lists of what a reader takes for one letter."""
    chosen = random.Random(7)
    for _ in range(count):
        alphabet = chosen.sample(GRAPHEMES, chosen.randint(1, 6))
        yield chosen.choices(alphabet, k=chosen.choice((1, 3, 8, 20, 60, 200)))


def test_any_names_stay_in_their_column(written: Callable[..., str]) -> None:
    names = ["".join(name) for name in made_up(60)]
    for width in (24, 40, 60, 80, 120):
        lines = written(lambda width=width: table(names, width, terminal=True)).splitlines()
        assert {cell_len(line) for line in lines} == {width}
        assert {line[:7] + line[-7:] for line in lines[1:]} == {"1,234    1,234"}


def test_a_cut_name_is_whole_letters_and_as_many_as_fit() -> None:
    for name in made_up(600):
        text = "".join(name)
        for width in (8, 9, 17, 50):
            shown = cut(text, width, "…")
            if cell_len(text) <= width:
                assert shown == text
                continue
            kept = shown.removesuffix("…")
            starts = ["".join(name[:count]) for count in range(len(name))]
            assert kept in starts
            # one letter more would not fit
            assert cell_len("".join(name[: starts.index(kept) + 1])) + 1 > width
            assert cell_len(shown) <= width
