"""The recipes hand on what they are given, word by word."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

JUSTFILE = Path(__file__).resolve().parent.parent / "justfile"
JUST = Path(sys.executable).with_name("just")

A_UV_THAT_SHOWS_ITS_ARGUMENTS = """\
#!/bin/sh
printf '[%s]' "$@"
"""


@pytest.mark.skipif(not JUST.exists(), reason="just is not installed in this environment")
@pytest.mark.parametrize(
    ("recipe", "given", "handed_on"),
    [
        ("test", ["a b.py", "-k", "one or 'two'"], "[a b.py][-k][one or 'two']"),
        ("test", [], "[-n][auto][--dist][worksteal]"),
        ("test-faults", ["-k", "one or two"], "[tests/faults][-k][one or two]"),
        ("test-browser", ["-k", "one or two"], "[tests/browser][-k][one or two]"),
        ("test-mcp", ["mcp-1.9.4", "fastmcp-4.2.3"], "[-k][mcp-1.9.4 or fastmcp-4.2.3]"),
        ("test-mcp", [], "[tests/mcp][-k][]"),
        ("test-proxy", ["-k", "one or two"], "[tests/proxy][-k][one or two]"),
        ("reliability", [], "[tools/count_cases.py][dist/faults.xml]"),
        ("version", ["0.2.0"], "[tools/set_version.py][0.2.0]"),
        ("migration", ["add $x"], "[tools/draft_migration.py][add $x]"),
        ("bench", ["dashboard"], "[-m][benchmarks][dashboard]"),
        ("bench", [], "[-m][benchmarks]"),
        ("golden", ["1"], "[tools/make_golden.py][1]"),
        ("golden", [], "[tools/make_golden.py]"),
    ],
)
def test_a_recipe_hands_on_its_arguments_word_by_word(
    recipe: str, given: list[str], handed_on: str, tmp_path: Path
) -> None:
    uv = tmp_path / "uv"
    uv.write_text(A_UV_THAT_SHOWS_ITS_ARGUMENTS)
    uv.chmod(0o755)
    done = subprocess.run(
        [JUST, "--justfile", JUSTFILE, recipe, *given],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        timeout=60,
    )
    assert (done.returncode, done.stdout.endswith(handed_on)) == (0, True), done


SUPPORTED = {"3.11", "3.12", "3.13"}
TESTS = {"packages", "tests"}
PACKAGES = {
    f"packages/devflow-analytics-{name}"
    for name in ("schema", "db", "recorder", "capture", "reports", "dashboard", "cli")
}


@pytest.mark.skipif(not JUST.exists(), reason="just is not installed in this environment")
@pytest.mark.parametrize(("recipe", "left_out"), [("check", set()), ("ci", {"3.11"})])
def test_all_tests_run_once_on_each_python(recipe: str, left_out: set[str]) -> None:
    """On the one that `just ci` leaves out, .ci/run runs them last."""
    done = subprocess.run(
        [JUST, "--justfile", JUSTFILE, "--dry-run", recipe],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    runs: dict[str, list[str]] = {}
    for words in map(str.split, done.stderr.splitlines()):
        if "--python" in words:
            paths = words[words.index("worksteal") + 1 :] if "worksteal" in words else words[-1:]
            runs.setdefault(words[words.index("--python") + 1], []).extend(paths)
    for version, paths in runs.items():
        alone = [f"packages/{path}" if path not in TESTS else path for path in paths]
        assert sorted(alone) in (sorted(TESTS), sorted({*PACKAGES, "tests"})), version
    assert runs.keys() == SUPPORTED - left_out
    ci = (JUSTFILE.parent / ".ci" / "run").read_text()
    assert "\nexport UV_PYTHON=3.11\n" in ci
    assert ci.endswith("\nuv run just test\n")
