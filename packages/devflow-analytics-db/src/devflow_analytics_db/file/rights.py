"""Whether the user may use a file, and why not."""

from __future__ import annotations

import os
import stat

from devflow_analytics_db.file import BESIDE

OUR_DIRECTORIES = (".devflow", "backups")


def obstacle(path: str) -> tuple[str, str] | None:
    """Return what keeps the user from reading and writing a file, and how advice on it begins.

    That is the file, one that SQLite keeps beside it, or a directory. None if there is no such
    thing, as far as modes and mounts tell.
    """
    found = _without_right(path)
    if found is None:
        return None
    try:
        return _refusal_of(found, path)
    except OSError:  # gone in the meantime
        return None


def _refusal_of(found: str, path: str) -> tuple[str, str]:
    """Return why the user may not use what was found on the way to a file, and what to do."""
    import shlex  # noqa: PLC0415  seldom needed

    status, user = os.stat(found), os.geteuid()
    mode, is_directory = stat.S_IMODE(status.st_mode), stat.S_ISDIR(status.st_mode)
    name = "it" if found == path else f"the directory {found}" if is_directory else found
    if os.statvfs(found).f_flag & os.ST_RDONLY:
        return "its file system is read-only", "Mount it for writing, or"
    needed = stat.S_IRWXU if is_directory else stat.S_IRUSR | stat.S_IWUSR
    if user == 0 or (status.st_uid == user and mode & needed == needed):
        return f"the system refuses it at {found}", "Give this user the right, or"
    if status.st_uid == user:
        return f"{name} has mode {mode:04o}", f"Run 'chmod u+rwX {shlex.quote(found)}', or"
    reason = f"{name} belongs to user {status.st_uid} and has mode {mode:04o}"
    if is_directory and os.path.basename(found) not in OUR_DIRECTORIES:
        # It may be the system's: nobody should take it.
        return reason, "Give this user the right, or"
    command = f"sudo chown {'-R ' if is_directory else ''}{user} {shlex.quote(found)}"
    return reason, f"If it should be yours, run '{command}'; or"


def _without_right(path: str) -> str | None:
    """Return the first thing on the way to a file, or beside it, that the user may not use."""
    if os.path.isdir(path):
        beside, directory = [path], path
    else:
        beside, directory = [f"{path}{end}" for end in ("", *BESIDE)], os.path.dirname(path)
    above = [directory]
    while above[-1] != os.path.dirname(above[-1]):
        above.append(os.path.dirname(above[-1]))
    nearest = "/"
    for one in reversed(above):
        if not os.path.isdir(one):
            break
        nearest = one
        if not os.access(one, os.X_OK):
            return one
    if not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
        return nearest
    for one in beside:
        if os.path.lexists(one) and not os.access(one, os.R_OK | os.W_OK):
            return one
    return None
