"""Files of agents' settings: read, and changed without touching what is not ours."""
