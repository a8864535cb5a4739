"""Where somebody was mentioned while they were not there, of what is kept."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Final

import attrs

from trioserve.archive.history import NEVER, event_of
from trioserve.archive.index import require
from trioserve.archive.search import PATIENCE, no_longer_than, quoted
from trioserve.archive.sight import Sight
from trioserve.messages import Message, TopicSet
from trioserve.names import fold
from trioserve.rooms.whereabouts import Span
from trioserve.wire.mentions import is_mentioned

MOST: Final = 200  # mentions that are found at once

_FIND: Final = (
    "SELECT messages.room, id, kind, messages.nick, messages.text, account FROM found"
    " JOIN messages ON id = found.rowid"
    " WHERE found MATCH ? AND found.rowid > ? AND found.rowid <= ? AND kind != 'topic'"
    " AND (account = '' OR account != ?) AND {} ORDER BY found.rowid DESC"
)


@attrs.frozen
class Mentions:
    """Which mentions are wanted: the last ones of a person within some spans."""

    nicks: frozenset[str]  # of the person, folded
    account: str  # whose own messages are none of them; folded, or empty
    spans: tuple[Span, ...]
    count: int = MOST
    after: int = 0  # ids above this one

    def holds(self, message: Message) -> bool:
        """Whether a message is one of them."""
        return (
            any(begin < message.id <= end for begin, end in self.closed)
            and fold(message.nick) not in self.nicks
            and not (self.account and message.account == self.account)
            and any(is_mentioned(nick, message.text) for nick in self.nicks)
        )

    @property
    def closed(self) -> Iterator[tuple[int, int]]:
        """The spans with an end each, the last first."""
        for begin, end in reversed(self.spans):
            yield max(begin, self.after), NEVER if end is None else end


def mentions(
    connection: sqlite3.Connection,
    wanted: Mentions,
    sight: Sight,
    *,
    patience: float = PATIENCE,  # seconds
    clock: Callable[[], float] = time.monotonic,
) -> list[Message]:
    """The last messages that mention somebody, oldest first, with their rooms' folded names.

    Raises:
        ChatError: if that takes too long.
    """
    require(connection)
    found: dict[int, Message] = {}
    # The index knows words, and a nick may be more than one of them: each is looked at again.
    matching = " OR ".join(f"text : {quoted(nick)}" for nick in sorted(wanted.nicks))
    sql = _FIND.format(sight.condition)
    with no_longer_than(connection, patience, clock, "ask for the last: /mentions 1d"):
        for begin, end in wanted.closed:
            values = [matching, begin, end, wanted.account, *sight.values]
            for row in connection.execute(sql, values):
                event = event_of(*row)
                if not isinstance(event, TopicSet) and wanted.holds(event):
                    found[event.id] = event
                if len(found) >= wanted.count:
                    break
    return [found[number] for number in sorted(found)][-wanted.count :]
