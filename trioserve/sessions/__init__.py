"""One connection, from its greeting to its end."""
