"""A local page, and an HTTP API, of the tool calls that DevFlow Analytics has recorded."""

__version__ = "0.1.0"
