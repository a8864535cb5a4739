"""Lines that are not sent, for they may be a secret that nothing asks for any more.

People take anything for the question of their password: the end of a command that was
refused, or one that has lapsed while they typed.
"""

from collections.abc import Sequence

import attrs

from trioserve.wire.lines import Typed
from trioserve.wire.telnet import Signal
from trioserve.wire.text import clean


@attrs.define(eq=False)
class Withholding:
    """Which of the lines that come next is not sent: any that is no command, or one of some."""

    among: Sequence[str] | None = None  # None: any

    def sift(self, typed: list[Typed]) -> bool:
        """Put a signal in the place of what may be a secret; return whether more is withheld.

        Of any line, the same once more is, too: some secrets are asked for twice.
        """
        for at, each in enumerate(typed):
            if isinstance(each, str) and not each.isspace() and each:
                if not may_be_secret(each, self.among):
                    return False
                typed[at] = Signal.WITHHELD
                if self.among is not None:
                    return False
                self.among = [clean(each)]
        return True


def may_be_secret(typed: Typed, among: Sequence[str] | None) -> bool:
    """Whether a line is no command, and one of `among` if those are given."""
    if not isinstance(typed, str) or (typed.startswith("/") and not typed.startswith("//")):
        return False
    return among is None or clean(typed) in among
