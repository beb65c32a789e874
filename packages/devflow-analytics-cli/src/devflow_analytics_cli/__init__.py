"""The ``devflow-analytics`` command."""
