"""The documentation: its examples run, its links lead somewhere, what is generated is current."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import devflow_analytics_capture
import devflow_analytics_dashboard
import devflow_analytics_db
import devflow_analytics_recorder
import devflow_analytics_reports
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


@pytest.mark.parametrize(
    "package",
    [
        devflow_analytics_schema,
        devflow_analytics_db,
        devflow_analytics_recorder,
        devflow_analytics_capture,
        devflow_analytics_reports,
        devflow_analytics_dashboard,
    ],
)
def test_every_exported_name_is_in_the_readme_of_its_package(package: ModuleType) -> None:
    readme = ROOT / "packages" / package.__name__.replace("_", "-") / "README.md"
    named = re.findall(r"\w+", " ".join(re.findall(r"`[^`]+`", prose(readme))))
    assert set(package.__all__) - {"__version__"} - set(named) == set()


def docs(*arguments: str, tools: Path = ROOT / "tools") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, tools / "docs.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def test_what_is_generated_is_current() -> None:
    """`just docs` makes it current."""
    done = docs("--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_whatever_is_generated_is_explained_where_only_a_person_can() -> None:
    told = docs_schema()["UNDESCRIBED"]
    assert [page.name for page in PAGES if told in page.read_text()] == []


def docs_schema() -> dict[str, str]:
    return runpy.run_path(str(ROOT / "tools/docs_schema.py"))


PARTS = re.compile(r"<!-- Written by 'just docs': (.+?) -->")


def test_every_part_that_can_be_generated_is_in_a_page() -> None:
    made = re.search(r"^PARTS.*?^}", (ROOT / "tools/docs.py").read_text(), re.DOTALL | re.MULTILINE)
    assert made
    parts = {name for page in PAGES for name in PARTS.findall(page.read_text())}
    there = {name for name in parts if not name.startswith("answer to ")}
    assert set(re.findall(r'^    "(.+?)":', made[0], re.MULTILINE)) == there


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Pages and tools in a directory of their own."""
    tools = tmp_path / "tools"
    shutil.copytree(ROOT / "tools", tools, ignore=shutil.ignore_patterns("__pycache__"))
    package = tmp_path / "packages/devflow-analytics-db"
    package.mkdir(parents=True)
    shutil.copy(ROOT / "packages/devflow-analytics-db/schema.sql", package)
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs/openapi.json", tmp_path / "docs")
    return tmp_path


def part(name: str, text: str) -> str:
    return f"Above.\n<!-- Written by 'just docs': {name} -->\n{text}<!-- Until here. -->\nBelow.\n"


def test_a_part_is_written_and_nothing_around_it(workspace: Path) -> None:
    page = workspace / "README.md"
    page.write_text(part("modules of the db package", "\nnothing yet\n\n"))
    checked = docs("--check", tools=workspace / "tools")
    assert (checked.returncode, checked.stderr) == (1, "'just docs' makes these current.\n")
    assert "\n-nothing yet\n" in checked.stdout
    assert "\n+| `database` |" in checked.stdout
    assert page.read_text() == part("modules of the db package", "\nnothing yet\n\n")
    assert docs(tools=workspace / "tools").returncode == 0
    above, _, rest = page.read_text().partition("\n| module | what it holds |\n")
    assert above == part("modules of the db package", "").partition("<!-- Until")[0]
    assert rest.endswith("|\n\n<!-- Until here. -->\nBelow.\n")
    assert docs("--check", tools=workspace / "tools").returncode == 0


def test_a_column_keeps_what_a_person_wrote_of_it(workspace: Path) -> None:
    page = workspace / "README.md"
    page.write_text(part("columns of sessions", "\n| `id` | ? | which one |\n\n"))
    assert docs(tools=workspace / "tools").returncode == 0
    text = page.read_text()
    assert "| `id` | TEXT, primary key | which one |\n" in text
    assert f"| `started_at` | INTEGER, not null | {docs_schema()['UNDESCRIBED']} |\n" in text


def test_a_part_that_nothing_makes_is_an_error(workspace: Path) -> None:
    (workspace / "README.md").write_text(part("poetry", ""))
    done = docs(tools=workspace / "tools")
    assert done.returncode == 1
    assert done.stderr.startswith("No function makes 'poetry'. There are 'what goes wrong', ")


def test_what_doctor_says_of_another_machine_makes_no_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(ROOT / "tools")
    compared = runpy.run_path(str(ROOT / "tools/docs.py"))["of_any_machine"]
    here = (ROOT / "docs/reference.md").read_text()
    there = re.sub(
        r"^OK ( +file system +)\w+\n", rf"WARN\1zfs\n{' ' * 20}A note.\n", here, flags=re.MULTILINE
    )
    there, written = re.subn(r'"message": "[\d.]+ GB"', '"message": "3.0 GB"', there)
    assert (written, there.count("A note.")) == (1, 1)
    assert compared(there) == compared(here)
    assert compared(there.replace("Show this message", "Show that message")) != compared(here)


NAMED = re.compile(r"\bdocs/[\w/-]+(?:\.md)?\b")
FILES = ("justfile", "Dockerfile", "*.yaml", "*.toml", "*.md", ".ci/run", "docs/**/*.md")
CODE = ("benchmarks/*.py", "tools/*", "tests/**/*.py", "packages/*/*.*", "packages/**/*.py")


def test_every_page_that_is_named_exists() -> None:
    files = [path for pattern in FILES + CODE for path in ROOT.glob(pattern) if path.is_file()]
    named = {name: path for path in files for name in NAMED.findall(path.read_text())}
    assert len(named) > 5
    assert {name: path for name, path in named.items() if not list(ROOT.glob(f"{name}*"))} == {}


COMMAND = Path(sys.executable).with_name("devflow-analytics")


def help_of(*command: str) -> str:
    done = subprocess.run(
        [COMMAND, *command, "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def commands() -> list[str]:
    listed = help_of().partition("Ask:\n")[2].partition("Environment variables:\n")[0]
    return re.findall(r"^  ([a-z]+) ", listed, re.MULTILINE)


def test_every_command_is_in_the_readme_and_in_the_reference() -> None:
    reference = (ROOT / "docs/reference.md").read_text()
    assert set(re.findall(r"^### ([a-z]+)$", reference, re.MULTILINE)) == set(commands())
    readme = (ROOT / "README.md").read_text()
    assert set(re.findall(r"^\| `devflow-analytics ([a-z]+)`", readme, re.MULTILINE)) == {
        *commands()
    }


def test_every_command_and_option_that_is_named_exists() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    helps = {"": help_of(), **{name: help_of(name) for name in commands()}}
    named = re.findall(r"`devflow-analytics ([^`|]*)`", text)
    named += re.findall(rf"`((?:{'|'.join(filter(None, helps))})(?: -[^`|]*)?)`", text)
    assert len(set(named)) > 12
    for words in map(str.split, named):
        (command,) = [word for word in words if word in helps]
        options = {word for word in words if word.startswith("-")}
        told = re.findall(r"(?<!\S)--?[\w-]+", helps[""] + helps[command])
        assert options <= set(told), words


def test_the_migration_that_is_shown_is_what_is_drafted(tmp_path: Path) -> None:
    pytest.importorskip("sqlite_utils", reason="needs the dependency group 'tools'")
    page = textwrap.dedent((ROOT / "docs/migrations.md").read_text())
    blocks = dict(re.findall(r"^   ```(\w+)\n(.*?)^   ```", page, re.DOTALL | re.MULTILINE))
    shown = {kind: textwrap.dedent(block) for kind, block in blocks.items()}
    ignored = shutil.ignore_patterns("__pycache__", "tests")
    folders = ("tools", "packages/devflow-analytics-schema", "packages/devflow-analytics-db")
    for folder in folders:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    sources = [next((tmp_path / folder / "src").iterdir()) for folder in folders[1:]]
    entities = sources[0] / "entities.py"
    last = "        tool_count = Required("
    changed = entities.read_text().replace(last, f"        {shown['py']}{last}")
    entities.write_text(changed)
    asked, told = shown["console"].splitlines()
    done = subprocess.run(
        [sys.executable, "tools/draft_migration.py", asked.rpartition(" ")[2]],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": ":".join(str(source.parent) for source in sources)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    number = re.compile(r"\d{4}(?=_add)")  # the next one, whichever that is by now
    assert (done.returncode, done.stderr) == (0, "")
    assert number.sub("", done.stdout) == number.sub("", f"{told}\n")
    (drafted,) = sources[1].glob("migrations/*_add_platform_to_sessions.sql")
    compatible = re.compile(r"compatible-with: \d+")
    assert compatible.sub("", drafted.read_text()) == compatible.sub("", shown["sql"])


def test_every_route_of_the_api_is_in_the_page_of_the_dashboard() -> None:
    page = (ROOT / "docs/dashboard.md").read_text()
    assert set(re.findall(r"`(/api/[^`]+)`", page)) == set(
        devflow_analytics_dashboard.openapi()["paths"]
    )
