"""What is logged, and that nobody who does not ask sees any of it."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import NotAnAnalyticsDatabaseError, create_analytics_db
from devflow_analytics_db.file import faults
from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.migrations.migration import load_migrations

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Python = Callable[..., subprocess.CompletedProcess[str]]


def logged(caplog: pytest.LogCaptureFixture, file: Path) -> list[str]:
    assert {record.name for record in caplog.records} == {"devflow_analytics_db"}
    assert "log.py" not in {record.filename for record in caplog.records}  # but who calls it
    told = [f"{record.levelname} {record.getMessage()}" for record in caplog.records]
    caplog.clear()
    return [re.sub(r"[\d.]+ ms", "N ms", line.replace(str(file), "FILE")) for line in told]


def test_each_step_is_logged(caplog: pytest.LogCaptureFixture, file: Path) -> None:
    newest = latest_version()
    caplog.set_level(logging.DEBUG, "devflow_analytics_db")
    create_analytics_db()
    assert logged(caplog, file) == [
        f"INFO created directory {file.parent}",
        "DEBUG journal mode of FILE is now wal",
        *(
            f"INFO migration {migration} of FILE: {step}"
            for migration in ("1 devflow_baseline", "2 harden", *load_migrations()[2:])
            for step in ("started", "applied in N ms")
        ),
        f"INFO created FILE: schema version {newest}",
    ]
    create_analytics_db()
    assert logged(caplog, file) == [f"INFO opened FILE: schema version {newest} is current"]
    file.chmod(0o644)
    create_analytics_db()
    assert logged(caplog, file) == [
        "WARNING other users could access FILE; its mode is now 0600",
        f"INFO opened FILE: schema version {newest} is current",
    ]
    file.write_text("no database")
    with pytest.raises(NotAnAnalyticsDatabaseError) as caught:
        create_analytics_db()
    assert logged(caplog, file) == [f"ERROR {caught.value}".replace(str(file), "FILE")]


def test_an_error_that_is_met_again_and_again_is_logged_once_a_minute(
    caplog: pytest.LogCaptureFixture, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.parent.mkdir()
    file.write_text("no database")
    seconds = [0.0]
    monkeypatch.setattr(faults.time, "monotonic", lambda: seconds[0])
    for now in (100.0, 101.0, 159.0, 161.0):
        seconds[0] = now
        with pytest.raises(NotAnAnalyticsDatabaseError):
            create_analytics_db()
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


@pytest.mark.parametrize("imports", ["", "import logging"])
def test_nothing_is_printed_unless_the_application_asks(imports: str, python: Python) -> None:
    done = python(
        f"""
        {imports}
        from devflow_analytics_db import create_analytics_db
        db = create_analytics_db()
        db.path.chmod(0o644)
        create_analytics_db()
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
