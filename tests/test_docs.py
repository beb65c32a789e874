"""The documentation: its examples run, its links lead somewhere, its lists are complete."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import devflow_analytics_db
import devflow_analytics_schema

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    page for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("packages/*/*.md"))
)
EXAMPLES = [
    pytest.param(code, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]


@pytest.mark.parametrize("code", EXAMPLES)
def test_an_example_runs(code: str, tmp_path: Path) -> None:
    file = tmp_path / "test_example.py"
    file.write_text(code)
    how = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if "def test_" in code else []
    done = subprocess.run(
        [sys.executable, *how, file],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return what a link may name after ``#``: the headings, as GitHub turns them into anchors."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", page.read_text()):
        if target.startswith("https://"):
            continue
        there = page.parent / target if target else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_recipe_that_is_named_exists(page: Path) -> None:
    justfile = (ROOT / "justfile").read_text()
    found = re.findall(r"^([a-z][a-z-]*)( [^:\n]*)?:(?!=)", justfile, re.MULTILINE)
    recipes = {name for name, _ in found}
    named = set(re.findall(r"(?:`|'|\$ |uv run )just ([a-z][a-z-]*)", page.read_text()))
    assert named <= recipes


def test_the_module_map_has_every_module() -> None:
    _, _, table = (ROOT / "docs/ARCHITECTURE.md").read_text().partition("## Modules")
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    mapped = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    modules = Path(devflow_analytics_db.__file__).parent.glob("*.py")
    assert sorted(mapped) == sorted({path.stem for path in modules} - {"__init__"})


@pytest.mark.parametrize("package", [devflow_analytics_schema, devflow_analytics_db])
def test_every_exported_name_is_in_the_readme_of_its_package(package: ModuleType) -> None:
    readme = ROOT / "packages" / package.__name__.replace("_", "-") / "README.md"
    named = re.findall(r"\w+", " ".join(re.findall(r"`[^`]+`", prose(readme))))
    assert set(package.__all__) - {"__version__"} - set(named) == set()


def but_for_this_machine(page: str) -> str:
    """Leave out what `doctor` says of the SQLite, the file system and the disk that it finds."""
    lines = re.sub(r'\{"subject": "(sqlite|file system|free space)".*?\}', "{}", page).splitlines()
    machines = r"(OK  |WARN|FAIL)  (sqlite|file system|free space) | {19}"
    return "\n".join(line for line in lines if not re.match(machines, line))


def test_the_page_of_the_command_is_what_the_command_says() -> None:
    """`just cli` makes it current."""
    made = subprocess.run(
        [sys.executable, ROOT / "tools/dump_cli.py"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    page = (ROOT / "docs/CLI.md").read_text()
    assert but_for_this_machine(made.stdout) == but_for_this_machine(page)
