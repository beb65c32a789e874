"""What an editor and a type checker see of the entities; Pony itself ships no types.

`Session` and `ToolCall` are bases of the entities that `define_entities` makes. They carry no
behaviour, only types, so they serve for annotations and for ``isinstance``, whichever database an
entity belongs to. Rows are made and found with the entities themselves. The part of Pony's
interface that is declared here is the part in everyday use; its manual describes each method.
"""

from __future__ import annotations

from types import GenericAlias
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, Protocol, TypeVar

    from devflow_analytics_schema.rows import (
        DurationKindLike,
        ErrorKindLike,
        SessionRow,
        SourceLike,
        StatusLike,
        ToolCallRow,
    )

    T = TypeVar("T")

    class Query(Protocol[T]):
        """The result of ``select()``: rows not read yet."""

        def __iter__(self) -> Iterator[T]: ...
        def __len__(self) -> int: ...
        def __getitem__(self, key: slice) -> Sequence[T]: ...
        def filter(self, condition: Callable[[Any], object], /) -> Query[T]: ...
        def order_by(self, key: object, /, *keys: object) -> Query[T]: ...
        def limit(self, limit: int | None = None, offset: int | None = None) -> Sequence[T]: ...
        def page(self, pagenum: int, pagesize: int = 10) -> Sequence[T]: ...
        def count(self) -> int: ...
        def exists(self) -> bool: ...
        def first(self) -> T | None: ...
        def get(self) -> T | None: ...
        def delete(self, bulk: bool | None = None) -> int: ...  # noqa: FBT001  Pony's signature

    class Collection(Protocol[T]):
        """The many side of a relationship, as in ``session.tool_calls``."""

        def __iter__(self) -> Iterator[T]: ...
        def __len__(self) -> int: ...
        def __contains__(self, item: object) -> bool: ...
        def count(self) -> int: ...
        def is_empty(self) -> bool: ...
        def select(self, condition: Callable[[Any], object] = ..., /) -> Query[T]: ...
        def filter(self, condition: Callable[[Any], object], /) -> Query[T]: ...
        def order_by(self, key: object, /, *keys: object) -> Query[T]: ...

    class _EntityType(type):
        """What the entity classes themselves can do."""

        def __getitem__(cls: type[T], key: str) -> T: ...
        # only for Pony's select(call for call in ToolCall if ...), which reads the code, not rows
        def __iter__(cls: type[T]) -> Iterator[T]: ...
        def get(cls: type[T], **attributes: object) -> T | None: ...
        def exists(cls, **attributes: object) -> bool: ...
        def select(cls: type[T], condition: Callable[[T], object] = ..., /) -> Query[T]: ...

    class _Entity(metaclass=_EntityType):
        """What every entity can do."""

        def delete(self) -> None: ...
        def flush(self) -> None: ...
        def set(self, **attributes: object) -> None: ...

else:

    class _Entity:
        __slots__ = ()

        def __init__(self, **_: object) -> None:
            _say_what_to_use(type(self))

        def __class_getitem__(cls, _: object) -> None:
            _say_what_to_use(cls)

    def _say_what_to_use(cls: type) -> None:
        raise TypeError(
            f"{cls.__name__} is a type for annotations. For rows take the entity of a database:"
            f" create_analytics_db().{cls.__name__}, or that of define_entities()."
        )

    class Query:
        """The result of ``select()``: rows not read yet. For annotations only."""

        __class_getitem__ = classmethod(GenericAlias)


class Session(_Entity):
    """One run of an agent against a server, from connection to end.

    It owns its tool calls: deleting it deletes them. The database does so too
    (``ON DELETE CASCADE``), so a plain SQL ``DELETE`` leaves no orphan either, and is the faster
    way: Pony reads every call of the session before it deletes them one by one.
    """

    if TYPE_CHECKING:
        id: str
        started_at: int
        ended_at: int | None
        tool_count: int
        client: str | None
        client_version: str | None
        project: str | None
        tool_calls: Collection[ToolCall]

        def __init__(  # noqa: PLR0913  one parameter a column
            self,
            *,
            id: str = ...,  # noqa: A002  the column's name
            started_at: int,
            ended_at: int | None = None,
            tool_count: int = 0,
            client: str | None = None,
            client_version: str | None = None,
            project: str | None = None,
        ) -> None: ...

        def to_dict(self) -> SessionRow: ...


class ToolCall(_Entity):
    """One call of one MCP tool, made in a `Session`."""

    if TYPE_CHECKING:
        id: str
        tool_name: str
        duration_ms: float
        status: StatusLike
        error_type: str | None
        timestamp: int
        session: Session
        server: str | None
        agent: str | None
        source: SourceLike | None
        error_kind: ErrorKindLike | None
        error_code: int | None
        request_bytes: int | None
        result_bytes: int | None
        started_ms: int | None
        duration_kind: DurationKindLike | None

        def __init__(  # noqa: PLR0913  one parameter a column
            self,
            *,
            id: str = ...,  # noqa: A002  the column's name
            tool_name: str,
            duration_ms: float,
            status: StatusLike,
            error_type: str | None = None,
            timestamp: int,
            session: Session | str,
            server: str | None = None,
            agent: str | None = None,
            source: SourceLike | None = None,
            error_kind: ErrorKindLike | None = None,
            error_code: int | None = None,
            request_bytes: int | None = None,
            result_bytes: int | None = None,
            started_ms: int | None = None,
            duration_kind: DurationKindLike | None = None,
        ) -> None: ...

        def to_dict(self) -> ToolCallRow: ...
