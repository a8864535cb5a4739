"""The built-in commands: a file here is part of every server."""
