"""How a database is, and what to do about it."""
