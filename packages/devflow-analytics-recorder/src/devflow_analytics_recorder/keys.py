"""New keys for rows."""

from __future__ import annotations

from devflow_analytics_schema import new_id


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
