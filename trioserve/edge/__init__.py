"""Ways in: listeners, and the transports they accept."""
