"""MCP's conformance suite finds a server through the proxy as it finds it without.

The suite speaks HTTP only. So a bridge stands before the server, which is ours, as no package has
one with all that the suite asks of a server.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

from devflow_analytics_recorder import drain
from real.running import COMMAND

if TYPE_CHECKING:
    from pathlib import Path

    from real.environments import Environments

SECONDS = 100

CALLED = {
    "test_audio_content": ("success", None),
    "test_elicitation": ("success", None),
    "test_elicitation_sep1034_defaults": ("success", None),
    "test_elicitation_sep1330_enums": ("success", None),
    "test_embedded_resource": ("success", None),
    "test_error_handling": ("error", "tool"),
    "test_image_content": ("success", None),
    "test_multiple_content_types": ("success", None),
    "test_sampling": ("success", None),
    "test_simple_text": ("success", None),
    "test_tool_with_logging": ("success", None),
    "test_tool_with_progress": ("success", None),
}
"""The tools that the suite calls, each once, and what is recorded of that."""


def scenarios(environments: Environments, directory: Path, *before: str) -> dict[str, str]:
    """Run the suite, and return what it says of each scenario.

    Args:
        environments: where it is installed.
        directory: for what it writes.
        before: the words before the server's command.
    """
    directory.mkdir()
    node = environments.node
    variables = {"PATH": os.environ["PATH"], "HOME": str(directory)}
    with subprocess.Popen(
        ["node", node / "bridge.mjs", *before, "node", node / "conforming.mjs"],
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as bridge:
        assert bridge.stdin
        assert bridge.stdout
        url = f"http://127.0.0.1:{bridge.stdout.readline().strip()}/mcp"
        try:
            done = subprocess.run(
                [environments.bin("conformance"), "server", "--url", url],
                cwd=directory,
                env=variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=SECONDS,
            )
        finally:
            bridge.stdin.close()
    assert done.returncode == 0, done.stdout
    return dict(re.findall(r"^[✓✗] ([\w-]+): (.*)", done.stdout, re.MULTILINE))


def test_the_conformance_suite_finds_the_same_through_the_proxy(
    environments: Environments, tmp_path: Path
) -> None:
    file = tmp_path / "analytics.db"
    directly = scenarios(environments, tmp_path / "directly")
    wrapped = scenarios(
        environments, tmp_path / "wrapped", COMMAND, "--db", str(file), "wrap", "--"
    )
    assert wrapped == directly
    assert len(wrapped) == 30
    assert all(found.endswith(" 0 failed") for found in wrapped.values())
    drain(file)
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(
            "SELECT tool_name, status, error_kind FROM tool_calls ORDER BY tool_name"
        ).fetchall()
    assert rows == [(tool, *outcome) for tool, outcome in CALLED.items()]
