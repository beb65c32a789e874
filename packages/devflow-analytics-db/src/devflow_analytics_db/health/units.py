"""How amounts are written for people."""

from __future__ import annotations


def readable_size(size: float) -> str:
    """Return a size in bytes as it is read best, in decimal units: ``61.4 kB``."""
    if size < 1000:  # noqa: PLR2004  the next unit
        return f"{size} bytes"
    unit = 0
    while size >= 999.95:  # noqa: PLR2004  what would be shown as 1000.0
        size /= 1000
        unit += 1
    return f"{size:.1f} {' kMGTPE'[unit]}B"
