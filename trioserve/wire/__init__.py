"""Codecs without I/O: bytes in, lines out; events in, bytes out."""
