"""What a person sets for themselves, and finds again at each login: each thing declared once.

A preference is a line in `PREFERENCES`; what it is kept as, and when, follows from that.
"""

from collections.abc import Callable, Collection
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

import attrs

from trioserve.archive.preferences import Chosen, Unchosen
from trioserve.archive.records import Record
from trioserve.errors import ChatError
from trioserve.names import check_nick
from trioserve.rooms.ignoring import MAX_IGNORED
from trioserve.rooms.member import Member
from trioserve.state.world import World
from trioserve.wire.style import Bell, Clock, Look, Theme


@attrs.frozen
class Preference:
    """One thing that a person sets for themselves. Its values are such as JSON can hold."""

    name: str  # under which it is kept: never another one
    label: str  # what people call it
    default: Any  # what it is without a choice; that is not kept
    check: Callable[[Any], bool]  # whether a value can be one; reads a file, for a zone
    get: Callable[[Member], Any]
    # Gives a member a value that was checked, or adds it to what they have already.
    set: Callable[[World, Member, Any], None]


def _look(name: str, label: str, check: Callable[[Any], bool]) -> Preference:
    """One that is a field of a `Look`."""

    def put(world: World, member: Member, value: Any) -> None:
        world.set_look(member, attrs.evolve(member.look, **{name: value}))

    default = getattr(Look(), name)
    return Preference(name, label, default, check, lambda member: getattr(member.look, name), put)


def _one_of(values: Collection[Any]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str | bool) and value in values


def _is_zone(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(ZoneInfo(value).key)
    except (ValueError, OSError, LookupError):  # no name, or none that is known here any more
        return False


def _are_nicks(value: Any) -> bool:
    if not (isinstance(value, list) and len(value) <= MAX_IGNORED):
        return False
    try:
        return all(isinstance(each, str) and bool(check_nick(each)) for each in value)
    except ChatError:
        return False


def _ignore(world: World, member: Member, nicks: list[str]) -> None:
    for each in nicks[: MAX_IGNORED - len(member.ignored or ())]:
        world.ignore(member, each)


_BOTH: Final = (True, False)

PREFERENCES: Final = (
    _look("theme", "theme", _one_of(get_args(Theme))),
    _look("bell", "bell", _one_of(get_args(Bell))),
    _look("clock", "time stamps", _one_of(get_args(Clock))),
    _look("zone", "time zone", _is_zone),
    _look("spoken", "screen reader", _one_of(_BOTH)),
    Preference(
        "quiet", "quiet", False, _one_of(_BOTH), lambda member: member.quiet, World.set_quiet
    ),
    Preference(
        "ignored",
        "ignore list",
        [],
        _are_nicks,
        lambda member: sorted((member.ignored or {}).values()),
        _ignore,
    ),
)


def changes(member: Member) -> list[Record]:
    """What is to be kept of a member who is logged in, since this was asked last."""
    records: list[Record] = []
    for each in PREFERENCES:
        value = each.get(member)
        if value == member.chosen.get(each.name, each.default):
            continue
        member.chosen = {**member.chosen, each.name: value}
        if value == each.default:
            records.append(Unchosen(member.account, each.name))
        else:
            records.append(Chosen(member.account, each.name, value))
    return records


def restore(world: World, member: Member, chosen: dict[str, Any]) -> list[str]:
    """Give a member what they have chosen once; return what people call that which changes."""
    changed = []
    for each in PREFERENCES:
        if each.name in chosen:
            before = each.get(member)
            each.set(world, member, chosen[each.name])
            if each.get(member) != before:
                changed.append(each.label)
    member.chosen = chosen
    return changed


def sound(chosen: dict[str, Any]) -> dict[str, Any]:
    """Those of somebody's choices that can be had here and now; may read a file."""
    known = {each.name: each for each in PREFERENCES}
    return {
        name: value for name, value in chosen.items() if name in known and known[name].check(value)
    }
