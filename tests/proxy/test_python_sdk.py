"""The Python SDK's own tests of its client pass with the proxy before each server.

They are about what happens between a client and the process that it has started: how it ends, by
which status, in what time, what becomes of its children, and what is written to stderr.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from real.running import COMMAND

if TYPE_CHECKING:
    from real.environments import Environments

PLUGINS = Path(__file__).parent / "clients"

TESTS = (
    "tests/client/test_client.py::test_client_with_stdio_parameters_launches_the_server_as_a_subprocess",
    "tests/client/test_stdio.py",
    "tests/interaction/transports/test_stdio.py",
    "tests/transports/stdio/test_lifecycle.py",
    "tests/transports/stdio/test_posix.py",
)

LEFT_OUT = (
    # A shell starts a command that is missing, too, and ends with status 127.
    "tests/client/test_stdio.py::test_a_command_that_cannot_be_execed_raises_enoent",
    # The proxy stays while a child of the server has the connection, which the client keeps open.
    "tests/client/test_stdio.py::test_tree_kill_reaches_children_after_the_leader_has_already_exited",
    # What such a child writes in the very moment after its client has gone, before the proxy could
    # close its end, still goes into a pipe. The tests of `wrap` are that it is told soon after.
    "tests/transports/stdio/test_posix.py::test_a_surviving_childs_write_to_the_inherited_stdout_fails_with_epipe",
)

STARTED = 10
"""So many servers do these tests start at least."""


def test_the_tests_of_the_python_sdk_pass_through_the_proxy(
    environments: Environments, tmp_path: Path
) -> None:
    count = tmp_path / "count"
    done = subprocess.run(
        [
            *(environments.python("mcp-2-tests"), "-m", "pytest", "-p", "through_wrap"),
            *("-p", "anyio", "-p", "no:cacheprovider", "-o", "addopts=", "-o", "log_cli=false"),
            *(f"--deselect={test}" for test in LEFT_OUT),
            *TESTS,
        ],
        cwd=environments.sdk,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(PLUGINS),
            "WRAP_COMMAND": f"{COMMAND}\n--db\n{tmp_path / 'analytics.db'}\nwrap\n--",
            "WRAP_COUNT": str(count),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout
    assert int(count.read_text()) >= STARTED
