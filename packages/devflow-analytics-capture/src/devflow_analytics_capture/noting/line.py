"""How a call is written down while it waits for the database: one line, as the recorder's are.

The recorder's own modules take too long to import where a process starts for each call, or before
each server. Tests hold the two equal.
"""

import posix
import sys
from time import time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Outcome: TypeAlias = tuple[str, str | None, str | None, int | None]
    """Status, kind, type and code of the error."""

LONGEST_NAME = 255
"""In characters; a longer name is cut."""

MOST_NAMES = 256
"""How many names are kept in mind as JSON has them."""

SUCCESS: "Outcome" = ("success", None, None, None)
"""How a call ends that does what it should."""

_quoted: dict[str, str] = {}
_SHA256 = "_sha2" if sys.version_info >= (3, 12) else "_sha256"
"""To try one that is missing takes 0.2 ms each time."""

_FREE_BITS = ~(0xF << 76 | 3 << 62)


def line(  # noqa: PLR0913  one an element
    *,
    call: str,
    tool: str,
    duration_ms: float,
    outcome: "Outcome",
    ended_ms: int,
    started_ms: int,
    session: str,
    session_started_at: int,
    source: str,
    agent: str | None = None,
    request_bytes: int | None = None,
    result_bytes: int | None = None,
    server: str | None = None,
    client: str | None = None,
    client_version: str | None = None,
    project: str | None = None,
) -> bytes:
    """Return the line for a call that was measured, in the order of `FIELDS` of the recorder."""
    status, kind, error, code = outcome
    return (
        f'[1,"{call}",{quoted(tool)},{float(duration_ms)!r},"{status}",{quoted(error)},'
        f"{ended_ms // 1000},{quoted(agent)},{quoted(kind)},"
        f"{_number(code)},{_number(request_bytes)},{_number(result_bytes)},{started_ms},"
        f'{quoted(server)},"{session}","{source}","run",'
        f"{session_started_at},{quoted(client)},{quoted(client_version)},{quoted(project)}]\n"
    ).encode()


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)


def named_id(kind: str, name: str) -> str:
    """Return what the recorder's function of this name does."""
    named = f"devflow-analytics\0{kind}\0{name}".encode("utf-8", "surrogatepass")
    return uuid_of(sha256(named).digest()[:16], version=8)


def new_id(now_ms: int | None = None) -> str:
    """Return a new UUID of version 7, as the schema package's function of this name does.

    Args:
        now_ms: its time, in Unix milliseconds; without it the present.
    """
    if now_ms is None:
        now_ms = time_ns() // 1_000_000
    return uuid_of(now_ms.to_bytes(6, "big") + posix.urandom(10), version=7)


def sha256(octets: bytes) -> "Any":  # noqa: ANN401  a hash, without its type's import
    """Return the hash of some octets, as hashlib does, which takes 3 ms longer to import."""
    try:
        module = __import__(_SHA256)
    except ImportError:  # a Python that is built in another way
        module = __import__("hashlib")
    return module.sha256(octets)


def uuid_of(octets: bytes, version: int) -> str:
    """Return 16 octets as a UUID (RFC 9562) of a version, which takes the place of six bits."""
    number = int.from_bytes(octets, "big") & _FREE_BITS | version << 76 | 2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def quoted(name: str | None) -> str:
    """Return a name as JSON, as the recorder does."""
    if name is None:
        return "null"
    name = name[:LONGEST_NAME]
    found = _quoted.get(name)
    if found is None:
        found = _quote(name)
        if len(_quoted) < MOST_NAMES:  # the same few again and again
            _quoted[name] = found
    return found


def _quote(name: str) -> str:
    name = name.replace("\0", "\ufffd")
    if not name.isascii():  # there may be half a surrogate pair
        name = name.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    try:
        from _json import encode_basestring_ascii  # noqa: PLC0415
    except ImportError:
        from json.encoder import (  # noqa: PLC0415  costs 10 ms
            py_encode_basestring_ascii as encode_basestring_ascii,
        )
    return encode_basestring_ascii(name)
