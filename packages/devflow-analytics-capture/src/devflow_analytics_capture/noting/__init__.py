"""What the hook does with a call: it appends names and numbers of it to a spool.

An agent starts the hook at every call, so these modules import next to nothing, not even `os`
(docs/decisions/0013-hooks.md). What they repeat of the recorder and of the db package, which would
take longer to import than all of this takes, tests hold equal.
"""
