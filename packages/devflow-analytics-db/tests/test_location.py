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
    backup,
    create_analytics_db,
    default_path,
    resolve_path,
    restore,
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


UNEXPANDED = {
    "$HOME/calls.db": "$HOME",
    "${HOME}/calls.db": "${HOME}",
    "${XDG_DATA_HOME:-/x}/calls.db": "${XDG_DATA_HOME:-",
    "$(pwd)/calls.db": "$(pwd)",
    "$HOME.db": "$HOME.db",
    "$CALLS": "$CALLS",
    "%APPDATA%/calls.db": "%APPDATA%",
    "%APPDATA%\\calls.db": "%APPDATA%\\calls.db",
}


def in_each_way(path: str, there: Path) -> list[Callable[[], object]]:
    """Return all uses of a path that comes from outside; the database is made already."""
    create_analytics_db(there).close()
    return [
        lambda: create_analytics_db(path),
        lambda: resolve_path(path),
        lambda: backup(there, path),
        lambda: restore(path, there),
        lambda: restore(there, path),
    ]


@pytest.mark.parametrize("path", UNEXPANDED)
def test_what_no_shell_has_expanded_is_a_named_error_and_nothing_is_made(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    uses = in_each_way(path, tmp_path / "there.db")
    monkeypatch.setenv("DEVFLOW_ANALYTICS_DB_PATH", path)
    for use in (*uses, default_path, create_analytics_db):
        with pytest.raises(ConfigurationError) as raised:
            use()
        assert str(raised.value) == (
            f"{path!r} begins with {UNEXPANDED[path]!r}, which no shell has expanded. Write out"
            f" what it stands for, or {'./' + path!r} if that is its name."
        )
    assert not os.path.lexists(path.partition("/")[0])
    assert os.listdir(home) == []


@pytest.mark.parametrize("part", ["$USER", "${USER}", "of-$USER", "$(id)"])
def test_an_unexpanded_directory_in_the_middle_is_a_named_error_unless_it_exists(
    part: str, tmp_path: Path
) -> None:
    for path in (f"{tmp_path}/{part}/calls.db", f"~/{part}/calls.db"):
        directory = Path(path).expanduser().parent
        for use in in_each_way(path, tmp_path / "there.db"):
            with pytest.raises(ConfigurationError) as raised:
                use()
            assert str(raised.value) == (
                f"{path!r} holds {part!r}, which no shell has expanded. Write out what it stands"
                f" for, or make the directory {directory} first if that is its name."
            )
            assert not directory.exists()
        directory.mkdir()
        with create_analytics_db(path) as db:
            assert db.path == directory / "calls.db"


@pytest.mark.parametrize(
    "path", ["./$HOME/calls.db", "./~/calls.db", "./'calls.db'", "./file:calls.db", "./%A%"]
)
def test_what_is_named_so_can_be_used(path: str, python: Python, tmp_path: Path) -> None:
    there = tmp_path / path
    there.parent.mkdir(exist_ok=True)
    done = python(
        """
        import os, sys
        from devflow_analytics_db import create_analytics_db

        os.chdir(sys.argv[1])
        print(os.fspath(create_analytics_db(sys.argv[2])))
        """,
        tmp_path,
        path,
    )
    assert (done.stdout, done.stderr) == (f"{there}\n", "")


@pytest.mark.parametrize("name", ["calls$.db", "5$.db", "100%.db", "a$b.db", "it's.db", "a:b.db"])
def test_other_names_with_such_characters_are_names(name: str, tmp_path: Path) -> None:
    with create_analytics_db(tmp_path / name) as db:
        assert db.path == tmp_path / name


@pytest.mark.parametrize("path", ['"/x/calls.db"', "'calls.db'"])
def test_quotes_that_came_along_are_a_named_error(path: str, tmp_path: Path) -> None:
    for use in in_each_way(path, tmp_path / "there.db"):
        with pytest.raises(ConfigurationError) as raised:
            use()
        assert str(raised.value) == (
            f"{path!r} has quotes around it. Leave them out, or write {'./' + path!r} if that is"
            " its name."
        )


@pytest.mark.parametrize(
    "path", ["file:/x/calls.db", "file:calls.db?mode=ro", "FILE:///calls.db", "sqlite:///calls.db"]
)
def test_a_uri_is_a_named_error(path: str, tmp_path: Path) -> None:
    for use in in_each_way(path, tmp_path / "there.db"):
        with pytest.raises(ConfigurationError) as raised:
            use()
        assert str(raised.value) == (
            f"{path!r} is a URI. Write only the path of the file, or {'./' + path!r} if that is"
            " its name."
        )
    assert not os.path.lexists(path.partition("/")[0])


@pytest.mark.parametrize("value", ["{}\n", " {}", "{}\t", "\r\n"])
def test_white_space_around_the_path_of_the_environment_is_a_named_error(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = value.format(tmp_path / "calls.db")
    monkeypatch.setenv("DEVFLOW_ANALYTICS_DB_PATH", value)
    with pytest.raises(ConfigurationError) as raised:
        create_analytics_db()
    assert str(raised.value) == (
        f"DEVFLOW_ANALYTICS_DB_PATH is {value!r}, with white space at its beginning or end. Remove"
        " that, or name the file with `path` if that is its name."
    )
    assert list(tmp_path.glob("*calls.db*")) == []
    # as an argument it is a name
    with create_analytics_db(tmp_path / " calls.db ") as db:
        assert db.path == tmp_path / " calls.db "


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
        assert (db.path, db.changes) == (real, None)


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
