"""What happened, by the broker's own order, and who did it: members by their numbers."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import attrs
import pytest

from tests.sim.wires import Wire
from trioserve.broker.events import Events
from trioserve.broker.handlers import Handlers
from trioserve.messages import Acted, Announced, Event, Message, Renamed, Said
from trioserve.names import fold
from trioserve.requests import Depart, Enter, Request, Say
from trioserve.rooms.member import Member
from trioserve.rooms.trail import Unread
from trioserve.sessions.session import Session
from trioserve.state.world import World

# What people say begins with a word that nothing else is like: who says it, and the how many-th.
TOKEN: Final = re.compile(r"\bs\d+x\d+\b")
WHISPER: Final = re.compile(r"\bt\d+x\d+\b")  # the same of what they say to one person alone


# Whom somebody ignores, by folded nick: as who they were chosen, if under another one.
Ignored = Mapping[str, str]


class Wrong(AssertionError):
    """The server has broken a promise."""


@attrs.frozen
class Happened:
    """An event, and the number of who had the nick in it then; 0: nobody."""

    event: Event
    who: int
    is_echoed: bool  # who said it is to be shown that in any case


@attrs.frozen
class Handled:
    """The broker has done what a member has asked it for; and whom the request names."""

    who: int
    request: Request
    whom: int
    sees_own: bool  # from then on: they are shown what they say themselves
    ignored: Ignored


@attrs.frozen
class Seated:
    """A member speaks through a connection from now on."""

    who: int
    wire: Wire
    sees_own: bool
    is_new: bool  # has just come in; else has taken over who was there
    unread_for: float  # how old (seconds) the oldest was that lay unread at the one before
    ignored: Ignored


@attrs.frozen
class Gone:
    """A member has departed, of their own or because their connection has ended."""

    who: int


Entry = Happened | Handled | Seated | Gone


class Chronicle(Events):
    """All events and requests in the order in which the broker made and handled them."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self.world: World | None = None  # whose chronicle it is
        self._unread: dict[int, float] = {}  # of who speaks at none: see Seated
        self._is_echoed = False  # what is being said
        self._departed: set[int] = set()  # of their own
        self._late: list[str] = []  # what such have said before that, and was not shown

    def put(self, event: Event) -> None:
        """Write down what happens, at once: nothing is ever missed."""
        nick = event.new if isinstance(event, Renamed) else getattr(event, "nick", "")
        self.entries.append(Happened(event, self._number(nick), self._is_echoed))

    @contextmanager
    def following(self, before: Callable[[Member, Request], None]) -> Iterator[None]:
        """Write down each request, too, for as long as the block lasts.

        `before` is called with each, and may raise: the request has crashed then.
        """
        obey, vacate, occupy = Handlers.obey, Session.vacate, Session.occupy

        def followed(handlers: Handlers, member: Member, request: Request) -> None:
            whom = self._number(getattr(request, "nick", ""))
            before(member, request)
            self._is_echoed = isinstance(request, Say) and request.echo
            if isinstance(request, Say) and member.number in self._departed:
                self._late.append(f"{member.nick} has departed before {request.text}")
            obey(handlers, member, request)
            self._comes_or_goes(member, request)
            handled = Handled(member.number, request, whom, member.sees_own_lines, _ignored(member))
            self.entries.append(handled)
            if isinstance(request, Enter) and isinstance(member.seat, Session):
                self._seated(member, member.seat, is_new=True)

        def vacated(seat: Session, last_id: int, now_us: int) -> Unread:
            if seat._member is not None and isinstance(seat._transport, Wire):
                self._unread[seat._member.number] = seat._transport.unread_for
            return vacate(seat, last_id, now_us)

        def occupied(seat: Session, member: Member, unread: Unread, data: bytes) -> None:
            self._seated(member, seat, is_new=False)
            occupy(seat, member, unread, data)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Handlers, "obey", followed)
            patch.setattr(Session, "vacate", vacated)
            patch.setattr(Session, "occupy", occupied)
            yield

    def _comes_or_goes(self, member: Member, request: Request) -> None:
        if isinstance(request, Enter):
            self._departed.discard(member.number)
        elif isinstance(request, Depart) and self._number(member.nick) != member.number:
            self._departed.add(member.number)
            self.entries.append(Gone(member.number))

    def _seated(self, member: Member, seat: Session, *, is_new: bool) -> None:
        if isinstance(seat._transport, Wire):
            before = self._unread.pop(member.number, 0.0)
            sees_own, ignored = member.sees_own_lines, _ignored(member)
            self.entries.append(
                Seated(member.number, seat._transport, sees_own, is_new, before, ignored)
            )

    def _number(self, nick: str) -> int:
        if self.world is None or (member := self.world.members.get(fold(nick))) is None:
            return 0
        return member.number

    # ------------------------------------------------------------ what it comes to

    def seats(self) -> list[Seated]:
        """Who spoke through which connection, in the order in which they began to."""
        return [entry for entry in self.entries if isinstance(entry, Seated)]

    def said(self) -> list[Message]:
        """All that was said in rooms, in the order of it."""
        return [message for message, _ in self._said()]

    def tokens(self) -> dict[str, tuple[str, int]]:
        """In which room, folded, each was said, and by whom."""
        return {
            found[0]: (fold(message.room), who)
            for message, who in self._said()
            if (found := TOKEN.search(message.text))
        }

    def said_tokens(self) -> set[str]:
        """All that was said in rooms; a terminal's keys may have joined several in one line."""
        return {token for message in self.said() for token in TOKEN.findall(message.text)}

    def check_order(self) -> None:
        """Raises Wrong unless ids rise, and each line was said once, in its author's order."""
        if self._late:
            raise Wrong(self._late[0])
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

    def _said(self) -> list[tuple[Message, int]]:
        return [
            (entry.event, entry.who)
            for entry in self.entries
            if isinstance(entry, Happened) and isinstance(entry.event, Said | Acted | Announced)
        ]


def _ignored(member: Member) -> Ignored:
    return dict.fromkeys(member.ignored or (), "") | (member.followed or {})
