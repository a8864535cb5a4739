"""What holds on the server, and in rooms, is kept for the server that comes after it."""

import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import NoReturn

import attrs
import pytest
import trio
from trio.testing import MockClock

from tests.archives import KINDS, FaultyArchive, Lasting
from tests.test_accounts import PASSWORD, registers
from trioserve.archive.archives import Archive, MemoryArchive
from trioserve.archive.audited import Audited
from trioserve.archive.journal import HistorySettings
from trioserve.archive.rulebook import (
    BAN,
    MUTE,
    SERVER,
    GuestGone,
    GuestKept,
    RoomGone,
    RoomKept,
    Rulebook,
    SanctionGone,
    SanctionKept,
    rulebook,
)
from trioserve.configuration.config import Config
from trioserve.rooms.member import Member
from trioserve.rooms.moderation import INVITATION, Guest, Identity, Sanction
from trioserve.rooms.roomkeeping import RoomLimits
from trioserve.rulings import Deed, Moderated
from trioserve.sessions.services import SessionLimits
from trioserve.state import ledger
from trioserve.state.ledger import HELD, Ledger, Rows
from trioserve.state.sights import is_private
from trioserve.state.world import MAX_AUDIT
from trioserve.testing import Chat, Person, open_chat

PATIENCE = 10.0
HOST, ELSEWHERE = "192.0.2.1", "192.0.2.2"
BEGIN = 1_800_000_000  # seconds since 1970
UNHURRIED = Config(limits=SessionLimits(flood_control=False))


def now_ns() -> int:
    return BEGIN * 10**9 + int(trio.current_time() * 1e9)


@asynccontextmanager
async def started(archive: Archive) -> AsyncIterator[Chat]:
    """A server that goes on where the one before it ended, by one clock."""
    async with open_chat(UNHURRIED, archive=archive, now_ns=now_ns) as chat:
        yield chat


@pytest.fixture
def lasting(autojump_clock: MockClock) -> Lasting:
    """What outlives a server, for the next one, on a clock that jumps."""
    return Lasting()


async def typed(archive: Archive, nick: str, *lines: str) -> None:
    """Have somebody type on a server that ends then: an operator, if they are called op."""
    async with started(archive) as chat:
        person = await chat.join(nick, operator=nick == "op")
        await person.types(*lines)


# ------------------------------------------------------------ any archive


@pytest.fixture(params=KINDS)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Archive]:
    with closing(KINDS[request.param](tmp_path / "kept.db")) as made:
        yield made


def sanction(nick: str, reason: str = "", *, address: str | None = None) -> Sanction:
    return Sanction(Identity(nick, address), "op", reason)


async def test_sanctions_are_kept_in_their_order_with_their_ends(archive: Archive) -> None:
    endless = SanctionKept("#dev", BAN, sanction("Bob", address=HOST))
    ending = SanctionKept("#dev", MUTE, Sanction(Identity("bob"), "ann", "flooding", 17.25))
    server = SanctionKept(SERVER, BAN, sanction(HOST, "spam"))

    with trio.fail_after(PATIENCE):
        assert await archive.write([endless, server, ending]) == []

        assert (await archive.read(rulebook)).sanctions == [endless, server, ending]


async def test_a_sanction_takes_the_place_of_the_one_its_nick_had(archive: Archive) -> None:
    first, other, second = (
        SanctionKept("#dev", BAN, each)
        for each in (sanction("bob", "one"), sanction("carol"), sanction("BOB", "two"))
    )

    with trio.fail_after(PATIENCE):
        await archive.write([first, other, second])
        await archive.write([second])

        assert (await archive.read(rulebook)).sanctions == [other, second]


async def test_a_sanction_that_is_lifted_is_gone_and_no_other(archive: Archive) -> None:
    kept = [
        SanctionKept("#dev", BAN, sanction("bob")),
        SanctionKept("#dev", MUTE, sanction("bob")),
        SanctionKept("#ops", BAN, sanction("bob")),
    ]

    with trio.fail_after(PATIENCE):
        await archive.write([*kept, SanctionGone("#dev", BAN, "bob")])

        assert (await archive.read(rulebook)).sanctions == kept[1:]


async def test_of_the_audit_the_last_thousand_are_kept_once(archive: Archive) -> None:
    ruling = Moderated(Deed.BANNED, "#dev", "bob", "ann", "flooding", 12.5, 17.25, along="carol")
    audited = [Audited(number, ruling) for number in range(1, MAX_AUDIT + 10)]

    with trio.fail_after(PATIENCE):
        await archive.write(audited)
        await archive.write(audited[-5:])

        assert (await archive.read(rulebook)).audited == audited[-MAX_AUDIT:]


async def test_rooms_are_kept_with_all_that_one_row_holds_until_they_are_gone(
    archive: Archive,
) -> None:
    dev = RoomKept("#Dev", 7, "ann", 10.0, private=True, secluded=((3, 5), (8, math.inf)))
    ops = RoomKept("#ops", 8, until=17.5)

    with trio.fail_after(PATIENCE):
        await archive.write([dev, ops, dev])
        assert (await archive.read(rulebook)).rooms == [dev, ops]

        await archive.write([RoomGone("#dev"), RoomGone("#dev")])
        assert (await archive.read(rulebook)).rooms == [ops]


async def test_guests_are_kept_by_account_or_by_nick_and_address(archive: Archive) -> None:
    ann = GuestKept("#dev", Guest(Identity("Ann"), "ann", since=4))
    bob = GuestKept("#dev", Guest(Identity("Bob", HOST), until=17.5))

    with trio.fail_after(PATIENCE):
        await archive.write([ann, bob, bob])
        assert (await archive.read(rulebook)).guests == [ann, bob]

        await archive.write([GuestGone("#dev", "ann", "ann")])
        assert (await archive.read(rulebook)).guests == [bob]


# ------------------------------------------------------------ the server


async def test_banned_addresses_stay_banned_over_a_restart(lasting: Lasting) -> None:
    await typed(
        lasting, "op", f"/banip {HOST} 2d flooding", f"/banip {ELSEWHERE}", f"/unbanip {ELSEWHERE}"
    )
    async with started(lasting) as chat:
        refused = await chat.connect(host=HOST).sees_the_end()
        op = await chat.join("op", operator=True, host=ELSEWHERE)
        await op.types("/banips")

        assert refused == (
            "-- your address is banned from this server until 2027-01-17 08:00 UTC (flooding)\r\n"
        )
        assert await op.sees("banned") == (
            "-- 192.0.2.1 is banned by op until 2027-01-17 08:00: flooding"
        )
        await op.sees_nothing()


async def test_a_ban_that_has_ended_meanwhile_holds_nobody_and_is_kept_no_longer(
    lasting: Lasting,
) -> None:
    await typed(lasting, "op", f"/banip {HOST} 1h")
    await trio.sleep(3600)
    async with started(lasting) as chat:
        await chat.join("bob", host=HOST)
        op = await chat.join("op", operator=True)
        await op.types("/banips")

        await op.sees("-- no address is banned")
    assert (await lasting.read(rulebook)).sanctions == []


async def test_what_is_lifted_after_a_restart_is_gone_after_the_next(lasting: Lasting) -> None:
    for command in (f"/banip {HOST}", f"/unbanip {HOST}"):
        await typed(lasting, "op", command)
    async with started(lasting) as chat:
        await chat.join("bob", host=HOST)


async def test_the_audit_goes_on_over_a_restart(lasting: Lasting) -> None:
    for reason in ("one", "two"):
        await typed(lasting, "op", f"/banip {HOST} 1h {reason}", f"/unbanip {HOST}")
    async with started(lasting) as chat:
        op = await chat.join("op", operator=True)
        await op.types("/audit")

        for line in ("banned from the server by op", "no longer banned") * 2:
            await op.sees(f"192.0.2.1 is {line}")
        await op.sees_nothing()


async def test_a_ban_that_cannot_be_kept_holds_and_is_kept_once_that_can_be(
    autojump_clock: MockClock,
) -> None:
    archive = FaultyArchive(fault="no space")
    async with started(archive) as chat:
        op = await chat.join("op", operator=True)
        await op.types(f"/banip {HOST}")
        assert "banned" in await chat.connect(host=HOST).sees_the_end()
        archive.fault = ""
        await trio.sleep(60)

        kept = await archive.read(rulebook)
        assert [each.sanction.whom.nick for each in kept.sanctions] == [HOST]
        assert [each.ruling.nick for each in kept.audited] == [HOST]


async def test_what_was_lost_for_want_of_room_is_kept_once_the_disk_is_well_again(
    autojump_clock: MockClock,
) -> None:
    archive = FaultyArchive()
    config = attrs.evolve(UNHURRIED, history=HistorySettings(waiting=1000))
    async with open_chat(config, archive=archive, now_ns=now_ns) as chat:
        op = await chat.join("op", operator=True)
        await op.types("/join #dev", "/ban bob 1d", "/ban carol 1d", f"/banip {HOST}")
        await trio.sleep(60)
        archive.fault = "no space"
        await op.types(*["what fills the queue" for _ in range(10)])
        await op.types("/unban bob", "/ban dave 1d", f"/banip {ELSEWHERE}", "/slow 10s")
        archive.fault = ""
        await trio.sleep(60)

        kept = await archive.read(rulebook)
        nicks = [each.sanction.whom.nick for each in kept.sanctions]
        assert sorted(nicks) == [HOST, ELSEWHERE, "carol", "dave"]
        assert [each.pause for each in kept.rooms] == [10.0]


async def test_a_server_that_cannot_read_what_held_starts_and_says_so_in_the_log(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(FaultyArchive(unreadable="broken")) as chat:
        op = await chat.join("op", operator=True)
        await op.types("/banips", "/audit")

        await op.sees("-- no address is banned")
        await op.sees("-- nobody has been moderated")
    assert "what is kept cannot be read: broken" in caplog.text


async def test_a_crash_while_it_is_written_down_costs_nobody_the_chat(
    autojump_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with started(Lasting()) as chat:
        ann, op = await chat.join("ann"), await chat.join("op", operator=True)
        monkeypatch.setattr(Ledger, "write", lambda _: 1 / 0)
        await op.types(f"/banip {HOST}", "still here")

        await ann.sees("<op> still here")
        assert "what holds in rooms could not be kept" in caplog.text
        monkeypatch.undo()


async def test_as_many_bans_as_there_may_be_are_restored(lasting: Lasting) -> None:
    bans = [
        SanctionKept(SERVER, BAN, sanction(f"198.51.{n // 256}.{n % 256}")) for n in range(1000)
    ]
    await lasting.write(bans)

    async with started(lasting) as chat:
        assert len(chat.server.world.banned) == 1000


# ------------------------------------------------------------ a room's rules


async def test_bans_and_mutes_of_a_room_hold_over_a_restart_until_their_ends(
    lasting: Lasting,
) -> None:
    await typed(
        lasting,
        "ann",
        "/join #dev",
        "/ban bob 2d flooding",
        "/mute carol 1h",
        "/mute dave",
        "/unmute dave",
        "/slow 10s",
    )
    async with started(lasting) as chat:
        bob, carol, dave = [await chat.join(nick) for nick in ("bob", "carol", "dave")]
        await in_the_room(chat, "eve")  # whose it is then
        await bob.types("/join #dev")
        await dave.types("/join #dev")
        await carol.types("/join #dev", "hello")

        await bob.sees("-- you are banned from #dev until 2027-01-17 08:00 (flooding)")
        assert await carol.sees("muted") == (
            "-- you are muted in #dev until 09:00; you can still read, and talk elsewhere"
        )
        assert "muted" not in dave.unseen()
    await trio.sleep(3600)
    async with started(lasting) as chat:
        carol = await chat.join("carol")
        await carol.types("/join #dev", "/bans", "hello")

        assert await carol.sees("bob is banned")
        assert "muted" not in carol.unseen()


async def test_a_slow_room_is_slow_after_a_restart(lasting: Lasting) -> None:
    await typed(lasting, "ann", "/join #dev", "/slow 10s")
    async with started(lasting) as chat:
        _, bob = await in_the_room(chat, "ann", "bob")
        await bob.types("one", "two")

        await bob.sees("-- not said: #dev takes one line in 10s from each")


async def test_rules_of_the_first_room_are_kept_as_any_others(lasting: Lasting) -> None:
    await typed(lasting, "op", "/mute bob 1h flooding")
    async with started(lasting) as chat:
        bob = await chat.join("bob")
        await bob.types("hello", "/topic")

        await bob.sees("-- you are muted in #lobby until 09:00 (flooding)")
        await bob.sees("-- #lobby: Welcome!")
        assert chat.server.world.room("#lobby").owner is None


async def in_the_room(chat: Chat, *nicks: str) -> list[Person]:
    """People who have come into #dev, one after the other."""
    people = [await chat.join(nick) for nick in nicks]
    for each in people:
        await each.types("/join #dev")
    for each in people:
        each.unseen()
    return people


async def test_a_room_that_vanished_before_the_restart_does_not_come_back(lasting: Lasting) -> None:
    async with started(lasting) as chat:
        ann = await chat.join("ann")
        await ann.types("/join #dev", "/slow 10s", "/mute bob", "/private on", "/leave #dev")
        assert await lasting.read(rulebook) != Rulebook()
    book = await lasting.read(rulebook)
    assert (book.rooms, book.sanctions, book.guests) == ([], [], [])
    async with started(lasting) as chat:
        bob = await chat.join("bob")
        await bob.types("/join #dev", "hello", "/slow 5s")

        await bob.sees("-- #dev: 1 here: bob")
        await bob.sees("* bob")


async def test_a_deserted_room_keeps_its_bans_and_forgets_the_rest_over_a_restart_too(
    lasting: Lasting,
) -> None:
    await typed(
        lasting, "ann", "/join #dev", "/ban bob 2h", "/private on", "/slow 10s", "/leave #dev"
    )
    async with started(lasting) as chat:
        bob, carol = await chat.join("bob"), await chat.join("carol")
        await bob.types("/join #dev")
        await carol.types("/join #dev", "/unban bob")

        await bob.sees("-- you are banned from #dev until 10:00")
        await carol.sees("* bob is no longer banned from #dev, by carol")
        assert not is_private(chat.server.world.room("#dev"))


async def test_a_room_waits_a_day_for_its_people_and_no_longer(lasting: Lasting) -> None:
    await typed(lasting, "ann", "/join #dev", "/slow 10s")
    async with started(lasting) as chat:
        await trio.sleep(HELD / 2)
        assert "#dev" in chat.server.world.rooms
    async with started(lasting) as chat:  # which gives it no other day
        await trio.sleep(HELD / 2 - 120)
        assert "#dev" in chat.server.world.rooms
        await trio.sleep(240)
        assert "#dev" not in chat.server.world.rooms
    assert (await lasting.read(rulebook)).rooms == []


async def test_rooms_that_wait_for_their_people_keep_no_others_out(lasting: Lasting) -> None:
    await typed(lasting, "ann", "/join #dev", "/slow 10s")
    few = attrs.evolve(UNHURRIED, rooms=RoomLimits(most=2))
    async with open_chat(few, archive=lasting, now_ns=now_ns) as chat:
        bob = await chat.join("bob")
        await bob.types("/join #ops")

        await bob.sees("-- #ops: 1 here: bob")
        assert list(chat.server.world.rooms) == ["#lobby", "#ops"]


async def test_a_topic_is_back_when_the_first_one_comes(lasting: Lasting) -> None:
    await typed(lasting, "ann", "/join #dev", "/ban bob 1d", "/topic builds", "hello")
    async with started(lasting) as chat:
        carol = await chat.join("carol")
        await carol.types("/join #dev")

        await carol.sees("-- topic: builds")
        await carol.sees("<ann> hello")


# ------------------------------------------------------------ private rooms


async def test_a_private_room_stays_so_and_lets_in_who_was_there(lasting: Lasting) -> None:
    async with started(lasting) as chat:
        await private_room(chat)
    async with started(lasting) as chat:
        eve, ann = await chat.join("eve"), await chat.join("ann", host=HOST)
        other = await chat.join("carol", host=ELSEWHERE)  # a nick alone is no proof
        for each in (eve, other, ann):
            await each.types("/join #dev")
        await eve.types("/knock #dev")

        for each in (eve, other):
            await each.sees("-- #dev is private; /knock #dev asks to be let in")
        await ann.sees("-- #dev: 1 here: ann")
        assert "a secret" not in ann.unseen()  # nor is it one, for what was private
        await eve.sees("-- the owner of #dev hears you knock")


async def private_room(chat: Chat) -> list[Person]:
    """Ann and Carol are in #dev, which is private, and Dave is invited."""
    people = [await chat.join(nick, host=HOST) for nick in ("ann", "carol", "dave")]
    ann, carol, _ = people
    await ann.types("/join #dev")
    await carol.types("/join #dev")
    await ann.types("/private on", "a secret", "/topic secrets", "/invite dave")
    return people


async def test_an_invitation_holds_over_a_restart_until_it_lapses(lasting: Lasting) -> None:
    async with started(lasting) as chat:
        await private_room(chat)
    await trio.sleep(INVITATION / 2)
    async with started(lasting) as chat:
        dave = await chat.join("dave", host=HOST)
        await dave.types("/join #dev")
        await dave.sees("-- #dev: 1 here: dave")
    async with started(lasting) as chat:
        await trio.sleep(INVITATION / 2)
        carol = await chat.join("carol", host=HOST)
        await carol.types("/join #dev")
        await carol.sees("-- #dev: 1 here: carol")
        await (await chat.join("dave", host=HOST)).types("/join #dev")
        await carol.types("/leave #dev", "/join #dev")
        await carol.sees("-- #dev is private")


async def test_of_a_room_that_is_open_again_no_guests_are_kept(lasting: Lasting) -> None:
    async with started(lasting) as chat:
        ann, _, _ = await private_room(chat)
        await ann.types("/private off")
        await trio.sleep(60)

        book = await lasting.read(rulebook)
        assert [each.name for each in book.rooms] == ["#dev"]
        assert book.guests == []


async def test_an_order_has_the_room_that_it_names_compared_and_no_other(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []
    rows = Ledger._rows

    def noted(ledger: Ledger, name: str) -> Rows:
        compared.append(name)
        return rows(ledger, name)

    async with started(Lasting()) as chat:
        op = await chat.join("op", operator=True)
        await op.types("/join #ops", "/join #dev")
        monkeypatch.setattr(Ledger, "_rows", noted)
        await op.types("/slow 10s", "/wall hello", f"/banip {HOST}")
        monkeypatch.undo()

    assert compared == ["#dev", SERVER]


async def test_who_is_invited_is_found_without_a_look_at_everybody_who_is_here(
    lasting: Lasting,
) -> None:
    class Unseen(dict[str, Member]):
        def values(self) -> NoReturn:
            raise AssertionError("everybody was looked at")

    async with started(lasting) as chat:
        await private_room(chat)
        world, ledger = chat.server.world, Ledger(chat.server.world, lambda: BEGIN)
        everybody, world.members = world.members, Unseen(world.members)
        rows = ledger._rows("#dev")
        world.members = everybody

        guests = [each.guest for each in rows.values() if isinstance(each, GuestKept)]
        assert [each.whom.nick for each in guests] == ["dave", "ann", "carol"]


async def test_an_invitation_that_has_lapsed_meanwhile_lets_nobody_in(lasting: Lasting) -> None:
    async with started(lasting) as chat:
        await private_room(chat)
    await trio.sleep(INVITATION)
    async with started(lasting) as chat:
        dave = await chat.join("dave", host=HOST)
        await dave.types("/join #dev")

        await dave.sees("-- #dev is private")


async def test_who_left_a_private_room_or_was_thrown_out_stays_out(lasting: Lasting) -> None:
    async with started(lasting) as chat:
        ann, _, dave = await private_room(chat)
        await dave.types("/join #dev", "/leave #dev")
        await ann.types("/kick carol")
    async with started(lasting) as chat:
        for nick in ("carol", "dave"):
            person = await chat.join(nick, host=HOST)
            await person.types("/join #dev")
            await person.sees("-- #dev is private")


async def test_an_account_sees_again_what_was_private_while_it_was_there(lasting: Lasting) -> None:
    async with started(lasting) as chat:
        people = await private_room(chat)
        for each in people[1:]:
            await registers(each)
        await people[2].types("/join #dev")
        await people[0].types("hello dave")
    async with started(lasting) as chat:
        carol, dave = [await logs_in(chat, nick) for nick in ("carol", "dave")]
        for each in (carol, dave):
            await each.types("/topic", "/history")
        shown = carol.unseen()
        assert "a secret" in shown
        assert "secrets" in shown
        shown = dave.unseen()
        assert "a secret" not in shown
        assert "hello dave" in shown


async def logs_in(chat: Chat, nick: str) -> Person:
    """Somebody at another address, who shows by a password who they are, and is in their rooms."""
    person = await chat.join(f"{nick}2", host=ELSEWHERE)
    await person.types(f"/login {nick}")
    await person.types(PASSWORD)
    return person


# ------------------------------------------------------------ whose a room is


async def owned_room(archive: Archive) -> None:
    """Ann, who has an account, owned #dev when the server ended, and Bob was there."""
    async with started(archive) as chat:
        ann, _ = await in_the_room(chat, "ann", "bob")
        await registers(ann)


async def test_a_room_is_its_owners_again_who_logs_in_and_nobody_elses_before(
    lasting: Lasting,
) -> None:
    await owned_room(lasting)
    async with started(lasting) as chat:
        (bob,) = await in_the_room(chat, "bob")
        await bob.types("/topic mine", "/kick bob", "/retention 5")
        await bob.sees("-- /kick is for the room's owner")
        await bob.sees("-- only the owner of #dev and operators set that")
        ann = await logs_in(chat, "ann")

        await bob.sees("* ann owns #dev now")
        await ann.sees("* ann owns #dev now")
        await ann.types("/kick bob")
        await bob.sees("* bob was kicked from #dev by ann")


async def test_who_logs_in_when_they_are_there_already_has_the_room(lasting: Lasting) -> None:
    await owned_room(lasting)
    async with started(lasting) as chat:
        bob, ann = await in_the_room(chat, "bob", "anna")
        await ann.types("/login ann")
        await ann.types(PASSWORD)

        await bob.sees("owns #dev now")
        assert chat.server.world.room("#dev").owner is chat.server.world.member("ann")


async def test_who_takes_a_name_that_was_given_up_has_neither_its_rooms_nor_its_past(
    lasting: Lasting,
) -> None:
    async with started(lasting) as chat:
        ann, _ = await in_the_room(chat, "ann", "bob")
        await registers(ann)
        await ann.types("/private on", "a secret")
    async with started(lasting) as chat:
        op = await chat.join("op", operator=True)
        await op.types("/join #dev")  # or it would vanish with her
        await op.types("/ban ann")  # or she would be there, and it hers
        ann = await logs_in(chat, "ann")
        await ann.types("/unregister")
        await ann.types(PASSWORD)
        await ann.sees("is kept no more")
        await op.sees("* op owns #dev now")
        await ann.types("/quit")
        await op.types("/unban ann", "/private off")
        ann = await chat.join("ann", host=ELSEWHERE)
        await registers(ann)
        await ann.types("/join #dev", "/history")
        await ann.sees("-- nothing has been said in #dev yet")
        assert "ann owns" not in op.unseen()


async def test_a_room_that_others_come_to_and_leave_waits_for_its_owner(lasting: Lasting) -> None:
    await owned_room(lasting)
    for _ in range(2):
        async with started(lasting) as chat:
            (bob,) = await in_the_room(chat, "bob")
            await bob.types("/leave #dev", "/join #dev", "/kick bob")
            await bob.sees("-- /kick is for the room's owner")


async def test_a_room_passes_to_the_longest_present_when_its_owner_stays_away(
    lasting: Lasting,
) -> None:
    await owned_room(lasting)
    async with started(lasting) as chat:
        bob, _ = await in_the_room(chat, "bob", "carol")
        await trio.sleep(HELD + 120)

        await bob.sees("* bob owns #dev now")
        ann = await logs_in(chat, "ann")
        await ann.types("/giveroom bob")
        await ann.sees("-- /giveroom is for the room's owner")


async def test_an_operator_gives_away_a_room_that_waits_for_its_owner(lasting: Lasting) -> None:
    await owned_room(lasting)
    async with started(lasting) as chat:
        (bob,) = await in_the_room(chat, "bob")
        op = await chat.join("op", operator=True)
        await op.types("/join #dev", "/giveroom bob")

        await bob.sees("* op gave #dev to bob")
        ann = await logs_in(chat, "ann")
        assert "owns" not in ann.unseen()


async def test_a_guest_has_no_proof_and_the_first_to_come_has_the_room(lasting: Lasting) -> None:
    async with started(lasting) as chat:
        await in_the_room(chat, "ann", "bob")
    async with started(lasting) as chat:
        bob, ann = await in_the_room(chat, "bob", "ann")
        await bob.types("/kick ann")

        await ann.sees("* ann was kicked from #dev by bob")


async def test_what_has_no_owner_with_an_account_and_no_rules_costs_the_disk_nothing(
    lasting: Lasting,
) -> None:
    async with started(lasting) as chat:
        ann, _ = await in_the_room(chat, "ann", "bob")
        await ann.types("/slow 10s", "/slow 0s", "/leave #dev")

    assert attrs.evolve(await lasting.read(rulebook), audited=[]) == Rulebook([], [], [], [])


async def test_who_comes_into_a_private_room_costs_a_row_however_many_are_there(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with started(MemoryArchive(keeps_talk=True)) as chat:
        people = [await chat.join(f"p{number}") for number in range(20)]
        for each in people:
            await each.types("/join #den")
        await people[0].types("/private on")
        made: list[str] = []

        def count(room: str, guest: Guest) -> GuestKept:
            made.append(guest.whom.nick)
            return GuestKept(room, guest)

        monkeypatch.setattr(ledger, "GuestKept", count)
        ann = await chat.join("ann")
        await people[0].types("/invite ann")
        await ann.types("/join #den")
        await ann.sees("-- #den: 21 here")
        await people[1].types("/nick q1", "/leave #den")

        # Invited, come, and another by name.
        assert made == ["ann", "ann", "q1"]
