"""Who does not read, and who makes others pay for it."""

import pytest
import trio

from tests.attacks.siege import PATIENCE, Siege, bystanders, open_siege

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LINE = b"a line of some sixty bytes, such as people say when they chat.\n"
SMALL = 4096  # bytes of a receive buffer


async def flood(siege: Siege, nick: str, lines: int = 200) -> None:
    """Talk as fast as one is let, and never read."""
    attacker = await siege.enter(nick, buffer=SMALL)
    await attacker.send_as_far_as_it_goes(LINE * lines, seconds=3)
    attacker.reset()


async def test_a_stuck_reader_in_a_busy_room(siege: Siege) -> None:
    async with bystanders(siege), trio.open_nursery() as nursery:
        await siege.enter("stuck", buffer=SMALL)
        for number in range(10):
            nursery.start_soon(flood, siege, f"busy{number}")
        await trio.sleep(3)


async def test_everybody_floods_and_nobody_reads(siege: Siege) -> None:
    async with bystanders(siege), trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(flood, siege, f"flood{number}")


async def test_private_messages_poured_at_a_stuck_reader(siege: Siege) -> None:
    async with bystanders(siege):
        await siege.enter("stuck", buffer=SMALL)
        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(pour, siege, f"pour{number}")


async def pour(siege: Siege, nick: str) -> None:
    attacker = await siege.enter(nick)
    line = b"/msg stuck " + b"x" * 900 + b"\n"
    await attacker.send_as_far_as_it_goes(line * 100, seconds=3)
    attacker.reset()


async def test_answers_that_nobody_reads(siege: Siege) -> None:
    async with bystanders(siege):
        attacker = await siege.enter("asker", buffer=SMALL)
        await attacker.send_as_far_as_it_goes(b"/help\n" * 5000, seconds=3)
        attacker.reset()


async def test_half_the_room_is_reset_in_the_middle_of_a_broadcast(siege: Siege) -> None:
    async with bystanders(siege):
        crowd = [await siege.enter(f"crowd{number}", buffer=SMALL) for number in range(60)]
        talker = await siege.enter("talker")
        await talker.send(LINE * 8)
        for each in crowd[::2]:
            each.reset()
        await talker.sees(b" left #lobby")  # all in one line


async def test_a_reader_at_a_kilobyte_a_second_is_not_cut() -> None:
    with open_siege("--config", "/dev/null") as siege:
        async with bystanders(siege), trio.open_nursery() as nursery:
            slow = await siege.enter("slow", buffer=2304)
            for number in range(4):
                nursery.start_soon(flood, siege, f"busy{number}", 60)
            with trio.move_on_after(12):
                while True:
                    assert await slow.stream.receive_some(512), "it was cut"
                    await trio.sleep(0.5)
            # What it was not shown it is told of, once it reads what waits.
            with trio.fail_after(PATIENCE):
                await slow.send(b"/missed\n")
