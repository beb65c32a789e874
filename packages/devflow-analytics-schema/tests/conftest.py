from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pony.orm import Database

from devflow_analytics_schema import define_entities

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from devflow_analytics_schema import Entities


@pytest.fixture
def new_entities(tmp_path: Path) -> Iterator[Callable[[], Entities]]:
    """Entities on a database of their own, with the tables that Pony itself makes for them."""
    databases: list[Database] = []

    def make() -> Entities:
        file = tmp_path / f"{len(databases)}.db"
        database = Database(provider="sqlite", filename=str(file), create_db=True)
        databases.append(database)
        entities = define_entities(database)
        database.generate_mapping(create_tables=True)
        return entities

    yield make
    for database in databases:
        database.disconnect()


@pytest.fixture
def entities(new_entities: Callable[[], Entities]) -> Entities:
    return new_entities()
