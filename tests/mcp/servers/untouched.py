"""Calls ``record`` where recording is off: ``python -m servers.untouched FAMILY LEVEL``.

It fails if that makes a difference to the server.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from devflow_analytics_recorder import record
from matrix.cases import CASES


def parts(server: Any) -> list[object]:
    """Return what a server is made of, two levels deep; it is kept, so that no id is used again."""
    low = getattr(server, "_mcp_server", None) or getattr(server, "_lowlevel_server", server)
    found: list[object] = []
    for each in (server, low):
        for name, value in sorted(vars(each).items()):
            found += [name, value]
            if isinstance(value, dict):
                found += [*value.keys(), *value.values()]
            elif isinstance(value, list):
                found += value
    return found


family, level = sys.argv[1:]
module = importlib.import_module(f"servers.{family}")
made = (module.High if level == "high" else module.Low)("untouched", stateless=False)
made.add({case.name: case.tool for case in CASES.values() if case.tool})
before = parts(made.server)
recorder = record(made.server)
after = parts(made.server)
assert not recorder.enabled
assert list(map(id, before)) == list(map(id, after))
