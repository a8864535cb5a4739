"""What is put into the archive: frozen values, each of which knows its own row."""

from typing import Any, ClassVar, Protocol

import attrs

from trioserve.light import light
from trioserve.messages import Acted, Announced, Message, Said, TopicSet
from trioserve.names import fold

KINDS: dict[type, str] = {Said: "said", Acted: "acted", Announced: "announced", TopicSet: "topic"}


class Record(Protocol):
    """One thing to keep. Written again, after a failure, it must not be there twice."""

    sql: ClassVar[str]  # with as many question marks as the row has values

    @property
    def size(self) -> int:
        """Characters, about: what it takes to hold it until it is written."""

    def row(self) -> tuple[Any, ...]:
        """The values to write."""


@attrs.frozen
class OfAccount:
    """What is written of an account, and takes no more than its name; folded in the row."""

    size: ClassVar[int] = 0

    account: str

    def row(self) -> tuple[Any, ...]:
        return (fold(self.account),)


@light
class Talk:
    """A message in a room, or its topic being set."""

    sql: ClassVar[str] = (
        "INSERT OR IGNORE INTO messages (id, room, kind, nick, text, private, account)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)"
    )

    event: Message | TopicSet
    private: int = 0  # the number of the room that was private then; 0: it was open to everybody

    @property
    def size(self) -> int:
        return len(_text(self.event))

    def row(self) -> tuple[Any, ...]:
        event = self.event
        kind, text = KINDS[type(event)], _text(event)
        room = fold(event.room)
        return event.id, room, kind, event.nick, text, self.private, event.account


@attrs.frozen
class AccountKept:
    """A name that is somebody's own from now on, or has another password."""

    sql: ClassVar[str] = (
        "INSERT INTO accounts (folded, name, hash) VALUES (?, ?, ?)"
        " ON CONFLICT (folded) DO UPDATE SET hash = excluded.hash"
    )

    name: str
    hash: str = attrs.field(repr=False)

    @property
    def size(self) -> int:
        return len(self.hash)

    def row(self) -> tuple[Any, ...]:
        return fold(self.name), self.name, self.hash


@attrs.frozen
class AccountGone(OfAccount):
    """A name that is nobody's own any more."""

    sql: ClassVar[str] = "DELETE FROM accounts WHERE folded = ?"


def _text(event: Message | TopicSet) -> str:
    return event.topic if isinstance(event, TopicSet) else event.text
