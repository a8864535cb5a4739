"""Which tasks run, where each is, and what holds the loop up."""
