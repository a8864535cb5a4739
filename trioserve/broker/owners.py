"""Who of those who are here has shown that a name is theirs; and that they are where they were.

Plain calls; the broker is the only caller. That somebody is the owner of an account, a guest's
having its name no more, and what was kept being there again are one: nobody comes between.
"""

from typing import assert_never

import attrs

from trioserve.broker.audit import Audit
from trioserve.broker.choices import Choices
from trioserve.broker.fanout import Fanout
from trioserve.broker.membership import Membership
from trioserve.errors import ChatError
from trioserve.messages import Noticed
from trioserve.names import fold, free_nick
from trioserve.ownership import Arrive, Disown, GiveBack, Identify, LogIn, Own, Rejoin
from trioserve.rooms.member import Member
from trioserve.rooms.room import RoomPast
from trioserve.rooms.whereabouts import begun, ended
from trioserve.state.correspondence import forget_correspondents
from trioserve.state.preferences import restore
from trioserve.state.world import World


@attrs.define(eq=False)
class Owners:
    """The owners of accounts who are here. An account has one at a time."""

    world: World
    fanout: Fanout
    choices: Choices
    membership: Membership
    audit: Audit

    def obey(self, member: Member, request: Own) -> None:
        """Handle a request; raises ChatError, before anything has changed, to refuse it."""
        match request:
            case Identify(account):
                self._identify(member, account)
            case Disown(account):
                self._disown(account)
            case LogIn():
                self._log_in(member, request)
            case GiveBack(nick):
                self._give_back(member, nick)
            case Rejoin(name, past):
                self._rejoin(member, name, past)
            case Arrive(name):
                self._arrive(member, name)
            case _:
                assert_never(request)

    def _disown(self, account: str) -> None:
        if (owner := self.world.owner_of_account(account)) is not None:
            self._identify(owner, "")
        forget_correspondents(self.world, account)
        for room in self.world.roomkeeping.disown(account, self.world.last_id):
            self.audit.tell_of_owner(room, None)

    def _identify(self, member: Member, account: str) -> None:
        self.world.refuse_absent(member)
        self.world.identify(member, account)
        self._claim(member)
        member.chosen = {}
        self.choices.keep(member)
        self.world.place(member)
        self.membership.resuming.on_words(member)

    def _log_in(self, member: Member, request: LogIn) -> None:
        account = request.account
        self.world.refuse_absent(member)
        if not request.is_still():
            raise ChatError(f"the name {account} is nobody's any more")
        owner = self.world.owner_of_account(account)
        if owner is member:
            raise ChatError(f"you are logged in as {account} already")
        if owner is not None:
            self.membership.take_over(member, owner)
            return
        holder = self.world.members.get(fold(account))
        if holder is not member:
            self.membership.refuse_muted(member)
        if holder is not None and holder is not member:
            self._give_back(holder, account)
        self._place(member, request)
        self.world.identify(member, account)
        if holder is not member:
            self.membership.rename(member, account)
        self._restore(member, request)
        self._claim(member)
        if holder is not member:
            self.membership.moderators.hold_anew(member)
        self.world.place(member)
        self.membership.resuming.on_words(member)

    def _claim(self, member: Member) -> None:
        """Give a member the rooms they are in which were theirs when the server ended."""
        self.world.touch_rooms(member)
        for room in member.rooms.values():
            if self.world.roomkeeping.claims.receive(member, room):
                self.audit.tell_of_owner(room, None)

    def _place(self, member: Member, request: LogIn) -> None:
        """Have a member be where the owner of the account was before, and not be there yet."""
        if member.account:  # until now: it leaves
            self.world.place(member, self.world.last_id)
            self.world.forget_words(member)
        member.absences, member.returning = (), None
        if (where := request.whereabouts) is not None:
            left = self.world.began if where.left is None else where.left
            first = self.world.limits.first
            is_new = bool(where.rooms) and fold(first) not in map(fold, where.rooms)
            leaves = first if is_new else ""
            member.returning = attrs.evolve(where, left=left, leaves=leaves)
            member.absences = ended(begun(where.absences, left), self.world.last_id)
        if member.absence is not None:
            member.absences = begun(member.absences, self.world.last_id)

    def _restore(self, member: Member, request: LogIn) -> None:
        self.fanout.flush_rooms(member.rooms.values())
        if restored := restore(self.world, member, request.chosen):
            self.fanout.show(member, Noticed(f"set as you had it: {', '.join(restored)}"))
        self.choices.keep(member)

    def _give_back(self, member: Member, nick: str) -> None:
        if not self.world.is_here(member) or fold(nick) == fold(member.account):
            return
        if fold(member.nick) == fold(nick):
            self.membership.rename(member, free_nick(nick, self.world.members))
            text = f"the name {nick} is somebody's own: you are {member.nick} now; /nick changes it"
            self.fanout.put(member, Noticed(text))

    def _rejoin(self, member: Member, name: str, past: RoomPast | None) -> None:
        self.world.refuse_absent(member)
        where = member.returning
        if where is None or fold(name) not in map(fold, where.rooms):
            raise ChatError(f"you were not in {name}")
        member.returning = where.without(name)
        self.world.place(member)
        room = member.rooms.get(fold(name))
        if room is None:
            self.membership.join(member, name, past, where.left)
            return
        entered = self.membership.entered(member, room, where.left, room.entered[member])
        if entered.new:
            self.fanout.put(member, entered)

    def _arrive(self, member: Member, name: str) -> None:
        self.world.refuse_absent(member)
        leaves = "" if member.returning is None else member.returning.leaves
        member.returning = None
        if fold(leaves) in member.rooms and len(member.rooms) > 1:
            self.membership.leave(member, leaves, "")
        room = member.rooms.get(fold(name), member.room)
        if room is not None:
            self.fanout.flush_rooms(member.rooms.values())
            self.world.switch(member, room)
