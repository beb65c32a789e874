"""Runs SQL and writes down all that SQLite asks of the disk meanwhile.

In a process of its own, as apsw brings a second SQLite: two in one process would drop each other's
locks. Reads JSON, the file and for each connection its statements, and pickles what happened, in
order, to the path that is its argument:

- ``("create", name)``, ``("delete", name, synced)``: of names in the directory
- ``("write", name, offset, bytes)``, ``("truncate", name, size)``, ``("sync", name)``
- ``("done", connection, statement)``: SQLite said that the statement of the connection of this
  number is done
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512

trace: list[tuple[Any, ...]] = []


class RecordedFile(apsw.VFSFile):
    def __init__(self, path: str, name: str | apsw.URIFilename, flags: list[int]) -> None:
        self.name = Path(path).name
        if not Path(path).exists():
            trace.append(("create", self.name))
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  SQLite's name
        super().xWrite(data, offset)
        trace.append(("write", self.name, offset, bytes(data)))

    def xTruncate(self, size: int) -> None:  # noqa: N802  SQLite's name
        super().xTruncate(size)
        trace.append(("truncate", self.name, size))

    def xSync(self, flags: int) -> None:  # noqa: N802  SQLite's name
        super().xSync(flags)
        trace.append(("sync", self.name))

    def xSectorSize(self) -> int:  # noqa: N802  SQLite's name
        return SECTOR


class RecordedDisk(apsw.VFS):
    def __init__(self) -> None:
        super().__init__("recorded", "unix")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  SQLite's name
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        return RecordedFile(path, name, flags)

    def xDelete(self, path: str, sync_directory: bool) -> None:  # noqa: FBT001, N802  SQLite's
        super().xDelete(path, sync_directory)
        trace.append(("delete", Path(path).name, sync_directory))


def main() -> None:
    disk = RecordedDisk()
    file, connections = json.load(sys.stdin)
    for number, statements in enumerate(connections):
        connection = apsw.Connection(file, vfs="recorded", flags=apsw.SQLITE_OPEN_READWRITE)
        # apsw cannot hand on the memory that processes share for WAL; alone, none is needed.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA temp_store = MEMORY")  # temporary files are of no interest
        for statement in statements:
            connection.execute(statement).fetchall()
            trace.append(("done", number, statement))
        connection.close()
    disk.unregister()
    Path(sys.argv[1]).write_bytes(pickle.dumps(trace))


main()
