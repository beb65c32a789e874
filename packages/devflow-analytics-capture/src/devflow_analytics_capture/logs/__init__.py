"""What logs have in common: how they are found, how far they were read, and what is in them."""
