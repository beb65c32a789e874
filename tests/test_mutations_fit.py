"""Each mutation that the tests of faults make is found in the code, which changes more often."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest

FAULTS = runpy.run_path(str(Path(__file__).with_name("faults") / "test_mutations.py"))
PACKAGE: Path = FAULTS["PACKAGE"]


@pytest.mark.parametrize("name", FAULTS["MUTATIONS"])
def test_what_a_mutation_replaces_is_there(name: str, tmp_path: Path) -> None:
    copy = shutil.copytree(PACKAGE, tmp_path / PACKAGE.name)
    function, line, instead, *_ = FAULTS["MUTATIONS"][name]
    FAULTS["mutate"](copy, function, line, instead)
    assert any(
        path.suffix == ".py" and path.read_text() != (PACKAGE / path.relative_to(copy)).read_text()
        for path in copy.rglob("*.py")
    )


def test_a_mutation_that_is_not_found_says_what_to_do() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"0 lines like 'nothing' .* change MUTATIONS"):
        FAULTS["mutate"](PACKAGE, "configure", "nothing", "pass")
