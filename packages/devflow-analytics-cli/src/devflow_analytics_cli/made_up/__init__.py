"""Makes up tool calls that look like those of agents at work, for ``devflow-analytics demo``."""
