"""What was taken out is in no file any more: not in the index of words, nor in the log."""

import sqlite3
from functools import partial
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tests.archives import FaultyArchive, Lasting
from tests.test_accounts import QUICK
from tests.test_exporting import forgets, owner_who_said
from trioserve.archive.archives import Archive
from trioserve.archive.belongings import PORTION
from trioserve.archive.database import Database
from trioserve.archive.index import INDEXES, Index
from trioserve.archive.leftovers import is_unshredded
from trioserve.archive.personal import PERSONAL
from trioserve.archive.private import copies
from trioserve.archive.pruning import EVERY
from trioserve.archive.records import AccountKept, Record, Talk
from trioserve.archive.retention import Bounds
from trioserve.archive.shredding import IN_TIME, RETRY
from trioserve.messages import Said, Told
from trioserve.testing import open_chat

SECOND = 1.0
SECRET = b"xylophone"


def talk(first: int, count: int, text: str, account: str = "") -> list[Record]:
    return [
        Talk(Said(number, "#dev", account or "bob", f"{text} {number % 97} tea", account))
        for number in range(first, first + count)
    ]


def forget(database: Database, account: str = "ann") -> None:
    for kind in PERSONAL:
        while kind.removal and (record := database.read(kind.removal(account))) is not None:
            assert database.write([record]) == []


def held_in(path: Path) -> int:
    """How often the secret is in the files of a database."""
    files = [path, Path(f"{path}-wal"), Path(f"{path}-shm")]
    return sum(each.read_bytes().lower().count(SECRET) for each in files if each.exists())


def shred(database: Database) -> int:
    """Do all of it; return in how many pieces."""
    pieces, anew = 1, True
    while not database.shred(anew=anew):
        pieces, anew = pieces + 1, False
    return pieces


def sound(connection: sqlite3.Connection, index: Index) -> None:
    """Raises sqlite3.DatabaseError unless an index holds just what its table does."""
    connection.execute(index.command("integrity-check", 1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept.db"


def test_no_file_holds_a_word_that_was_forgotten(path: Path) -> None:
    database = Database(path)
    database.write([AccountKept("ann", "x"), AccountKept("bob", "x")])
    secret = SECRET.decode()
    for first in range(1, 6 * PORTION, 100):  # in many pieces, as FTS5 has them
        database.write(talk(first, 50, "green", "bob") + talk(first + 50, 50, secret, "ann"))
    for number in range(300):
        told = Told(number, "ann", "bob", f"{secret} again")
        database.write(copies(told, "ann", "bob"))
    forget(database)
    assert held_in(path) > 0

    assert shred(database) > 2

    assert held_in(path) == 0
    for index in INDEXES:
        database.read(partial(sound, index=index))
    assert database.read(
        lambda each: each.execute("SELECT count(*) FROM found WHERE found MATCH 'green'").fetchone()
    ) == (3 * PORTION,)
    database.close()


def test_what_comes_while_it_is_done_is_found_and_hinders_nothing(path: Path) -> None:
    database = Database(path)
    database.write(talk(1, 5000, SECRET.decode(), "ann"))
    forget(database)

    anew, last = True, 10_000
    while not database.shred(anew=anew):
        anew, last = False, last + 10
        database.write(talk(last, 10, "green"))

    assert held_in(path) == 0
    database.read(lambda each: each.execute("INSERT INTO found (found) VALUES ('integrity-check')"))
    database.close()


def test_the_log_is_emptied_once_nobody_reads_from_it(path: Path) -> None:
    database, reader = Database(path), sqlite3.connect(path, isolation_level=None)
    database.write(talk(1, 10, SECRET.decode(), "ann"))
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM messages").fetchone()
    forget(database)
    anew = True
    for _ in range(5):
        assert not database.shred(anew=anew)
        anew = False
    assert held_in(path) > 0

    reader.execute("COMMIT")
    shred(database)

    assert held_in(path) == 0
    reader.close()
    database.close()


# ------------------------------------------------------------- who sees to it


async def held(archive: Archive) -> bool:
    """Whether the index of words holds the secret."""
    sql = "SELECT count(*) FROM found_data WHERE instr(block, ?)"
    found: tuple[int] = await archive.read(lambda each: each.execute(sql, (SECRET,)).fetchone())
    return found[0] > 0


async def test_within_seconds_of_forgetting_no_index_holds_a_word_of_it(
    autojump_clock: MockClock,
) -> None:
    archive = Lasting()
    async with open_chat(QUICK, archive=archive) as chat:
        ann = await owner_who_said(chat, SECRET.decode(), "/topic tea")
        assert await held(archive)

        await forgets(ann)
        await trio.sleep(10 * SECOND)

        assert not await held(archive)
        assert not await archive.read(is_unshredded)


async def test_the_next_server_goes_on_with_it(autojump_clock: MockClock) -> None:
    class Stuck(Lasting):
        """An archive that gets nowhere."""

        is_stuck = True

        async def shred(self, *, anew: bool) -> bool:
            if not self.is_stuck:
                return await super().shred(anew=anew)
            await trio.lowlevel.checkpoint()
            return False

    archive = Stuck()
    async with open_chat(QUICK, archive=archive) as chat:
        ann = await owner_who_said(chat, SECRET.decode())
        await forgets(ann)
        await trio.sleep(10 * SECOND)
    assert await held(archive)
    archive.is_stuck = False
    async with open_chat(QUICK, archive=archive):
        await trio.sleep(10 * SECOND)

        assert not await held(archive)


async def test_what_is_kept_no_longer_is_in_no_index_within_a_day(
    autojump_clock: MockClock,
) -> None:
    archive = Lasting()
    async with open_chat(QUICK, archive=archive) as chat:
        ann = await chat.join("ann")
        await ann.types(SECRET.decode(), "tea", "tea")
        chat.server.retention.bounds = Bounds(most=1)
        await trio.sleep(2 * EVERY)
        assert await held(archive)

        await trio.sleep(IN_TIME)

        assert not await held(archive)


async def test_what_fails_is_tried_again(autojump_clock: MockClock) -> None:
    archive = FaultyArchive()
    async with open_chat(QUICK, archive=archive) as chat:
        ann = await owner_who_said(chat, SECRET.decode())
        await forgets(ann)
        await ann.sees("of ann is forgotten")
        archive.fault = "no space"
        await trio.sleep(10 * SECOND)
        archive.fault = ""
        await trio.sleep(2 * RETRY)

        assert not await held(archive)
