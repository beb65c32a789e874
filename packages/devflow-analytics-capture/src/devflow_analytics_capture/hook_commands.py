"""The commands that agents run: what they are, and which of those in their settings are ours.

They are written for ``sh``. Each ends well and prints nothing, also when what it runs is not there
any more: what a hook prints, agents show to the model.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from devflow_analytics_db import ConfigurationError, InstallationError, resolve_path

if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    Kind: TypeAlias = Literal["import", "call"]

COMMAND = "devflow-analytics"

MODULE = "devflow_analytics_cli"
_IN_A_CACHE = re.compile(r"/(?:(?:archive|environments)-v\d+|\.cache/pipx|pipx/\.cache)/")
_IN_BUILDS = re.compile(r"/builds-v\d+/")
_SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hook.py")
_SCRIPT_ENDING = "devflow_analytics_capture/hook.py"
_SILENT = (">/dev/null", "2>&1", "||", "true")
_IMPORT = ("--quiet", "import")
_QUICKLY = ("-I", "-S")


def command(kind: Kind, client: str, database: str | os.PathLike[str] | None) -> str:
    """Return a command.

    Args:
        kind: ``import``: it imports what is new in the agent's logs. ``call``: it notes one call.
        client: the agent.
        database: the file; None for the default one, whichever that is when the command is run.

    Raises:
        ConfigurationError: it cannot be put into settings.
        InstallationError: the command ``devflow-analytics`` is not installed.
        AnalyticsDbError: see `resolve_path`.
    """
    named = [] if database is None else [str(resolve_path(database))]
    if kind == "import":
        words = [*own_command(), *(["--db", *named] if named else []), *_IMPORT]
    else:
        words = [_python(), *_QUICKLY, _SCRIPT, client, *named]
    line = f"{shlex.join(words)} {' '.join(_SILENT)}"
    require_printable(line)
    return line


def require_printable(line: str) -> None:
    """Make sure that a command can be put into settings.

    Raises:
        ConfigurationError: it cannot.
    """
    if not line.isprintable():  # JSON cannot hold what is no letter, nor should a setting hold more
        raise ConfigurationError(
            f"{line!r} cannot be put into settings: it holds what cannot be printed.",
            None,
            "Use paths of letters that can.",
        )


def kind_of(line: object) -> Kind | None:
    """Return which command of ours a line is, wherever it is installed; None if it is none."""
    if not isinstance(line, str):
        return None
    try:
        words = shlex.split(line)
    except ValueError:
        return None
    if tuple(words[-len(_SILENT) :]) != _SILENT:
        return None
    words = words[: -len(_SILENT)]
    if tuple(words[1:3]) == _QUICKLY and len(words) in {5, 6}:
        return "call" if f"/{words[3]}".endswith(f"/{_SCRIPT_ENDING}") else None
    if tuple(words[-len(_IMPORT) :]) != _IMPORT:
        return None
    words = words[: -len(_IMPORT)]
    if len(words) > 2 and words[-2] == "--db":  # noqa: PLR2004  the command, and the option's two
        words = words[:-2]
    is_ours = [os.path.basename(word) for word in words] == [COMMAND]
    return "import" if is_ours or words[1:] == ["-m", MODULE] else None


def is_temporary() -> bool:
    """Tell whether this is run from a cache of uv's or pipx's, from which it may be gone tomorrow.

    ``uvx`` keeps environments in ``archive-v0`` and ``environments-v2`` of uv's cache, and
    ``pipx run`` in ``~/.cache/pipx`` or ``~/.local/pipx/.cache``. That of ``uv run --isolated``, in
    ``builds-v0``, counts only if this package is in it: tests of a project run so.
    """
    in_builds = _IN_BUILDS.search(os.path.realpath(_SCRIPT))
    paths = (os.path.realpath(_SCRIPT), os.path.abspath(sys.prefix))
    return bool(in_builds) or any(_IN_A_CACHE.search(path) for path in paths)


def own_command() -> list[str]:
    """Return how ``devflow-analytics`` is started, by a path that an upgrade does not change.

    That is the one in the user's PATH, if it is this one: ``uv tool`` and ``pipx`` keep a link
    there.
    """
    own = os.path.join(os.path.dirname(_python()), COMMAND)
    found = shutil.which(COMMAND)
    if found and (not os.path.exists(own) or os.path.realpath(found) == os.path.realpath(own)):
        return [os.path.abspath(found)]
    if os.path.exists(own):
        return [own]
    if find_spec(MODULE) is None:
        raise InstallationError(
            f"The command {COMMAND} is not installed, and what belongs into settings runs it.",
            None,
            "Install devflow-analytics-cli.",
        )
    return [_python(), "-m", MODULE]


def _python() -> str:
    """Return the path of Python: that of an environment, which stays, and not what it links to."""
    return os.path.abspath(sys.executable)
