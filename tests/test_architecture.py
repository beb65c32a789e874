"""How the packages are built: what the contracts of import-linter cannot say."""

from __future__ import annotations

import ast
import importlib.util
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = (
    "devflow_analytics_capture",
    "devflow_analytics_cli",
    "devflow_analytics_dashboard",
    "devflow_analytics_db",
    "devflow_analytics_recorder",
    "devflow_analytics_reports",
    "devflow_analytics_schema",
)


def modules(package: str) -> dict[str, Path]:
    """Return the modules of a package by name."""
    spec = importlib.util.find_spec(package)
    assert spec
    assert spec.origin
    root = Path(spec.origin).parent
    found = {}
    for path in root.rglob("*.py"):
        parts = path.relative_to(root.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


ALL = {name: path for package in PACKAGES for name, path in modules(package).items()}


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield what a module imports when it runs, also within functions; types aside."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in ALL else str(node.module)
        yield from imported(node)


def test_no_modules_import_each_other_by_whatever_way() -> None:
    graph = {
        name: {other for other in imported(ast.parse(path.read_text())) if other in ALL}
        for name, path in ALL.items()
    }
    assert graph["devflow_analytics_db.database"] >= {"devflow_analytics_db.file.opening"}
    assert list(TopologicalSorter(graph).static_order())  # else it raises a CycleError


@pytest.mark.parametrize("name", ALL)
def test_a_module_is_at_most_400_lines_long(name: str) -> None:
    assert len(ALL[name].read_text().splitlines()) <= 400
