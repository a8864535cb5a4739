"""What holds for people wherever they go: whether they may come in, and talk.

Plain calls, of which the broker makes one at a time. An end is compared when somebody
looks.
"""

from collections.abc import Callable, Iterable
from typing import Final

import attrs

from trioserve.broker.fanout import Fanout
from trioserve.errors import ChatError
from trioserve.messages import Noticed
from trioserve.names import fold
from trioserve.rooms.member import Member
from trioserve.rooms.moderation import Sanction
from trioserve.rooms.room import Room
from trioserve.state.sights import refusal_of_private
from trioserve.state.world import World
from trioserve.wire.spans import exact, pace, until

MAY_STILL: Final = "you can still read, and talk elsewhere"


@attrs.define(eq=False)
class Standing:
    """What bans, mutes, a slow pace and a private room come to for one person."""

    world: World
    fanout: Fanout
    now: Callable[[], float]  # seconds since 1970

    def banned(self, network: str | None) -> str | None:
        """What people from an address are told if they are banned from the server; else None."""
        now = self.now()
        if network is None or (ban := self.world.banned.of(network, now)) is None:
            return None
        end = until(ban.until, now, "UTC")
        when = f"{end} UTC" if end else " until that is lifted"
        reason = f" ({ban.reason})" if ban.reason else ""
        return f"your address is banned from this server{when}{reason}"

    def check_entry(self, member: Member, name: str) -> None:
        """Raises ChatError to whoever may not enter a room; `name` has its ``#``."""
        room = self.world.rooms.get(fold(name))
        if room is None or (rules := room.rules) is None or member in room.members:
            return
        if member.is_operator:
            return
        now = self.now()
        if (ban := rules.bans.holding(member.identity, now)) is not None:
            raise ChatError(f"you are banned from {room.name}{terms(ban, now, member)}")
        if rules.private and not rules.lets_in(member.identity, member.account, now):
            raise ChatError(refusal_of_private(room))

    def received(self, member: Member, room: Room) -> None:
        """Note that somebody has entered a room, and tell them if they are muted there."""
        if (rules := room.rules) is None:
            return
        rules.invited.pop(member.number, None)
        if rules.pause:
            rules.recognise(member.identity)
        self.look_up_mute(member, room)

    def look_up_mute(self, member: Member, room: Room) -> None:
        """Have the mutes hold somebody who is in a room as they are known now, and tell them."""
        if (rules := room.rules) is None:
            return
        now = self.now()
        mute = rules.look_up_mute(member.identity, now)
        if mute is not None and not self.is_exempt(member, room):
            self.fanout.show(member, Noticed(muted(room, mute, now, member)))

    def check_speech(self, member: Member, room: Room) -> None:
        """Raises ChatError to whoever may say nothing in a room they are in, or not yet."""
        if (rules := room.rules) is None or self.is_exempt(member, room):
            return
        now = self.now()
        if (mute := rules.mute_of(member.number, now)) is not None:
            raise ChatError(muted(room, mute, now, member))
        if rules.pause and (wait := rules.wait(member.number, now)):
            raise ChatError(
                f"not said: {room.name} takes {pace(rules.pause)}; "
                f"yours can be said in {exact(wait)}"
            )

    def is_muted(self, member: Member, room: Room) -> bool:
        """Whether somebody may say nothing in a room they are in."""
        if room.rules is None or self.is_exempt(member, room):
            return False
        return room.rules.mute_of(member.number, self.now()) is not None

    def settle(self, rooms: Iterable[Room]) -> None:
        """Let nobody be taken for muted whose mute has ended: rooms may get another owner now."""
        for room in rooms:
            if room.rules is not None and room.rules.muted:
                room.rules.forget_ended(self.now())

    @staticmethod
    def is_exempt(member: Member, room: Room) -> bool:
        """Whether neither mutes nor a slow pace hold somebody in a room."""
        # Who is not in the room is a plug-in, which speaks for the server.
        return member.is_operator or room.owner is member or member not in room.members


def terms(sanction: Sanction, now: float, reader: Member) -> str:
    """When a sanction ends, and why it was imposed, to be read behind its name."""
    end = until(sanction.until, now, reader.look.zone) or " until that is lifted"
    return f"{end} ({sanction.reason})" if sanction.reason else end


def muted(room: Room, mute: Sanction, now: float, reader: Member) -> str:
    """What somebody who is muted is told of it, and of what they may still do."""
    return f"you are muted in {room.name}{terms(mute, now, reader)}; {MAY_STILL}"
