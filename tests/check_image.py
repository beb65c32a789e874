"""Build the image from the Dockerfile as it is, and hold containers of it to docs/container.md.

Run by ``just image-check``, with docker or podman: the one that works, or ``CONTAINER_ENGINE``.
``IMAGE_BUILD_OPTIONS`` holds further options of the build, such as ``--network=host``.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
TAG = "devflow-analytics:check"
VOLUME = "/home/devflow/.devflow"
PREFIX = f"devflow-image-check-{os.getpid()}"
"""Begins the name of every container and volume made here."""

DISTRIBUTIONS = [
    "anyio",
    "click",
    "devflow-analytics-capture",
    "devflow-analytics-cli",
    "devflow-analytics-dashboard",
    "devflow-analytics-db",
    "devflow-analytics-recorder",
    "devflow-analytics-reports",
    "devflow-analytics-schema",
    "h11",
    "idna",
    "markdown-it-py",
    "mdurl",
    "msgspec",
    "pony",
    "pygments",
    "rich",
    "starlette",
    "tomlkit",
    "typing-extensions",
    "tzdata",
    "uuid-utils",
    "uvicorn",
]

CONTENTS = """
import json, os, platform, shutil, signal, sqlite3, stat, subprocess, sys, tempfile, urllib.request
from importlib.metadata import distributions

def is_editable(distribution):
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    return origin.get("dir_info", {}).get("editable", False)

device = os.stat("/").st_dev

def writable():
    for directory, names, files in os.walk("/"):
        names[:] = [n for n in names if os.lstat(f"{directory}/{n}").st_dev == device]
        for name in names + files:
            path = os.path.join(directory, name)
            mode = os.lstat(path).st_mode
            # in a sticky directory, such as /tmp, everybody keeps their own files
            ours = not stat.S_ISLNK(mode) and not mode & stat.S_ISVTX
            if ours and os.access(path, os.W_OK):
                yield path

# of the environment alone: what the base has is the base's
site = [path for path in sys.path if path.startswith(sys.prefix)]
found = list(distributions(path=site))
command = [sys.executable, "-v", shutil.which("devflow-analytics")]
start = subprocess.run([*command, "status"], capture_output=True, text=True)

def page():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # CI systems may ignore it
    subprocess.run([*command[2:], "--quiet", "init"], check=True)
    with tempfile.TemporaryFile("w+") as told:  # more than a pipe holds
        words = [*command, "dashboard", "--json", "--no-browser"]
        serving = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=told)
        url, _, key = json.loads(serving.stdout.readline())["url"].partition("#key=")
        headers = {"Authorization": f"Bearer {key}"}
        asked = urllib.request.Request(f"{url}api/summary", headers=headers)
        urllib.request.urlopen(asked, timeout=60).read()
        serving.send_signal(signal.SIGINT)
        serving.wait(60)
        told.seek(0)
        return told.read()

def compiled(told):
    lines = [line for line in told.splitlines() if line.startswith("# code object from ")]
    return [line.removeprefix("# code object from ") for line in lines if line.endswith(".py")]

print(json.dumps({
    "uid": os.getuid(),
    "python": platform.python_version(),
    "sqlite": sqlite3.sqlite_version,
    "distributions": sorted(d.name.lower().replace("_", "-") for d in found),
    "editable": [d.name for d in found if is_editable(d)],
    "tools": [t for t in ("uv", "uvx", "pytest", "ruff", "just", "git", "cc") if shutil.which(t)],
    "writable": list(writable()),
    "compiled_at_start": compiled(start.stderr),
    "compiled_for_the_page": compiled(page()),
}))
"""

# the statuses of the page, and of an answer without its key and with it
ASK = """
import json, sys, urllib.error, urllib.request

url, _, key = sys.argv[1].partition("#key=")

def status(route="", **headers):
    try:
        asked = urllib.request.Request(url + route, headers=headers)
        return urllib.request.urlopen(asked, timeout=20).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None  # nothing is reached there

summary = "api/summary"
print(json.dumps([status(), status(summary), status(summary, Authorization=f"Bearer {key}")]))
"""

RECORD = """
import sys
from pony.orm import db_session
from devflow_analytics_db import create_analytics_db

with create_analytics_db() as db:
    for _ in range(int(sys.argv[1])):
        with db_session:
            db.ToolCall(
                tool_name="git-log",
                duration_ms=12.5,
                status="success",
                timestamp=1,
                session=db.Session(started_at=1),
            )
"""

# -wal and -shm are there only as long as a connection is
FILES = """
import json, os, sys
from pony.orm import db_session
from devflow_analytics_db import create_analytics_db

with create_analytics_db() as db, db_session:
    db.Session(started_at=1)
    db.database.flush()
    directory = os.path.dirname(db.path)
    paths = [directory, *(entry.path for entry in os.scandir(directory))]
    stats = {os.path.basename(path): os.stat(path) for path in paths}
    print(json.dumps({name: [s.st_uid, f"{s.st_mode & 0o7777:04o}"] for name, s in stats.items()}))
"""

# enough rows for SQLite to sort an index outside of its memory
LARGE = """
import sqlite3, subprocess

path = subprocess.run(["devflow-analytics", "path"], capture_output=True, text=True).stdout.strip()
subprocess.run(["devflow-analytics", "--quiet", "init"], check=True)
connection = sqlite3.connect(path)
with connection:
    connection.execute("INSERT INTO sessions (id, started_at) VALUES ('s', 1)")
    connection.executemany(
        "INSERT INTO tool_calls (id, tool_name, duration_ms, status, timestamp, session_id)"
        " VALUES (printf('%036d', ?), 'git-log', 1, 'success', 1, 's')",
        ((number,) for number in range(100_000)),
    )
connection.close()
for way in (["--yes", "--to", "1"], []):
    subprocess.run(["devflow-analytics", "--quiet", "migrate", *way], check=True)
"""


class FailedError(Exception):
    """What does not hold, as a sentence."""


class Containers:
    """Containers of the image, as locked in as compose.yaml has them."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.facts = 0
        self._made = 0

    @cached_property
    def is_podman(self) -> bool:
        """Whether it is podman, be it under the name of docker."""
        return "podman" in self.call("--version").stdout.lower()

    def fact(self, sentence: str, *, holds: bool, instead: object) -> None:
        """Print a fact, or end with what is there instead."""
        if not holds:
            raise FailedError(f"It does not hold that {sentence}: {instead}")
        self.facts += 1
        print(f"ok  {sentence}")

    def call(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Call the engine."""
        return subprocess.run(
            [self.engine, *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def new_name(self) -> str:
        """Return a name that tells a container as one of ours."""
        self._made += 1
        return f"{PREFIX}-{self._made}"

    def command(
        self,
        *arguments: str,
        volume: str | None,
        entry: str | None = None,
        locked: bool = True,
        port: int | None = None,
    ) -> list[str]:
        """Return the arguments that run a container; a port is published on any of this machine."""
        options = ["--rm", f"--name={self.new_name()}", "--no-healthcheck"]
        if locked:
            options += [f"--publish=127.0.0.1::{port}" if port else "--network=none"]
            options += ["--read-only", "--cap-drop=all"]
            options += ["--security-opt=no-new-privileges"]
            if self.is_podman:  # which has by default a writable /tmp under a read-only root
                options += ["--read-only-tmpfs=false"]
        if volume:
            options += [f"--volume={PREFIX}-{volume}:{VOLUME}"]
        if entry:
            options += [f"--entrypoint={entry}"]
        return ["run", *options, TAG, *arguments]

    def run(self, *arguments: str, **options: Any) -> str:
        """Run a container that must succeed, and return what it printed."""
        done = self.call(*self.command(*arguments, **options))
        if done.returncode:
            what = shlex.join(arguments) if "-c" not in arguments else "a script"
            raise FailedError(
                f"A container with {what} exited with {done.returncode}: {done.stderr.strip()}"
            )
        return done.stdout

    def remove_all(self) -> None:
        """Remove what was made here, whatever became of it."""
        made = f"--filter=name={PREFIX}"
        # one by one, as one that removed itself meanwhile would keep the others
        for container in self.call("ps", "--all", "--quiet", made).stdout.split():
            self.call("rm", "--force", "--volumes", container)
        for volume in self.call("volume", "ls", "--quiet", made).stdout.split():
            self.call("volume", "rm", "--force", volume)


def working_engine() -> str:
    """Return the name of the engine to use."""
    wanted = os.environ.get("CONTAINER_ENGINE")
    for name in [wanted] if wanted else ["docker", "podman"]:
        if shutil.which(name):
            done = subprocess.run([name, "info"], capture_output=True, check=False, timeout=60)
            if done.returncode == 0:
                return name
    sys.exit(f"To check the image, {wanted or 'docker or podman'} must be installed and running.")


@contextmanager
def cleaned_up(containers: Containers) -> Iterator[None]:
    """Leave no container and no volume, on a polite request to end neither."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        yield
    finally:
        containers.remove_all()


def build(containers: Containers) -> dict[str, Any]:
    """Build the image, and return what the engine knows about it."""
    options = shlex.split(os.environ.get("IMAGE_BUILD_OPTIONS", ""))
    if containers.is_podman:  # podman's own format has no health check
        options += ["--format=docker"]
    start = time.monotonic()
    done = containers.call("build", *options, "--tag", TAG, ".", timeout=1800)
    if done.returncode:
        raise FailedError(f"The image cannot be built:\n{done.stdout}{done.stderr}")
    name = "podman" if containers.is_podman else "docker"
    print(f"built by {name} in {time.monotonic() - start:.1f} s")
    (image,) = json.loads(containers.call("image", "inspect", TAG).stdout)
    return dict(image)


def check_settings(containers: Containers, image: dict[str, Any]) -> None:
    """Check what the image says about itself."""
    settings = image["Config"]
    user, volumes = settings.get("User"), settings.get("Volumes")
    containers.fact(
        "the image's user is 10001, not root", holds=user == "10001:10001", instead=user
    )
    containers.fact(
        f"{VOLUME} is declared as a volume", holds=volumes == {VOLUME: {}}, instead=volumes
    )
    labels = {
        name.removeprefix("org.opencontainers.image."): value
        for name, value in (settings.get("Labels") or {}).items()
    }
    version = containers.run("--version", volume=None).split()[-1]
    containers.fact(
        f"its labels give a title, a description, the licence and the version, {version}",
        holds=bool(labels.get("title") and labels.get("description"))
        and (labels.get("licenses"), labels.get("version")) == ("MIT", version),
        instead=labels,
    )


def check_directory(containers: Containers) -> None:
    """Check the directory that a new volume is like, which no running container shows.

    Docker gives a named volume its owner and mode; podman gives it the user's in any case.
    """
    name = containers.new_name()
    created = containers.call("create", f"--name={name}", "--no-healthcheck", TAG)
    if created.returncode:
        raise FailedError(f"No container can be created: {created.stderr.strip()}")
    with (
        subprocess.Popen([containers.engine, "export", name], stdout=subprocess.PIPE) as export,
        tarfile.open(fileobj=export.stdout, mode="r|") as files,
    ):
        found = [(f.uid, f"{f.mode & 0o7777:04o}") for f in files if f"/{f.name}" == VOLUME]
    containers.fact(
        "a new volume is 10001's, and 0700", holds=found == [(10001, "0700")], instead=found
    )


def check_contents(containers: Containers) -> None:
    """Check what is inside."""
    # a root that can be written to, or nothing could tell the rights on a file from those of all
    printed = containers.run("-c", CONTENTS, volume=None, entry="python", locked=False)
    inside = json.loads(printed)
    containers.fact(
        f"Python {inside['python']} with SQLite {inside['sqlite']} runs as 10001",
        holds=inside["uid"] == 10001,
        instead=inside["uid"],
    )
    containers.fact(
        f"installed is {', '.join(DISTRIBUTIONS)}, and nothing else",
        holds=inside["distributions"] == DISTRIBUTIONS,
        instead=inside["distributions"],
    )
    containers.fact(
        "nothing is installed editable", holds=not inside["editable"], instead=inside["editable"]
    )
    containers.fact(
        "there are no tools for development", holds=not inside["tools"], instead=inside["tools"]
    )
    # its own home may be its own
    writable = [path for path in inside["writable"] if not path.startswith(VOLUME)]
    containers.fact(
        "its user can write to nothing but the volume and /tmp",
        holds=not writable,
        instead=writable,
    )
    compiled = inside["compiled_at_start"]
    containers.fact("a start has nothing to compile", holds=not compiled, instead=compiled)
    compiled = inside["compiled_for_the_page"]
    containers.fact("nor has a start of the page", holds=not compiled, instead=compiled)


def check_use(containers: Containers, image: dict[str, Any]) -> None:
    """Check a database in a volume, from before it is made to a row that is read back."""
    # where docker has it, and podman
    health = image["Config"].get("Healthcheck") or image.get("Healthcheck") or {}
    kind, entry, *arguments = health.get("Test", ["NONE", ""])

    def healthy() -> tuple[int, str]:
        done = containers.call(*containers.command(*arguments, volume="one", entry=entry))
        return done.returncode, done.stdout

    containers.fact("there is a health check", holds=kind == "CMD", instead=health)
    before = healthy()
    containers.fact("it fails before init, quietly", holds=before == (1, ""), instead=before)
    made = json.loads(containers.run("init", "--json", volume="one"))
    containers.fact(
        "init works without network, writable root, capabilities or new privileges",
        holds=made["created"] and made["path"] == f"{VOLUME}/analytics.db",
        instead=made,
    )
    after = healthy()
    containers.fact("the health check passes after init", holds=after == (0, ""), instead=after)
    containers.run("-c", RECORD, "1", volume="one", entry="python")
    calls = json.loads(containers.run("status", "--json", volume="one"))["tool_calls"]
    containers.fact("a row is there in the next container", holds=calls == 1, instead=calls)
    files = json.loads(containers.run("-c", FILES, volume="one", entry="python"))
    wanted = {".devflow": [10001, "0700"]} | {
        f"analytics.db{end}": [10001, "0600"] for end in ("", "-wal", "-shm")
    }
    containers.fact(
        "the directory (0700) and the database's files (0600) belong to 10001",
        holds=files == wanted,
        instead=files,
    )


def check_page(containers: Containers) -> None:
    """Check that the page answers, as compose.yaml has it, and that it ends when it is stopped."""
    words = ("dashboard", "--host", "0.0.0.0", "--port", "8321", "--no-browser")
    run = containers.command(*words, volume="one", port=8321)
    (name,) = [word.partition("=")[2] for word in run if word.startswith("--name=")]
    with subprocess.Popen(
        [containers.engine, *run], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as serving:
        url = next((line.strip() for line in serving.stdout or () if "#key=" in line), "")
        if not url:
            raise FailedError(f"The page is not served: {serving.communicate()}")
        published = containers.call("port", name, "8321").stdout.split()[0]
        outside = url.replace("127.0.0.1:8321", published)
        done = subprocess.run([sys.executable, "-c", ASK, outside], check=True, capture_output=True)
        statuses, where = json.loads(done.stdout), "through a published port"
        if statuses[0] is None:
            told = containers.call("exec", name, "python", "-c", ASK, url)
            statuses = json.loads(told.stdout)
            where = "inside its container, as this machine's engine publishes no port"
        containers.fact(
            f"the page answers {where}: 200, its data 401 without the key, and 200 with it",
            holds=statuses == [200, 401, 200],
            instead=statuses,
        )
        start = time.monotonic()
        containers.call("stop", name)
        took = time.monotonic() - start
        status = serving.wait(60)
    containers.fact(
        "the page is stopped in less than two seconds, with status 0",
        holds=took < 2 and status == 0,
        instead=(took, status),
    )


def check_strain(containers: Containers) -> None:
    """Check a database that several containers make at once, and a large one."""
    number, rows = 4, 25
    commands = [
        containers.command("-c", RECORD, str(rows), volume="several", entry="python")
        for _ in range(number)
    ]
    # made before, as it is the database's race that matters, not the engine's for the volume
    containers.call("volume", "create", f"{PREFIX}-several")
    running = [
        subprocess.Popen(
            [containers.engine, *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    errors = [process.communicate(timeout=120)[1] for process in running]
    calls = json.loads(containers.run("status", "--json", volume="several"))["tool_calls"]
    containers.fact(
        f"{number} containers make one database and record {number * rows} rows at once",
        holds=calls == number * rows,
        instead=(calls, errors),
    )
    containers.run("-c", LARGE, volume="large", entry="python")
    health = json.loads(containers.run("check", "--json", volume="large"))
    containers.fact(
        "100,000 rows are migrated down and up under a read-only root",
        holds=health["ok"],
        instead=health,
    )


def main() -> None:
    """Build and check all."""
    containers = Containers(working_engine())
    with cleaned_up(containers):
        try:
            image = build(containers)
            # every image of python:* sets it
            pulled = any(name.startswith("PYTHON_VERSION=") for name in image["Config"]["Env"])
            bases = "its published base images" if pulled else "LOCAL STAND-INS of its base images"
            print(f"built on {bases}")
            check_settings(containers, image)
            check_directory(containers)
            check_contents(containers)
            check_use(containers, image)
            check_page(containers)
            check_strain(containers)
        except FailedError as failed:
            sys.exit(f"{failed}")
        except subprocess.TimeoutExpired as late:
            sys.exit(f"{shlex.join(map(str, late.cmd[:2]))} took more than {late.timeout:.0f} s.")
    size = image["Size"] / 1_000_000
    print(f"The image is sound: {containers.facts} facts, {size:.0f} MB, on {bases}.")


if __name__ == "__main__":
    main()
