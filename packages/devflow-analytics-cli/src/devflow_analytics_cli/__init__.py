"""The ``devflow-analytics`` command."""

__version__ = "0.1.0"
