"""What keys come to, besides a changed draft: what the editor's caller has to see to."""

from typing import TypeAlias

import attrs


@attrs.frozen
class Submitted:
    """A line was typed to its end. Its row is gone: show the line as the room sees it."""

    text: str


@attrs.frozen
class Interrupted:
    """Ctrl-C was pressed, and there was nothing to clear."""


@attrs.frozen
class Ended:
    """Ctrl-D was pressed on an empty line."""


@attrs.frozen
class CompletionWanted:
    """Tab was pressed: give `Editor.complete` what `word` can become."""

    word: str
    before: str  # what stands before the word on its line

    @property
    def at_start(self) -> bool:
        """Whether it is the first word of its line."""
        return not self.before.strip()


@attrs.frozen
class PasteRefused:
    """A paste was too long, and nothing of it is in the draft."""

    reason: str


@attrs.frozen
class LineRefused:
    """What was typed did not fit, and the draft is empty: what comes of the line is to go too."""

    reason: str


Happening: TypeAlias = (
    Submitted | Interrupted | Ended | CompletionWanted | PasteRefused | LineRefused
)
