"""What of the messages that are kept one person may be shown."""

import json
from collections.abc import Collection, Mapping
from typing import Any

import attrs


@attrs.frozen
class Sight:
    """What may be shown to somebody: what was said in the open, and where they were party to it.

    What was said in a private room is shown to those alone who are in it, and only from when they
    came. A room that is private now is hidden from outsiders as a whole.
    """

    # By the number under which a private room's messages are kept: the id above which.
    private: Mapping[int, int] = attrs.field(factory=dict)
    hidden: Collection[str] = ()  # rooms, folded
    account: str = ""  # folded: whose private messages; empty: nobody's

    def shows(self, room: str, private: int, number: int) -> bool:
        """Whether a message may be shown: its room, folded, the private one's number, its id."""
        if room in self.hidden:
            return False
        return not private or (private in self.private and number > self.private[private])

    @property
    def condition(self) -> str:
        """For a WHERE over `messages`, with as many question marks as there are `values`."""
        own = " OR private = ? AND messages.id > ?" * len(self.private)
        hidden = " AND messages.room NOT IN (SELECT value FROM json_each(?))" if self.hidden else ""
        return f"(private = 0{own}){hidden}"

    @property
    def values(self) -> list[Any]:
        """What the question marks stand for."""
        own = [each for pair in self.private.items() for each in pair]
        return [*own, json.dumps(list(self.hidden))] if self.hidden else own
