"""What importing and opening may cost."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import devflow_analytics_db

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Python = Callable[..., subprocess.CompletedProcess[str]]

BEYOND_SQLITE3 = """
    import sys, sqlite3
    floor = set(sys.modules)
    {code}
    mine = "devflow_analytics_db"
    more = {{name for name in set(sys.modules) - floor if not name.startswith(mine)}}
    print(*sorted(more))
"""


def test_importing_the_package_imports_nothing_else(python: Python) -> None:
    done = python(
        """
        import sys
        floor = set(sys.modules)
        import devflow_analytics_db
        print(*sorted(set(sys.modules) - floor))
        """
    )
    assert done.stdout == "devflow_analytics_db\n", done


def test_to_open_a_current_file_nothing_is_imported_beyond_what_sqlite3_brings(
    python: Python,
) -> None:
    devflow_analytics_db.create_analytics_db().close()
    code = "from devflow_analytics_db import create_analytics_db as o; o()"
    done = python(BEYOND_SQLITE3.format(code=code))
    assert set(done.stdout.split()) <= {"__future__"}, done
    # reading what is in it is for those who migrate
    done = python(f"{code}; import sys; print('devflow_analytics_db.schema' in sys.modules)")
    assert done.stdout == "False\n", done


def test_a_new_file_is_made_without_pony(python: Python) -> None:
    done = python(
        """
        import sys
        from devflow_analytics_db import create_analytics_db
        assert create_analytics_db().changes.created
        print({"pony", "importlib.resources", "importlib.metadata", "logging"} & set(sys.modules))
        """
    )
    assert done.stdout == "set()\n", done


@pytest.mark.parametrize(
    "use", ["from {name} import backup", "import {name}; hasattr({name}, 'backup')"]
)
@pytest.mark.parametrize("fault", ["None.nothing", "del backup"])
def test_what_goes_wrong_in_the_module_of_a_name_is_told(
    use: str, fault: str, tmp_path: Path, python: Python
) -> None:
    name = "devflow_analytics_db"
    copy = shutil.copytree(Path(devflow_analytics_db.__file__).parent, tmp_path / name)
    with (copy / "backups" / "backup.py").open("a") as module:
        module.write(f"\n{fault}\n")
    use = use.format(name=name)
    done = python(f"import sys; sys.path.insert(0, sys.argv[1]); {use}", tmp_path)
    causes = {
        "None.nothing": "'NoneType' object has no attribute 'nothing'",
        "del backup": "module 'devflow_analytics_db.backups.backup' has no attribute 'backup'",
    }
    assert (done.returncode, done.stdout) == (1, "")
    assert f"\nAttributeError: {causes[fault]}" in done.stderr
    assert done.stderr.splitlines()[-1] == (
        f"ImportError: devflow_analytics_db.backups.backup failed to import: {causes[fault]}"
    )


def test_a_name_that_does_not_exist_is_an_attribute_error(python: Python) -> None:
    done = python("import devflow_analytics_db as package; package.nothing")
    assert done.stderr.splitlines()[-1].startswith(
        "AttributeError: module 'devflow_analytics_db' has no attribute 'nothing'"
    )


def test_everything_exported_exists_and_is_listed_in_order() -> None:
    exported = devflow_analytics_db.__all__
    assert all(hasattr(devflow_analytics_db, name) for name in exported)
    assert exported == sorted(exported)


def test_everything_exported_is_in_the_readme() -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    words = set(re.findall(r"\w+", readme))
    assert set(devflow_analytics_db.__all__) - words <= {"__version__"}
