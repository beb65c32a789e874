"""What goes wrong, met through the real command in a real process; docs/reference.md has its table.

Each case prepares a home, and the command is run there: the status and the sentence are what the
page says, and no byte that was there is lost. Run as a script, by ``just docs``, this prints the
table.
"""

from __future__ import annotations

import json
import os
import re
import resource
import select
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from devflow_analytics_db import backup, create_analytics_db, migrate
from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.testing import BROKEN_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Prepare = Callable[["Ground"], "Iterator[None] | None"]

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference.md"
COMMAND = Path(sys.executable).with_name("devflow-analytics")
NEXT = latest_version() + 1
PORT = 18_321
"""One that no program is known for, and that no outgoing connection gets."""

ANOTHER_FILE = "name another file with --db or DEVFLOW_ANALYTICS_DB_PATH"

# root may do anything, so it steps down. Before, it imports and reads what the other user may not:
# the clone or Python itself may be below a private directory.
AS_NOBODY = """
import codecs, importlib, os, pkgutil, shlex, sys, tempfile
import devflow_analytics_capture, devflow_analytics_cli, devflow_analytics_dashboard
import devflow_analytics_db, devflow_analytics_recorder, devflow_analytics_reports
import devflow_analytics_schema
codecs.lookup("ascii")
packages = devflow_analytics_capture, devflow_analytics_cli, devflow_analytics_dashboard
others = devflow_analytics_db, devflow_analytics_recorder, devflow_analytics_reports
for package in (*packages, *others, devflow_analytics_schema):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
from devflow_analytics_cli.app import cli
from devflow_analytics_cli.main import main
with tempfile.TemporaryDirectory() as directory:
    database = directory + "/analytics.db"
    for arguments in (["path", "--help"], ["init", "--json"], ["doctor"]):
        cli(["--db", database, *arguments], standalone_mode=False)
    devflow_analytics_db.create_analytics_db(database).Session
private = (sys.prefix, sys.base_prefix, *(os.path.dirname(path) for path in sys.path if path))

def forbid(event, arguments):
    if event in ("open", "os.listdir") and str(arguments[0]).startswith(private):
        print("reads", arguments[0], "as another user", file=sys.stderr, flush=True)
        os._exit(97)

if os.getuid() == 0:
    os.setgroups([])
    os.setgid(54321)
    os.setuid(54321)
    sys.addaudithook(forbid)
sys.stdout.flush()
print("---", flush=True)
main()
"""


class Ground:
    """A home, and how the command is run in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.file = home / ".devflow" / "analytics.db"
        self.environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
        self.as_nobody = False
        self.cwd = home.parent
        self.file_size_limit: int | None = None

    def make(self) -> None:
        """Put a current database there, with a row."""
        with create_analytics_db(self.file) as db, closing(db.connect()) as connection:
            connection.execute("INSERT OR IGNORE INTO sessions (id, started_at) VALUES ('s', 1)")

    def give_to_nobody(self) -> None:
        """Let the user that the command runs as own the home."""
        self.as_nobody = True
        if os.getuid() == 0:
            for path in (self.home, *self.home.rglob("*")):
                os.chown(path, 54321, 54321)

    @contextmanager
    def mounted(self, options: str) -> Iterator[None]:
        """Mount a file system of its own at ``~/.devflow``."""
        self.file.parent.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "none", self.file.parent]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"cannot mount here: {done.stderr.strip()}")
        try:
            yield
        finally:
            subprocess.run(["umount", self.file.parent], check=True)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        words = [str(self.home) + word[1:] if word.startswith("~/") else word for word in arguments]

        def prepare() -> None:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # CI systems may ignore it
            os.chdir(self.cwd)
            if self.file_size_limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_size_limit,) * 2)

        return subprocess.Popen(
            [sys.executable, "-c", AS_NOBODY, *words] if self.as_nobody else [COMMAND, *words],
            env=self.environment,
            preexec_fn=prepare,  # noqa: PLW1509  no threads here
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        stdout, stderr = process.communicate(timeout=60)
        return process.returncode, stdout.rpartition("---\n")[2], stderr

    def contents(self) -> dict[Path, bytes]:
        """Return what is in each file, but for SQLite's shared memory, which holds no rows."""
        return {
            path.relative_to(self.home): path.read_bytes()
            for path in self.home.rglob("*")
            if path.is_file() and not path.name.endswith("-shm")
        }


def broken(name: str) -> Prepare:
    """Return what puts a file of the catalogue where the database should be."""

    def make(ground: Ground) -> None:
        ground.file.parent.mkdir(mode=0o700)
        BROKEN_FILES[name].make(ground.file)

    make.__name__ = name
    return make


a_directory_in_its_place = broken("a directory")
a_text_file = broken("a text file")
a_single_byte = broken("a single byte")
another_programs_file = broken("another program's file")
another_programs_mark = broken("another program's id and no tables")
an_incompatible_newer_file = broken("a newer file")
an_edited_history = broken("an edited history")
a_ledger_of_no_types = broken("a ledger without types")
damaged_magic = broken("a damaged magic string")
damaged_page_size = broken("a damaged page size")
damaged_schema_page = broken("a damaged schema")
damaged_inner_page = broken("damaged rows")
a_truncated_file = broken("a file cut in half")
a_strange_journal = broken("a strange journal")
a_view_in_newer_sql = broken("a view in newer SQL")
a_journal_without_its_file = broken("a journal without its file")
a_dangling_link = broken("a dangling link")


def no_such_home(ground: Ground) -> None:
    ground.environment["HOME"] = str(ground.home / "nowhere")


def as_root_only() -> None:
    if os.getuid() != 0:
        pytest.skip("needs root, to make files of another user")


def no_home_at_all(ground: Ground) -> None:
    as_root_only()  # anybody else has one, and it is real
    del ground.environment["HOME"]
    ground.give_to_nobody()


def a_read_only_home(ground: Ground) -> None:
    ground.give_to_nobody()
    ground.home.chmod(0o555)


def a_file_where_the_directory_should_be(ground: Ground) -> None:
    ground.file.parent.write_text("mine")


def an_empty_file(ground: Ground) -> None:
    ground.file.parent.mkdir()
    ground.file.touch()


def nothing(ground: Ground) -> None:
    assert not ground.file.exists()


def change(ground: Ground, *statements: str) -> None:
    ground.make()
    change_as_it_is(ground, *statements)


def change_as_it_is(ground: Ground, *statements: str) -> None:
    with closing(sqlite3.connect(ground.file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def an_endless_view_in_a_tables_place(ground: Ground) -> None:
    change(
        ground,
        "DROP TABLE sessions",
        "CREATE VIEW sessions AS"
        " WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id FROM n",
    )


def a_trigger_that_would_delete_rows(ground: Ground) -> None:
    ground.make()
    migrate(ground.file, to=1, allow_down=True)
    change_as_it_is(
        ground,
        "CREATE TRIGGER tidy AFTER INSERT ON devflow_migrations BEGIN DELETE FROM sessions; END",
    )


def a_current_file(ground: Ground) -> None:
    ground.make()


def an_older_file(ground: Ground) -> None:
    ground.make()
    migrate(ground.file, to=1, allow_down=True)
    shutil.rmtree(ground.file.parent / "backups")


def overwrite(ground: Ground, offset: int, content: bytes) -> None:
    ground.make()
    with ground.file.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def a_link_that_leads_to_a_file(ground: Ground) -> None:
    ground.make()
    shutil.move(ground.file, ground.home / "elsewhere.db")
    ground.file.symlink_to(ground.home / "elsewhere.db")


def no_path(ground: Ground) -> None:
    ground.environment["DEVFLOW_ANALYTICS_DB_PATH"] = ":memory:"


def a_path_with_the_end_of_a_line(ground: Ground) -> None:
    ground.environment["DEVFLOW_ANALYTICS_DB_PATH"] = "/data/analytics.db\n"


def a_bad_timeout(ground: Ground) -> None:
    ground.environment["DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS"] = "soon"


def a_directory_that_was_deleted(ground: Ground) -> Iterator[None]:
    ground.cwd = ground.home / "gone"
    ground.cwd.mkdir()
    # the shell deletes it after going there; here the process does before it runs the command
    start = ground.start

    def start_there(*arguments: str) -> subprocess.Popen[str]:
        script = 'rmdir "$PWD" && exec "$@"'
        return subprocess.Popen(
            # by its Python: in a path with a space the script begins with a shell, which complains
            ["sh", "-c", script, "sh", sys.executable, COMMAND, *arguments],
            env=ground.environment,
            cwd=ground.cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    ground.start = start_there  # type: ignore[method-assign]
    yield
    ground.start = start  # type: ignore[method-assign]


# In a process of its own: reading the file in this one would drop the lock.
WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("writing", flush=True)
sys.stdin.read()
"""


@contextmanager
def a_writer_at(file: Path) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, file],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdin
        assert writer.stdout
        assert writer.stdout.readline() == "writing\n"
        yield
        writer.stdin.close()


def another_process_is_writing(ground: Ground) -> Iterator[None]:
    an_older_file(ground)
    ground.environment["DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS"] = "10"
    with a_writer_at(ground.file):
        yield


def ctrl_c_while_it_waits(ground: Ground) -> Iterator[None]:
    an_older_file(ground)
    ground.environment["DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS"] = "2147483647"
    start = ground.start

    def start_and_interrupt(*arguments: str) -> subprocess.Popen[str]:
        process = start("--verbose", *arguments)
        assert process.stderr
        ready, _, _ = select.select([process.stderr], [], [], 30)
        assert ready, "it does not say that it waits, or waits where it hears nothing"
        assert "is locked: waiting" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        return process

    with a_writer_at(ground.file):
        ground.start = start_and_interrupt  # type: ignore[method-assign]
        yield
        ground.start = start  # type: ignore[method-assign]


def another_users_file(ground: Ground) -> None:
    as_root_only()
    ground.make()
    ground.give_to_nobody()
    os.chown(ground.file, 0, 0)


def a_read_only_file(ground: Ground) -> None:
    ground.make()
    ground.give_to_nobody()
    ground.file.chmod(0o400)


def a_read_only_directory(ground: Ground) -> None:
    ground.make()
    ground.give_to_nobody()
    ground.file.parent.chmod(0o500)


def a_directory_of_another_user(ground: Ground) -> None:
    as_root_only()
    ground.make()
    ground.give_to_nobody()
    os.chown(ground.file.parent, 0, 0)


def a_full_disk(ground: Ground) -> Iterator[None]:
    with ground.mounted("size=12k"):
        yield


def a_disk_with_room_for_one(
    ground: Ground, prepare: Callable[[Ground], None] = a_current_file
) -> Iterator[None]:
    prepare(ground)
    content = ground.file.read_bytes()
    with ground.mounted(f"size={len(content) // 1024 + 40}k"):  # with room for the index of a WAL
        ground.file.write_bytes(content)
        yield


def a_disk_with_room_for_one_that_is_older(ground: Ground) -> Iterator[None]:
    return a_disk_with_room_for_one(ground, an_older_file)


def a_read_only_file_system(ground: Ground) -> Iterator[None]:
    with ground.mounted("size=1m"):
        ground.make()
        subprocess.run(["mount", "-o", "remount,ro", ground.file.parent], check=True)
        yield


def a_limit_on_the_size_of_files(ground: Ground) -> None:
    ground.file_size_limit = 8192


def a_backup_that_is_text(ground: Ground) -> None:
    ground.make()
    (ground.home / "backup.db").write_text("notes\n" * 100)


def a_backup_that_is_damaged(ground: Ground) -> None:
    damaged_inner_page(ground)
    shutil.move(ground.file, ground.home / "backup.db")
    ground.make()


def a_backup_that_is_newer(ground: Ground) -> None:
    an_incompatible_newer_file(ground)
    shutil.move(ground.file, ground.home / "backup.db")
    ground.make()


def a_port_that_is_taken(ground: Ground) -> Iterator[None]:
    ground.make()
    with socket.socket() as taken:
        with suppress(OSError):  # by another process: as well
            taken.bind(("127.0.0.1", PORT))
            taken.listen()
        yield


def settings_that_are_no_json(ground: Ground) -> None:
    (ground.home / ".claude").mkdir()
    (ground.home / ".claude" / "settings.json").write_text('{"model": "opus",}\n')


def settings_with_hooks_of_another_shape(ground: Ground) -> None:
    (ground.home / ".claude").mkdir()
    (ground.home / ".claude" / "settings.json").write_text('{"hooks": []}\n')


def an_mcp_server(ground: Ground) -> None:
    (ground.home / ".cursor").mkdir()
    (ground.home / ".cursor" / "mcp.json").write_text(
        '{"mcpServers": {"files": {"command": "files-mcp"}}}\n'
    )


def mcp_settings_that_are_no_json(ground: Ground) -> None:
    (ground.home / ".cursor").mkdir()
    (ground.home / ".cursor" / "mcp.json").write_text('{"mcpServers": {,}}\n')


def mcp_settings_that_are_no_toml(ground: Ground) -> None:
    (ground.home / ".codex").mkdir()
    (ground.home / ".codex" / "config.toml").write_text('model = "a"\nmodel = "b"\n')


def mcp_settings_that_may_only_be_read(ground: Ground) -> None:
    as_root_only()
    an_mcp_server(ground)
    ground.give_to_nobody()
    (ground.home / ".cursor" / "mcp.json").chmod(0o400)


def a_file_that_is_damaged_and_a_backup(ground: Ground) -> None:
    ground.make()
    backup(ground.file, ground.home / "backup.db")
    overwrite(ground, 100, b"\xff" * 3996)


class Case(NamedTuple):
    """Something that goes wrong, and the command that meets it."""

    prepare: Prepare
    command: str
    changes: bool = False
    """Whether the command may change what is there, as it succeeds."""

    def __str__(self) -> str:
        return f"{self.what}-{self.command}"

    @property
    def what(self) -> str:
        return (
            self.prepare.__name__.replace("_", " ")
            .replace("programs", "program's")
            .replace("a tables", "a table's")
            .replace("another users", "another user's")
            .replace("ctrl c", "Ctrl-C")
        )


CASES = [
    Case(no_such_home, "init"),
    Case(no_home_at_all, "init"),
    Case(a_read_only_home, "init"),
    Case(a_directory_in_its_place, "init"),
    Case(a_file_where_the_directory_should_be, "init"),
    Case(a_text_file, "init"),
    Case(a_single_byte, "init"),
    Case(an_empty_file, "migrate"),
    Case(an_empty_file, "--quiet init", changes=True),
    Case(nothing, "check"),
    Case(nothing, "--quiet status --exit-code"),
    Case(another_programs_file, "init"),
    Case(another_programs_mark, "init"),
    Case(an_incompatible_newer_file, "init"),
    Case(an_edited_history, "init"),
    Case(a_ledger_of_no_types, "init"),
    Case(an_endless_view_in_a_tables_place, "status"),
    Case(a_trigger_that_would_delete_rows, "migrate"),
    Case(damaged_magic, "init"),
    Case(damaged_page_size, "init"),
    Case(damaged_schema_page, "init"),
    Case(a_truncated_file, "init"),
    Case(damaged_inner_page, "backup"),
    Case(a_view_in_newer_sql, "init"),
    Case(a_strange_journal, "init"),
    Case(a_journal_without_its_file, "init"),
    Case(a_dangling_link, "init"),
    Case(a_link_that_leads_to_a_file, "--quiet init"),
    Case(no_path, "init"),
    Case(nothing, "--db ~nobody-of-this-name/a.db init"),
    Case(nothing, "--db $HOME/a.db init"),
    Case(nothing, "--db 'a.db' init"),
    Case(nothing, "--db file:/a.db init"),
    Case(a_path_with_the_end_of_a_line, "init"),
    Case(nothing, f"--db /{'long/' * 120}a.db init"),
    Case(a_directory_that_was_deleted, "--db a.db init"),
    Case(a_bad_timeout, "init"),
    Case(another_process_is_writing, "init"),
    Case(ctrl_c_while_it_waits, "init"),
    Case(another_users_file, "init"),
    Case(another_users_file, "status"),
    Case(a_directory_of_another_user, "status"),
    Case(a_read_only_file, "init"),
    Case(a_read_only_file, "--quiet status"),
    Case(a_read_only_directory, "init"),
    Case(a_read_only_directory, "--quiet status"),
    Case(a_read_only_file_system, "init"),
    Case(a_read_only_file_system, "--quiet status"),
    Case(a_read_only_file_system, "backup"),
    Case(a_full_disk, "init"),
    Case(a_disk_with_room_for_one, "backup"),
    Case(a_disk_with_room_for_one_that_is_older, "migrate"),
    Case(a_limit_on_the_size_of_files, "init"),
    Case(a_current_file, "migrate --to 9"),
    Case(a_current_file, "migrate --to 1"),
    Case(a_current_file, "migrate --to soon"),
    Case(a_current_file, "backup ~/.devflow/analytics.db"),
    Case(a_current_file, "backup ~/no/such/place.db"),
    Case(a_current_file, "backup ~/nowhere/"),
    Case(a_current_file, "backup $BACKUPS/calls.db"),
    Case(a_current_file, "restore ~/none.db"),
    Case(a_current_file, "restore ~/.devflow/analytics.db"),
    Case(a_backup_that_is_text, "restore ~/backup.db"),
    Case(a_backup_that_is_damaged, "restore ~/backup.db"),
    Case(a_backup_that_is_newer, "restore ~/backup.db"),
    Case(a_file_that_is_damaged_and_a_backup, "restore ~/backup.db"),
    Case(nothing, "enable"),
    Case(mcp_settings_that_are_no_json, "--quiet enable"),
    Case(mcp_settings_that_are_no_toml, "--quiet enable"),
    Case(mcp_settings_that_may_only_be_read, "--quiet enable"),
    Case(an_mcp_server, "enable --server file"),
    Case(an_mcp_server, "disable --client emacs"),
    Case(nothing, "hooks --write"),
    Case(settings_that_are_no_json, "hooks --write"),
    Case(settings_with_hooks_of_another_shape, "hooks --write"),
    Case(nothing, "stats"),
    Case(damaged_magic, "tools"),
    Case(another_programs_file, "calls"),
    Case(a_current_file, "stats --since tomorrow"),
    Case(a_current_file, "stats --since today --until yesterday"),
    Case(a_current_file, "stats --since 2000-01-01 --by hour --until today"),
    Case(a_current_file, "sessions 1234abcd"),
    Case(a_current_file, "errors --status failed"),
    Case(a_current_file, "calls --json --csv"),
    Case(a_current_file, "export ~/calls.txt"),
    Case(a_current_file, "export ~/nowhere/calls.csv"),
    Case(a_current_file, "export --force ~/.devflow/analytics.db --format csv"),
    Case(a_text_file, "dashboard"),
    Case(another_users_file, "dashboard"),
    Case(a_port_that_is_taken, f"dashboard --port {PORT}"),
    Case(a_current_file, "dashboard --port 80"),
    Case(a_current_file, "dashboard --host 0.0.0.0"),
    Case(nothing, "--db ~/nowhere/a.db dashboard"),
    Case(a_current_file, "--db ~/.devflow/analytics.db dashboard --demo"),
    Case(nothing, "demo import"),
    Case(a_current_file, "--db ~/.devflow/analytics.db demo stats"),
    Case(a_current_file, "inti"),
    Case(a_current_file, "--nope init"),
]


def require_nothing_lost(ground: Ground, before: dict[Path, bytes]) -> None:
    after = ground.contents()
    assert {path: after.get(path) for path in before} == before
    # at most a database without a table is there besides, which the next 'init' completes
    assert set(after) - set(before) <= {Path(".devflow/analytics.db")}, after.keys()
    if len(after) > len(before):
        made = f"file:{ground.file}?immutable=1"  # there may be no room for a -shm
        with closing(sqlite3.connect(made, uri=True)) as database:
            assert database.execute("SELECT * FROM sqlite_schema").fetchall() == []


def row_of(case: Case, directory: Path) -> str:
    """Run a case, make sure that nothing is lost, and return its row of the page."""
    home = directory / "home"
    home.mkdir()
    directory.chmod(0o755)
    ground = Ground(home)
    with ExitStack() as stack:
        running = case.prepare(ground)
        if running is not None:
            stack.enter_context(contextmanager(lambda: running)())
        before = ground.contents()
        status, stdout, stderr = ground.run(*case.command.split())
        if not case.changes:
            require_nothing_lost(ground, before)
    assert stdout == "", stdout
    assert "Traceback" not in stderr, stderr
    stderr = stderr.replace(f"SQLite {sqlite3.sqlite_version}", "SQLite …")
    stderr = re.sub(r"\d{8}T\d{6}\.\d{6}Z", "…", stderr)
    *usage, sentence = stderr.splitlines() or [""]
    assert not usage or status == 2, stderr
    sentence = re.sub(re.escape(str(home)) + r"\b", "~", sentence.removeprefix("Error: "))
    sentence = re.sub(r"(long/){9,}", "long/…", sentence)
    command = re.sub(r"(long/){9,}", "long/…", case.command)
    return f"| {case.what} | `{command}` | {status} | {sentence.replace('|', chr(92) + '|')} |"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_the_page_says_of_an_ugly_case_is_what_the_command_says(
    case: Case,
) -> None:
    # a directory that any user can get to
    with tempfile.TemporaryDirectory(prefix="ugly-") as directory:
        row = row_of(case, Path(directory))
    assert row in PAGE.read_text().splitlines(), row


@pytest.fixture
def ground() -> Iterator[Ground]:
    """A home in a directory that any user can get to."""
    with tempfile.TemporaryDirectory(prefix="ugly-") as directory:
        Path(directory).chmod(0o755)
        ground = Ground(Path(directory, "home"))
        ground.home.mkdir()
        yield ground


def no_rights(path: Path, reason: str, advice: str) -> tuple[str, str]:
    """Return what is said of a path that the user may not use, and the advice."""
    return f"No right to read and write {path}: {reason}.", f"{advice} {ANOTHER_FILE}."


def told_by_doctor(ground: Ground, *arguments: str) -> dict[str, tuple[str, str, str | None]]:
    """Return verdict, message and advice of each check, for the user that the command runs as."""
    status, stdout, stderr = ground.run("doctor", "--json", *arguments)
    found = json.loads(stdout)
    assert (status, stderr) == (0 if found["ok"] else 1, "")
    return {
        one["subject"]: (one["severity"], one["message"], one["advice"])
        for one in found["findings"]
    }


def test_doctor_finds_what_it_may_not_examine(ground: Ground) -> None:
    a_directory_of_another_user(ground)
    directory = ground.file.parent
    chown = f"If it should be yours, run 'sudo chown -R 54321 {directory}'; or"
    refused = no_rights(
        ground.file, f"the directory {directory} belongs to user 0 and has mode 0700", chown
    )
    assert told_by_doctor(ground, "--fix")["database"] == ("fail", *refused)
    directory.chmod(0o711)
    ground.file.chmod(0o666)
    refused = no_rights(
        ground.file, f"the directory {directory} belongs to user 0 and has mode 0711", chown
    )
    assert told_by_doctor(ground, "--fix")["rights"] == ("fail", *refused)
    directory.chmod(0o777)
    assert told_by_doctor(ground, "--fix")["rights"] == (
        "fail",
        f"other users can access it: {directory} has mode 0777.",
        "Only the owner can change that: user 0.",
    )


def test_doctor_tells_the_backups_of_another_user_from_the_database(ground: Ground) -> None:
    as_root_only()
    ground.make()
    backup(ground.file)
    ground.give_to_nobody()
    backups = ground.file.parent / "backups"
    os.chown(backups, 0, 0)
    ground.file.chmod(0o644)
    told = told_by_doctor(ground, "--fix")
    assert told["rights"] == ("ok", "only its owner can access it", None)  # fixed all the same
    what, advice = no_rights(
        backups,
        "it belongs to user 0 and has mode 0700",
        f"If it should be yours, run 'sudo chown -R 54321 {backups}'; or",
    )
    assert told["backups"] == (
        "warn",
        f"{what} No migration runs without a backup.",
        advice.replace(ANOTHER_FILE, "name another place with 'devflow-analytics backup DEST'"),
    )
    assert told["schema"][0] == "ok"
    subprocess.run(["chown", "-R", "54321", backups], check=True)
    assert told_by_doctor(ground)["backups"] == ("ok", "1 in backups/ beside the file", None)


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_doctor_names_the_file_beside_the_database_that_is_another_users(
    suffix: str, ground: Ground
) -> None:
    as_root_only()
    ground.make()
    ground.give_to_nobody()
    beside = Path(f"{ground.file}{suffix}")
    beside.touch(0o600)
    refused = no_rights(
        ground.file,
        f"{beside} belongs to user 0 and has mode 0600",
        f"If it should be yours, run 'sudo chown 54321 {beside}'; or",
    )
    check = "database" if suffix == "-wal" else "rights"
    assert told_by_doctor(ground)[check] == ("fail", *refused)
    if suffix == "-wal":
        assert ground.run("init") == (77, "", f"Error: {' '.join(refused)}\n")
    os.chown(beside, 54321, 54321)
    assert ground.run("doctor")[0] == 0


@pytest.mark.parametrize("make", [nothing, an_empty_file])
def test_doctor_does_not_advise_init_where_the_directory_cannot_be_written(
    make: Callable[[Ground], None], ground: Ground
) -> None:
    ground.file.parent.mkdir()
    if make is an_empty_file:
        ground.file.touch()
    ground.give_to_nobody()
    ground.file.parent.chmod(0o500)
    refused = no_rights(
        ground.file,
        f"the directory {ground.file.parent} has mode 0500",
        f"Run 'chmod u+rwX {ground.file.parent}', or",
    )
    assert told_by_doctor(ground)["database"] == ("fail", *refused)
    assert ground.run("init")[0] == 77
    subprocess.run(["chmod", "u+rwX", ground.file.parent], check=True)
    assert told_by_doctor(ground)["database"][0] == "warn"
    assert ground.run("--quiet", "init") == (0, "", "")


def test_doctor_does_not_advise_to_take_a_directory_that_may_be_the_systems(
    ground: Ground,
) -> None:
    as_root_only()
    ground.as_nobody = True
    refused = no_rights(
        ground.file,
        f"the directory {ground.home} belongs to user 0 and has mode 0755",
        "Give this user the right, or",
    )
    assert told_by_doctor(ground)["database"] == ("fail", *refused)


@pytest.mark.parametrize("as_nobody", [True, False])
def test_doctor_names_a_read_only_file_system(ground: Ground, *, as_nobody: bool) -> None:
    with ground.mounted("size=1m"):
        subprocess.run(["mount", "-o", "remount,ro", ground.file.parent], check=True)
        ground.as_nobody = as_nobody
        refused = (
            f"{ground.file} is on a read-only file system.",
            f"Mount it for writing, or {ANOTHER_FILE}.",
        )
        assert told_by_doctor(ground)["database"] == ("fail", *refused)
        subprocess.run(["mount", "-o", "remount,rw", ground.file.parent], check=True)
        ground.make()
        subprocess.run(["mount", "-o", "remount,ro", ground.file.parent], check=True)
        ground.as_nobody = False
        assert told_by_doctor(ground)["rights"] == ("fail", *refused)


def test_a_path_with_a_space_is_quoted_in_the_command_that_is_advised(ground: Ground) -> None:
    directory = ground.home / "it's here"
    directory.mkdir()
    ground.give_to_nobody()
    directory.chmod(0o500)
    _, _, stderr = ground.run("--db", str(directory / "a.db"), "init")
    command = stderr.partition("Run '")[2].partition("', or")[0]
    assert shlex.split(command) == ["chmod", "u+rwX", str(directory)]


def test_rows_in_a_wal_of_another_user_are_read_where_no_shm_can_be_made() -> None:
    as_root_only()
    with tempfile.TemporaryDirectory(prefix="ugly-") as directory:
        Path(directory).chmod(0o755)
        ground = Ground(Path(directory, "home"))
        ground.home.mkdir()
        media = Path(directory, "media")
        media.mkdir()
        media.chmod(0o755)
        with create_analytics_db(ground.file) as db, closing(db.connect()) as connection:
            connection.execute("INSERT INTO sessions (id, started_at) VALUES ('s', 1)")
            for suffix in ("", "-wal"):
                shutil.copy(f"{ground.file}{suffix}", media / f"left.db{suffix}")
                Path(f"{media}/left.db{suffix}").chmod(0o666)
        before = {path: path.read_bytes() for path in media.iterdir()}
        shutil.rmtree(ground.file.parent)
        ground.give_to_nobody()
        left = f"{media}/left.db"
        status, stdout, stderr = ground.run("--db", left, "status", "--json")
        assert (status, stderr) == (0, "")
        assert json.loads(stdout)["sessions"] == 1
        for command in ("check", "migrate --dry-run", "backup ~/copy.db"):
            status, _, stderr = ground.run("--db", left, *command.split())
            assert (command, status, stderr) == (command, 0, "")
        status, stdout, stderr = ground.run("restore", left)
        expected = f"Restored {ground.file} from {left}\n  schema version {latest_version()}\n"
        assert (status, stdout, stderr) == (0, expected, "")
        assert {path: path.read_bytes() for path in media.iterdir()} == before
        for made in (ground.home / "copy.db", ground.file):
            with closing(sqlite3.connect(made)) as connection:
                assert connection.execute("SELECT id FROM sessions").fetchall() == [("s",)]


# Runs one command for each line that it reads, in a process of its own that is forked from this
# one: what every command imports is imported once. Its output goes to files.
FORKING = """
import json, os, sys
import devflow_analytics_cli.app
from devflow_analytics_cli.main import main
for line in sys.stdin:
    words, *outputs = json.loads(line)
    pid = os.fork()
    if pid == 0:
        for number, output in enumerate((os.devnull, *outputs)):
            os.dup2(os.open(output, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
        sys.argv[1:] = words
        sys.exit(main())
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@contextmanager
def forking(ground: Ground, outputs: Path) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Run commands as `Ground.run` does, without starting Python anew for each."""
    outputs.mkdir()
    files = (outputs / "stdout", outputs / "stderr")
    with subprocess.Popen(
        [sys.executable, "-c", FORKING],
        env=ground.environment,
        cwd=ground.cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout

        def run(*arguments: str) -> tuple[int, str, str]:
            words = [word.replace("~/", f"{ground.home}/") for word in arguments]
            assert process.stdin
            assert process.stdout
            process.stdin.write(f"{json.dumps([words, *map(str, files)])}\n")
            process.stdin.flush()
            status = int(process.stdout.readline())
            return status, *(file.read_text() for file in files)

        try:
            yield run
        finally:
            process.stdin.close()


COMMANDS = (
    *("init", "status", "migrate", "migrate --dry-run", "check", "doctor", "doctor --fix"),
    *("backup", "restore ~/.devflow/analytics.db", "path"),
)


@pytest.mark.parametrize(
    "prepare",
    [
        *(a_directory_in_its_place, a_file_where_the_directory_should_be, a_text_file),
        *(a_single_byte, another_programs_file, another_programs_mark, an_edited_history),
        *(
            a_view_in_newer_sql,
            an_incompatible_newer_file,
            damaged_magic,
            damaged_page_size,
            damaged_schema_page,
        ),
        *(a_truncated_file, a_strange_journal, a_dangling_link, a_bad_timeout, no_path),
    ],
)
def test_no_command_shows_a_traceback_or_changes_a_byte_of_what_it_cannot_use(
    prepare: Callable[[Ground], None], tmp_path: Path
) -> None:
    home = tmp_path / "ground"
    home.mkdir()
    ground = Ground(home)
    prepare(ground)
    before = ground.contents()
    with forking(ground, tmp_path / "outputs") as run:
        for command in COMMANDS:
            status, stdout, stderr = run(*command.split())
            told = (prepare.__name__, command, status, stdout, stderr)
            assert status in {0, 1, 65, 66, 73, 78}, told
            assert len(stderr.splitlines()) == (0 if stdout else 1), told
            assert "Traceback" not in stderr, told
            after = ground.contents()
            assert {path: after.get(path) for path in before} == before, told


HEAD = """\
| what | command | status | sentence |
| --- | --- | --- | --- |
"""


def main() -> None:
    sys.stdout.write(HEAD)
    for case in CASES:
        with tempfile.TemporaryDirectory(prefix="ugly-") as directory:
            sys.stdout.write(f"{row_of(case, Path(directory))}\n")


if __name__ == "__main__":
    main()
