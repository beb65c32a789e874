"""A file damaged at random: whatever uses it works, or says by name what is wrong."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_db import (
    AnalyticsDbError,
    backup,
    check,
    create_analytics_db,
    diagnose,
    migrate,
    plan_migration,
    restore,
    status,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CASES = 50
SECTOR = 512


def one_byte(content: bytearray, chance: random.Random) -> None:
    used = [place for place, byte in enumerate(content) if byte]  # most of a small file is empty
    content[chance.choice(used)] ^= chance.randrange(1, 256)


def a_byte_of_the_first_page(content: bytearray, chance: random.Random) -> None:
    content[chance.randrange(4096)] ^= chance.randrange(1, 256)


def one_sector(content: bytearray, chance: random.Random) -> None:
    start = SECTOR * chance.randrange(len(content) // SECTOR)
    content[start : start + SECTOR] = chance.choice([bytes(SECTOR), chance.randbytes(SECTOR)])


def the_end(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(len(content)) :]


DAMAGE = [one_byte, a_byte_of_the_first_page, one_sector, the_end]


@pytest.mark.parametrize("start", ["server's", "current"])
@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__.replace("_", " "))
def test_damage_is_a_named_error_or_none(
    damage: Callable[[bytearray, random.Random], None],
    start: str,
    tmp_path: Path,
    starts: dict[str, Path],
    count: Callable[[int], None],
) -> None:
    """SQLite notices damage to its own structures, not to what a row says."""
    whole = starts[start].read_bytes()
    named = 0
    for number in range(CASES):
        content = bytearray(whole)
        damage(content, random.Random(number))
        ground = tmp_path / str(number)
        ground.mkdir(mode=0o700)
        file = ground / "analytics.db"
        file.write_bytes(content)
        file.chmod(0o600)

        looks: list[Callable[[Path], Any]] = [status, check, plan_migration, diagnose]
        named += sum(is_named_error(look, file) for look in looks)
        assert (file.read_bytes(), [*ground.iterdir()]) == (content, [file]), number

        writes: list[Callable[[Path], Any]] = [
            lambda file: backup(file, file.with_name("copy.db")),
            lambda file: create_analytics_db(file).close(),
            lambda file: migrate(file, to=1, allow_down=True),
            lambda file: restore(starts["current"], file),
        ]
        named += sum(is_named_error(write, file) for write in writes)
        shutil.rmtree(ground)
    assert named  # or there was no damage
    count(CASES)


def is_named_error(use: Callable[[Path], Any], file: Path) -> bool:
    """Use a file, and tell whether that ended with an error of ours; any other is not caught."""
    try:
        use(file)
    except AnalyticsDbError:
        return True
    return False
