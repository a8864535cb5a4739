"""Accounts that are given up: all of it, whatever happens meanwhile."""

from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock

from tests.archives import FaultyArchive, Lasting
from tests.test_accounts import PASSWORD, QUICK, kept, leaves, logs_in, registers
from tests.test_exporting import exports, forgets, owner_who_said, said
from trioserve.archive.archives import Unwritable
from trioserve.archive.belongings import PORTION
from trioserve.archive.private import copies
from trioserve.archive.records import Record, Talk
from trioserve.messages import Said, Told
from trioserve.testing import Chat, Person, open_chat

SECOND = 1.0
MANY = 3 * PORTION


class Watched(Lasting):
    """An archive that notes how much each writing changes, and may take its time for it."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[int] = []
        self.pause = 0.0

    async def write(self, records: Sequence[Record]) -> Unwritable:
        await trio.sleep(self.pause)
        before = await self.count("SELECT total_changes()")
        unwritable = await super().write(records)
        self.changes.append(await self.count("SELECT total_changes()") - before)
        return unwritable

    async def count(self, sql: str = "SELECT count(*) FROM messages") -> int:
        found: int = await self.read(lambda each: each.execute(sql).fetchone()[0])
        return found


async def talkative(chat: Chat, archive: Lasting, nick: str = "ann") -> Person:
    """Somebody who has an account, and under it said much."""
    person = await chat.join(nick)
    await registers(person)
    talk = [Talk(Said(number, "#dev", nick, "tea", nick)) for number in range(1, MANY + 1)]
    await archive.write(talk)
    for number in range(MANY):
        await archive.write(copies(Told(number, nick, "eve", "tea"), nick, ""))
    return person


@pytest.mark.parametrize("command", ["/forget", "/unregister"])
async def test_nobody_waits_for_more_than_a_portion_of_it(
    autojump_clock: MockClock, command: str
) -> None:
    archive = Watched()
    async with open_chat(QUICK, archive=archive) as chat:
        ann = await talkative(chat, archive)
        archive.changes.clear()

        await logs_in(ann, command=command)
        await trio.sleep(60)

        await ann.sees("of ann is forgotten" if command == "/forget" else "ann is kept no more")
        assert len(archive.changes) > 6
        # Each row in a table, and in an index of words what FTS5 makes of it.
        assert max(archive.changes) < 20 * PORTION


@pytest.mark.parametrize("how", ["vanishes", "hangs_up", "cancels"])
async def test_it_goes_on_to_its_end_without_who_asked_for_it(
    autojump_clock: MockClock, how: str
) -> None:
    archive = Watched()
    async with open_chat(QUICK, archive=archive) as chat:
        ann = await talkative(chat, archive)
        archive.pause = 3.0  # longer, in all, than a command has when its caller has gone
        await forgets(ann)
        await trio.sleep(4.0)
        if how == "cancels":
            await ann.types("/cancel")
            await ann.sees("-- you do not wait for it any longer, and it goes on")
            await ann.sees("-- /forget is cancelled")
            await leaves(ann)
        else:
            await getattr(ann, how)()

        await trio.sleep(120)

        assert await archive.count() == 0
        assert await archive.count("SELECT count(*) FROM private_messages") == 0
        assert await archive.count("SELECT count(*) FROM farewells") == 0
        await registers(await chat.join("ann"))


@pytest.mark.parametrize("command", ["/forget", "/unregister"])
async def test_the_next_server_goes_on_with_it_and_nobody_has_the_name_until_then(
    autojump_clock: MockClock, command: str
) -> None:
    archive = Watched()
    async with open_chat(QUICK, archive=archive) as chat:
        ann = await talkative(chat, archive)
        archive.pause = 2.0
        await logs_in(ann, command=command)
        await trio.sleep(5.0)
    whose = "SELECT count(*) FROM messages WHERE account = 'ann'"
    assert await archive.count(whose) > 0
    async with open_chat(QUICK, archive=archive) as chat:
        ann = await chat.join("ann")
        await ann.types("/register")
        await ann.sees("-- the name ann is somebody's already")
        await ann.types("/login")
        await ann.types(PASSWORD)
        await ann.sees("-- the name ann is nobody's any more")

        await trio.sleep(120)

        assert await archive.count(whose) == 0
        assert await archive.count() == (0 if command == "/forget" else MANY)
        await registers(ann)
        assert said(await exports(ann)) == []


async def test_what_is_held_up_is_done_when_that_can_be_and_told(
    autojump_clock: MockClock,
) -> None:
    archive = FaultyArchive()
    async with open_chat(QUICK, archive=archive) as chat:
        ann = await owner_who_said(chat, "hello")
        await forgets(ann)
        archive.unreadable = "broken"
        await trio.sleep(20)

        await ann.sees("-- the server cannot read that at the moment; try again later")
        await ann.sees("-- it is noted, and done as soon as that can be")
        await ann.types("/register")
        await ann.sees("-- the name ann is somebody's already")
        archive.unreadable = ""
        await trio.sleep(60)
        await registers(ann)
        assert said(await exports(ann)) == []


async def test_nothing_is_left_for_who_is_about_to_be_forgotten(autojump_clock: MockClock) -> None:
    archive = Watched()
    async with open_chat(QUICK, archive=archive) as chat:
        await kept(chat, "eve")
        ann, bob = await talkative(chat, archive), await chat.join("bob")
        archive.pause = 1.0
        await forgets(ann)
        await trio.sleep(3.0)
        await leaves(ann)

        await bob.types("/msg ann hello")

        await bob.sees("-- there is no ann here")


async def test_a_room_that_begins_anew_meanwhile_holds_none_of_it(
    autojump_clock: MockClock,
) -> None:
    archive = Watched()
    async with open_chat(QUICK, archive=archive) as chat:
        ann, bob = await talkative(chat, archive), await chat.join("bob")
        archive.pause = 1.0
        await forgets(ann)
        await trio.sleep(2.5)
        await bob.types("/join #dev")
        await bob.sees("-- #dev: 1 here")
        await trio.sleep(120)
        carol = await chat.join("carol")

        await carol.types("/join #dev", "/history")

        await carol.sees("-- nothing has been said in #dev yet")
