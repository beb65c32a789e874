"""Before a server on standard input and output: runs it, and passes on what is said."""
