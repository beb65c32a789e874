"""Stands between a client and its MCP server, passes on what they say, and notes each tool call.

What passes is passed at once, byte for byte. Whatever fails of looking at it, the client and its
server do not notice. A proxy runs for each server, so it imports next to nothing until the
first call, as the hook does (docs/decisions/0016-proxy.md).
"""
