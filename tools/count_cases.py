"""Write into docs/safety.md how many cases the tests of faults tried.

Run by ``just reliability`` on the JUnit report of a run. In the page, ``<!--cases:PATTERN-->``
stands before each number; it becomes the sum over the tests whose name, parameters included, the
pattern is found in.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

PAGE = Path(__file__).resolve().parent.parent / "docs/safety.md"
NUMBER = re.compile(r"(<!--cases:(.+?)-->)[\d,]+(?=<!---->)")


def cases_in(report: Path) -> dict[str, int]:
    """Return how many cases each test of a report tried."""
    return {
        test.attrib["name"]: int(tried.attrib["value"])
        for test in ET.parse(report).iter("testcase")  # noqa: S314  written by our own pytest
        for tried in test.iterfind("properties/property[@name='cases']")
    }


def with_counts(page: str, cases: dict[str, int]) -> str:
    """Return the page with the numbers of a run; each pattern must fit a test."""

    def write(number: re.Match[str]) -> str:
        found = [tried for test, tried in cases.items() if re.search(number[2], test)]
        if not found:
            sys.exit(f"No test has {number[2]!r} in its name: was everything run?")
        return f"{number[1]}{sum(found):,}"

    return NUMBER.sub(write, page)


if __name__ == "__main__":
    PAGE.write_text(with_counts(PAGE.read_text(), cases_in(Path(sys.argv[1]))))
