"""Set the version of every package: ``just version 0.2.0``.

It stands in every ``pyproject.toml``, in ``__version__``, in the bounds of the packages on each
other and in the label of the image; uv writes it into ``uv.lock``.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSION = re.compile(r"(\d+)\.(\d+)\.\d+((a|b|rc)\d+)?")


def too_new(version: str) -> str:
    """Return the first release that need not be compatible any more."""
    found = VERSION.fullmatch(version)
    if not found:
        sys.exit(f"{version!r} is not a version such as 0.2.0 or 0.2.0rc1.")
    major, minor = int(found[1]), int(found[2])
    return f"{major + 1}" if major else f"0.{minor + 1}"


def places(version: str) -> list[tuple[list[Path], str, str]]:
    """Return where the version stands: files, a pattern, and what follows its first group."""
    projects = [ROOT / "pyproject.toml", *sorted(ROOT.glob("packages/*/pyproject.toml"))]
    modules = sorted(ROOT.glob("packages/*/src/*/__init__.py"))
    return [
        (projects, r'(?m)^(version = ").*?(?=")', version),
        (projects, r'("devflow-analytics-[a-z]+>=).*?(?=")', f"{version},<{too_new(version)}"),
        (modules, r'(?m)^(__version__ = ").*?(?=")', version),
        ([ROOT / "Dockerfile"], r'(image\.version=").*?(?=")', version),
    ]


def main() -> None:
    """Set the version that the argument names."""
    _, version = sys.argv
    for files, pattern, text in places(version):
        for file in files:
            before = file.read_text()
            after = re.sub(pattern, rf"\g<1>{text}", before)
            if after != before:
                file.write_text(after)
                print(file.relative_to(ROOT), flush=True)
    done = subprocess.run(["uv", "lock", "--quiet"], cwd=ROOT, check=False)  # noqa: S607  that in use
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
