"""Reads the arguments of ``devflow-analytics wrap -- COMMAND`` without click, which takes 45 ms."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypedDict

    class Named(TypedDict, total=False):
        """The keyword arguments of `wrap`."""

        server: str
        client: str
        database: str


_GLOBAL = {"--db": "database"}
_OWN = {"--server": "server", "--client": "client"}


def wrap_arguments(words: "Sequence[str]") -> "tuple[list[str], Named] | None":
    """Return the command to run and what else is said, as `wrap` takes them.

    Args:
        words: what was typed after ``devflow-analytics``.

    Returns:
        None if that is another command, or anything else that this does not understand. Then it is
        for click to say what is wrong.
    """
    named: Named = {}
    rest = _read(words, _GLOBAL, named)
    if rest[:1] != ["wrap"]:
        return None
    rest = _read(rest[1:], _OWN, named)
    if rest[:1] == ["--"]:
        rest = rest[1:]
    elif rest[:1] and rest[0].startswith("-"):
        return None
    return (rest, named) if rest else None


def _read(words: "Sequence[str]", options: dict[str, str], named: "Named") -> list[str]:
    """Take in the options with which some words begin, and return the rest."""
    rest = [*words]
    while rest:
        name, separator, value = rest[0].partition("=")
        if name not in options or not (separator or rest[1:]):
            break
        if not separator:
            value = rest[1]
        if not value:
            break
        named[options[name]] = value  # type: ignore[literal-required]  # each is a key of it
        del rest[: 1 if separator else 2]
    return rest
