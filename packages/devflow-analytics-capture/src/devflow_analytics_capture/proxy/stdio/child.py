"""The server's process: started before anything else, told what we are told, and ended with."""

import fcntl
import os
from _thread import start_new_thread

from devflow_analytics_capture.proxy.stdio.inheritance import OF_PYTHON, by_shell, let_go_of_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from typing import NoReturn
else:
    import _signal as signal  # without the enums of signal, which take 6 ms

STDIN = 0

NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""The exit statuses of shells for a command that is missing, or that cannot be run."""

PIPE_BYTES = 262_144
"""How much the pipe of the server's output holds."""

_FORWARDED = {
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
}
_SENT_BY_KERNEL = 0
"""Above this, ``si_code`` says that no process sent a signal, as for Ctrl-C at a terminal.

That reaches every process of the group anyway, and ours is the server's. Only that a terminal is
gone is told to one process, the leader of the session.
"""


class CommandError(Exception):
    """The command cannot be started."""

    def __init__(self, command: str, fault: OSError) -> None:
        super().__init__(f"cannot run {command!r}: {fault.strerror}")
        is_missing = isinstance(fault, FileNotFoundError)
        self.exit_status = NOT_FOUND if is_missing else NOT_EXECUTABLE
        """That of a shell that cannot start it."""


class Pipes:
    """What the server's standard input and output are connected to."""

    def __init__(self) -> None:
        _require_standard_files()
        self.its_input, self.input = os.pipe()
        self.output, self.its_output = os.pipe()
        _widen(self.output)


class Child:
    """A server that runs. It is not reaped, so its process id stays its own until we end."""

    def __init__(self, command: list[str], environment: dict[str, str], pipes: Pipes) -> None:
        """Start it, in our process group, with our stderr.

        Args:
            command: its name, looked for in the PATH, and its arguments.
            environment: its environment.
            pipes: its standard input and output.

        Raises:
            CommandError: it cannot be started.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
        try:
            self.pid = _spawn(command, environment, pipes, before)
        except OSError as fault:
            raise CommandError(command[0], fault) from fault
        except ValueError:  # the name is empty, or holds NUL
            raise CommandError(command[0], FileNotFoundError(2, os.strerror(2))) from None
        # a client that ignores the ends of its children has us ignore those of ours
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(pipes.its_input)
        os.close(pipes.its_output)
        let_go_of_files()
        self.input, self.output = pipes.input, pipes.output
        self.was_told_to_end = False
        """Whether somebody sent SIGTERM, or any signal after it had ended."""
        self.wake, self._waker = os.pipe()
        """Readable after that."""

    def forward_signals(self) -> None:
        """Hand on the signals that processes send to us, from now on, in a thread."""
        start_new_thread(self._forward, ())

    def exit_file(self) -> int | None:
        """Return a descriptor that is readable once it has ended; None where there are none."""
        try:
            return os.pidfd_open(self.pid)
        except (AttributeError, OSError):  # macOS, and Linux before 5.3
            return None

    def has_ended(self) -> bool:
        """Tell whether it has ended."""
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        try:
            return os.waitid(os.P_PID, self.pid, flags) is not None
        except ChildProcessError:  # somebody has reaped it
            return True

    def kill(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        try:  # noqa: SIM105  contextlib takes as long to import as all of these modules
            os.kill(self.pid, number)
        except OSError:  # it has become another user
            pass

    def end_alike(self) -> "NoReturn":
        """End as it has ended: with its exit status, or by the signal that ended it."""
        try:
            found = os.waitid(os.P_PID, self.pid, os.WEXITED)
        except ChildProcessError:  # as above
            found = None
        if found is None or found.si_code == os.CLD_EXITED:
            os._exit(found.si_status if found else 0)
        _dump_no_core()
        number = found.si_status
        try:
            signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        except (OSError, ValueError):  # SIGKILL, and what the C library keeps for itself
            pass
        os.kill(os.getpid(), number)
        os._exit(128 + number)  # as shells say it, should it not have ended us

    def _forward(self) -> None:
        while True:
            number, code = _wait_for_signal()
            has_ended = self.has_ended()  # then something that it started writes on
            if not has_ended:
                if code > _SENT_BY_KERNEL and not (number == signal.SIGHUP and _leads_session()):
                    continue
                self.kill(number)
            if has_ended or number == signal.SIGTERM:
                self.was_told_to_end = True
                os.write(self._waker, b".")


def _spawn(command: list[str], environment: dict[str, str], pipes: Pipes, mask: "set[int]") -> int:
    """Start a program, and return its process id.

    Raises:
        OSError, ValueError: it cannot be started.
    """
    try:
        return os.posix_spawnp(
            command[0],
            command,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, pipes.its_input, 0),
                (os.POSIX_SPAWN_DUP2, pipes.its_output, 1),
            ],
            setsigmask=mask,
            setsigdef=OF_PYTHON,
        )
    except OSError as fault:
        script = by_shell(command, fault)
        if script is None:
            raise
        return _spawn(script, environment, pipes, mask)


def name_of(file: int) -> str | None:
    """Return what tells an open file from every other; None if it is closed."""
    try:
        found = os.fstat(file)
    except OSError:
        return None
    return f"{found.st_dev}:{found.st_ino}"


def _widen(pipe: int) -> None:
    """Let a pipe hold more than is usual: large answers then pass in half the time."""
    try:  # noqa: SIM105  contextlib takes as long to import as all of these modules
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except (AttributeError, OSError):  # macOS; or the user has too many such pipes already
        pass


def _leads_session() -> bool:
    return os.getsid(0) == os.getpid()


def _wait_for_signal() -> tuple[int, int]:
    """Return the next signal, and its ``si_code`` where that can be known."""
    if not hasattr(signal, "sigwaitinfo"):  # macOS
        return signal.sigwait(_FORWARDED), _SENT_BY_KERNEL
    found = signal.sigwaitinfo(_FORWARDED)
    return found.si_signo, found.si_code


def _require_standard_files() -> None:
    """Open what we were started without, so that no pipe of ours gets one of these numbers."""
    while True:
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor > 2:  # noqa: PLR2004  standard error
            os.close(descriptor)
            return
        os.set_inheritable(descriptor, True)  # noqa: FBT003  it takes no names


def _dump_no_core() -> None:
    """Keep our own core from taking the place of the server's."""
    import resource  # noqa: PLC0415  seldom needed

    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    # one byte is no room for a file; and to Linux it means not to call a program that takes cores
    resource.setrlimit(resource.RLIMIT_CORE, (1 if most else 0, most))
