"""What the server says of its own accord: another day, whether it saves what is said.

Plain calls, of which the broker makes one at a time.
"""

from collections.abc import Callable
from typing import Final, assert_never

import attrs

from trioserve.broker.fanout import Fanout
from trioserve.messages import Divided, Noticed
from trioserve.requests import Notify, ReportKeeping, Tidings, TurnDay
from trioserve.rooms.member import Member
from trioserve.state.world import World
from trioserve.wire.text import plural
from trioserve.wire.times import day, day_line

UNSAVED: Final = "history is not being saved"


@attrs.define(eq=False)
class Notices:
    """Tells people what concerns them all, and remembers what they have been told."""

    world: World
    fanout: Fanout
    now_ns: Callable[[], int]  # nanoseconds since 1970
    _unsaved: bool = attrs.field(default=False, init=False)  # what is said; people have been told
    _day_told: int = attrs.field(init=False)  # when days were looked at last (microseconds)

    def __attrs_post_init__(self) -> None:
        self._day_told = self.now_ns() // 1000

    def obey(self, member: Member, request: Tidings) -> None:
        """Handle a request; raises ChatError, before anything has changed, to refuse it."""
        match request:
            case Notify(text):
                self.world.refuse_absent(member)
                self.fanout.put(member, Noticed(text))
            case TurnDay():
                self._turn_day()
            case ReportKeeping():
                self._report_keeping(request)
            case _:
                assert_never(request)

    def welcome(self, member: Member) -> None:
        """Tell one who has come what the others know already."""
        if self._unsaved:
            self.fanout.show(member, Noticed(UNSAVED))

    def _turn_day(self) -> None:
        """Tell who has another day by now, each in their own zone; a program reads times."""
        before, now = self._day_told, self.now_ns() // 1000
        self._day_told = now
        lines: dict[str, Divided | None] = {}  # by zone, where another day has begun
        for member in self.world.members.values():
            zone = member.look.zone
            if zone not in lines:
                today = day(now, zone)
                lines[zone] = Divided(day_line(today)) if today != day(before, zone) else None
            if (line := lines[zone]) is not None and not member.json:
                self.fanout.put(member, line)

    def _report_keeping(self, report: ReportKeeping) -> None:
        """Tell everybody, once, whether what they say is saved; operators are told more."""
        self._unsaved = bool(report.trouble)
        lost = f"; {plural(report.lost, 'message')} were not" if report.lost else ""
        text = UNSAVED if report.trouble else f"history is saved again{lost}"
        for member in self.world.members.values():
            why = f": {report.trouble}" if report.trouble and member.is_operator else ""
            self.fanout.put(member, Noticed(text + why))
