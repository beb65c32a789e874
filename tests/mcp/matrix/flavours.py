"""The versions of each library that the recorder is proven on: to add one, add its line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Flavour:
    """A version of a library, and one of the ways to write a server with it."""

    library: str
    """``mcp``, the official SDK, or ``fastmcp``."""
    version: str
    sdk: int
    """The major version of the official SDK, which speaks the protocol for both."""
    level: str = "high"
    """``high``: tools are functions; ``low``: the server answers the protocol's requests itself."""
    also: tuple[str, ...] = ()
    """Requirements of its time, where it declares no upper bound and today's do not fit."""

    @property
    def environment(self) -> str:
        """The name of the environment that it runs in, the same at each level."""
        return f"{self.library}-{self.version}"

    @property
    def family(self) -> str:
        """The name of the modules that have its server and its client."""
        return "fastmcp" if self.library == "fastmcp" else f"mcp{self.sdk}"

    @property
    def number(self) -> tuple[int, ...]:
        """The version, in a form that compares."""
        return tuple(map(int, self.version.split(".")))

    @property
    def outlives_clients(self) -> bool:
        """Whether its server on stdio goes on while a tool runs, though the client is gone."""
        return self.sdk == 1 and (self.library == "fastmcp" or self.number < (1, 30))

    def __str__(self) -> str:
        return self.environment + ("-low" if self.level == "low" else "")


OF_ITS_TIME = ("pydantic<2.12",)

FLAVOURS = (
    Flavour("mcp", "1.9.4", sdk=1, also=OF_ITS_TIME),
    Flavour("mcp", "1.9.4", sdk=1, also=OF_ITS_TIME, level="low"),
    Flavour("mcp", "1.30.0", sdk=1),
    Flavour("mcp", "1.30.0", sdk=1, level="low"),
    Flavour("mcp", "2.0.1", sdk=2),
    Flavour("mcp", "2.0.1", sdk=2, level="low"),
    Flavour("mcp", "2.3.0", sdk=2),
    Flavour("mcp", "2.3.0", sdk=2, level="low"),
    Flavour("fastmcp", "2.10.6", sdk=1, also=("mcp<1.13", *OF_ITS_TIME)),
    Flavour("fastmcp", "2.14.7", sdk=1),
    Flavour("fastmcp", "3.0.2", sdk=1),
    Flavour("fastmcp", "3.4.11", sdk=1),
    Flavour("fastmcp", "4.0.11", sdk=2),
    Flavour("fastmcp", "4.2.3", sdk=2),
)

WAYS = ("stdio", "legacy", "http", "stateless")
"""How a client reaches a server: ``legacy`` is stdio with the handshake that version 2 of the SDK
does without where both sides can; ``http`` is with sessions, which version 2 has only after that
handshake; ``stateless`` is HTTP without them."""


def ways(flavour: Flavour) -> tuple[str, ...]:
    """Return those of WAYS that are different ones with a flavour."""
    return WAYS if flavour.sdk > 1 else ("stdio", "http", "stateless")
