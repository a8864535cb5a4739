"""Each request to the part of the server that does it.

Plain calls, of which the broker makes one at a time.
"""

import time
from collections.abc import Callable

import attrs

from trioserve.archive.rulebook import SERVER
from trioserve.broker.choices import Choices
from trioserve.broker.comings import Comings
from trioserve.broker.fanout import Fanout
from trioserve.broker.membership import Membership
from trioserve.broker.moderators import Moderators
from trioserve.broker.notices import Notices
from trioserve.broker.owners import Owners
from trioserve.broker.resuming import Resuming
from trioserve.broker.speech import Speech
from trioserve.broker.standing import Standing
from trioserve.names import fold
from trioserve.observe import Counters
from trioserve.orders import BanAddress, Order, RoomOrder, UnbanAddress
from trioserve.ownership import Own
from trioserve.requests import (
    Choose,
    Move,
    ReportKeeping,
    Request,
    Say,
    Settle,
    Shorten,
    Speak,
    Tidings,
    Unfold,
)
from trioserve.rooms.member import Member
from trioserve.state.ledger import Ledger
from trioserve.state.world import World


@attrs.define(eq=False)
class Handlers:
    """The parts that change the rooms, and show people what comes of it."""

    world: World
    fanout: Fanout
    counters: Counters
    now_ns: Callable[[], int] = time.time_ns  # nanoseconds since 1970
    now: Callable[[], float] = time.time  # seconds since 1970
    comings: Comings = attrs.field(init=False)
    standing: Standing = attrs.field(init=False)
    moderators: Moderators = attrs.field(init=False)
    choices: Choices = attrs.field(init=False)
    speech: Speech = attrs.field(init=False)
    notices: Notices = attrs.field(init=False)
    resuming: Resuming = attrs.field(init=False)
    ledger: Ledger = attrs.field(init=False)
    membership: Membership = attrs.field(init=False)
    owners: Owners = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        world, fanout = self.world, self.fanout
        self.comings = Comings(world, fanout)
        self.standing = Standing(world, fanout, self.now)
        self.moderators = Moderators(world, fanout, self.standing, self.now)
        self.choices = Choices(world, fanout, self.standing)
        self.speech = Speech(
            world,
            fanout,
            self.comings,
            self.standing,
            self.choices,
            self.counters,
            self.now_ns,
        )
        self.notices = Notices(world, fanout, self.now_ns)
        self.resuming = Resuming(
            world,
            fanout,
            self.comings,
            lambda member, reason: self.membership.depart(member, reason, ""),
            now_ns=self.now_ns,
            now=self.now,
        )
        self.ledger = Ledger(world, self.now)
        self.membership = Membership(
            world,
            fanout,
            self.comings,
            self.standing,
            self.moderators,
            self.resuming,
            self.notices,
            self.ledger,
            self.now_ns,
        )
        self.owners = Owners(world, fanout, self.choices, self.membership, self.moderators.audit)

    def obey(self, member: Member, request: Request) -> None:
        """Handle a request; raises ChatError, before anything has changed, to refuse it."""
        if isinstance(request, Say):  # by far the most frequent
            self.speech.say(member, request)
        elif isinstance(request, Speak):
            self.speech.obey(member, request)
        elif isinstance(request, Move):
            self.membership.obey(member, request)
        elif isinstance(request, Choose):
            self.choices.obey(member, request)
        elif isinstance(request, Own):
            self.owners.obey(member, request)
        elif isinstance(request, Tidings):
            self.notices.obey(member, request)
            if isinstance(request, ReportKeeping):
                self.ledger.try_again()
        elif isinstance(request, Unfold):
            self.comings.unfold()
        elif isinstance(request, Shorten):
            self.world.roomkeeping.histories.shorten(self.world.room(request.room), request.last)
        elif not isinstance(request, Settle):  # of which that it was handled is all there is
            self.moderators.obey(member, request)
            self._touch(request)

    def _touch(self, order: Order) -> None:
        """Note of what an order may have changed what is kept."""
        if isinstance(order, RoomOrder):
            self.world.touched[fold(order.room)] = None
        elif isinstance(order, BanAddress | UnbanAddress):
            self.world.touched[SERVER] = None

    def continue_from(self, last_id: int) -> None:
        """Give ids, and numbers to rooms, above all that were given before this server began."""
        self.world.last_id = max(self.world.last_id, last_id)
        rooms = self.world.roomkeeping
        rooms.next_number = max(rooms.next_number, self.speech.new_id())
        self.world.began = self.world.last_id
