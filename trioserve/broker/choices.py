"""What members choose for themselves: whom they ignore, how they are shown things, being away.

Plain calls, of which the broker makes one at a time.
"""

from typing import assert_never

import attrs

from trioserve.broker.fanout import Fanout
from trioserve.broker.standing import Standing
from trioserve.errors import ChatError
from trioserve.messages import Noticed
from trioserve.requests import (
    Choose,
    ComeBack,
    GoAway,
    Ignore,
    SetJson,
    SetLook,
    SetQuiet,
    SetScreen,
    Unignore,
)
from trioserve.rooms.member import Member
from trioserve.state import attendance
from trioserve.state.preferences import changes
from trioserve.state.world import World
from trioserve.wire.text import flatten


@attrs.define(eq=False)
class Choices:
    """Changes what concerns one member alone."""

    world: World
    fanout: Fanout
    standing: Standing

    def obey(self, member: Member, request: Choose) -> None:
        """Handle a request; raises ChatError, before anything has changed, to refuse it."""
        match request:
            case ComeBack():
                self.come_back(member)
            case GoAway(text):
                self._go_away(member, flatten(text))
            case _:
                # What is pending is shown as it was said.
                self.fanout.flush_rooms(member.rooms.values())
                self._change(member, request)
                self.keep(member)

    def _change(
        self,
        member: Member,
        request: Ignore | Unignore | SetQuiet | SetJson | SetLook | SetScreen,
    ) -> None:
        match request:
            case Ignore(nick):
                self.world.ignore(member, nick)
            case Unignore(nick):
                self.world.unignore(member, nick)
            case SetQuiet(quiet):
                self.world.set_quiet(member, quiet)
            case SetJson(json):
                self.world.set_json(member, json)
            case SetLook(look):
                self.world.set_look(member, look)
            case SetScreen(screen):
                self.world.set_screen(member, screen)
            case _:
                assert_never(request)

    def keep(self, member: Member) -> None:
        """Have kept what one who is logged in has set for themselves, as far as it is new."""
        if member.account and self.world.note is not None:
            for record in changes(member):
                self.world.note(record)

    def _go_away(self, member: Member, text: str) -> None:
        if text:
            self._refuse_muted(member)
        self.fanout.flush_rooms(member.rooms.values())
        attendance.set_away(self.world, member, text)

    def _refuse_muted(self, member: Member) -> None:
        """Raises ChatError to who would talk by what they are away for."""
        for room in member.rooms.values():
            if self.standing.is_muted(member, room):
                raise ChatError(f"you are muted in {room.name}: be away without a word")

    def come_back(self, member: Member) -> None:
        """Let a member be away no more; raises ChatError if it is not."""
        self.fanout.flush_rooms(member.rooms.values())
        attendance.come_back(self.world, member)
        self.fanout.show(member, Noticed("you are back"))
