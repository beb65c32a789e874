"""The SQL of all questions.

Questions on many calls read a few columns of each, and do the rest in Python: SQLite takes several
times as long to sort and group them.
"""
