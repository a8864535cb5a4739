"""What was lately: peaks, busy rooms, laggards."""

import trio

from trioserve.configuration.config import Config
from trioserve.operating.recent import STEP, STEPS, Peaks, Recent
from trioserve.outbox import OutboxLimits
from trioserve.rooms.roomkeeping import RoomLimits
from trioserve.tasks.watchdog import Watchdog
from trioserve.testing import Chat, open_chat


async def test_peaks_are_of_the_last_minute_however_often_they_are_read(chat: Chat) -> None:
    dog = Watchdog(0.1)
    recent = Recent(chat.server, dog)
    chat.server.counters.turn_peak, chat.server.counters.inbox_peak, dog.peak = 0.5, 70, 0.25

    for _ in range(STEPS):
        await recent.step()
        assert recent.peaks() == recent.peaks() == Peaks(0.5, 70, 0.25)

    await recent.step()
    assert recent.peaks() == Peaks(0.0, 0, 0.0)


async def test_rooms_are_busy_by_what_is_said_there_and_not_by_what_they_keep(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_chat(Config(rooms=RoomLimits(history=2))) as chat:
        recent = Recent(chat.server, Watchdog(0.1))
        ann = await chat.join("ann")
        await ann.types("/join #dev", *["hello"] * 5, "/room #lobby", "hello")
        await trio.sleep(STEP)

        assert await recent.busiest() == [
            {"room": "#dev", "per_second": 5 / STEP, "people": 1},
            {"room": "#lobby", "per_second": 1 / STEP, "people": 1},
        ]


async def test_a_room_in_which_nobody_talks_any_more_is_not_busy(chat: Chat) -> None:
    recent = Recent(chat.server, Watchdog(0.1))
    ann = await chat.join("ann")
    await ann.types("hello")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recent.run)

        await trio.sleep(STEP + 1)
        assert [each["room"] for each in await recent.busiest()] == ["#lobby"]

        await trio.sleep(STEP)
        assert await recent.busiest() == []
        nursery.cancel_scope.cancel()


async def test_laggards_are_those_who_are_skipped_with_what_waits_and_was_skipped(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_chat(Config(outbox=OutboxLimits(soft=100, stall=1e6))) as chat:
        recent = Recent(chat.server, Watchdog(0.1))
        ann, bob = await chat.join("ann"), await chat.join("bob", window=10)
        assert await recent.laggards() == []

        await bob.stops_reading()
        for line in ("x" * 200, "skipped", "skipped too"):
            await ann.types(line)

        [bob_lags] = await recent.laggards()
        assert (bob_lags["nick"], bob_lags["skipped"]) == ("bob", 2)
        assert bob_lags["bytes"] >= 200

        await bob.reads_on()
        assert await recent.laggards() == []
