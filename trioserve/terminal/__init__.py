"""A telnet client, and what is typed there."""
