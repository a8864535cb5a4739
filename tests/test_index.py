"""The index of words: as it is to be, made anew where it is not, and done without."""

import sqlite3
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
from trio.testing import MockClock

from tests.archives import Lasting, said
from tests.test_accounts import logs_in, registers
from trioserve.archive import index, upkeep
from trioserve.archive.archives import MemoryArchive
from trioserve.archive.database import Database
from trioserve.archive.search import Search, find
from trioserve.archive.sight import Sight
from trioserve.errors import ChatError
from trioserve.testing import open_chat

# As it was once: it held no reference to the messages, so that nothing could be compared.
FORMERLY = (
    "DROP TABLE found",
    "DROP VIEW found_texts",
    "DROP TRIGGER found_added",
    """CREATE TRIGGER older AFTER INSERT ON messages
    BEGIN INSERT INTO found (rowid, text) VALUES (new.id, new.text); END""",
    "CREATE VIRTUAL TABLE found USING fts5 (text, nick, room, content = '')",
    "INSERT INTO found (rowid, text, nick, room) SELECT id, text, nick, room FROM messages",
)


@attrs.frozen
class Forgotten:
    """All that has been said is forgotten."""

    sql: ClassVar[str] = "DELETE FROM messages"
    size: ClassVar[int] = 0

    def row(self) -> tuple[Any, ...]:
        return ()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with two messages, which nobody has open."""
    path = tmp_path / "kept.db"
    database = Database(path)
    database.write([said(1, "the build is green"), said(2, "lunch?")])
    database.close()
    return path


def tamper(path: Path, *statements: str) -> None:
    """Change a database behind the server's back."""
    connection = sqlite3.connect(path, isolation_level=None)
    index.prepare(connection)
    for each in statements:
        connection.execute(each)
    connection.close()


def found(path: Path, text: str) -> list[int]:
    database = Database(path)
    ids = [each.event.id for each in database.read(lambda each: find(each, Search(text), Sight()))]
    database.close()
    return ids


def test_an_index_of_an_older_kind_is_made_anew(path: Path) -> None:
    tamper(path, *FORMERLY)

    assert found(path, "green") == [1]

    assert upkeep.check(path) == []
    assert found(path, "green") == [1]


def test_one_that_is_as_it_should_be_is_left_as_it_is(path: Path) -> None:
    tamper(path, "UPDATE found_config SET v = 4 WHERE k = 'version'")
    before = path.read_bytes()

    assert found(path, "green") == [1]

    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "statement",
    [
        """INSERT INTO found (found, rowid, text, nick, room)
        VALUES ('delete', 1, 'the build is green', 'ann', '#lobby')""",
        "INSERT INTO found (rowid, text, nick, room) VALUES (3, 'never said', 'ann', '#lobby')",
    ],
)
def test_an_index_that_lacks_a_message_or_has_one_too_many_is_told_of(
    path: Path, statement: str
) -> None:
    tamper(path, statement)

    [fault] = upkeep.check(path)

    assert fault.startswith("the index of words: ")


def test_it_is_checked_while_a_server_is_in_the_middle_of_writing(path: Path) -> None:
    writing = sqlite3.connect(path, isolation_level=None)
    index.prepare(writing)
    writing.execute("BEGIN IMMEDIATE")
    writing.execute("DELETE FROM messages WHERE id = 1")

    assert upkeep.check(path) == []

    writing.execute("ROLLBACK")
    writing.close()


def test_what_comes_and_goes_in_one_transaction_leaves_nothing_there(path: Path) -> None:
    database = Database(path)

    database.write([said(3, "green again"), Forgotten(), said(4, "green as grass")])
    database.close()

    assert found(path, "green") == [4]
    assert upkeep.check(path) == []


def test_what_is_written_at_once_is_taken_in_at_once(path: Path) -> None:
    database = Database(path)

    database.write([said(number, f"message {number}") for number in range(10, 210)])

    pieces = "SELECT count(DISTINCT segid) FROM found_idx"  # that FTS5 has not merged yet
    assert database.read(lambda each: each.execute(pieces).fetchone()) == (2,)
    database.close()


# --------------------------------------------------------------- without FTS5


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An SQLite without FTS5, as far as the server can tell; undone, it has it."""
    monkeypatch.setattr(index, "has_fts5", lambda _: False)
    return monkeypatch


def test_without_it_everything_else_goes_on_and_it_catches_up_later(
    path: Path, lacking: pytest.MonkeyPatch
) -> None:
    database = Database(path)
    assert database.write([said(3, "green again")]) == []
    assert database.read(lambda each: each.execute("SELECT max(id) FROM messages").fetchone()) == (
        3,
    )
    with pytest.raises(ChatError, match="nothing can be searched here"):
        database.read(lambda each: find(each, Search("green"), Sight()))
    database.close()
    assert upkeep.check(path) == []
    upkeep.vacuum(path)

    lacking.undo()

    assert found(path, "green") == [3, 1]
    assert upkeep.check(path) == []


async def test_without_it_who_logs_in_is_shown_what_was_left_for_them(
    autojump_clock: MockClock, lacking: pytest.MonkeyPatch
) -> None:
    async with open_chat(archive=Lasting()) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await registers(ann)
        await ann.types("/quit")
        await bob.types("/msg ann hello")
        ann = await chat.join("ann")
        await logs_in(ann)

        await ann.sees("-- whether you were mentioned meanwhile is not known: nothing can be")
        await ann.sees("bob -> you: hello")


async def test_chat_starts_without_it_and_search_says_one_line(
    autojump_clock: MockClock, lacking: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_chat(archive=MemoryArchive(keeps_talk=True)) as chat:
        ann = await chat.join("ann")
        await ann.types("hello", "/search hello", "/history")

        await ann.sees("-- nothing can be searched here: the server's SQLite has no FTS5")
        await ann.sees("<ann> hello")
    assert "there is no /search: the SQLite at hand has no FTS5" in caplog.text
