"""What may become of a call: to add a case, add a function.

The function is the tool of that name, in every server; ``case`` says what the client calls it with,
and what row must be left. Servers and clients of all versions import this module, so it needs
nothing but the standard library. What differs between libraries a server puts into LIBRARY.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from matrix.rows import Row, Unless

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matrix.flavours import Flavour

SECRET = "s3cr3t"
"""A part of whatever must not be recorded."""

CROWD = f"{SECRET} of many"
"""What is in the answers to calls that are made at once, whose order nobody decides."""

LIBRARY = SimpleNamespace(ToolError=None, protocol_error=None, is_error=None)
"""``ToolError``: the class of errors that are meant for the model. ``protocol_error``: makes an
exception that says which JSON-RPC error to answer with. ``is_error``: makes a result that says it
is an error."""


@dataclass(frozen=True)
class Case:
    """One thing that may become of a call."""

    name: str
    tool: Callable[..., Any] | None
    """None: the server has no tool of that name."""
    arguments: Mapping[str, Any]
    row: Row
    unless: tuple[Unless, ...]
    in_crowd: bool
    """Many such calls are made at once."""
    cancelled: bool
    """The client cancels the call once the tool has begun."""


CASES: dict[str, Case] = {}


def case(
    row: Row,
    *unless: Unless,
    tool: bool = True,
    in_crowd: bool = False,
    cancelled: bool = False,
    **arguments: object,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a case of a function: with these arguments it leaves this row, unless."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__
        CASES[name] = Case(
            name, function if tool else None, arguments, row, unless, in_crowd, cancelled
        )
        return function

    return decorate


# Where the row is another one. What a library does with a call is not ours to mend.


def _blind(flavour: Flavour, _way: str) -> bool:
    return (flavour.number, flavour.level) == ((1, 9, 4), "low")


def _bare(flavour: Flavour, _way: str) -> bool:
    return flavour.sdk > 1 and flavour.level == "low"


def _bare_before_2026(flavour: Flavour, way: str) -> bool:
    return _bare(flavour, way) and way in {"legacy", "http"}


BLIND = Unless("makes a result of an exception where nobody sees it", _blind, error_type=None)
BARE = (
    Unless(
        "has no results for exceptions, only the JSON-RPC error that says nothing",
        _bare,
        error_kind="protocol",
        error_code=-32603,
    ),
    Unless("has another code for it before revision 2026-07-28", _bare_before_2026, error_code=0),
)
RAISES = (BLIND, *BARE)
"""Of all tools that raise."""

UNCHECKED = Unless(
    "checks no arguments, so that the tool raises",
    lambda flavour, way: _blind(flavour, way) or _bare(flavour, way),
    error_kind="tool",
    error_type="TypeError",
)


@case(Row("success"), text=SECRET)
async def answers(text: str) -> str:
    return f"{text}: é, \u2028, 😀"


@case(Row("success"), text=SECRET)
def answers_in_a_thread_or_not(text: str) -> str:
    return text


@case(Row("success"), text=CROWD, in_crowd=True)
async def is_called_many_times_at_once(text: str) -> str:
    await asyncio.sleep(0)
    return text


@case(
    Row("success"),
    Unless(
        "its client takes no event of more than 1 MB",
        lambda flavour, way: way == "http" and flavour.number in {(2, 0, 1), (4, 0, 11)},
    ),
    characters=10_000_000,
)
async def answers_with_10_megabytes(characters: int):  # noqa: ANN201  else the text is sent twice
    return SECRET + "x" * (characters - len(SECRET))


@case(Row("error", "tool", "ToolError"), *RAISES, text=SECRET)
async def raises_an_error_for_the_model(text: str) -> str:
    raise LIBRARY.ToolError(text)


@case(Row("error", "tool", "KeyError"), *RAISES, text=SECRET)
async def raises_key_error(text: str) -> str:
    raise KeyError(text)


@case(Row("error", "tool", "FileNotFoundError"), *RAISES, text=SECRET)
def raises_an_error_of_the_system(text: str) -> str:
    raise FileNotFoundError(2, "no such file", f"/home/me/{text}")


@case(Row("error", "tool", "ZeroDivisionError"), *RAISES, text=SECRET)
async def raises_an_error_that_has_a_cause(text: str) -> str:
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError as error:
        raise LIBRARY.ToolError(text) from error
    return text


class LedgerError(Exception):
    """An error of the server's own."""


@case(Row("error", "tool", "LedgerError"), *RAISES, text=SECRET)
async def raises_an_error_of_its_own(text: str) -> str:
    raise LedgerError(text)


@case(
    Row("error", "tool", "McpError"),
    BLIND,
    Unless("calls the class so", lambda flavour, _way: flavour.sdk > 1, error_type="MCPError"),
    Unless(
        "answers with the error that it says",
        lambda flavour, _way: flavour.family == "mcp2",
        error_kind="protocol",
        error_code=-32042,
    ),
    text=SECRET,
)
async def raises_an_error_of_the_protocol(text: str) -> str:
    raise LIBRARY.protocol_error(-32042, text)


@case(
    Row("error", "tool"),
    Unless(
        "makes a text of whatever a tool returns",
        lambda flavour, _way: (flavour.number, flavour.level) == ((1, 9, 4), "high"),
        status="success",
        error_kind=None,
    ),
    Unless(
        "has no such results: to make one raises",
        lambda flavour, _way: flavour.library == "fastmcp" and flavour.number < (3, 4),
        error_type="TypeError",
    ),
    text=SECRET,
)
async def answers_that_it_failed(text: str) -> object:
    return LIBRARY.is_error(text)


@case(
    Row("timeout", "tool", "TimeoutError"),
    *RAISES,
    Unless("hides the class, which alone tells", _blind, status="error"),
    text=SECRET,
)
async def times_out(text: str) -> str:
    async with asyncio.timeout(0.01):
        await asyncio.Event().wait()
    return text


@case(Row("error", "arguments", "ValidationError"), UNCHECKED, *RAISES, number=SECRET)
async def is_called_with_wrong_arguments(number: int) -> str:
    return f"{number + 1}"


@case(Row("error", "arguments", "ValidationError"), UNCHECKED, *RAISES)
async def is_called_without_arguments(number: int) -> str:
    return f"{number + 1}"


@case(
    Row("error", "not_found", "ToolError"),
    Unless(
        "calls the class so",
        lambda flavour, _way: flavour.library == "fastmcp",
        error_type="NotFoundError",
    ),
    Unless(
        "leaves it to the server, which raises that",
        lambda flavour, _way: flavour.level == "low",
        error_type="ValueError",
    ),
    *RAISES,
    Unless("says so in the message of that exception", _bare, error_kind="not_found"),
    tool=False,
    text=SECRET,
)
def is_unknown() -> None:
    pass


@case(Row("error", "cancelled", "CancelledError"), cancelled=True)
async def is_cancelled(gate: str) -> str:
    begin(gate)
    await asyncio.Event().wait()
    return gate


def begin(gate: str) -> None:
    """Tell whoever reads that pipe that the tool has begun."""
    with open(gate, "wb") as pipe:  # noqa: PTH123
        pipe.write(b".")
