"""Which file it is."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import (
    CannotCreateError,
    ConfigurationError,
    create_analytics_db,
    default_path,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Python = Callable[..., subprocess.CompletedProcess[str]]


def test_the_default_is_in_the_home_directory(home: Path) -> None:
    assert default_path() == home / ".devflow" / "analytics.db"
    assert list(home.iterdir()) == []


def test_the_home_directory_is_looked_up_at_each_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    default_path()
    monkeypatch.setenv("HOME", str(tmp_path / "other"))
    assert default_path() == tmp_path / "other" / ".devflow" / "analytics.db"


def test_the_environment_names_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_DB_PATH", str(tmp_path / "other.db"))
    assert default_path() == tmp_path / "other.db"
    assert create_analytics_db().path == tmp_path / "other.db"


def test_an_argument_overrules_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_DB_PATH", str(tmp_path / "other.db"))
    assert create_analytics_db(tmp_path / "this.db").path == tmp_path / "this.db"
    assert not (tmp_path / "other.db").exists()


def test_an_empty_variable_is_as_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_DB_PATH", "")
    assert default_path() == home / ".devflow" / "analytics.db"


def test_a_tilde_is_the_home_directory(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_DB_PATH", "~/calls.db")
    assert default_path() == home / "calls.db"


def test_a_tilde_without_a_home_variable_is_the_users_home_on_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "")
    monkeypatch.setenv("DEVFLOW_ANALYTICS_DB_PATH", "~/calls.db")
    assert default_path() == Path(pwd.getpwuid(os.getuid()).pw_dir, "calls.db")


def test_a_user_who_does_not_exist_is_a_named_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_DB_PATH", "~nosuch/calls.db")
    with pytest.raises(ConfigurationError, match="begins with a user who does not exist"):
        default_path()


def test_a_deleted_current_directory_is_a_named_error(tmp_path: Path, python: Python) -> None:
    done = python(
        """
        import os, sys
        from devflow_analytics_db import CannotCreateError, create_analytics_db

        os.mkdir(sys.argv[1])
        os.chdir(sys.argv[1])
        os.rmdir(sys.argv[1])
        try:
            create_analytics_db("calls.db")
        except CannotCreateError as error:
            print(error)
        """,
        tmp_path / "deleted",
    )
    assert "counts from the current directory, which was deleted" in done.stdout, done


def test_a_relative_path_counts_from_the_current_directory(home: Path) -> None:
    relative = os.path.relpath(home / "calls.db")
    assert create_analytics_db(relative).path == home / "calls.db"


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_home_variable_the_users_record_counts(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", value)
    assert default_path() == Path(pwd.getpwuid(os.getuid()).pw_dir, ".devflow", "analytics.db")


def test_a_user_without_any_home_gets_a_named_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 2)
    with pytest.raises(CannotCreateError, match=r"HOME is not set, and user 2147483646"):
        default_path()


@pytest.mark.parametrize("path", ["", ":memory:", "a\0b"])
def test_what_can_be_no_file_is_a_named_error(path: str) -> None:
    with pytest.raises(ConfigurationError, match="is not the path of a file"):
        create_analytics_db(path)


def test_a_symbolic_link_is_followed_to_the_file(tmp_path: Path) -> None:
    real = tmp_path / "real.db"
    create_analytics_db(real).close()
    link = tmp_path / "link.db"
    link.symlink_to(real)
    with create_analytics_db(link) as db:
        assert (db.path, db.opening.created) == (real, False)


@pytest.mark.parametrize("link", [".devflow", "analytics.db"])
def test_a_link_to_nothing_is_a_named_error_and_nothing_is_made(
    link: str, tmp_path: Path, file: Path
) -> None:
    path = file.parent if link == ".devflow" else file
    if path == file:
        file.parent.mkdir()
    path.symlink_to(tmp_path / "unmounted")
    with pytest.raises(CannotCreateError, match=r"symbolic link to .*unmounted"):
        create_analytics_db()
    assert not (tmp_path / "unmounted").exists()
