"""What the packages say of themselves: the same in all, and who made them."""

from __future__ import annotations

import re
from importlib.metadata import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = sorted(path.name for path in (ROOT / "packages").iterdir())

CLASSIFIERS = [
    "Development Status :: 4 - Beta",
    "Operating System :: POSIX",
    *(f"Programming Language :: Python :: 3.{minor}" for minor in range(11, 15)),
    "Topic :: Database",
    "Typing :: Typed",
]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_tells_its_authors_its_license_and_the_pythons_it_works_on(package: str) -> None:
    told = metadata(package)
    copyright_line = re.search(r"Copyright \(c\) \d+ (.+)", (ROOT / "LICENSE").read_text())
    assert copyright_line
    assert told.get_all("Author") == [copyright_line[1]]
    assert told.get_all("Classifier") == CLASSIFIERS
    assert (told["License-Expression"], told["License-File"]) == ("MIT", "LICENSE")
    assert told["Requires-Python"] == ">=3.11"
