"""Times and days as people read them, in zones of their own."""

import difflib
import functools
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from trioserve.errors import ChatError
from trioserve.wire.style import Clock

MAX_NAME: Final = 60  # characters of a zone's name; none has more than 32


def stamp(microseconds: int, clock: Clock, zone: str) -> str:
    """The time of an id: ``20:08``, in full ``2026-11-24 20:08:15``, or nothing.

    `zone` is an IANA name; empty: the server's own.
    """
    if clock == "off":
        return ""
    if clock == "full":
        return _second(microseconds // 1_000_000, zone)
    return _minute(microseconds // 60_000_000, zone)


@functools.lru_cache(maxsize=256)
def _minute(minutes: int, zone: str) -> str:
    return f"{_local(minutes * 60, zone):%H:%M}"


@functools.lru_cache(maxsize=256)
def _second(seconds: int, zone: str) -> str:
    return f"{_local(seconds, zone):%Y-%m-%d %H:%M:%S}"


def day(microseconds: int, zone: str) -> date:
    """The day of an id. Zones differ by quarters of an hour, of which days are made."""
    return _day(microseconds // 900_000_000, zone)


@functools.lru_cache(maxsize=256)
def _day(quarters: int, zone: str) -> date:
    return _local(quarters * 900, zone).date()


def day_line(day: date) -> str:
    """A day as it is told: ``Wednesday, 25 November 2026``."""
    return f"{day:%A}, {day.day} {day:%B} {day.year}"


def _local(seconds: int, zone: str) -> datetime:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.astimezone(ZoneInfo(zone) if zone else None)


@functools.cache
def zones() -> frozenset[str]:
    """The names of all zones. The first time, that is a look at some 600 files: 15 to 200 ms."""
    return frozenset(available_timezones())


def find_zone(name: str, known: Iterable[str]) -> str:
    """Return the zone that is meant: by its name in any case, or by its last part if that is one's.

    Raises:
        ChatError: if there is none; the message names one that looks like it.
    """
    folded = {each.lower(): each for each in known}
    if not folded:
        raise ChatError("this server has no time zones: whoever runs it can install tzdata")
    wanted = name.strip().replace(" ", "_").lower()
    if wanted in folded:
        return folded[wanted]
    cities: dict[str, list[str]] = {}
    for each in sorted(folded):
        cities.setdefault(each.rpartition("/")[2], []).append(folded[each])
    found = cities.get(wanted, [])
    if len(found) == 1:
        return found[0]
    if found:
        raise ChatError(f"there are {' and '.join(found)}: which one?")
    similar = difflib.get_close_matches(wanted[:MAX_NAME], [*folded, *cities], n=1)
    near = (folded.get(similar[0]) or cities[similar[0]][0]) if similar else ""
    hint = f"; did you mean {near}?" if near else "; one is Europe/Oslo"
    raise ChatError(f"there is no time zone {name.strip()[:MAX_NAME]}{hint}")
