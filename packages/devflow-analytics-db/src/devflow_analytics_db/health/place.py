"""Examines where a database is kept: its file system, and the free space there."""

from __future__ import annotations

import os
import shutil

from devflow_analytics_db.backups.backup import backups_directory
from devflow_analytics_db.file import disk, system
from devflow_analytics_db.health.finding import Finding
from devflow_analytics_db.health.status import readable_size
from devflow_analytics_db.settings import DB_PATH

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
    "tmpfs": "are lost when the machine restarts",
    "ramfs": "are lost when the machine restarts",
    "overlay": "are lost when the container is removed",
    "fuse.fuse-overlayfs": "are lost when the container is removed",
}
"""Those that do not last, and what happens to files there."""

LITTLE_SPACE = 10_000_000
"""In bytes."""

LOCAL_DISK = f"Keep the file on a local disk: set {DB_PATH.name}."


def file_system(file: str) -> Finding:
    """Tell whether SQLite is reliable where the file is, whether it exists or not."""
    # The file may be mounted by itself; then what SQLite keeps beside it is elsewhere.
    places = [os.path.dirname(file), *([file] if os.path.exists(file) else [])]
    found = [_file_system(place) for place in places]
    return max(found, key=lambda one: ("ok", "warn", "fail").index(one.severity))


def _file_system(path: str) -> Finding:
    kind = system.file_system(path)
    if kind is None:
        return Finding("file system", "ok", "not known on this system")
    if kind in SHARED_FILE_SYSTEMS:
        return Finding(
            "file system",
            "fail",
            f"{path} is on {kind}, where SQLite's locks and shared memory are not reliable.",
            LOCAL_DISK,
        )
    if kind in PASSING_FILE_SYSTEMS:
        return Finding(
            "file system",
            "warn",
            f"{path} is on {kind}: files there {PASSING_FILE_SYSTEMS[kind]}.",
            f"Keep the file on a disk or a volume: set {DB_PATH.name}.",
        )
    if kind == "fuse" or kind.startswith("fuse."):
        return Finding(
            "file system",
            "warn",
            f"{path} is on {kind}. It is not known whether SQLite's locks and shared memory work"
            " there.",
            LOCAL_DISK,
        )
    return Finding("file system", "ok", kind)


def free_space(file: str) -> Finding:
    """Tell whether there is room for a backup of the file, and to go on writing."""
    directory, copies = os.path.dirname(file), backups_directory(file)
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    places = [directory, *([copies] if os.path.isdir(copies) else [])]
    try:
        free = min(shutil.disk_usage(place).free for place in places)
        needed = disk.size(file) + disk.size(f"{file}-wal")  # for the backup before a migration
    except OSError as fault:
        return Finding("free space", "warn", f"not known: {fault.strerror}.", "Check the disk.")
    message = readable_size(free)
    if free < needed + LITTLE_SPACE:
        return Finding(
            "free space",
            "warn",
            f"{message}; a backup alone needs {readable_size(needed)}.",
            "Make room: no migration runs without a backup.",
        )
    return Finding("free space", "ok", message)
