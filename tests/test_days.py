"""The line that tells when a day has begun."""

from collections.abc import Callable
from datetime import UTC, datetime

import trio
from trio.testing import MockClock

from trioserve.testing import Chat, open_chat

EVENING = datetime(2026, 11, 24, 22, 50, tzinfo=UTC)  # and ten minutes to midnight in Oslo
TUESDAY = datetime(2026, 11, 24, 12, tzinfo=UTC)


def at(began: datetime) -> Callable[[], int]:
    """The time of day, where Trio's clock shows 0 when it `began`."""
    return lambda: int((began.timestamp() + trio.current_time()) * 1e9)


async def in_zones(chat: Chat, **zones: str) -> None:
    for nick, zone in zones.items():
        person = await chat.join(nick)
        await person.types(f"/timezone {zone}")


async def test_everybody_is_told_when_their_own_day_turns(autojump_clock: MockClock) -> None:
    async with open_chat(now_ns=at(EVENING)) as chat:
        await in_zones(chat, ann="Europe/Oslo", bob="Etc/UTC")
        ann, bob = chat.people

        await trio.sleep(600)
        await ann.sees("-- Wednesday, 25 November 2026 --")
        assert "November" not in bob.unseen()
        await trio.sleep(3600)

        await bob.sees("-- Wednesday, 25 November 2026 --")
        assert "November" not in ann.unseen()


async def test_a_program_is_not_told_for_it_reads_the_times(autojump_clock: MockClock) -> None:
    async with open_chat(now_ns=at(EVENING)) as chat:
        await in_zones(chat, ann="Europe/Oslo")
        (ann,) = chat.people
        await ann.types("/format json")
        ann.unseen()

        await trio.sleep(3600)

        await ann.sees_nothing()


async def test_it_comes_between_what_was_said_before_and_after(autojump_clock: MockClock) -> None:
    async with open_chat(now_ns=at(EVENING)) as chat:
        await in_zones(chat, ann="Europe/Oslo", bob="Europe/Oslo")
        ann, bob = chat.people
        bob.unseen()

        await trio.sleep(599)
        await ann.types("good night")
        await trio.sleep(2)
        await ann.types("good morning")

        assert bob.unseen().splitlines() == [
            "[23:59] <ann> good night",
            "-- Wednesday, 25 November 2026 --",
            "[00:00] <ann> good morning",
        ]


async def test_on_other_quarters_of_an_hour_nobody_is_told_anything(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(now_ns=at(TUESDAY)) as chat:
        await in_zones(chat, ann="Etc/UTC")
        (ann,) = chat.people
        ann.unseen()

        await trio.sleep(6 * 3600)

        await ann.sees_nothing()
