"""Runs code again and again, each time in a process forked from this one, which imports all first.

So a fault that strikes a run strikes what the run does, and no run waits for its imports. For each
line on stdin, the code as a JSON string, it prints the process that is to run it; for the empty
line that follows it lets that process go, and prints how it ended. What a run prints goes to the
file that is the first argument; the others are the packages to import. It opens no database itself.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import pkgutil
import signal
import sys
import traceback
from importlib import import_module
from typing import NoReturn

PR_SET_PTRACER, ANYBODY = 0x59616D61, ctypes.c_ulong(-1)

output, *packages = sys.argv[1:]


def run(code: str) -> NoReturn:
    """Run code and end, but do not take all modules apart: that takes longer than any run."""
    status = 0
    try:
        exec(code, {"__name__": "__main__"})
    except BaseException:  # noqa: BLE001  said as any program says it
        traceback.print_exc()
        status = 1
    gc.collect()  # which closes what is open
    atexit._run_exitfuncs()  # noqa: SLF001  nothing else runs them and then ends at once
    sys.stdout.flush()
    os._exit(status)


def tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


for package in packages:
    for found in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
        if "__main__" not in found.name:
            import_module(found.name)
gc.freeze()

for line in sys.stdin:
    ready, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(go)
        opened = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, 1)
        os.dup2(opened, 2)
        os.close(opened)
        ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYBODY)  # strace is not our parent
        signal.alarm(60)  # a hang is a failure
        os.read(ready, 1)
        os.close(ready)
        run(json.loads(line))
    os.close(ready)
    tell(pid)
    sys.stdin.readline()
    os.write(go, b".")
    os.close(go)
    tell(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
