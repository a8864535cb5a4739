"""What happened, by the broker's own order, and what each person must have been shown of it."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import attrs

from trioserve.events import Events
from trioserve.handlers import Handlers
from trioserve.messages import (
    Acted,
    Announced,
    Departed,
    Event,
    Joined,
    Left,
    Message,
    Renamed,
    Said,
)
from trioserve.names import fold
from trioserve.requests import Ignore, Request, Tell
from trioserve.rooms import Member
from trioserve.rulings import Deed, Moderated

# What people say begins with a word that nothing else is like: who says it, and the how many-th.
TOKEN: Final = re.compile(r"\bq\d+x\d+\b")
WHISPER: Final = re.compile(r"\bt\d+x\d+\b")  # the same of what they say to one person alone
THROWN_OUT: Final = (Deed.KICKED, Deed.BANNED)  # of their room


class Wrong(AssertionError):
    """The server has broken a promise."""


@attrs.frozen
class Handled:
    """The broker has done what somebody, who had this nick before, asked it for."""

    nick: str
    request: Request
    sees_own: bool = False  # from then on: they are shown what they say themselves


@attrs.frozen
class Line:
    """A message that somebody must be shown in a room, unless they are told of its loss."""

    id: int
    token: str


def person(nick: str) -> str:
    """Who has, or had, a nick: ``p7`` is ``p7r1`` later, and ``p7r2``."""
    return fold(nick).partition("r")[0]


class Chronicle(Events):
    """All events and requests in the order in which the broker made and handled them."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Event | Handled] = []

    def put(self, event: Event) -> None:
        """Write down what happens, at once: nothing is ever missed."""
        self.entries.append(event)

    @contextmanager
    def following(self, before: Callable[[Member, Request], None]) -> Iterator[None]:
        """Write down each request, too, for as long as the block lasts.

        `before` is called with each, and may raise: the request has crashed then.
        """
        obey = Handlers.obey

        def followed(handlers: Handlers, member: Member, request: Request) -> None:
            nick = member.nick
            before(member, request)
            obey(handlers, member, request)
            self.entries.append(Handled(nick, request, member.sees_own_lines))

        Handlers.obey = followed  # type: ignore[method-assign, assignment]  # until the end
        try:
            yield
        finally:
            Handlers.obey = obey  # type: ignore[method-assign]  # as it was

    # ------------------------------------------------------------ what it comes to

    def shown_to(self, who: str) -> dict[str, list[Line]]:
        """What a person must see, by folded room."""
        rooms: dict[str, list[Line]] = {}
        present: set[str] = set()
        ignored: set[str] = set()
        sees_own = False
        for entry in self.entries:
            match entry:
                case Handled(nick) if person(nick) == who:
                    sees_own = entry.sees_own
                    if isinstance(entry.request, Ignore):
                        ignored.add(fold(entry.request.nick))
                case Renamed(old, new) if fold(old) in ignored:
                    ignored.add(fold(new))
                case Joined(room, nick) if person(nick) == who:
                    present.add(fold(room))
                case Left(room, nick) if person(nick) == who:
                    present.discard(fold(room))
                case Departed(nick) if person(nick) == who:
                    present.clear()
                case Said() | Acted() | Announced() if fold(entry.room) in present:
                    is_own = isinstance(entry, Said) and person(entry.nick) == who and not sees_own
                    found = TOKEN.search(entry.text)
                    if found and not is_own and fold(entry.nick) not in ignored:
                        rooms.setdefault(fold(entry.room), []).append(Line(entry.id, found[0]))
                case Moderated(deed=deed) if deed in THROWN_OUT and person(entry.nick) == who:
                    present.discard(fold(entry.room))
        return rooms

    def has_left(self, who: str) -> set[str]:
        """The folded rooms that a person has left, or was thrown out of, at any time."""
        return {
            fold(entry.room)
            for entry in self.entries
            if (
                isinstance(entry, Left)
                or (isinstance(entry, Moderated) and entry.deed in THROWN_OUT)
            )
            and person(entry.nick) == who
        }

    def told(self, who: str) -> list[str]:
        """What a person said to somebody alone, and what was said so to them."""
        return [
            found[0]
            for entry in self.entries
            if isinstance(entry, Handled)
            and isinstance(entry.request, Tell)
            and who in (person(entry.nick), person(entry.request.nick))
            and (found := WHISPER.search(entry.request.text))
        ]

    def said(self) -> list[Message]:
        """All that was said in rooms, in the order of it."""
        return [entry for entry in self.entries if isinstance(entry, Said | Acted | Announced)]

    def rooms_of_tokens(self) -> dict[str, str]:
        """In which room, folded, each was said."""
        return {
            found[0]: fold(message.room)
            for message in self.said()
            if (found := TOKEN.search(message.text))
        }

    def check_order(self) -> None:
        """Raises Wrong unless ids rise, and each line was said once, in its author's order."""
        last = 0
        reached: Counter[str] = Counter()
        for message in self.said():
            if message.id <= last:
                raise Wrong(f"{message} comes behind id {last}")
            last = message.id
            if found := TOKEN.search(message.text):
                who, _, number = found[0].partition("x")
                if int(number) <= reached[who]:
                    raise Wrong(f"{found[0]} was said twice, or behind {who}x{reached[who]}")
                reached[who] = int(number)
