"""Installs servers and clients that others wrote, from npm and PyPI, in fixed versions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

NPM = {
    "@modelcontextprotocol/conformance": "0.1.13",  # the last that runs on Node.js 20
    "@modelcontextprotocol/sdk": "1.32.2",
    "@modelcontextprotocol/server-everything": "2026.8.31",
    "@modelcontextprotocol/server-filesystem": "2026.8.31",
    "@modelcontextprotocol/server-memory": "2026.8.31",
    "jsonc-parser": "3.3.1",  # by which VS Code and opencode read settings
    "strip-json-comments": "5.0.3",  # and Gemini CLI
}

SDK = "2.3.0"
"""The version of Python's SDK whose own tests are run, too."""

PYPI = {
    "mcp-1": ("mcp==1.30.0", "mcp-server-sqlite==2025.4.25"),
    "mcp-2": (f"mcp=={SDK}", "mcp-server-git==2026.10.19", "mcp-server-time==2026.10.19"),
    "mcp-2-tests": (
        f"mcp=={SDK}",
        "blockbuster==1.5.29",
        "coverage==7.17.5",
        "dirty-equals==0.11",
        "httpcore2==2.16.2",
        "inline-snapshot==0.36.1",
        "logfire==5.4.0",
        "opentelemetry-sdk==1.45.2",
        "pip==26.3",
        "pytest==9.2.0",
        "trio==0.35.0",
    ),
}
"""By environment: the servers need different versions of the SDK."""

CLIENTS = Path(__file__).resolve().parent.parent / "clients"


@dataclass(frozen=True)
class Environments:
    """Where everything is installed."""

    directory: Path

    @property
    def node(self) -> Path:
        """The directory with what comes from npm, and with our scripts that import it."""
        return self.directory / "node"

    @property
    def sdk(self) -> Path:
        """The directory with the source of Python's SDK, its tests among it."""
        return self.directory / f"mcp-{SDK}"

    def python(self, environment: str) -> str:
        """Return the interpreter of an environment of PYPI."""
        return str(self.directory / environment / "bin" / "python")

    def script(self, environment: str, name: str) -> str:
        """Return the path of a command of an environment of PYPI."""
        return str(self.directory / environment / "bin" / name)

    def bin(self, name: str) -> str:
        """Return the path of a command that comes from npm."""
        return str(self.node / "node_modules" / ".bin" / name)

    def install(self) -> None:
        """Install everything."""
        self.node.mkdir(exist_ok=True)
        manifest = {"private": True, "type": "module", "dependencies": NPM}
        (self.node / "package.json").write_text(json.dumps(manifest))
        for script in CLIENTS.glob("*.mjs"):
            (self.node / script.name).write_text(script.read_text())
        run(["npm", "install", "--no-audit", "--no-fund", "--silent"], self.node)
        for environment, requirements in PYPI.items():
            self._uv("venv", "--clear", "--python", sys.executable, environment)
            python = ("--python", self.python(environment))
            self._uv("pip", "install", *python, *requirements)
        self._unpack_sdk()

    def _unpack_sdk(self) -> None:
        """Get the source, as its wheel has no tests; uv would only install it."""
        pip = [self.python("mcp-2-tests"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        run([*pip, "download", "--no-deps", "--no-binary=:all:", f"mcp=={SDK}"], self.directory)
        with tarfile.open(self.directory / f"mcp-{SDK}.tar.gz") as archive:
            archive.extractall(self.directory, filter="data")

    def _uv(self, *arguments: str) -> None:
        run([os.environ.get("UV", "uv"), *arguments, "--quiet"], self.directory)


def run(command: list[str], directory: Path) -> None:
    """Run a command, which must succeed.

    Args:
        command: the command.
        directory: where; it is out of the workspace, whose settings are not meant.
    """
    done = subprocess.run(
        command,
        cwd=directory,
        env={name: value for name, value in os.environ.items() if name != "UV_LOCKED"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
