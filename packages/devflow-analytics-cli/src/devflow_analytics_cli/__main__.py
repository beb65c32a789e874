"""Lets ``python -m devflow_analytics_cli`` do what ``devflow-analytics`` does."""

from devflow_analytics_cli.main import main

main()
