"""SQL as text: split into statements, normalised, and searched for what SQLite does not tell."""

from __future__ import annotations

import re
import sqlite3
from functools import lru_cache

from devflow_analytics_db.errors import AnalyticsDbError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from hashlib import sha256
else:
    try:  # as random of the standard library does: hashlib loads OpenSSL, which takes long
        from _sha2 import sha256  # Python 3.12 and newer
    except ImportError:
        try:
            from _sha256 import sha256  # Python 3.11
        except ImportError:
            from hashlib import sha256

# Strings and quoted names, comments and white space, words, operators, all else.
_TOKENS = r"""
    '(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | \[[^\]]*\]
  | (?P<blank> (?: --[^\n]* | /\*.*?\*/ | \s )+ )
  | \w+ | [<>=!|]+ | .
"""

# What a statement can do without a rebuilt or a dropped table, index or row.
_ADDS = r"(?!.*\bON CONFLICT\b)(CREATE|INSERT INTO|SELECT|ALTER TABLE \S+ ADD)\b"

# What adds a column that is null in every row, unless a word says otherwise.
_ADDS_NULLS = r"(?!.*\b(NOT NULL|DEFAULT|AS)\b)ALTER TABLE \S+ ADD\b"


def split_statements(sql: str) -> Iterator[str]:
    """Yield the statements of a script, each with its semicolon and the comments before it.

    Raises:
        AnalyticsDbError: the last statement is not finished.
    """
    *pieces, rest = sql.split(";")
    statement = ""
    for piece in pieces:
        statement += f"{piece};"
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""
    unfinished = normalise(statement + rest)
    if unfinished:
        raise AnalyticsDbError(f"A statement does not end with a semicolon: {unfinished}")


def normalise(sql: str) -> str:
    """Return SQL with each run of comments and white space folded into one space."""
    return "".join(" " if token["blank"] else token[0] for token in _tokens(sql)).strip()


def checksum(sql: str) -> str:
    """Return the SHA-256 of SQL, whatever its comments and white space."""
    return sha256(normalise(sql).encode()).hexdigest()


def keyword(statement: str) -> str:
    """Return the first word of a statement, in upper case."""
    return normalise(statement).partition(" ")[0].rstrip(";").upper()


def only_adds(statement: str) -> bool:
    """Tell whether a statement neither rebuilds nor drops nor changes what is there."""
    return bool(re.match(_ADDS, normalise(statement), re.IGNORECASE))


def adds_nulls(statement: str) -> bool:
    """Tell whether a statement adds a column that is null in every row there is."""
    return bool(re.match(_ADDS_NULLS, normalise(statement), re.IGNORECASE))


@lru_cache(maxsize=256)  # schemas are compared statement by statement, and most are alike
def canonical(sql: str) -> str:
    """Return SQL in one spelling: names without quotes, and spaces where a reader wants them."""
    return _join([_unquoted(token[0]) for token in _tokens(sql) if not token["blank"]])


@lru_cache(maxsize=256)
def checks(create_table: str) -> tuple[tuple[str, str], ...]:
    """Return the ``CHECK`` constraints of a ``CREATE TABLE``: name, or nothing, and condition."""
    found: list[tuple[str, str]] = []
    # as they are spelled: a quoted name may be that of a keyword, or a parenthesis
    tokens = [token[0] for token in _tokens(create_table) if not token["blank"]]
    for start, token in enumerate(tokens):
        if token.upper() != "CHECK" or tokens[start + 1 : start + 2] != ["("]:
            continue
        named = start > 1 and tokens[start - 2].upper() == "CONSTRAINT"
        depth, end = 1, start + 2
        while depth:
            depth += {"(": 1, ")": -1}.get(tokens[end], 0)
            end += 1
        name, condition = tokens[start - 1], tokens[start + 2 : end - 1]
        found.append((_unquoted(name) if named else "", _join([*map(_unquoted, condition)])))
    return tuple(found)


def _tokens(sql: str) -> Iterator[re.Match[str]]:
    return re.finditer(_TOKENS, sql, flags=re.VERBOSE | re.DOTALL)


def _unquoted(token: str) -> str:
    return token[1:-1] if token[0] in '"`[' and len(token) > 1 else token


def _join(tokens: list[str]) -> str:
    text = ""
    for token in tokens:
        apart = text and token not in {")", ",", ";", "."} and text[-1] not in "(."
        text += f" {token}" if apart else token
    return text
