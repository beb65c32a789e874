"""Each mutation that the tests of faults make is found in the code, which changes more often."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest

FAULTS = runpy.run_path(str(Path(__file__).with_name("faults") / "test_mutations.py"))
PACKAGES: dict[str, Path] = FAULTS["PACKAGES"]


@pytest.mark.parametrize("name", FAULTS["MUTATIONS"])
def test_what_a_mutation_replaces_is_there(name: str, tmp_path: Path) -> None:
    mutation = FAULTS["MUTATIONS"][name]
    package = PACKAGES[mutation.package]
    copy = shutil.copytree(package, tmp_path / package.name)
    FAULTS["mutate"](copy, mutation.function, mutation.line, mutation.instead)
    assert any(
        path.suffix == ".py" and path.read_text() != (package / path.relative_to(copy)).read_text()
        for path in copy.rglob("*.py")
    )


def test_a_mutation_that_is_not_found_says_what_to_do() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"0 lines like 'nothing' .* change MUTATIONS"):
        FAULTS["mutate"](PACKAGES["devflow_analytics_db"], "configure", "nothing", "pass")
