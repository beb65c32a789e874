"""How the page is opened in a browser."""

from __future__ import annotations

import html
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from devflow_analytics_dashboard import Dashboard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BROWSER = """\
#!{python} -I
import os, sys
from pathlib import Path

there = Path({there!r})
there.with_suffix(".partial").write_text("\\n".join([
    " ".join(sys.argv[1:]), Path("/proc/self/cmdline").read_text()
]))
print("printed")
print("printed", file=sys.stderr)
there.with_suffix(".partial").rename(there)
os.open({fifo!r}, os.O_RDONLY)  # runs until the test ends it
"""


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a browser of the test's own writes down what it was started with."""
    there, fifo, script = (tmp_path / name for name in ("seen", "fifo", "browser"))
    os.mkfifo(fifo)
    script.write_text(BROWSER.format(python=sys.executable, there=str(there), fifo=str(fifo)))
    script.chmod(0o700)
    monkeypatch.setenv("BROWSER", str(script))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    return there


@pytest.fixture(autouse=True)
def let_go(tmp_path: Path) -> Iterator[None]:
    """Let the browser end."""
    yield
    if (fifo := tmp_path / "fifo").exists():
        with suppress(OSError):  # no browser is running
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))


def wait_for(condition: Callable[[], Any]) -> Any:
    """Return what a condition gives as soon as it holds."""
    end = time.monotonic() + 30
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def opened(there: Path) -> Path:
    """Return the file that the browser was started on."""
    wait_for(there.exists)
    arguments, command_line = there.read_text().split("\n")
    assert arguments.split("\0")[-1] in command_line
    return Path(urlsplit(arguments).path)


def files(directory: Path) -> list[Path]:
    return [file for file in directory.rglob("*") if file.is_file()]


def test_the_browser_gets_a_private_file_and_no_command_line_has_the_key(
    browser: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with Dashboard(port=0) as dashboard:
        assert dashboard.open_browser() is True
        file = opened(browser)
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        text = file.read_text()
        assert html.unescape(re.findall('content="0; url=(.*?)"', text)[0]) == dashboard.url
        assert html.unescape(re.findall('href="(.*?)"', text)[0]) == dashboard.url
        lines = [
            path.read_bytes()
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if path.parent.name.isdigit()
        ]
        assert dashboard.key.encode() not in b"\n".join(lines)
    assert not file.parent.exists()
    assert capfd.readouterr() == ("", "")


def test_the_file_is_gone_once_a_request_has_shown_the_key(browser: Path) -> None:
    dashboard = Dashboard(port=0)
    thread = threading.Thread(target=dashboard.run)
    thread.start()
    try:
        dashboard.open_browser()
        file = opened(browser)
        url = f"http://127.0.0.1:{dashboard.port}/api/version"
        code = (
            "import sys, urllib.request as r; r.urlopen(r.Request(sys.argv[1],"
            " headers={'Authorization': f'Bearer {sys.stdin.read()}'})).read()"
        )
        wrong = subprocess.run(
            [sys.executable, "-c", code, url], input="x", text=True, check=False, stderr=-3
        )
        assert (wrong.returncode, file.exists()) == (1, True)
        subprocess.run(
            [sys.executable, "-c", code, url], input=dashboard.key, text=True, check=True
        )
        assert not file.parent.exists()
    finally:
        dashboard.close()
        thread.join(10)


def test_the_file_is_gone_after_a_minute(browser: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from devflow_analytics_dashboard import browser as module  # noqa: PLC0415  its only use

    assert module.LIFETIME_SECONDS == 60
    monkeypatch.setattr(module, "LIFETIME_SECONDS", 0.5)
    with Dashboard(port=0) as dashboard:
        dashboard.open_browser()
        directory = opened(browser).parent
        wait_for(lambda: not directory.exists())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_file_is_gone_when_a_signal_ends_the_server(
    number: int, browser: Path, server: Callable[..., Any], tmp_path: Path
) -> None:
    started = server(
        "import devflow_analytics_dashboard.serving as s\n"
        "run = s.Dashboard.run\n"
        "s.Dashboard.run = lambda self: (self.open_browser(), run(self))\n"
    )
    opened(browser)
    assert started.client.get("/").status == 200
    assert len(files(tmp_path / "temporary")) == 1
    started.end(number)
    assert files(tmp_path / "temporary") == []


@pytest.mark.parametrize("name", ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER"])
@pytest.mark.usefixtures("browser")
def test_a_browser_is_expected_where_there_is_a_display(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devflow_analytics_dashboard.browser.subprocess.Popen", _NoProcess)
    monkeypatch.delenv("BROWSER")
    monkeypatch.setattr(sys, "platform", "linux")
    with Dashboard(port=0) as dashboard:
        assert dashboard.open_browser() is False
        monkeypatch.setenv(name, "1")
        assert dashboard.open_browser() is True


@pytest.mark.usefixtures("browser")
def test_a_mac_has_a_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devflow_analytics_dashboard.browser.subprocess.Popen", _NoProcess)
    monkeypatch.delenv("BROWSER")
    monkeypatch.setattr(sys, "platform", "darwin")
    with Dashboard(port=0) as dashboard:
        assert dashboard.open_browser() is True


class _NoProcess:
    def __init__(self, *_: object, **__: object) -> None:
        pass

    def wait(self) -> None:
        pass


@pytest.mark.usefixtures("browser")
def test_a_browser_that_cannot_be_started_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    with Dashboard(port=0) as dashboard:
        assert dashboard.open_browser() is False
        assert files(tmp_path / "temporary") == []


def test_without_room_for_the_file_no_browser_is_started(
    browser: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nothing"))
    with Dashboard(port=0) as dashboard:
        assert dashboard.open_browser() is False
    assert not browser.exists()
