"""Opens the page in a browser without showing the key to other users of the machine.

They can read the command line of every process. So a browser is not given the address, but a
private file that leads to it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from html import escape
from pathlib import Path

LIFETIME_SECONDS = 60
"""How long the file is there if no browser comes to the page."""

DISPLAYS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME")
"""Environment variables that tell of a browser which does not take over the terminal."""

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={url}">
<title>DevFlow Analytics</title>
<p><a href="{url}">Open the page of DevFlow Analytics</a></p>
"""


def can_open() -> bool:
    """Tell whether a graphical browser can be expected."""
    return sys.platform == "darwin" or any(os.environ.get(name) for name in DISPLAYS)


class RedirectFile:
    """A private file that leads a browser to an address."""

    def __init__(self, url: str) -> None:
        """Write the file; it is removed after `LIFETIME_SECONDS` at the latest.

        Args:
            url: the address.

        Raises:
            OSError: there is no room, or no directory for temporary files.
        """
        self._directory = Path(tempfile.mkdtemp(prefix="devflow-analytics-"))  # of mode 0700
        self.file = self._directory / "open.html"
        descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(PAGE.format(url=escape(url)))
        self._timer = threading.Timer(LIFETIME_SECONDS, self.remove)
        self._timer.daemon = True
        self._timer.start()

    def open(self) -> None:
        """Start a browser on the file, and wait for nothing.

        Raises:
            OSError: no process can be started.
        """
        # -I: nothing is imported from the current directory, whatever is in it
        command = [sys.executable, "-I", "-m", "webbrowser", self.file.as_uri()]
        process = subprocess.Popen(  # noqa: S603  every word of it is ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that Ctrl-C does not end the browser, too
        )
        threading.Thread(target=process.wait, name="browser", daemon=True).start()

    def remove(self) -> None:
        """Remove the file; calling it again does nothing."""
        self._timer.cancel()
        shutil.rmtree(self._directory, ignore_errors=True)
