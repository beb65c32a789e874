"""The numbers in docs/safety.md come from a run of the tests of faults."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOL = runpy.run_path(str(ROOT / "tools/count_cases.py"))


def test_a_number_becomes_the_sum_over_the_tests_that_its_pattern_fits() -> None:
    cases = {"test_race[none killed]": 1000, "test_race[some killed]": 200, "test_crash": 5}
    page = "<!--cases:race-->7<!----> and <!--cases:some-->1,000<!---->, of 7"
    assert TOOL["with_counts"](page, cases) == (
        "<!--cases:race-->1,200<!----> and <!--cases:some-->200<!---->, of 7"
    )


def test_a_pattern_that_fits_no_test_is_an_error() -> None:
    with pytest.raises(SystemExit, match="No test has 'flood' in its name"):
        TOOL["with_counts"]("<!--cases:flood-->7<!---->", {"test_race": 1})


def test_the_counts_of_a_report_are_read(tmp_path: Path) -> None:
    test = tmp_path / "test_it.py"
    test.write_text("def test_race(record_property):\n    record_property('cases', 7)\n")
    report = tmp_path / "report.xml"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--junit-xml", report, test],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert TOOL["cases_in"](report) == {"test_race": 7}


def test_every_number_in_the_page_has_tests() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "faults", "tests/faults"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    names = [line.rpartition("::")[2] for line in listed.stdout.splitlines() if "::" in line]
    page = (ROOT / "docs/safety.md").read_text()
    assert page.count("<!--cases:") > 5
    assert TOOL["with_counts"](page, dict.fromkeys(names, 1)) != page
