"""Parses JSON as `json.loads` does, without its import, which takes 10 ms."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Scan = Callable[[str, int], tuple[object, int]]

NO_JSON = (ValueError, StopIteration, RecursionError, SystemError)
"""What a scanner raises where there is no JSON, or JSON that is nested too deeply.

The last is what the one in C raises for a ValueError as long as ``json.decoder`` is not imported.
"""


class _Decoder:
    """What the scanner asks of a decoder."""

    strict = False
    object_hook = object_pairs_hook = None
    parse_float, parse_int = float, int

    @staticmethod
    def parse_constant(_: str) -> None:
        """Return what stands for NaN and infinity: nothing."""


def scanner() -> "Scan":
    """Return a function that parses the value at a position of a text, and says where it ends.

    It raises one of `NO_JSON` where there is none, or one that is nested too deeply.
    """
    try:
        from _json import make_scanner  # noqa: PLC0415

        return make_scanner(_Decoder)  # type: ignore[arg-type]
    except (ImportError, AttributeError, TypeError):  # a later Python may want more of a decoder
        from json import JSONDecoder  # noqa: PLC0415  costs 10 ms

        return JSONDecoder(strict=False).raw_decode


def parsed(text: str) -> dict[str, object]:
    """Return the object that a text is as JSON; an empty one if it is another value.

    Raises:
        ValueError, StopIteration, RecursionError, SystemError: it is no JSON, or is nested too
            deeply.
    """
    value, end = scanner()(text, 0)
    if end < len(text):
        raise ValueError
    return value if isinstance(value, dict) else {}
