"""What holds of every archive, and of a database in a file."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import trio

from tests.archives import KINDS, said
from trioserve.archive.archives import READERS, Archive, DiskArchive
from trioserve.archive.database import Database
from trioserve.archive.directory import Directory, default_directory
from trioserve.archive.history import Span, last_id, talk
from trioserve.archive.migrations import STEPS
from trioserve.archive.private import copies
from trioserve.archive.records import AccountKept, Talk
from trioserve.archive.whereabouts import Placed
from trioserve.errors import ArchiveError
from trioserve.messages import Acted, Announced, Message, Said, Told, TopicSet
from trioserve.rooms.whereabouts import Whereabouts

PATIENCE = 10.0


@pytest.fixture(params=KINDS)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Archive]:
    with closing(KINDS[request.param](tmp_path / "kept.db")) as made:
        yield made


# ------------------------------------------------------------ any archive


async def test_nothing_is_in_a_new_one(archive: Archive) -> None:
    with trio.fail_after(PATIENCE):
        assert await archive.read(last_id) == 0
        assert await archive.read(talk(Span("#lobby", 10))) == []


async def test_what_is_written_can_be_read_in_the_order_of_its_ids(archive: Archive) -> None:
    events: list[Message | TopicSet] = [
        Said(1, "#lobby", "ann", "hello"),
        Acted(2, "#lobby", "bob", "waves"),
        TopicSet("#lobby", "ann", "tea", 3),
        Announced(4, "#lobby", "ann", "ann rolled 6"),
    ]

    with trio.fail_after(PATIENCE):
        assert await archive.write([Talk(each) for each in events]) == []

        assert await archive.read(talk(Span("#lobby", 10))) == events
        assert await archive.read(last_id) == 4


async def test_private_messages_have_ids_that_are_not_given_again(archive: Archive) -> None:
    kept = [AccountKept("ann", "x"), AccountKept("bob", "x")]
    told = [Told(9, "bob", "ann", "hello"), Told(7, "bob", "ann", "again")]

    with trio.fail_after(PATIENCE):
        await archive.write([*kept, said(1)])
        await archive.write([each for one in told for each in copies(one, "bob", "ann")])

        assert await archive.read(last_id) == 9


async def test_when_somebody_left_is_never_later_than_what_is_said_next(archive: Archive) -> None:
    with trio.fail_after(PATIENCE):
        await archive.write([AccountKept("ann", "x"), said(1)])
        await archive.write([Placed("ann", Whereabouts((), "", 12, ()))])

        assert await archive.read(last_id) == 12


async def test_what_is_written_twice_is_there_once(archive: Archive) -> None:
    with trio.fail_after(PATIENCE):
        await archive.write([said(1), said(2)])
        await archive.write([said(1), said(2), said(3)])

        assert [each.id for each in await archive.read(talk(Span("#lobby", 10)))] == [1, 2, 3]


async def test_only_the_last_that_are_asked_for_are_read(archive: Archive) -> None:
    with trio.fail_after(PATIENCE):
        await archive.write([said(number) for number in range(1, 10)])

        found = await archive.read(talk(Span("#lobby", 2, after=3, before=8)))

    assert [each.id for each in found] == [6, 7]


async def test_a_room_is_known_by_any_case_and_no_other_is_shown(archive: Archive) -> None:
    with trio.fail_after(PATIENCE):
        await archive.write([said(1, room="#Dev"), said(2, room="#lobby")])

        assert [each.id for each in await archive.read(talk(Span("#dev", 10)))] == [1]


async def test_what_was_private_is_read_in_that_very_room_alone(archive: Archive) -> None:
    with trio.fail_after(PATIENCE):
        await archive.write([said(1), said(2, private=7)])

        assert [each.id for each in await archive.read(talk(Span("#lobby", 10)))] == [1]
        again = await archive.read(talk(Span("#lobby", 10, private=8)))
        assert [each.id for each in again] == [1]
        within = await archive.read(talk(Span("#lobby", 10, private=7)))
        assert [each.id for each in within] == [1, 2]


async def test_a_record_that_can_never_be_written_costs_the_others_nothing(
    archive: Archive,
) -> None:
    broken = said(2, "half of \ud800 a character")

    with trio.fail_after(PATIENCE):
        [(record, fault)] = await archive.write([said(1), broken, said(3)])

        assert record is broken
        assert isinstance(fault, UnicodeEncodeError)
        assert [each.id for each in await archive.read(talk(Span("#lobby", 10)))] == [1, 3]


# ------------------------------------------------------- one in a file


async def test_what_is_written_is_there_for_the_next_server(tmp_path: Path) -> None:
    with trio.fail_after(PATIENCE):
        first = DiskArchive(tmp_path / "kept.db")
        await first.write([said(1)])
        first.close()
        second = DiskArchive(tmp_path / "kept.db")

        assert await second.read(last_id) == 1
        second.close()


COUNT = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n{}) SELECT max(x) FROM n"
ENDLESS, LONG = COUNT.format(""), COUNT.format(" LIMIT 300000")


async def test_who_reads_long_holds_up_nobody_else(tmp_path: Path) -> None:
    archive = DiskArchive(tmp_path / "kept.db")
    begun, done = threading.Semaphore(0), threading.Event()

    def slow(connection: sqlite3.Connection) -> bool:
        begun.release()
        return done.wait(PATIENCE)

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            for _ in range(READERS - 1):
                nursery.start_soon(archive.read, slow)
            for _ in range(READERS - 1):
                await trio.to_thread.run_sync(begun.acquire, True, PATIENCE)

            assert await archive.read(last_id) == 0
            done.set()
    archive.close()


async def test_a_reading_that_is_cancelled_is_broken_off_and_no_other(tmp_path: Path) -> None:
    archive = DiskArchive(tmp_path / "kept.db")
    found: list[int] = []

    async def read_all_of_it() -> None:
        found.append(await archive.read(lambda each: each.execute(LONG).fetchone()[0]))

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_all_of_it)
            for _ in range(3 * READERS):  # each of which would hold one for ever
                with trio.move_on_after(0.02) as scope:
                    await archive.read(lambda each: each.execute(ENDLESS).fetchone())
                assert scope.cancelled_caught
        for _ in range(READERS):
            await read_all_of_it()

    assert found == [300_000] * (READERS + 1)
    archive.close()


@pytest.mark.parametrize(
    ("pragma", "trouble"),
    [("max_page_count = 8", "full"), ("query_only = 1", "attempt to write a readonly database")],
)
def test_a_disk_that_is_full_or_read_only_is_told_of_and_keeps_what_was_there(
    tmp_path: Path, pragma: str, trouble: str
) -> None:
    database = Database(tmp_path / "kept.db")
    database.write([said(1)])
    database.read(lambda connection: connection.execute(f"PRAGMA {pragma}").fetchone())

    with pytest.raises(ArchiveError, match=trouble):
        database.write([said(number, "x" * 1000) for number in range(2, 100)])

    assert [each.id for each in database.read(talk(Span("#lobby", 100)))] == [1]
    database.close()


@pytest.mark.parametrize("taken", range(len(STEPS) + 1))
def test_a_file_of_any_older_schema_is_brought_on(tmp_path: Path, taken: int) -> None:
    Database(tmp_path / "kept.db", steps=STEPS[:taken]).close()

    database = Database(tmp_path / "kept.db")
    database.write([said(1)])

    assert database.read(last_id) == 1
    database.close()


def test_a_newer_schema_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    Database(path, steps=[*STEPS, ["CREATE TABLE later (id INTEGER)"]]).close()
    before = path.read_bytes()

    with pytest.raises(ArchiveError, match="is of a newer trioserve"):
        Database(path)

    assert path.read_bytes() == before


def test_a_step_is_taken_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"

    with pytest.raises(ArchiveError):
        Database(path, steps=[*STEPS, ["CREATE TABLE half (id INTEGER)", "CREATE nonsense"]])

    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'half'").fetchall()
    connection.close()


def test_a_file_that_is_no_database_is_told_of_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    path.write_bytes(b"something else entirely" * 100)

    with pytest.raises(ArchiveError, match="file is not a database") as caught:
        Database(path)

    assert "\n" not in str(caught.value)


# ------------------------------------------------------- its directory


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"STATE_DIRECTORY": "/a:/b", "XDG_DATA_HOME": "/c"}, "/a"),
        ({"XDG_DATA_HOME": "/c"}, "/c/trioserve"),
    ],
)
def test_the_default_directory_is_the_platforms(environment: dict[str, str], expected: str) -> None:
    assert default_directory(environment) == Path(expected)


def test_a_new_directory_is_its_owners_alone(tmp_path: Path) -> None:
    Directory.open(tmp_path / "deep" / "inside").close()

    assert (tmp_path / "deep" / "inside").stat().st_mode & 0o777 == 0o700


async def _opened_and_closed(directory: Directory) -> None:
    await trio.lowlevel.checkpoint()
    directory.archive().close()


def test_what_is_kept_is_its_owners_alone_in_any_directory(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    directory = Directory.open(tmp_path)
    trio.run(_opened_and_closed, directory)
    database = Database(tmp_path / "trioserve.db")
    database.write([said(1)])

    modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.glob("trioserve.db*")}

    assert set(modes.values()) == {0o600}, modes
    database.close()
    directory.close()


def test_two_servers_do_not_keep_their_data_in_one_place(tmp_path: Path) -> None:
    first = Directory.open(tmp_path)

    with pytest.raises(ArchiveError, match=r"is in use by process [0-9]+: end that"):
        Directory.open(tmp_path)
    first.close()

    Directory.open(tmp_path).close()


def test_a_directory_that_cannot_be_made_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ArchiveError, match=r"cannot keep anything in .*/file/inside"):
        Directory.open(tmp_path / "file" / "inside")
