"""One module a command: it parses, makes one call to the db package, and prints what that found."""
