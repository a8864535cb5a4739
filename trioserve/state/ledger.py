"""What of rooms and of the server outlives them: compared with what is kept, and brought on.

Theory of operation. Much changes what holds in a room, and in many ways. So nobody who
changes it says how: they mark the room as touched, and at the end of the broker's turn
what is to be kept of it is compared, row by row, with what was kept last; the difference
goes into the journal. What changes back and forth within a turn costs no disk anything.
Plain calls; the broker is the only caller.

A room that was there when the server ended, however that was, is held for its people, as
it was, for `HELD` seconds. Its first one to come back ends that; but where an account owned
it, only who logs in to that: until then it has no owner, and nobody can take it from them.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Protocol

import attrs

from trioserve.archive.records import Record
from trioserve.archive.rulebook import (
    BAN,
    MUTE,
    SERVER,
    GuestKept,
    RoomKept,
    Rulebook,
    SanctionKept,
)
from trioserve.names import fold
from trioserve.rooms.moderation import Guest, Identity, Rules, Sanctions
from trioserve.rooms.room import Room
from trioserve.state.world import World

HELD: Final = 86_400.0  # seconds


class Row(Record, Protocol):
    """One row of what is kept of a room."""

    @property
    def key(self) -> tuple[str, ...]:
        """No other row of its room has it."""

    def undone(self) -> Record:
        """What takes it out again."""


Rows = Mapping[tuple[str, ...], Row]
# By number of who is in a room: what the row is made of, its key, and the row.
People = dict[int, tuple[tuple[str | int | None, ...], tuple[str, ...], Row]]


@attrs.define(eq=False)
class Ledger:
    """What was kept last, by folded name of the room, and of the server."""

    world: World
    now: Callable[[], float]  # seconds since 1970
    _kept: dict[str, Rows] = attrs.field(factory=dict, init=False)
    _people: dict[str, People] = attrs.field(factory=dict, init=False)  # by room, if it is private
    _unkept: dict[str, None] = attrs.field(factory=dict, init=False)  # names, with what got lost
    _closed: bool = attrs.field(default=False, init=False)

    def write(self) -> None:
        """Have kept what has become of all that was touched."""
        touched = list(self.world.touched)
        self.world.touched.clear()
        if (keep := self.world.keep) is not None and not self._closed:
            for name in touched:
                self._bring_on(name, self._rows(name), keep)

    def close(self) -> None:
        """Have kept what there is now, and then no more of what changes."""
        self.write()
        self._closed = True

    def try_again(self) -> None:
        """Have kept what could not be, as too much waited for the disk."""
        self.world.touched.update(self._unkept)

    def _bring_on(self, name: str, rows: Rows, keep: Callable[[Record], bool]) -> None:
        former = self._kept.pop(name, {})
        kept = dict(rows)
        is_whole = True
        for key in [key for key in former if key not in rows]:
            if not keep(former[key].undone()):
                kept[key], is_whole = former[key], False
        # Of many people in a room nearly all are the same rows as ever: not even compared.
        for key in [key for key, row in rows.items() if former.get(key) is not row]:
            if former.get(key) == rows[key] or keep(rows[key]):
                continue
            is_whole = False
            if key in former:
                kept[key] = former[key]
            else:
                del kept[key]
        self._unkept.pop(name, None)
        if kept:
            self._kept[name] = kept
        if not is_whole:
            self._unkept[name] = None

    # ------------------------------------------------------- what is to be kept

    def _rows(self, name: str) -> Rows:
        if name == SERVER:
            return _by_key(self._sanctions(SERVER, BAN, self.world.banned))
        room = self.world.rooms.get(name)
        people, self._people[name] = self._people.pop(name, {}), {}
        rows = {} if room is None else _by_key(self._rows_of(name, room))
        if room is not None and rows and room.rules is not None and room.rules.private:
            # Last: who is there is that, whatever they were before.
            rows.update(self._rows_of_people(name, room, room.rules, people))
        if not self._people[name]:
            del self._people[name]
        return rows

    def _rows_of(self, name: str, room: Room) -> Iterator[Row]:
        rules = Rules() if room.rules is None else room.rules
        owner = room.claim if room.owner is None else fold(room.owner.account)
        if rules.is_void and not owner:
            return
        until = math.inf if room.members else self.world.roomkeeping.claims.held.get(room, 0.0)
        secluded = tuple(rules.secluded)
        yield RoomKept(room.name, room.number, owner, rules.pause, rules.private, secluded, until)
        yield from self._sanctions(name, BAN, rules.bans)
        yield from self._sanctions(name, MUTE, rules.mutes)
        # Of a room that is open again too, it would take a row for each on each coming and going.
        if rules.private:
            yield from (GuestKept(name, each) for each in self._awaited(rules))

    def _sanctions(self, room: str, kind: str, sanctions: Sanctions) -> Iterator[Row]:
        return (SanctionKept(room, kind, each) for each in sanctions.current(self.now()))

    def _awaited(self, rules: Rules) -> Iterator[Guest]:
        """Who may come in."""
        now = self.now()
        yield from (each for each in rules.awaited if now < each.until)
        for number, until in rules.invited.items():
            invited = self.world.numbered.get(number)
            if invited is not None and now < until:
                yield Guest(_nameless(invited.identity), fold(invited.account), until)

    def _rows_of_people(
        self, name: str, room: Room, rules: Rules, former: People
    ) -> Iterator[tuple[tuple[str, ...], Row]]:
        """Who is there and could come in again; those rows of whom nothing has changed."""
        people = self._people[name]
        for member in room.members:
            if member.is_bot:
                continue
            since = rules.since.get(member.number, 0) if member.account else None
            mark = member.nick, member.address, member.account, since
            entry = former.get(member.number)
            if entry is None or entry[0] != mark:
                guest = Guest(_nameless(member.identity), fold(member.account), since=since)
                row = GuestKept(name, guest)
                entry = mark, row.key, row
            people[member.number] = entry
            yield entry[1:]

    # --------------------------------------------------- what was kept, at start

    def restore(self, book: Rulebook) -> None:
        """Go on with what is kept; of that, what has ended is taken out."""
        world, now = self.world, self.now()
        world.audit.extend(each.ruling for each in book.audited)
        world.last_audited = max((each.id for each in book.audited), default=0)
        kept: dict[str, dict[tuple[str, ...], Row]] = {}
        for room in book.rooms:
            kept.setdefault(fold(room.name), {})[room.key] = room
        for each in book.sanctions:
            kept.setdefault(each.room, {})[each.key] = each
        for guest in book.guests:
            kept.setdefault(guest.room, {})[guest.key] = guest
        for room in book.rooms:
            self._reopen(room, kept[fold(room.name)].values(), now)
        world.roomkeeping.sweep(now, world.last_id)
        for each in book.sanctions:
            if each.room == SERVER and now < each.sanction.until:
                world.banned.restore(each.sanction)
        self._kept.update(kept)
        world.touched.update(dict.fromkeys(kept))
        self.write()

    def _reopen(self, kept: RoomKept, rows: Iterable[Row], now: float) -> None:
        """Hold a room for its people; what is late already is let go by the next sweep."""
        world = self.world
        is_first = fold(kept.name) == fold(world.limits.first)
        topic = world.limits.topic if is_first else ""  # any other one comes with its past
        room = Room(kept.name, topic, deque(maxlen=world.limits.history), kept.number)
        rules = room.rules = Rules()
        rules.pause, rules.private = kept.pause, kept.private
        rules.secluded = list(kept.secluded)
        until = now + HELD if kept.until == math.inf else kept.until
        for row in rows:
            if isinstance(row, SanctionKept) and now < row.sanction.until:
                (rules.bans if row.kind == BAN else rules.mutes).restore(row.sanction)
            if isinstance(row, GuestKept) and now < row.guest.until:
                rules.awaited.append(attrs.evolve(row.guest, until=min(until, row.guest.until)))
        world.roomkeeping.hold(room, until)
        if not is_first:
            room.claim = kept.owner
        elif rules.private:  # another room was the first one
            rules.seclude(False, world.last_id)
        if rules.is_void:
            room.rules = None


def _nameless(whom: Identity) -> Identity:
    """Without the number, which tells people apart only while the server runs."""
    return attrs.evolve(whom, number=0)


def _by_key(rows: Iterable[Row]) -> dict[tuple[str, ...], Row]:
    return {row.key: row for row in rows}
