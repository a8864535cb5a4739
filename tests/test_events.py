"""A stream of events that whoever fills it never waits for."""

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trioserve.broker.events import Events, Missed
from trioserve.messages import Event, Joined


def joined(number: int) -> Joined:
    return Joined("#lobby", f"n{number}")


async def taken(events: Events, count: int) -> list[Event | Missed]:
    seen: list[Event | Missed] = []
    while len(seen) < count:
        with trio.fail_after(1):
            seen.append(await anext(events))
    return seen


async def test_events_come_in_order(autojump_clock: MockClock) -> None:
    events = Events(3)

    for number in range(3):
        events.put(joined(number))

    assert not events.is_full
    assert await taken(events, 3) == [joined(0), joined(1), joined(2)]


async def test_what_there_is_no_room_for_is_counted_in_its_place(
    autojump_clock: MockClock,
) -> None:
    events = Events(3)
    for number in range(5):
        events.put(joined(number))
    assert events.is_full

    assert await taken(events, 2) == [joined(0), joined(1)]
    events.put(joined(5))

    assert await taken(events, 3) == [joined(2), Missed(2), joined(5)]


async def test_a_gap_at_the_end_is_told_without_another_event(autojump_clock: MockClock) -> None:
    events = Events(1)
    events.put(joined(0))
    events.put(joined(1))

    assert await taken(events, 2) == [joined(0), Missed(1)]
    assert not events.is_full


async def test_a_gap_that_leaves_no_room_behind_it_goes_on(autojump_clock: MockClock) -> None:
    events = Events(1)
    for number in range(3):
        events.put(joined(number))
    assert await taken(events, 1) == [joined(0)]

    events.put(joined(3))

    assert await taken(events, 2) == [Missed(2), Missed(1)]


async def test_who_iterates_waits_for_the_next(autojump_clock: MockClock) -> None:
    events = Events(1)
    seen: list[Event | Missed] = []

    async def take() -> None:
        seen.append(await anext(events))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        await wait_all_tasks_blocked()
        events.put(joined(0))

    assert seen == [joined(0)]
