"""Tells of what was done to somebody whoever is concerned, and keeps it."""

import logging

import attrs

from trioserve.broker.fanout import Fanout
from trioserve.rooms.member import Member
from trioserve.rooms.room import Room
from trioserve.rulings import Moderated, Owned
from trioserve.state.world import World
from trioserve.wire.rulings import ruling_text

log = logging.getLogger(__name__)


@attrs.define(eq=False)
class Audit:
    """Who was moderated, by whom, when and why: kept, and one log record each."""

    world: World
    fanout: Fanout

    def record(self, ruling: Moderated) -> None:
        """Keep what was done."""
        self.world.record(ruling)
        log.info("%s", ruling_text(ruling))

    def post(self, room: Room, ruling: Moderated) -> None:
        """Let a room see what was done there, and record it."""
        self.fanout.post(room, ruling)
        self.record(ruling)

    def tell_operators(self, member: Member, ruling: Moderated) -> None:
        """Record what somebody has done, and tell the other operators that are on."""
        for other in self.world.members.values():
            if other.is_operator and other is not member:
                self.fanout.remind(other, ruling.nick, ruling)
        self.record(ruling)

    def tell_of_owner(self, room: Room, former: Member | None) -> None:
        """Tell a room of its owner, if that is another than before."""
        if (owner := room.owner) is not None and owner is not former:
            self.post_owner(room, owner, Owned(room.name, owner.nick))

    def post_owner(self, room: Room, owner: Member, owned: Owned) -> None:
        """Let a room see who owns it now, and the owner, too, who may not be reading it."""
        self.fanout.post(room, owned)
        if owner.outlet.lagging:
            self.fanout.remind(owner, f"{room.name} is owned", owned)
