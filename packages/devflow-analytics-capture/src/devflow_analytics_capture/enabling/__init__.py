"""MCP servers in the settings of clients: found, and started through ``wrap`` or as they were."""
