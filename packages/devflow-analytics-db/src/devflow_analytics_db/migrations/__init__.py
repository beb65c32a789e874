"""How the schema of a database changes."""
