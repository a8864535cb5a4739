"""Who is here and where, all of them, and what of it outlives the server."""
