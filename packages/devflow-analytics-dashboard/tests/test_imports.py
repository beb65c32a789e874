from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import devflow_analytics_dashboard

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Python = Callable[..., subprocess.CompletedProcess[str]]

PACKAGE = Path(devflow_analytics_dashboard.__file__).parent


def test_importing_the_package_imports_nothing_else(python: Python) -> None:
    done = python(
        """
        import sys
        floor = set(sys.modules)
        import devflow_analytics_dashboard
        print(*sorted(set(sys.modules) - floor))
        """
    )
    assert done.stdout == "devflow_analytics_dashboard\n", done


def test_serving_imports_nothing_that_it_does_not_need(python: Python, tmp_path: Path) -> None:
    done = python(
        """
        import sys
        from devflow_analytics_dashboard import Dashboard
        Dashboard(sys.argv[1], port=0).close()
        print(*sys.modules)
        """,
        tmp_path / "calls.db",
    )
    there = set(done.stdout.split())
    assert "devflow_analytics_dashboard.serving" in there, done
    assert {"pony", "rich", "websockets", "httptools", "uvloop"} & there == set(), done


@pytest.mark.parametrize("fault", ["None.nothing", "del AddressError"])
def test_what_goes_wrong_in_the_module_of_a_name_is_told(
    fault: str, tmp_path: Path, python: Python
) -> None:
    copy = shutil.copytree(PACKAGE, tmp_path / PACKAGE.name)
    with (copy / "errors.py").open("a") as module:
        module.write(f"\n{fault}\n")
    use = "import sys; sys.path.insert(0, sys.argv[1]); import devflow_analytics_dashboard as r"
    done = python(f"{use}; hasattr(r, 'AddressError')", tmp_path)
    causes = {
        "None.nothing": "'NoneType' object has no attribute 'nothing'",
        "del AddressError": (
            "module 'devflow_analytics_dashboard.errors' has no attribute 'AddressError'"
        ),
    }
    assert done.stderr.splitlines()[-1] == (
        f"ImportError: devflow_analytics_dashboard.errors failed to import: {causes[fault]}"
    )


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    message = "^module 'devflow_analytics_dashboard' has no attribute 'nothing'$"
    with pytest.raises(AttributeError, match=message):
        devflow_analytics_dashboard.nothing  # noqa: B018  asking for it is the use


def test_everything_exported_exists_and_is_listed_in_order() -> None:
    exported = devflow_analytics_dashboard.__all__
    assert all(hasattr(devflow_analytics_dashboard, name) for name in exported)
    assert exported == sorted(exported) == dir(devflow_analytics_dashboard)


def test_what_is_said_to_type_checkers_is_what_there_is() -> None:
    said = re.findall(r"(\w+) as \1\b", (PACKAGE / "__init__.py").read_text())
    assert sorted({*said, "__version__"}) == devflow_analytics_dashboard.__all__
