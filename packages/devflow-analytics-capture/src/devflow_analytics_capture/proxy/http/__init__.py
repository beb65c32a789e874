"""Before a server that speaks HTTP: passes requests to a local port on to it, and answers back."""
