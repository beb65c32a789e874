"""From nothing to an open database in an empty home."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import (
    CannotCreateError,
    backup,
    create_analytics_db,
    migrate,
    restore,
)
from devflow_analytics_db.migrations import latest_version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NEWEST = latest_version()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_database_is_created_in_the_home_directory(file: Path) -> None:
    with create_analytics_db() as db:
        assert db.path == file
        assert file.is_file()
        changes = db.changes
    assert (changes.created, changes.adopted) == (True, False)
    assert (changes.applied, changes.schema_version) == (tuple(range(1, NEWEST + 1)), NEWEST)


def test_wal_mode_is_on(file: Path, sql: Callable[..., list[tuple[str]]]) -> None:
    create_analytics_db().close()
    assert sql(file, "PRAGMA journal_mode") == [("wal",)]


def test_wal_mode_is_put_back_where_it_was_switched_off(
    file: Path, sql: Callable[..., list[tuple[str]]]
) -> None:
    create_analytics_db().close()
    assert sql(file, "PRAGMA journal_mode = DELETE") == [("delete",)]
    with create_analytics_db() as db, closing(db.connect()) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777], ids=oct)
def test_nobody_else_can_read_it(file: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with create_analytics_db() as db, closing(db.connect()) as connection:
            connection.execute("INSERT INTO sessions (id, started_at) VALUES ('a', 1)")
            modes = {path.name: mode_of(path) for path in file.parent.iterdir()}
    finally:
        os.umask(before)
    assert mode_of(file.parent) == 0o700
    assert modes == {"analytics.db": 0o600, "analytics.db-wal": 0o600, "analytics.db-shm": 0o600}


def test_what_others_could_read_is_made_private(file: Path) -> None:
    with create_analytics_db() as db, closing(db.connect()) as connection:
        connection.execute("INSERT INTO sessions (id, started_at) VALUES ('a', 1)")
        for path in (file.parent, *file.parent.iterdir()):
            path.chmod(0o755)
        create_analytics_db().close()
        modes = {path.name: mode_of(path) for path in file.parent.iterdir()}
    assert mode_of(file.parent) == 0o700
    assert modes == {"analytics.db": 0o600, "analytics.db-wal": 0o600, "analytics.db-shm": 0o600}


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_what_an_interrupted_run_left_open_to_others_is_made_private(
    file: Path, suffix: str
) -> None:
    with create_analytics_db() as db, closing(db.connect()) as connection:
        connection.execute("INSERT INTO sessions (id, started_at) VALUES ('a', 1)")
        beside = file.with_name(f"analytics.db{suffix}")
        beside.chmod(0o644)
        create_analytics_db().close()
        assert mode_of(beside) == 0o600


def test_a_team_keeps_its_directory_that_the_home_directory_is_a_link_to(
    file: Path, tmp_path: Path
) -> None:
    team = tmp_path / "team"
    team.mkdir()
    team.chmod(0o2775)
    file.parent.symlink_to(team)
    create_analytics_db().close()
    backup()
    create_analytics_db().close()
    migrate(to=1, allow_down=True)
    restore(backup(), file)
    assert mode_of(team) == 0o2775
    modes = {path.name: mode_of(path) for path in team.iterdir()}
    assert modes == {"analytics.db": 0o600, "backups": 0o700}


def test_the_directory_in_a_home_that_is_a_link_is_made_private(
    file: Path, home: Path, tmp_path: Path
) -> None:
    home.rename(tmp_path / "real")
    home.symlink_to(tmp_path / "real")
    create_analytics_db().close()
    file.parent.chmod(0o755)
    create_analytics_db().close()
    assert mode_of(tmp_path / "real" / ".devflow") == 0o700


def test_what_a_link_beside_the_file_leads_to_keeps_its_mode(file: Path, tmp_path: Path) -> None:
    create_analytics_db().close()
    others = tmp_path / "others"
    others.touch(0o644)
    file.with_name("analytics.db-shm").symlink_to(others)
    create_analytics_db().close()
    assert mode_of(others) == 0o644


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]


def keep_no_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no call change a mode and none fail, as on exFAT; on a real one: test_file_systems.py."""
    monkeypatch.setattr(os, "chmod", lambda *_, **__: None)
    monkeypatch.setattr(os, "fchmod", lambda *_: None)


def test_where_the_file_system_keeps_no_modes_the_log_says_so(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    create_analytics_db().close()
    file.chmod(0o644)
    file.parent.chmod(0o755)
    keep_no_modes(monkeypatch)
    create_analytics_db().close()
    assert warnings(caplog) == [
        f"other users can access {file}: its file system keeps no modes",
        f"other users can access {file.parent}: its file system keeps no modes",
    ]


def test_a_file_that_belongs_to_another_user_at_once_is_made_and_used(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As on FAT and exFAT that are mounted for all users, where nobody but root may chmod."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "chmod", refuse)
    monkeypatch.setattr(os, "fchmod", refuse)
    assert create_analytics_db().changes.created
    assert backup().exists()
    assert warnings(caplog)[:2] == [
        f"could not set the mode of {path} to {mode}: Operation not permitted"
        for path, mode in ((file.parent, "0700"), (file, "0600"))
    ]


@pytest.mark.parametrize("name", ["shared", ".devflow"])
def test_a_directory_of_the_users_own_keeps_its_mode(tmp_path: Path, name: str) -> None:
    shared = tmp_path / name
    shared.mkdir()
    shared.chmod(0o755)
    create_analytics_db(shared / "calls.db").close()
    assert (mode_of(shared), mode_of(shared / "calls.db")) == (0o755, 0o600)


def test_opening_it_again_changes_no_byte_and_leaves_no_file(file: Path) -> None:
    create_analytics_db().close()
    before = file.read_bytes()
    with create_analytics_db() as db:
        assert os.listdir(file.parent) == ["analytics.db"]
        assert db.changes is None
        assert db.schema_version == NEWEST
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == ["analytics.db"]


def test_opening_it_again_makes_nothing_beside_it_not_even_for_a_moment(file: Path) -> None:
    create_analytics_db().close()
    os.utime(file.parent, ns=(0, 0))
    create_analytics_db().close()
    assert file.parent.stat().st_mtime_ns == 0


def test_opening_it_again_waits_for_no_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", "0")
    with create_analytics_db() as db, closing(db.connect()) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO sessions (id, started_at) VALUES ('a', 1)")
        assert create_analytics_db().schema_version == NEWEST
        writer.execute("ROLLBACK")


def test_an_empty_file_is_a_new_database(file: Path) -> None:
    file.parent.mkdir()
    file.touch()
    with create_analytics_db() as db:
        assert db.changes.created


@pytest.mark.parametrize("name", ["with space.db", "größe-☃.db", "100%41?#&.db", "a+b;c.db"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    with create_analytics_db(tmp_path / name) as db, closing(db.connect()) as connection:
        connection.execute("INSERT INTO sessions (id, started_at) VALUES ('a', 1)")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [name]


def test_only_one_directory_is_made(tmp_path: Path) -> None:
    create_analytics_db(tmp_path / "new" / "calls.db").close()
    assert mode_of(tmp_path / "new") == 0o700
    with pytest.raises(CannotCreateError, match=r"mistyped does not exist"):
        create_analytics_db(tmp_path / "mistyped" / "new" / "calls.db")
    assert not (tmp_path / "mistyped").exists()
