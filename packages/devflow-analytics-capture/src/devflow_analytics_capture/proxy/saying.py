"""Says something to people, on stderr, which belongs to the server."""

import os
import select


def say_none(fault: BaseException) -> None:
    """Say that calls are not recorded, and why; never what was in them."""
    # of our errors and the system's, the message names files at most
    reason = getattr(fault, "what", None) or getattr(fault, "strerror", None)
    file = getattr(fault, "filename", None)
    where = f" ({file})" if file else ""
    say(f"calls are not recorded: {reason or type(fault).__name__}{where}")


def say(sentence: str) -> None:
    """Write a line to stderr, if that does not make anybody wait."""
    line = f"devflow-analytics: {sentence}\n".encode("utf-8", "backslashreplace")
    try:
        poll = select.poll()
        poll.register(2, select.POLLOUT)
        if poll.poll(0):
            os.write(2, line[: select.PIPE_BUF])
    except OSError:
        pass
