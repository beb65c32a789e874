"""Keys for rows that several programs may record: the same key, whoever does.

Importing this costs next to nothing: a proxy does so for each server that it starts.
"""

import sys

_SHA256 = "_sha2" if sys.version_info >= (3, 12) else "_sha256"

_FREE_BITS = ~(0xF << 76 | 3 << 62)
"""Those that are neither a UUID's version nor its variant."""

_TIME_OCTETS = 6
"""How many octets of a UUID of version 7 are its time."""


def named_id(kind: str, name: str) -> str:
    """Return the key for what somebody else gave a name: a UUID of version 8 (RFC 9562).

    A name that nobody can guess cannot be found out from it: it is cut from a SHA-256. Whoever
    knows both gets the same key, so that a call seen by a server, a hook and in a log is one row.

    Args:
        kind: what gave the name, such as ``claude-code``.
        name: any text.
    """
    return _uuid(_digest(kind, name)[:16], version=8)


def call_id(session: str, request_id: str | int) -> str:
    """Return the key for a call that has no name but its JSON-RPC id: a UUID of version 7.

    Its time is the session's, the rest is cut from a SHA-256. The proxy of a server and a recorder
    in that server know both, and so get the same key. The ids ``1`` and ``"1"`` differ.

    Args:
        session: the key of the session, a UUID of version 7.
        request_id: the id of the ``tools/call``, as it came.

    Raises:
        ValueError: the session is no UUID, or the number has more digits than Python writes.
    """
    told = _json(request_id) if isinstance(request_id, str) else str(int(request_id))
    time = bytes.fromhex(session.replace("-", ""))[:_TIME_OCTETS]
    if len(time) < _TIME_OCTETS:
        raise ValueError(f"{session} is no UUID")
    return _uuid(time + _digest(session, told)[: 16 - _TIME_OCTETS], version=7)


def _digest(*parts: str) -> bytes:
    text = "\0".join(("devflow-analytics", *parts))
    return _sha256(text.encode(errors="surrogatepass"))


def _sha256(octets: bytes) -> bytes:
    try:  # as random of the standard library does: hashlib loads OpenSSL, 5 ms and 3 MiB
        module = __import__(_SHA256)
    except ImportError:  # a Python that is built in another way
        module = __import__("hashlib")
    digest: bytes = module.sha256(octets).digest()
    return digest


def _uuid(octets: bytes, version: int) -> str:
    number = int.from_bytes(octets, "big") & _FREE_BITS | version << 76 | 2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _json(text: str) -> str:
    try:
        from _json import encode_basestring_ascii  # noqa: PLC0415  seldom needed
    except ImportError:
        from json.encoder import (  # noqa: PLC0415  costs 10 ms
            py_encode_basestring_ascii as encode_basestring_ascii,
        )
    return encode_basestring_ascii(text)
