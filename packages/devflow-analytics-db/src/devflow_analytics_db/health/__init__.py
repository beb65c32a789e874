"""Examines a database and what is around it."""
