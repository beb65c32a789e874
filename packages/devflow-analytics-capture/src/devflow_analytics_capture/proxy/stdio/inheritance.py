"""What a server inherits without us: all that we were given, and nothing that Python has set up."""

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # without the enums of signal, which take 6 ms

OF_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
"""What Python ignores, and so would the server."""

STDERR = 2

_SHELL = "/bin/sh"

_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")
"""What Python sets LC_CTYPE to where the locale is C (PEP 538)."""


def environment() -> dict[str, str]:
    """Return the environment with which we were started."""
    found = {**os.environ}
    if found.get("LC_CTYPE") in _COERCED:
        try:
            with open("/proc/self/environ", "rb", buffering=0) as file:
                given = file.read().split(b"\0")
        except OSError:  # macOS, or a container without it
            return found
        del found["LC_CTYPE"]
        for pair in given:
            name, _, value = pair.partition(b"=")
            if name == b"LC_CTYPE":
                found["LC_CTYPE"] = os.fsdecode(value)
    return found


def let_go_of_files() -> None:
    """Close what we were given beside the three usual files: it is the server's alone.

    Its client may wait for the server to close one of them, or to let go of a lock.
    """
    try:
        names = os.listdir("/dev/fd")
    except OSError:
        return
    for name in names:
        try:
            if int(name) > STDERR and os.get_inheritable(int(name)):
                os.close(int(name))
        except OSError:  # the one that listed them
            pass


def listen_to_the_usual_signals() -> None:
    """Undo what Python has set up, before another program takes our place."""
    for number in OF_PYTHON:
        signal.signal(number, signal.SIG_DFL)


def by_shell(command: list[str], fault: OSError) -> list[str] | None:
    """Return how to run a program that names none to run it, as ``execvp`` in C does.

    Args:
        command: its name and its arguments.
        fault: what came of running it; None is returned for any other than that.
    """
    name = command[0]
    if fault.errno != errno.ENOEXEC or name == _SHELL:
        return None
    folders = [] if "/" in name else os.environ.get("PATH", os.defpath).split(os.pathsep)
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            name = path
            break
    return [_SHELL, name, *command[1:]]
