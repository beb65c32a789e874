"""Keys for new rows."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_found: list["Callable[[], object]"] = []
"""What makes keys, once it was needed: nothing can be imported any more while Python ends."""


def new_id() -> str:
    """Return a new key: a UUID of version 7 (RFC 9562) in its 36-character form.

    Its first 48 bits are the time in milliseconds, and two made one after the other in a process
    sort in that order. Rows so arrive at the end of the key's index instead of all over it, which
    is what keeps batches fast in a large file.

    Raises:
        ImportError: before Python 3.14, uuid-utils cannot be imported. It is compiled, so it cannot
            be in a zip archive (zipapp); install it beside the archive. All else works without it.
    """
    if not _found:
        # Not at the top: what makes no key works without it.
        if sys.version_info >= (3, 14):
            from uuid import uuid7  # noqa: PLC0415
        else:
            from uuid_utils import uuid7  # noqa: PLC0415
        _found.append(uuid7)
    return str(_found[0]())
