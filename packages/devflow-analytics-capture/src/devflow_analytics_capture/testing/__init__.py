"""Writes logs such as agents write, together with the truth about them; for tests.

Each module is about one agent. What it writes is made up, by chance from a seed.
"""
