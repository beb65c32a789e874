"""Where a call is noted, and when it is not."""

from __future__ import annotations

import json
import os
import pty
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devflow_analytics_capture.noting import note
from devflow_analytics_db import (
    AnalyticsDbError,
    ConfigurationError,
    is_enabled,
    records_project,
    resolve_path,
)

Payload = dict[str, object]
Here = Callable[..., None]
Lines = Callable[[], list[list[Any]]]


@pytest.mark.parametrize(
    "value", ["", "1", "0", "yes", "No", " off ", "ON", "true", "FALSE", "2", "maybe", "\u00a01"]
)
def test_switches_mean_what_they_mean_to_the_db_package(
    value: str, payload: Payload, here: Here, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_ENABLED", value)
    try:
        expected = is_enabled()
    except ConfigurationError:
        expected = False
        with pytest.raises(ValueError, match=r"^$"):
            here(payload)
    else:
        here(payload)
    assert file.parent.exists() == expected
    monkeypatch.delenv("DEVFLOW_ANALYTICS_ENABLED")
    monkeypatch.setenv("DEVFLOW_ANALYTICS_PROJECT", value)
    try:
        records_project()
    except ConfigurationError:
        with pytest.raises(ValueError, match=r"^$"):
            here(payload)


def test_the_database_may_be_named(
    payload: Payload, here: Here, tmp_path: Path, home: Path
) -> None:
    here(payload, "claude-code", tmp_path / "named.db", DEVFLOW_ANALYTICS_DB_PATH="/none/x.db")
    assert os.listdir(tmp_path / "named.db-spool") == ["0-686f6f6b.v1.jsonl"]
    assert os.listdir(home) == []


@pytest.mark.parametrize(
    "value",
    [
        "{home}/a.db",
        "~/a.db",
        "{home}/b$c.db",
        "$HOME/a.db",
        "{home}/$NONE/a.db",
        "%HOME%/a.db",
        "'{home}/a.db'",
        "file:{home}/a.db",
        ":memory:",
        " {home}/a.db",
        "{home}/a.db ",
        "~nobody-of-that-name/a.db",
        "{home}/none/none/a.db",
        "{home}/new/a.db",
        "{home}/\udcff.db",
    ],
)
def test_a_path_in_the_environment_is_the_file_that_the_db_package_uses_or_none(
    value: str, payload: Payload, here: Here, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = value.format(home=home)
    monkeypatch.setenv("DEVFLOW_ANALYTICS_DB_PATH", value)
    try:
        expected = f"{resolve_path()}-spool"
    except AnalyticsDbError:
        expected = ""
    if "none/none" in value:
        expected = ""
    if expected:
        here(payload)
        assert os.listdir(expected) == ["0-686f6f6b.v1.jsonl"]
    else:
        with pytest.raises((ValueError, OSError)):
            here(payload)
        assert os.listdir(home) == []


def test_a_database_that_is_named_must_be_so_from_the_root(payload: Payload, here: Here) -> None:
    for named in ("", "a.db", "~/a.db"):
        with pytest.raises(ValueError, match=r"^$"):
            here(payload, "claude-code", named)


def test_without_a_home_nothing_is_noted(payload: Payload, here: Here) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        here(payload, HOME="")


def test_a_relative_path_counts_from_the_current_directory(
    payload: Payload, run: Callable[..., Any], tmp_path: Path
) -> None:
    path = os.path.relpath(tmp_path / "a.db")
    assert not path.startswith("/")
    run(payload, DEVFLOW_ANALYTICS_DB_PATH=path)
    assert (tmp_path / "a.db-spool").is_dir()


def test_links_are_followed_to_the_file(payload: Payload, here: Here, tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    real = tmp_path / "deep" / "real.db"
    real.touch()
    (tmp_path / "deep" / "er" / "one.db").symlink_to("../real.db")
    (tmp_path / "two.db").symlink_to(tmp_path / "deep" / "er" / "one.db")
    (tmp_path / "folder").symlink_to("deep")
    here(payload, "claude-code", tmp_path / "two.db")
    here(payload, "claude-code", tmp_path / "folder" / "real.db")
    spools = [*tmp_path.rglob("*.v1.jsonl")]
    assert [path.parent for path in spools] == [Path(f"{resolve_path(real)}-spool")]
    assert spools[0].read_bytes().count(b"\n") == 2


def test_a_link_that_leads_nowhere_is_not_followed(
    payload: Payload, here: Here, tmp_path: Path
) -> None:
    (tmp_path / "nowhere.db").symlink_to("none.db")
    (tmp_path / "circle.db").symlink_to("circle.db")
    for name in ("nowhere.db", "circle.db"):
        with pytest.raises(OSError, match=name):
            here(payload, "claude-code", tmp_path / name)
    assert not [*tmp_path.glob("*-spool")]


def test_a_payload_that_is_too_large_is_left_out(
    payload: Payload, here: Here, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(note, "LARGEST_PAYLOAD", 100_000)
    here(payload | {"tool_response": "a" * 99_000})
    assert len(lines()) == 1
    here(payload | {"tool_response": "a" * 300_000})
    assert len(lines()) == 1


def test_what_somebody_types_is_not_waited_for(file: Path) -> None:
    master, terminal = pty.openpty()
    try:
        note.note(["claude-code"], dict(os.environb), terminal)
    finally:
        os.close(master)
        os.close(terminal)
    assert not file.parent.exists()


def test_a_byte_order_mark_and_white_space_are_no_harm(
    payload: Payload, here: Here, lines: Lines
) -> None:
    here(b"\xef\xbb\xbf\r\n " + json.dumps(payload).encode() + b"\r\n\n")
    assert len(lines()) == 1
