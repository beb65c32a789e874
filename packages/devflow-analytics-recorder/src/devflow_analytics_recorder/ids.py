"""Keys for rows that several programs may record: the same key, whoever does."""

from __future__ import annotations

from devflow_analytics_schema import new_id

_VARIANTS = {digit: f"{int(digit, 16) & 3 | 8:x}" for digit in "0123456789abcdef"}


def new_key() -> str:
    """Return a new key, as `new_id` does.

    Raises:
        ImportError: see `new_id`.
        ValueError: the clock is before 1970.
    """
    try:
        return new_id()
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # uuid-utils raises it, and it is no Exception
            raise
        raise ValueError("the clock is before 1970") from None


def named_id(kind: str, name: str) -> str:
    """Return the key for what somebody else gave a name: a UUID of version 8 (RFC 9562).

    A name that nobody can guess cannot be found out from it: it is cut from a SHA-256. Whoever
    knows both gets the same key, so that a call seen by a server, a hook and in a log is one row.

    Args:
        kind: what gave the name, such as ``claude-code``.
        name: any text.
    """
    from hashlib import sha256  # noqa: PLC0415  it takes 5 ms, and many need none

    named = f"devflow-analytics\0{kind}\0{name}".encode(errors="surrogatepass")
    cut = sha256(named).hexdigest()
    variant = _VARIANTS[cut[16]]
    return f"{cut[:8]}-{cut[8:12]}-8{cut[13:16]}-{variant}{cut[17:20]}-{cut[20:32]}"
