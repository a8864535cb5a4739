"""Who somebody is: names and passwords, and what waits for their owners."""
