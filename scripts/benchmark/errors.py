"""What goes wrong in a benchmark, as one clear line."""


class BenchError(Exception):
    """A server or a run failed; the text is a whole line for the person who reads."""
