"""The examples in the documentation, run as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def but_for_this_machine(page: str) -> str:
    """Leave out what `doctor` says of the SQLite, the file system and the disk that it finds."""
    lines = re.sub(r'\{"check": "(sqlite|file system|free space)".*?\}', "{}", page).splitlines()
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
