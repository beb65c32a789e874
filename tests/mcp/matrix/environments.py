"""An environment for each version: they contradict each other, so the workspace has none."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matrix.flavours import Flavour

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".cache" / "mcp" / f"{sys.version_info.major}.{sys.version_info.minor}"
PACKAGES = [
    ROOT / "packages" / f"devflow-analytics-{name}" for name in ("schema", "db", "recorder")
]


def python_of(flavour: Flavour) -> Path:
    """Return the interpreter of a version's environment; it is made where it is missing or old.

    Our packages are in it as they are in this clone.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    environment = CACHE / flavour.environment
    library = (f"{flavour.library}=={flavour.version}", *flavour.also)
    declared = [(package / "pyproject.toml").read_text() for package in PACKAGES]
    wanted = "\n".join([*library, *declared])
    with (CACHE / f"{flavour.environment}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other workers need it too
        made = environment / "made-of.txt"
        if not made.exists() or made.read_text() != wanted:
            _uv("venv", "--clear", "--python", sys.executable, environment)
            editable = [word for package in PACKAGES for word in ("--editable", package)]
            python = ("--python", environment / "bin" / "python")
            _uv("pip", "install", *python, *library, *editable)
            made.write_text(wanted)
    return environment / "bin" / "python"


def _uv(*arguments: str | Path) -> None:
    done = subprocess.run(
        [os.environ.get("UV", "uv"), *arguments, "--quiet"],
        cwd=CACHE,  # out of the workspace, whose settings are not meant
        env={name: value for name, value in os.environ.items() if name != "UV_LOCKED"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
