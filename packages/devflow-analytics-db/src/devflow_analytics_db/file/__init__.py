"""Where the database is, and how it is opened."""
