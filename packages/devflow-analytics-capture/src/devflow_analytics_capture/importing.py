"""Imports what agents have logged: each call once, and from where the last import ended.

An import may be ended at any moment, and run again. What it has written was committed with how far
it came.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING

from devflow_analytics_capture.importers import CLIENTS, importers
from devflow_analytics_capture.ledger import Database, Rehearsal
from devflow_analytics_capture.places import clients_there
from devflow_analytics_capture.result import Imported
from devflow_analytics_capture.run import Meter, Run
from devflow_analytics_db import import_lock, is_enabled, records_project, resolve_path
from devflow_analytics_recorder import drain

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection
    from datetime import date

    from devflow_analytics_capture.importers.importer import Importer
    from devflow_analytics_capture.ledger import Ledger
    from devflow_analytics_capture.logs.log import Log


def import_calls(  # noqa: PLR0913  one an option
    path: str | os.PathLike[str] | None = None,
    *,
    clients: Collection[str] = (),
    since: date | None = None,
    full: bool = False,
    dry_run: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Imported:
    """Write the calls that agents have logged into the analytics database.

    Each call becomes one row, however often and from however many logs it is read, and whoever else
    records it. What a log has new since the last import is read, and nothing else. The database is
    made if there are logs and it is missing. Nothing is imported if ``DEVFLOW_ANALYTICS_ENABLED``
    is 0.

    Args:
        path: the database, as for `devflow_analytics_db.create_analytics_db`.
        clients: the agents; without any, all of `CLIENTS`.
        since: leave out calls from before that day, in local time. A later import without it
            brings them in.
        full: read every log from its start.
        dry_run: write nothing, and say what would be written.
        progress: called with how many bytes were read, and how many there are to read in all.

    Raises:
        ValueError: there is no agent of that name.
        ImportRunningError: another import into this database is running.
        AnalyticsDbError: the database cannot be read or written. What was committed stays.
    """
    file = str(resolve_path(path))
    unknown = set(clients) - set(CLIENTS)
    if unknown:
        raise ValueError(f"There is no importer for {', '.join(sorted(unknown))}.")
    if not is_enabled():
        return Imported(file, dry_run=dry_run, enabled=False, drained=0, clients=())
    readers = importers(clients or clients_there())
    logs = {reader.client: _once(reader) for reader in readers}
    if not clients:  # tell only of agents with logs, or of all if no agent has any
        readers = [reader for reader in readers if logs[reader.client]] or importers(CLIENTS)
    from_s = _start_of(since)
    runs = [Run(reader, since=from_s, with_project=records_project()) for reader in readers]
    drained = 0 if dry_run else drain(file).calls
    if any(logs.values()):
        with ExitStack() as stack:
            ledger: Ledger
            if dry_run:
                ledger = Rehearsal(file, from_s)
            else:
                stack.enter_context(import_lock(file))
                ledger = Database(file, from_s)
            stack.callback(ledger.close)
            plans = [run.plan(logs[run.importer.client], ledger, full=full) for run in runs]
            meter = Meter(progress, sum(step.to_read for plan in plans for step in plan))
            for run, plan in zip(runs, plans, strict=True):
                run.read(plan, ledger, meter)
                if plan:
                    seen = {log.fingerprint[:2] for log in logs[run.importer.client]}
                    ledger.finish(run.importer.client, seen)
    return Imported(
        file,
        dry_run=dry_run,
        enabled=True,
        drained=drained,
        clients=tuple(run.result(logs.get(run.importer.client, ())) for run in runs),
    )


def _once(importer: Importer) -> list[Log]:
    """Return the logs of an agent, each file once: it may have several names."""
    found: dict[tuple[int, int], Log] = {}
    for log in importer.logs():
        found.setdefault((log.fingerprint.device, log.fingerprint.inode), log)
    return list(found.values())


def _start_of(day: date | None) -> int:
    """Return when a day begins here, in Unix seconds; 0 without a day."""
    if day is None:
        return 0
    try:
        return max(0, int(datetime(day.year, day.month, day.day).timestamp()))  # noqa: DTZ001  local
    except (OverflowError, ValueError):  # before clocks begin
        return 0
