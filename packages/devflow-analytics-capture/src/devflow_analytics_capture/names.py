"""What the names that agents give to tools are made of; the hook imports it, and it nothing."""

_MCP = "mcp__"


def split_mcp_name(name: str) -> tuple[str | None, str]:
    """Return the MCP server and the tool of which a name is made; None and the name for any other.

    Agents call a tool of an MCP server ``mcp__SERVER__TOOL``. The server's name ends before the
    next two underscores, as it does for the agents; what follows is all the tool's.
    """
    if name.startswith(_MCP):
        server, _, tool = name.removeprefix(_MCP).partition("__")
        if server and tool:
            return server, tool
    return None, name
