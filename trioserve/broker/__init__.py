"""The one task that owns the rooms, and what it does for each request."""
