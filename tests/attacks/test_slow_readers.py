"""Who does not read, and who makes others pay for it."""

from pathlib import Path

import pytest
import trio

from tests.attacks.siege import Siege, bystanders, configured, open_siege

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LINE = b"a line of some sixty bytes, such as people say when they chat.\n"
SMALL = 4096  # bytes of a receive buffer


async def flood(siege: Siege, nick: str, seconds: float = 3) -> None:
    """Talk as fast as one is let, and never read."""
    attacker = await siege.enter(nick, buffer=SMALL)
    await attacker.send_as_far_as_it_goes(LINE * 20_000, seconds)
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


async def test_half_the_room_is_reset_in_the_middle_of_a_broadcast(tmp_path: Path) -> None:
    # Who has come and gone again before anybody was told of them is told of by nobody.
    with open_siege(*configured(tmp_path, "rooms.fold_every = 0.5\n")) as siege:
        async with bystanders(siege):
            crowd = [await siege.enter(f"crowd{number}", buffer=SMALL) for number in range(60)]
            talker = await siege.enter("talker")
            await trio.sleep(1.2)  # until all of them are told of
            await talker.send(LINE * 8)
            for each in crowd[::2]:
                each.reset()
            await talker.sees(b" left (connection lost)")


async def test_half_open_peers_are_gone_as_soon_as_anything_is_sent_to_them(siege: Siege) -> None:
    async with bystanders(siege):
        crowd = [await siege.enter(f"crowd{number}") for number in range(30)]
        for each in crowd:
            each.vanish()
        await trio.sleep(1)
        await siege.enter("crowd0")


async def test_those_who_are_lost_by_hundreds_are_kept_within_the_bound(tmp_path: Path) -> None:
    with open_siege(*configured(tmp_path, keep=60)) as siege:
        async with bystanders(siege):
            for number in range(300):
                (await siege.enter(f"lost{number}")).reset()
            sender = await siege.enter("sender")
            await sender.send(b"".join(b"/msg lost%d %b" % (n, LINE) for n in range(60)))
            await sender.sees(b"lost7 ")


async def test_a_reader_at_a_kilobyte_a_second_is_not_cut(tmp_path: Path) -> None:
    # At four times the speed, with a quarter of the time after which one is cut: what of a
    # line's time the kernel takes, until it wants more, is its buffer over the line's speed.
    settings = "outbox = { stall = 15.0, soft = 8192 }\n"
    with open_siege(*configured(tmp_path, settings)) as siege:
        async with bystanders(siege), trio.open_nursery() as nursery:
            slow = await siege.enter("slow", buffer=2304)
            for number in range(12):
                nursery.start_soon(flood, siege, f"busy{number}", 8)
            with trio.move_on_after(22):
                while True:
                    data = await slow.stream.receive_some(1024)
                    assert data, "it was cut"
                    slow.received += data
                    await trio.sleep(0.25)
            # What it was not shown it is told of, once it reads what waits.
            await slow.sees(b" skipped in #lobby; /missed to read ")
