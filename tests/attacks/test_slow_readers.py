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
    # Who has come and gone again before they were told of, together with others, is not told of.
    with open_siege(*configured(tmp_path, "rooms.fold_after = 1000\n")) as siege:
        async with bystanders(siege):
            crowd = [await siege.enter(f"crowd{number}", buffer=SMALL) for number in range(60)]
            talker = await siege.enter("talker")
            await talker.send(LINE * 8)
            for each in crowd[::2]:
                each.reset()
            await talker.sees(b" left (connection lost)")


@pytest.mark.parametrize("is_quiet", [True, False], ids=["quiet", "busy"])
async def test_half_open_peers_are_given_up(tmp_path: Path, is_quiet: bool) -> None:
    """By unanswered probes where nobody speaks, and by what stays unacknowledged."""
    settings = "tcp = { user_timeout = 2.0, keepalive_idle = 1, keepalive_interval = 1 }\n"
    with open_siege(*configured(tmp_path, settings)) as siege:
        async with bystanders(siege):
            crowd = [await siege.enter(f"crowd{number}") for number in range(30)]
            if is_quiet:  # where the bystanders are not
                for number, each in enumerate(crowd):
                    await each.send(f"/join #q{number}\n/leave #lobby\n".encode())
                    await each.sees(b"you have left #lobby")
            for each in crowd:
                each.vanish()
            for number in range(30):
                await siege.frees(f"crowd{number}")


async def test_those_who_are_lost_by_hundreds_are_kept_within_the_bound(tmp_path: Path) -> None:
    with open_siege(*configured(tmp_path, keep=60)) as siege:
        async with bystanders(siege):
            for number in range(300):
                (await siege.enter(f"lost{number}")).reset()
            sender = await siege.enter("sender")
            await sender.send(b"".join(b"/msg lost%d %b" % (n, LINE) for n in range(60)))
            await sender.sees(b"lost7 ")


async def test_a_reader_at_a_kilobyte_a_second_is_not_cut(siege: Siege) -> None:
    # As long as a minute, after which one is cut of whom the kernel takes nothing: it wants more
    # only when much of its buffer is free.
    async with bystanders(siege), trio.open_nursery() as nursery:
        slow = await siege.enter("slow", buffer=2304)
        for number in range(12):
            nursery.start_soon(flood, siege, f"busy{number}", 20)
        with trio.move_on_after(75):
            while True:
                data = await slow.stream.receive_some(256)
                assert data, "it was cut"
                slow.received += data
                await trio.sleep(len(data) / 1024)
        # What it was not shown it is told of, once it reads what waits.
        await slow.sees(b" skipped in #lobby; /missed to read ")
