"""What `diagnose` finds and fixes, and that it touches nothing unasked."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydantic
import pytest

from devflow_analytics_db import (
    CannotCreateError,
    Diagnosis,
    Finding,
    backup,
    create_analytics_db,
    diagnose,
    is_enabled,
    migrate,
    readable_size,
    restore,
)
from devflow_analytics_db.file import system
from devflow_analytics_db.health import beside, environment, place
from devflow_analytics_db.health.environment import has_wal_reset_bug

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    Sql = Callable[..., list[tuple[Any, ...]]]

CHECKS = [
    "sqlite",
    "environment",
    "file system",
    "free space",
    "database",
    "rights",
    "backups",
    "waiting calls",
    "processes",
    "wal",
    "integrity",
    "foreign keys",
    "schema",
]


@pytest.fixture
def current(file: Path) -> Path:
    create_analytics_db().close()
    return file


def contents(directory: Path) -> dict[str, tuple[bytes | None, int]]:
    return {
        str(path): (path.read_bytes() if path.is_file() else None, path.stat().st_mode)
        for path in sorted(directory.rglob("*"))
    }


def finding(check: str, diagnosis: Diagnosis | None = None) -> Finding:
    """Return the one finding of a check."""
    found = [one for one in (diagnosis or diagnose()).findings if one.subject == check]
    assert len(found) == 1, found
    return found[0]


def test_a_new_database_passes_every_check_and_is_not_touched(current: Path) -> None:
    before = contents(current.parent)
    found = diagnose()
    assert [one.subject for one in found.findings] == CHECKS
    assert found.ok
    assert found.fixed == ()
    assert {one.subject for one in found.findings if one.severity == "warn"} <= {
        "sqlite",  # this Python's
        "file system",  # this machine's
        "free space",
    }
    assert all(one.message and not one.advice for one in found.findings if one.severity == "ok")
    assert all(one.advice for one in found.findings if one.severity == "warn")
    assert contents(current.parent) == before


def test_without_a_file_the_surroundings_are_examined_and_nothing_is_made(home: Path) -> None:
    found = diagnose()
    assert [one.subject for one in found.findings] == CHECKS[:5]
    assert found.ok
    assert found.findings[-1] == Finding(
        "database",
        "warn",
        f"{home}/.devflow/analytics.db does not exist.",
        "Make it with `create_analytics_db()`.",
    )
    assert os.listdir(home) == []


@pytest.mark.parametrize(
    ("version", "has_it"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 0), True),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
    ],
)
def test_the_releases_with_the_wal_reset_bug_are_known(
    version: tuple[int, ...], *, has_it: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert has_wal_reset_bug(version) == has_it
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    too_old = version < (3, 37)
    severity = "fail" if too_old else "warn" if has_it else "ok"
    assert environment.sqlite().severity == severity


def test_a_second_name_of_the_file_is_told(current: Path, tmp_path: Path) -> None:
    second = tmp_path / "second.db"
    second.hardlink_to(current)
    found = finding("database")
    assert (found.severity, found.message) == (
        "warn",
        f"{current} has 2 hard links: opening it by two of them damages it.",
    )
    second.unlink()
    assert finding("database").severity == "ok"


@pytest.mark.usefixtures("current")
def test_what_a_link_among_the_backups_leads_to_is_left_alone(tmp_path: Path) -> None:
    others = tmp_path / "others.db"
    others.touch()
    others.chmod(0o644)
    copy = backup()
    copy.unlink()
    copy.symlink_to(others)
    assert finding("rights").severity == "ok"
    assert diagnose(fix=True).fixed == ()
    assert others.stat().st_mode & 0o777 == 0o644


def test_environment_variables_that_are_no_settings_or_no_good_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_DB", "x.db")
    monkeypatch.setenv("DEVFLOW_ANALYTICS_DB_PATH", "x.db")
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", "soon")
    monkeypatch.setenv("DEVFLOW_ANALYTICS_ENABLED", "maybe")
    found = [one for one in diagnose().findings if one.subject == "environment"]
    assert [(one.severity, one.message.partition(",")[0]) for one in found] == [
        (
            "warn",
            (
                "DEVFLOW_ANALYTICS_DB is not a setting of devflow-analytics."
                " Did you mean DEVFLOW_ANALYTICS_DB_PATH?"
            ),
        ),
        ("warn", "DEVFLOW_ANALYTICS_DB_PATH is 'x.db'"),
        ("fail", "DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS is 'soon'"),
        ("fail", "DEVFLOW_ANALYTICS_ENABLED is 'maybe'"),
    ]


def test_what_our_programs_tell_those_that_they_start_is_no_misspelt_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_WRAP", "session 1:1 /a.db")
    found = [one for one in diagnose().findings if one.subject == "environment"]
    assert [one.severity for one in found] == ["ok"]


@pytest.mark.parametrize("value", ["0", "false", "NO", " off "])
def test_it_says_that_recording_is_off(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_ENABLED", value)
    off = Finding("environment", "ok", "DEVFLOW_ANALYTICS_ENABLED turns recording off")
    assert off in diagnose().findings
    assert not is_enabled()


@pytest.mark.parametrize("value", ["", "1", "true", "Yes", "on"])
def test_of_recording_that_is_on_nothing_is_said(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_ENABLED", value)
    assert len([one for one in diagnose().findings if one.subject == "environment"]) == 1
    assert is_enabled()


@pytest.mark.parametrize(
    ("end", "meant"),
    [
        ("TIMEOUT", "BUSY_TIMEOUT_MS"),
        ("BUSY_TIMEOUT", "BUSY_TIMEOUT_MS"),
        ("PATH", "DB_PATH"),
        ("DATABASE", "DB_PATH"),
        ("ENABLE", "ENABLED"),
        ("DISABLED", "ENABLED"),
        ("COLOUR", None),
        ("", None),
    ],
)
def test_the_nearest_setting_is_suggested_for_a_variable_that_is_none(
    end: str, meant: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"DEVFLOW_ANALYTICS_{end}", "1")
    found = diagnose().findings[1]
    suggestion = f" Did you mean DEVFLOW_ANALYTICS_{meant}?" if meant else ""
    assert found == Finding(
        "environment",
        "warn",
        f"DEVFLOW_ANALYTICS_{end} is not a setting of devflow-analytics.{suggestion}",
        found.advice,
    )
    assert found.advice
    for name in ("DEVFLOW_ANALYTICS_DB_PATH", "DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS"):
        assert name in found.advice


def test_a_bad_timeout_does_not_keep_the_file_from_being_examined(
    current: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", "soon")
    found = diagnose(fix=True)
    assert [one.subject for one in found.findings][:5] == CHECKS[:5]
    assert not found.ok
    assert current.exists()


def test_a_path_that_can_be_none_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    monkeypatch.setenv("DEVFLOW_ANALYTICS_DB_PATH", str(tmp_path / "dangling"))
    found = finding("database")
    assert found.severity == "fail"
    assert "is a symbolic link to" in found.message


SHARED = "is on {kind}, where SQLite's locks and shared memory are not reliable."
UNKNOWN = "is on {kind}. It is not known whether SQLite's locks and shared memory work there."


def mounted_as(kind: str, point: str = "/") -> str:
    """Return what Linux tells of a disk, and of a mount of a type at a point."""
    return (
        "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        f"98 29 0:51 / {point} rw,nosuid,nodev,relatime - {kind} source rw,user_id=0\n"
    )


@pytest.mark.parametrize(
    ("kind", "severity", "message"),
    [
        ("ext4", "ok", "ext4"),
        ("fuseblk", "ok", "fuseblk"),
        ("fusectl", "ok", "fusectl"),
        *((kind, "fail", SHARED) for kind in sorted(place.SHARED_FILE_SYSTEMS)),
        *((kind, "fail", SHARED) for kind in ("nfs4", "virtiofs", "fakeowner", "fuse.rclone")),
        *((kind, "fail", SHARED) for kind in ("fuse.gcsfuse", "fuse.juicefs")),
        *((kind, "warn", UNKNOWN) for kind in ("fuse.shfs", "fuse.mergerfs", "fuse.new", "fuse")),
        (
            "overlay",
            "warn",
            "is on {kind}: files there are lost when the container is removed.",
        ),
        (
            "fuse.fuse-overlayfs",
            "warn",
            "is on {kind}: files there are lost when the container is removed.",
        ),
    ],
)
def test_file_systems_where_it_is_not_safe_are_told(
    kind: str, severity: str, message: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = mounted_as(kind)
    monkeypatch.setattr(system, "open", lambda *_, **__: io.StringIO(mounts), raising=False)
    found = finding("file system")
    told = message.format(kind=kind)
    assert (found.severity, found.message) == (
        severity,
        told if severity == "ok" else f"{file.parent} {told}",
    )
    assert (found.advice is None) == (severity == "ok")


def test_where_the_system_does_not_tell_no_file_system_is_blamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(system, "file_system", lambda _: None)
    assert finding("file system") == Finding("file system", "ok", "not known on this system")


def test_a_file_that_is_mounted_by_itself_is_told_of_as_its_directory_is(
    current: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = mounted_as("fakeowner", str(current))
    monkeypatch.setattr(
        system,
        "open",
        lambda path, **_: io.StringIO("" if "locks" in path else mounts),
        raising=False,
    )
    found = finding("file system")
    assert (found.severity, found.message) == (
        "fail",
        f"{current} {SHARED.format(kind='fakeowner')}",
    )


def test_little_room_is_a_warning(current: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert current.exists()
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=9_000_000))
    found = finding("free space")
    assert (found.severity, found.message) == (
        "warn",
        f"9.0 MB; a backup alone needs {readable_size(current.stat().st_size)}.",
    )

    def refuse(_: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shutil, "disk_usage", refuse)
    assert finding("free space").message == "not known: Permission denied."


def test_rights_of_others_are_found_and_with_fix_taken_away(current: Path) -> None:
    copy = backup()
    current.parent.chmod(0o755)
    current.chmod(0o644)
    copy.chmod(0o640)
    found = finding("rights")
    assert found == Finding(
        "rights",
        "fail",
        f"other users can access it: {current.parent} has mode 0755, {copy} has mode 0640,"
        f" {current} has mode 0644.",
        "Run `diagnose(fix=True)`.",
    )
    assert not diagnose().ok
    mended = diagnose(fix=True)
    assert mended.ok
    assert mended.fixed == (
        f"{current.parent} was 0755 and is 0700 now.",
        f"{copy} was 0640 and is 0600 now.",
        f"{current} was 0644 and is 0600 now.",
    )
    assert finding("rights", mended).message == "only its owner can access it"


def test_another_directory_is_the_users_own_affair(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    create_analytics_db(tmp_path / "calls.db").close()
    assert finding("rights", diagnose(tmp_path / "calls.db")).severity == "ok"


def test_a_directory_in_which_others_could_replace_the_file_is_a_warning(tmp_path: Path) -> None:
    create_analytics_db(tmp_path / "calls.db").close()
    tmp_path.chmod(0o777)
    found = finding("rights", diagnose(tmp_path / "calls.db"))
    assert (found.severity, found.message) == (
        "warn",
        f"other users can write to {tmp_path}, which has mode 0777, and so can replace the file.",
    )
    tmp_path.chmod(0o1777)
    assert finding("rights", diagnose(tmp_path / "calls.db")).severity == "ok"


def test_a_teams_directory_is_not_said_to_be_mended_by_doctor(file: Path, tmp_path: Path) -> None:
    team = tmp_path / "team directory"
    team.mkdir()
    team.chmod(0o2775)
    file.parent.symlink_to(team)
    create_analytics_db().close()
    backup()
    assert finding("rights") == Finding(
        "rights",
        "warn",
        f"other users can write to {team}, which has mode 2775, and so can replace the file.",
        "Keep the file elsewhere: set DEVFLOW_ANALYTICS_DB_PATH. Or, if they need not write there,"
        f" run 'chmod go-w '{team}''.",
    )
    assert diagnose(fix=True).fixed == ()
    assert team.stat().st_mode & 0o7777 == 0o2775


ELSEWHERE = "Keep the file on another file system: set DEVFLOW_ANALYTICS_DB_PATH."


def test_where_modes_are_not_kept_fix_claims_no_success_and_the_advice_is_another(
    current: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    current.chmod(0o644)
    monkeypatch.setattr(os, "chmod", lambda *_: None)  # as on exFAT
    found = diagnose(fix=True)
    assert found.fixed == (f"{current} is still 0644: its file system keeps no modes.",)
    assert finding("rights", found) == Finding(
        "rights",
        "fail",
        f"other users can access it: {current} has mode 0644.",
        f"The file system keeps no modes. {ELSEWHERE}",
    )


FIX = "Run `diagnose(fix=True)`."


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        (
            "exfat",
            f"exfat keeps no modes. {ELSEWHERE}",
        ),
        *(
            (kind, f"{FIX} If that changes nothing, {kind} keeps no modes. {ELSEWHERE}")
            for kind in ("fuseblk", "9p")
        ),
        ("ext4", FIX),
    ],
)
def test_the_advice_on_rights_of_others_fits_the_file_system(
    kind: str, advice: str, current: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    current.chmod(0o644)
    monkeypatch.setattr(system, "file_system", lambda _: kind)
    assert finding("rights").advice == advice


def test_what_is_in_the_place_of_the_backups_is_found(current: Path) -> None:
    backups = current.parent / "backups"
    backups.write_text("mine")
    found = finding("backups")
    assert found == Finding(
        "backups",
        "warn",
        f"{backups} is a file, where a directory should be. No migration runs without a backup.",
        found.advice,
    )
    assert found.advice
    assert found.advice.startswith("Move it away")
    with pytest.raises(CannotCreateError, match=f"{backups} is a file, where a directory should"):
        migrate(to=1, allow_down=True)
    backups.unlink()
    backups.symlink_to("nowhere")
    found = finding("backups")
    assert (found.severity, found.message) == (
        "warn",
        (
            f"{backups} is a symbolic link to nowhere, which is not there."
            " No migration runs without a backup."
        ),
    )
    assert found.advice == "Mount or make what it points to, or remove the link."
    with pytest.raises(CannotCreateError, match=f"{backups} is a symbolic link to nowhere, which"):
        backup()
    backups.unlink()
    (current.parent.parent / "elsewhere").mkdir()
    backups.symlink_to(current.parent.parent / "elsewhere")
    backup()
    assert finding("backups") == Finding("backups", "ok", "1 in backups/ beside the file")


def test_room_is_looked_for_where_the_backups_are(
    current: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    (current.parent / "backups").symlink_to(small)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(
        shutil,
        "disk_usage",
        lambda path: usage._replace(free=1_000 if small.samefile(path) else 10**9),
    )
    found = finding("free space")
    needed = readable_size(current.stat().st_size)
    assert (found.severity, found.message) == ("warn", f"1.0 kB; a backup alone needs {needed}.")


@pytest.mark.parametrize("what", ["a file", "no home", "a home that is a file"])
def test_init_is_not_advised_where_it_would_fail(
    what: str, home: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if what == "a file":
        file.parent.touch()
        told = f"{file.parent} is a file, where a directory should be."
    elif what == "no home":
        monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
        nowhere = tmp_path / "nowhere"
        told = f"Cannot make the directory {nowhere}/.devflow: {nowhere} does not exist."
    else:
        home.rmdir()
        home.touch()
        told = f"{home} is a file, where a directory should be."
    found = finding("database")
    assert (found.severity, found.message) == ("fail", told)
    assert found.advice
    assert found.advice.startswith("M")
    with pytest.raises(CannotCreateError):
        create_analytics_db()


def test_unfinished_copies_are_found_when_they_are_old_and_with_fix_deleted(current: Path) -> None:
    made = backup()
    named = [
        made.parent / "analytics-before-migrate.db.partial",
        made.parent / "analytics-20261125T000000.000000Z-backup.db.0123abcd.partial",
    ]
    directory = current.parent / "analytics.db-restoring-abcd_123"
    directory.mkdir()
    (directory / "copy").touch()
    mine = made.parent / "mine.partial"
    for path in (*named, mine):
        path.touch()
    users = current.parent / "analytics.db-restoring-original"
    users.mkdir()
    (users / "notes").touch()
    os.utime(users, (1, 1))
    assert finding("backups") == Finding("backups", "ok", "1 in backups/ beside the file")
    long_ago = time.time() - 2 * 3600
    for path in (*named, mine, directory):
        os.utime(path, (long_ago, long_ago))
    stale = [*map(str, sorted(named)), str(directory)]
    found = finding("backups")
    assert (found.severity, found.message) == (
        "warn",
        f"a killed process left {', '.join(stale)}.",
    )
    assert diagnose(fix=True).fixed == tuple(f"Deleted {path}." for path in stale)
    assert sorted(os.listdir(made.parent)) == [made.name, "mine.partial"]
    assert sorted(os.listdir(current.parent)) == ["analytics.db", users.name, "backups"]


@pytest.fixture
def reader(current: Path, holding: Callable[..., AbstractContextManager[int]]) -> Iterator[int]:
    """A process that reads without end."""
    with holding(current, "BEGIN", "SELECT count(*) FROM sessions") as reader:
        yield reader


def test_a_wal_that_a_reader_keeps_large_is_found_with_the_reader(
    reader: int, current: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "LARGE_WAL", 0)
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", "10")
    with create_analytics_db() as db, closing(db.connect()) as writer:
        writer.execute("INSERT INTO sessions (id, started_at) VALUES ('s', 1)")
        found = finding("wal")
        assert found.severity == "warn"
        assert f"reading now: {reader} (" in found.message
        assert f"{reader} (" in finding("processes").message
        (told,) = diagnose(fix=True).fixed
        assert told.startswith(
            f"Could not empty {current}-wal: other processes are using it: {reader} ("
        )
        assert (current.parent / "analytics.db-wal").stat().st_size > 0


def test_the_wal_is_written_back_with_fix(current: Path) -> None:
    with create_analytics_db() as db, closing(db.connect()) as writer:
        writer.execute("INSERT INTO sessions (id, started_at) VALUES ('s', 1)")
        assert finding("wal").message.endswith("kB not written back yet")
        mended = diagnose(fix=True)
        assert mended.fixed == (f"Wrote {current}-wal back into the database and emptied it.",)
        assert finding("wal", mended).message == "0 bytes not written back yet"


def test_another_journal_mode_is_a_warning(current: Path, sql: Sql) -> None:
    sql(current, "PRAGMA journal_mode = DELETE")
    assert finding("wal") == Finding(
        "wal",
        "warn",
        "the journal mode is delete: readers and writers wait for each other.",
        "Run `create_analytics_db()`, which sets WAL mode.",
    )


def test_what_init_is_advised_for_it_does(current: Path, sql: Sql) -> None:
    sql(current, "PRAGMA journal_mode = DELETE")
    with create_analytics_db() as db, closing(db.connect()):
        pass
    assert finding("wal").severity == "ok"


def test_damage_within_the_file_is_found_and_what_can_be_told_is_told(current: Path) -> None:
    with create_analytics_db() as db, closing(db.connect()) as connection:
        connection.executemany(
            "INSERT INTO sessions (id, started_at) VALUES (?, 1)", [(f"s{n}",) for n in range(3000)]
        )
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'sessions'"
        ).fetchone()
    with current.open("r+b") as damaged:
        damaged.seek((root - 1) * 4096)
        damaged.write(b"\xff" * 100)
    before = current.read_bytes()
    found = diagnose(fix=True)
    assert finding("database", found).severity == "ok"
    integrity = finding("integrity", found)
    assert integrity.severity == "fail"
    assert "damaged" in integrity.message
    assert not found.ok
    assert current.read_bytes() == before


def test_a_row_without_its_session_is_found(current: Path, add_call: Callable[..., None]) -> None:
    add_call(current, session_id="nobody")
    assert finding("foreign keys").message == (
        "rows of tool_calls (1) refer to a row of sessions that does not exist."
    )


def test_drift_fails_and_what_the_user_added_only_warns(current: Path, sql: Sql) -> None:
    sql(current, "CREATE TABLE notes (text)")
    found = finding("schema")
    assert (found.severity, found.message) == (
        "warn",
        "table notes comes from no migration; it is not STRICT.",
    )
    assert found.advice == "What you added yourself may stay."
    sql(current, "DROP INDEX session_id_idx")
    assert finding("schema") == Finding(
        "schema",
        "fail",
        "index session_id_idx is missing; it should be ON tool_calls (session_id). And 1 more.",
        "`check()` lists them all. Put back a backup with `restore()`.",
    )


def test_an_older_version_is_a_warning(current: Path) -> None:
    migrate(to=1, allow_down=True)
    found = finding("schema")
    assert (found.severity, found.advice) == ("warn", "Run `migrate()`.")
    assert diagnose(current).ok


def text(file: Path) -> None:
    file.write_text("somebody's notes\n" * 100)


def directory(file: Path) -> None:
    file.mkdir()


def strangers(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")


@pytest.mark.parametrize("make", [text, directory, strangers])
def test_what_is_not_ours_is_a_failure_and_never_touched(
    make: Callable[[Path], None], file: Path
) -> None:
    file.parent.mkdir()
    make(file)
    file.chmod(0o755)
    before = contents(file.parent)
    found = diagnose(fix=True)
    assert finding("database", found).severity == "fail"
    assert [one.subject for one in found.findings] == CHECKS[:5]
    assert found.fixed == ()
    assert contents(file.parent) == before


def test_a_restored_and_an_adopted_file_pass(server_file: Path, tmp_path: Path) -> None:
    create_analytics_db().close()
    assert diagnose().ok
    restore(server_file, tmp_path / "restored.db")
    assert diagnose(tmp_path / "restored.db").ok


@pytest.mark.usefixtures("current")
def test_it_prints_one_line_a_finding(sql: Sql, file: Path) -> None:
    sql(file, "PRAGMA journal_mode = DELETE")
    file.chmod(0o644)
    found = diagnose(fix=True)
    path, fixed, *lines = str(found).splitlines()
    assert (path, fixed) == (str(file), f"{file} was 0644 and is 0600 now.")
    assert len(lines) == len(CHECKS)
    assert lines[CHECKS.index("wal")] == (
        "WARN  wal: the journal mode is delete: readers and writers wait for each other."
        " Run `create_analytics_db()`, which sets WAL mode."
    )
    assert lines[CHECKS.index("integrity")] == "OK    integrity: quick_check found no damage"


@pytest.mark.parametrize("named", ["argument", "environment", "default"])
def test_a_diagnosis_names_the_path_as_given_where_that_is_not_usable(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "nowhere")
    if named == "argument":
        assert diagnose(dangling).path == dangling
    elif named == "environment":
        monkeypatch.setenv("DEVFLOW_ANALYTICS_DB_PATH", str(dangling))
        assert diagnose().path == dangling
    else:
        (Path.home() / ".devflow").symlink_to(tmp_path / "nowhere")
        found = diagnose()
        assert (found.path, found.ok) == (Path("~/.devflow/analytics.db"), False)


def test_a_diagnosis_is_json_with_the_names_of_its_fields(current: Path) -> None:
    found = diagnose()
    adapter = pydantic.TypeAdapter(Diagnosis)
    told = json.loads(adapter.dump_json(found))
    assert told["file"] == str(current)
    assert told["findings"][0].keys() == {"subject", "severity", "message", "advice"}
    assert told["fixed"] == []
    assert adapter.validate_python(told) == found
