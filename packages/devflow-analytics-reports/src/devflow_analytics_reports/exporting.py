"""All calls of a period, written into a file for other programs."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from devflow_analytics_db import Connection
from devflow_analytics_reports.csv_lines import write_csv
from devflow_analytics_reports.errors import ExportError
from devflow_analytics_reports.filters import Filters
from devflow_analytics_reports.period import Period
from devflow_analytics_reports.sql.calls import Calls
from devflow_analytics_reports.sql.database import resolved
from devflow_analytics_reports.sql.tables import EXPORT_COLUMNS, INTEGERS, REALS

if TYPE_CHECKING:
    import sqlite3
    from typing import Any

Format = Literal["csv", "json", "parquet"]
"""What calls can be written as."""

FORMATS: tuple[Format, ...] = get_args(Format)

AT_ONCE = 200
"""How many calls are in memory at a time; many more would not fit into the processor's cache."""

ROW_GROUP = 100_000
"""How many calls make a row group of a Parquet file: what its readers read at once."""


class Writable(Protocol):
    """A file that takes all bytes that it is given, as one of `open` does that is buffered."""

    def write(self, content: bytes, /) -> object:
        """Write bytes."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was exported."""

    period: Period
    """The period; ``all`` is cut to what was recorded."""
    calls: int
    """Number of its calls that passed the filters."""


def export_calls(  # noqa: PLR0913  from where, which, to where and how
    connection: Connection,
    period: Period,
    filters: Filters,
    file: Writable,
    *,
    format: Format,  # noqa: A002  what everybody calls it
    progress: Callable[[int, int], object] | None = None,
) -> Exported:
    """Write all calls of a period into a file, the oldest first.

    Each has every column of ``tool_calls``, then ``client``, ``client_version`` and ``project`` of
    its session (docs/schema.md). Values are as they were recorded: times in Unix seconds, durations
    in milliseconds, with all their digits. However many there are, few are in memory at a time.

    - ``csv`` has a line with the names, and then one for each call; null is an empty field.
    - ``json`` is one array, with each call as an object on a line of its own.
    - ``parquet`` has ``timestamp`` as a time in UTC; it needs pyarrow, which the extra ``parquet``
      of this package installs.

    Args:
        connection: a connection for reading, as from `devflow_analytics_db.open_readonly`.
        period: the period.
        filters: what the calls must be like.
        file: what takes the bytes; it need not be able to seek, and is not closed or flushed.
        format: what to write.
        progress: called with the number of calls written so far, and of all.

    Raises:
        ExportError: pyarrow is not installed; or a value does not fit into a Parquet file.
        OSError: the file cannot be written.
    """
    period = resolved(connection, period)
    calls = Calls(connection, period, filters)
    total = calls.count() if progress else 0
    written = 0
    for count in _WRITERS[format](calls, file):
        written += count
        if progress:
            progress(written, total)
    return Exported(period, written)


def _write_csv(calls: Calls, file: Writable) -> Iterator[int]:
    text = io.StringIO(newline="")
    write_csv(text.write, [EXPORT_COLUMNS])
    for rows in _chunks(calls.in_order()):
        write_csv(text.write, rows)
        file.write(text.getvalue().encode())
        text.seek(0)
        text.truncate()
        yield len(rows)
    file.write(text.getvalue().encode())  # the names, if there are no calls


def _write_json(calls: Calls, file: Writable) -> Iterator[int]:
    separator = "[\n"
    for rows in _chunks(calls.in_order_as_json()):
        lines = [
            f'{before[:-1]},"duration_ms":{duration!r},{after[1:]}'
            for before, duration, after in rows
        ]
        file.write((separator + ",\n".join(lines)).encode())
        separator = ",\n"
        yield len(rows)
    file.write(b"[]\n" if separator == "[\n" else b"\n]\n")


def _write_parquet(calls: Calls, file: Writable) -> Iterator[int]:
    try:
        import pyarrow as pa  # noqa: PLC0415  large, and an extra
        from pyarrow import parquet  # noqa: PLC0415  the same
    except ImportError as error:
        raise ExportError(
            "Parquet needs the package pyarrow, which is not installed.",
            None,
            "Install it, as the extra of devflow-analytics-cli[parquet] does.",
        ) from error
    kinds = {
        **dict.fromkeys(REALS, pa.float64()),
        **dict.fromkeys(INTEGERS, pa.int64()),
        "timestamp": pa.timestamp("s", tz="UTC"),
    }
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in EXPORT_COLUMNS])
    group, size = [], 0
    try:
        with parquet.ParquetWriter(_Counting(file), schema, compression="zstd") as writer:
            for rows in _chunks(calls.in_order()):
                columns = [
                    pa.array(column, field.type)
                    for column, field in zip(zip(*rows, strict=True), schema, strict=True)
                ]
                group.append(pa.record_batch(columns, schema=schema))
                size += len(rows)
                if size >= ROW_GROUP:
                    writer.write_table(pa.Table.from_batches(group))
                    group, size = [], 0
                yield len(rows)
            if group:
                writer.write_table(pa.Table.from_batches(group))
    except pa.ArrowInvalid as error:
        raise ExportError(
            f"Parquet cannot hold a value of these calls ({error}).", None, "Export CSV or JSON."
        ) from error


_WRITERS: dict[Format, Callable[[Calls, Writable], Iterator[int]]] = {
    "csv": _write_csv,
    "json": _write_json,
    "parquet": _write_parquet,
}


class _Counting:
    """A file that can tell its place, as pyarrow asks for it, also if it is a pipe."""

    closed = False

    def __init__(self, file: Writable) -> None:
        self._file = file
        self._written = 0

    def write(self, content: bytes) -> int:
        self._file.write(content)
        self._written += len(content)
        return len(content)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """Leave it to the caller."""

    def close(self) -> None:
        """Leave it to the caller."""


def _chunks(cursor: sqlite3.Cursor) -> Iterator[list[Any]]:
    while rows := cursor.fetchmany(AT_ONCE):
        yield rows
