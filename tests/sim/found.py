"""Seeds that have found something once, and must not find it again.

What a seed does changes with the simulator, so that what it found is also shown by a test
of its own, and is one of the `mutants`: put back into the code, it has to be found again.
"""

from typing import Final

import attrs


@attrs.frozen
class Found:
    """What the first of the seeds has found that did."""

    seed: int
    what: str


FOUND: Final = (
    Found(18, "who was lost behind the beginning of the shutdown was still there at its end"),
    Found(34, "what waited where one was taken over from was called new, and shown there, too"),
    Found(147, "a bot stayed as a ghost when what it asked before its departure crashed"),
)
