"""A check-up of the database, of the files around it, and of the system they are on."""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import stat
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from devflow_analytics_db.backups.backup import advising, backups, backups_directory
from devflow_analytics_db.errors import AnalyticsDbError
from devflow_analytics_db.file import disk, is_writable, location, system
from devflow_analytics_db.file.faults import (
    OLDEST_SQLITE,
    denied,
    logging_errors,
    naming_faults,
)
from devflow_analytics_db.file.opening import (
    journal_mode,
    open_for_reading,
)
from devflow_analytics_db.file.rights import obstacle
from devflow_analytics_db.health.drift import check
from devflow_analytics_db.health.fix import mend, stale, with_modes
from devflow_analytics_db.health.status import readable_size
from devflow_analytics_db.log import log
from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.migrations.identity import identify_file
from devflow_analytics_db.schema.integrity import find_damage
from devflow_analytics_db.schema.structure import foreign_key_violations
from devflow_analytics_db.settings import BUSY_TIMEOUT_MS, DB_PATH, busy_timeout_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHARED_FILE_SYSTEMS = frozenset(
    [
        # of a network or a cluster
        *("afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs2", "glusterfs", "gpfs", "lustre"),
        *("ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "smb3", "smbfs", "wekafs"),
        *("fuse.afpfs", "fuse.ceph", "fuse.ceph-fuse", "fuse.curlftpfs", "fuse.daos"),
        *("fuse.davfs", "fuse.davfs2", "fuse.glusterfs", "fuse.gvfsd-fuse", "fuse.juicefs"),
        *("fuse.kio-fuse", "fuse.lizardfs", "fuse.mfs", "fuse.moosefs", "fuse.quobyte"),
        *("fuse.seaweedfs", "fuse.smbnetfs", "fuse.sshfs"),
        # of objects in a cloud
        *("fuse.blobfuse", "fuse.blobfuse2", "fuse.gcsfuse", "fuse.goofys", "fuse.rclone"),
        *("fuse.s3fs", "fuse.s3ql"),
        # of the host of a virtual machine or a container
        *("9p", "drvfs", "fakeowner", "hostfs", "prl_fs", "vboxsf", "virtiofs", "vmhgfs"),
        *("fuse.grpcfuse", "fuse.osxfs", "fuse.prl_fsd", "fuse.vmhgfs-fuse"),
    ]
)
"""Those that several machines share, or a virtual machine with its host.

WAL needs memory that all processes share, which these cannot give
(https://www.sqlite.org/wal.html#overview).
"""

PASSING_FILE_SYSTEMS = {
    "tmpfs": "is lost when the machine restarts",
    "ramfs": "is lost when the machine restarts",
    "overlay": "is lost when the container is removed",
    "fuse.fuse-overlayfs": "is lost when the container is removed",
}

FILE_SYSTEMS_WITHOUT_MODES = frozenset(["exfat", "msdos", "vfat"])

ANOTHER_PLACE = "name another place with 'devflow-analytics backup DEST'"

LARGE_WAL = 16_000_000
"""SQLite writes the WAL back at about 4 MB; if it grows far beyond, a reader keeps it from that."""

WRITE_OF_OTHERS = stat.S_IWGRP | stat.S_IWOTH

LITTLE_SPACE = 10_000_000

Verdict = Literal["ok", "warn", "fail"]

ELSEWHERE = f"Keep the file on another file system: set {DB_PATH.name}."


class Finding(NamedTuple):
    """What one check of `diagnose` found."""

    check: str
    """What was looked at, such as ``integrity``."""
    verdict: Verdict
    """``fail`` if the database is in danger or cannot be used, ``warn`` if it may come to that."""
    message: str
    """What was found."""
    advice: str | None = None
    """What to do about it; None if nothing is, or if the message says it."""


class Diagnosis(NamedTuple):
    """What `diagnose` found, and mended."""

    findings: tuple[Finding, ...]
    """One for each check that could be made, in a fixed order."""
    fixed: tuple[str, ...]
    """What was mended before, in sentences."""

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return all(finding.verdict != "fail" for finding in self.findings)


@logging_errors
def diagnose(path: str | os.PathLike[str] | None = None, *, fix: bool = False) -> Diagnosis:
    """Examine a database, the files around it, and the system they are on.

    What would be raised elsewhere is a finding here. Nothing is written, unless ``fix`` is true;
    then what is safe to mend is mended first: rights that others have are taken away, the WAL is
    written back into the file and emptied, and unfinished copies that a killed process left more
    than an hour ago are deleted. A file that is not ours is never touched.

    Args:
        path: the database; without it the one of `default_path`. It need not exist.
        fix: mend what is safe to mend.
    """
    try:
        file = location.resolve(path)
    except AnalyticsDbError as error:
        return Diagnosis((_sqlite(), *_environment(), _refusal("database", error)), ())
    fixed = tuple(mend(file)) if fix else ()
    findings = (_sqlite(), *_environment(), *_place(file), *_database(file, fix=fix))
    log("info", "examined %s: %d findings", file, len(findings))
    return Diagnosis(findings, fixed)


def _refusal(subject: str, error: AnalyticsDbError) -> Finding:
    return Finding(subject, "fail", str(error))


def _sqlite() -> Finding:
    version, number = sqlite3.sqlite_version, sqlite3.sqlite_version_info
    if number < OLDEST_SQLITE:
        return Finding(
            "sqlite",
            "fail",
            f"SQLite {version} is too old.",
            "Use a Python with SQLite 3.37 or newer.",
        )
    if has_wal_reset_bug(number):
        return Finding(
            "sqlite",
            "warn",
            f"SQLite {version} may, very rarely, damage a file that several processes write"
            " (https://www.sqlite.org/wal.html#walresetbug).",
            "Use a Python with SQLite 3.51.3 or newer, and make backups.",
        )
    return Finding("sqlite", "ok", f"SQLite {version}")


def has_wal_reset_bug(version: tuple[int, ...]) -> bool:
    """Tell whether an SQLite has the WAL-reset bug: 3.7.0 to 3.51.2, but for two mended ones."""
    mended = (3, 44, 6) <= version < (3, 45) or (3, 50, 7) <= version < (3, 51)
    return (3, 7) <= version < (3, 51, 3) and not mended


def _environment() -> Iterator[Finding]:
    known = (DB_PATH.name, BUSY_TIMEOUT_MS.name)
    for name in sorted(os.environ):
        if name.startswith("DEVFLOW_ANALYTICS_") and name not in known:
            yield Finding(
                "environment",
                "warn",
                f"{name} is set, and means nothing.",
                f"Unset it. What counts is {' and '.join(known)}.",
            )
    named = os.environ.get(DB_PATH.name, "")
    if named and not os.path.isabs(named) and not named.startswith("~"):
        yield Finding(
            "environment",
            "warn",
            f"{DB_PATH.name} is {named!r}, another file in each directory.",
            "Give the path from the root.",
        )
    try:
        timeout = busy_timeout_ms()
    except AnalyticsDbError as error:
        yield _refusal("environment", error)
    else:
        yield Finding("environment", "ok", f"busy timeout {timeout} ms")


def _place(file: str) -> Iterator[Finding]:
    """Examine where the file is, whether it exists or not."""
    directory, copies = os.path.dirname(file), backups_directory(file)
    # The file may be mounted by itself; then what SQLite keeps beside it is elsewhere.
    found = [_file_system(directory), *([_file_system(file)] if os.path.exists(file) else [])]
    yield max(found, key=lambda one: ("ok", "warn", "fail").index(one.verdict))
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    places = [directory, *([copies] if os.path.isdir(copies) else [])]
    try:
        free = min(shutil.disk_usage(place).free for place in places)
        needed = disk.size(file) + disk.size(f"{file}-wal")  # for the backup before a migration
    except OSError as fault:
        yield Finding("free space", "warn", f"is not known: {fault.strerror}.", "Check the disk.")
        return
    message = readable_size(free)
    if free < needed + LITTLE_SPACE:
        yield Finding(
            "free space",
            "warn",
            f"{message}; a backup alone needs {readable_size(needed)}.",
            "Make room: without a backup, nothing is migrated.",
        )
    else:
        yield Finding("free space", "ok", message)


def _file_system(path: str) -> Finding:
    kind = system.file_system(path)
    if kind is None:
        return Finding("file system", "ok", "not known on this system")
    if kind in SHARED_FILE_SYSTEMS:
        return Finding(
            "file system",
            "fail",
            f"{path} is on {kind}, where SQLite's locks and shared memory are not reliable.",
            f"Keep the file on a local disk: set {DB_PATH.name}.",
        )
    if kind in PASSING_FILE_SYSTEMS:
        return Finding(
            "file system",
            "warn",
            f"{path} is on {kind}: what is kept there {PASSING_FILE_SYSTEMS[kind]}.",
            f"Keep the file on a disk or a volume: set {DB_PATH.name}.",
        )
    if kind == "fuse" or kind.startswith("fuse."):
        return Finding(
            "file system",
            "warn",
            f"{path} is on {kind}. It is not known whether SQLite's locks and shared memory work"
            " there.",
            f"Keep the file on a local disk: set {DB_PATH.name}.",
        )
    return Finding("file system", "ok", kind)


def _database(file: str, *, fix: bool) -> Iterator[Finding]:
    """Examine the file itself, and stop where it is no use to go on."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        return  # as was found first of all
    try:
        with naming_faults(file):
            latest_version()  # without the migrations nothing can be done with any file
            disk.check_path(file)
            if disk.size(file) == 0:
                disk.require_makeable(file)
                yield Finding(
                    "database",
                    "warn",
                    f"{file} {'is empty' if os.path.exists(file) else 'does not exist'}.",
                    "Make it with 'devflow-analytics init'.",
                )
                return
            version = identify_file(file).version
            names = _names(file)
    except AnalyticsDbError as error:
        yield _refusal("database", error)
        return
    yield names or Finding("database", "ok", f"{file}: schema version {version}")
    for subject, examine in (
        ("rights", partial(_rights, fix=fix)),
        ("backups", _backups),
        ("processes", _holders),
        ("wal", _wal),
        ("integrity", _integrity),
        ("foreign keys", _foreign_keys),
        ("schema", _schema),
    ):
        yield _naming_refusal(subject, examine, file)


def _names(file: str) -> Finding | None:
    """Find a second name of the file: SQLite keeps the log beside each, and damages it so.

    https://www.sqlite.org/howtocorrupt.html#_multiple_links_to_the_same_file
    """
    links = os.stat(file).st_nlink
    if links <= 1:
        return None
    return Finding(
        "database",
        "warn",
        f"{file} has {links} names (hard links): opened by two of them, it is damaged.",
        "Remove all names but one, or open it by one alone.",
    )


def _naming_refusal(subject: str, examine: Callable[[str], Finding], file: str) -> Finding:
    try:
        with naming_faults(file):
            return examine(file)
    except AnalyticsDbError as error:
        return _refusal(subject, error)


def _rights(file: str, *, fix: bool) -> Finding:
    if not is_writable(file) or obstacle(file):
        return _refusal("rights", denied(file))
    private = [
        (path, mode, os.stat(path).st_uid)
        for path, mode, _ in with_modes(file)
        if mode & disk.OTHERS
    ]
    if private:
        return Finding(
            "rights",
            "fail",
            "others have rights on what is yours:"
            f" {', '.join(f'{path} is {mode:04o}' for path, mode, _ in private)}.",
            _how_to_take_away(file, {owner for _, _, owner in private}, fix=fix),
        )
    directory = os.path.dirname(file)
    found = os.stat(directory)
    mode = stat.S_IMODE(found.st_mode)
    if mode & WRITE_OF_OTHERS and not mode & stat.S_ISVTX:
        advice = f"Keep the file elsewhere: set {DB_PATH.name}."
        if os.geteuid() in (0, found.st_uid):
            command = f"chmod go-w {shlex.quote(directory)}"
            advice += f" Or, if they need not write there, run '{command}'."
        return Finding(
            "rights",
            "warn",
            f"others may write to {directory}, which is {mode:04o}, and so replace the file.",
            advice,
        )
    return Finding("rights", "ok", "yours alone")


def _how_to_take_away(file: str, owners: set[int], *, fix: bool) -> str:
    """Return what to do about rights of others on files of these owners."""
    kind = system.file_system(file) or ""
    if kind in FILE_SYSTEMS_WITHOUT_MODES:
        return f"{kind} keeps no modes. {ELSEWHERE}"
    strangers = owners - {os.geteuid()}
    if strangers and os.geteuid() != 0:
        users = ", ".join(map(str, sorted(strangers)))
        command = f"Only their owner can take them away: user {users}."
    elif fix:
        return f"They stay after 'doctor --fix': the file system keeps no modes. {ELSEWHERE}"
    else:
        command = "Run 'devflow-analytics doctor --fix'."
    if kind.startswith("fuse") or kind in SHARED_FILE_SYSTEMS:
        return f"{command} If they stay, {kind} keeps no modes: set {DB_PATH.name}."
    return command


def _backups(file: str) -> Finding:
    directory = backups_directory(file)
    if os.path.lexists(directory):
        try:
            with naming_faults(directory), advising(ANOTHER_PLACE):
                if not os.path.isdir(directory):
                    raise disk.not_a_directory(directory)
                if obstacle(directory):
                    raise denied(directory)
        except AnalyticsDbError as error:
            return Finding("backups", "warn", str(error), "Without a backup, nothing is migrated.")
    left = stale(file)
    if left:
        return Finding(
            "backups",
            "warn",
            f"a process that was killed left {', '.join(left)}.",
            "Run 'devflow-analytics doctor --fix'.",
        )
    return Finding("backups", "ok", f"{len(backups(file)) or 'none'} in backups/ beside the file")


def _holders(file: str) -> Finding:
    holders = system.holders(file)
    if holders is None:
        return Finding("processes", "ok", "not known on this system")
    if not holders.all:
        return Finding("processes", "ok", "no other has it open")
    reading = f"; reading now: {_listed(holders.reading)}" if holders.reading else ""
    return Finding("processes", "ok", f"{_listed(holders.all)} have it open{reading}")


def _listed(processes: tuple[system.Process, ...]) -> str:
    return ", ".join(map(str, processes))


def _wal(file: str) -> Finding:
    size = disk.size(f"{file}-wal")
    with closing(open_for_reading(file)) as connection:
        mode = journal_mode(connection)
    if mode is None:
        return Finding("wal", "ok", "not known, as the file may not be written")
    if mode != "wal":
        return Finding(
            "wal",
            "warn",
            f"the journal mode is {mode}: readers and writers wait for each other.",
            "Run 'devflow-analytics init', which puts it into WAL mode.",
        )
    message = f"{readable_size(size)} not written back yet"
    if size > LARGE_WAL:
        holders = system.holders(file)
        reading = f"; reading now: {_listed(holders.reading) or 'none'}" if holders else ""
        return Finding(
            "wal",
            "warn",
            f"{message}, as happens when a process reads without end{reading}.",
            "End that process, or run 'devflow-analytics doctor --fix'.",
        )
    return Finding("wal", "ok", message)


def _integrity(file: str) -> Finding:
    with closing(open_for_reading(file)) as connection:
        damage, hindrance = find_damage(connection)
    if damage:
        return Finding(
            "integrity",
            "fail",
            f"the file is damaged: {damage}.",
            "Copy it and the files beside it to a safe place before anything else; then put back a"
            " backup with 'devflow-analytics restore', or try the .recover of SQLite's shell.",
        )
    if hindrance:
        return Finding(
            "integrity",
            "warn",
            f"quick_check found no damage where it could look; elsewhere: {hindrance}.",
            "Something was added that needs a program of its own: check the file with that.",
        )
    return Finding("integrity", "ok", "quick_check found no damage")


def _foreign_keys(file: str) -> Finding:
    with closing(open_for_reading(file)) as connection:
        violations = foreign_key_violations(connection)
    if not violations:
        return Finding("foreign keys", "ok", "every reference leads to a row")
    (table, parent), count = violations.most_common(1)[0]
    return Finding(
        "foreign keys",
        "fail",
        f"rows of {table} ({count}) refer to a row of {parent} that is not there.",
        "A connection without PRAGMA foreign_keys wrote them. Delete them, or put back a backup"
        " with 'devflow-analytics restore'.",
    )


def _schema(file: str) -> Finding:
    differences = check(file)
    if not differences:
        return Finding("schema", "ok", "the database, the migrations and the entities agree")
    failing = [difference for difference in differences if difference.severity == "fail"]
    first = (failing or differences)[0]
    more = f" And {len(differences) - 1} more." if len(differences) > 1 else ""
    return Finding(
        "schema",
        "fail" if failing else "warn",
        f"{first}{more}",
        "See 'devflow-analytics check'. Put back a backup with 'devflow-analytics restore'."
        if failing
        else "See 'devflow-analytics check'. What you added yourself may stay.",
    )
