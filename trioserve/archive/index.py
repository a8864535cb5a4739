"""The indexes of words: FTS5 tables that follow the messages, by the end of a transaction.

FTS5 splits text at blanks, so it finds nothing inside a run of Chinese, and its trigrams
miss words of two characters. So each character of such a script is made a word, and two
that stand next to each other are a phrase.

What comes is taken in all at once, at a transaction's end: FTS5 writes down what it has
gathered at each statement that may fail within another one, as a trigger's, and merging all
those pieces took two thirds of what it costs to keep a message.

They hold nothing that the messages do not: where one is not as it should be, it is made
anew, and where SQLite has no FTS5, there are none until it has.
"""

import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from trioserve.errors import ChatError

# Kana, bopomofo, Han with its extensions and compatibility forms, Hangul, and pictures: the
# scripts that leave no blanks between words, and signs that nobody puts blanks around.
ALONE: Final = re.compile(
    "([\u3005-\u3007\u3040-\u30ff\u3100-\u312f\u3131-\u318e\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9f"
    "\U0001f000-\U0001faff\U0001b000-\U0001b16f\U00020000-\U0003fffd])"
)

# A change of `spaced` needs another number here: to take a message out, FTS5 has to be given
# just what was put in.
_VERSION: Final = 1
_TOKENIZED: Final = "tokenize = \"unicode61 remove_diacritics 2 categories 'L* N* Co So'\""


@attrs.frozen
class Index:
    """An index of the texts of one table: what it is made of, and kept in step by.

    All of its names begin with its own. Triggers, so that whoever adds a message or takes one
    away need not know of it: they note what has come, which `take_in` puts into the index,
    and take out what goes, unless it has just come.
    """

    name: str
    table: str
    number: str  # the column by which a row is known
    beside: tuple[str, str]  # columns that are looked in besides the text

    @property
    def parts(self) -> dict[str, str]:
        """The statements that make it, by the names of what they make."""
        name, table, number = self.name, self.table, self.number
        first, second = self.beside
        columns = f"rowid, text, {first}, {second}"

        def values(row: str) -> str:
            return f"{row}.{number}, spaced({row}.text), {row}.{first}, {row}.{second}"

        note = f"INSERT INTO {name}_new (number) VALUES (new.{number})"  # noqa: S608
        # FTS5 must not be told to take out what it does not have.
        take = (
            f"INSERT INTO {name} ({name}, {columns}) SELECT 'delete', {values('old')}"  # noqa: S608
            f" WHERE old.{number} NOT IN (SELECT number FROM {name}_new);"
            f" DELETE FROM {name}_new WHERE number = old.{number}"
        )
        texts = f"SELECT {number}, spaced(text) AS text, {first}, {second} FROM {table}"  # noqa: S608
        return {
            f"{name}_texts": f"CREATE VIEW {name}_texts AS {texts}",
            name: f"CREATE VIRTUAL TABLE {name} USING fts5 (text, {first}, {second},"
            f" content = '{name}_texts', content_rowid = '{number}', {_TOKENIZED}"
            f" /* {_VERSION} */)",
            f"{name}_new": f"CREATE TABLE {name}_new (number INTEGER PRIMARY KEY) STRICT",
            f"{name}_added": f"CREATE TRIGGER {name}_added AFTER INSERT ON {table}"
            f" BEGIN {note}; END",
            f"{name}_removed": f"CREATE TRIGGER {name}_removed AFTER DELETE ON {table}"
            f" BEGIN {take}; END",
            f"{name}_changed": f"CREATE TRIGGER {name}_changed AFTER UPDATE OF text, {first},"
            f" {second} ON {table} BEGIN {take}; {note}; END",
        }

    def take_in(self, connection: sqlite3.Connection) -> None:
        """Put in what has come since this was last called; in the same transaction."""
        name = self.name
        columns = ", ".join(("text", *self.beside))
        connection.execute(
            f"INSERT INTO {name} (rowid, {columns}) SELECT {self.number}, {columns}"  # noqa: S608
            f" FROM {name}_texts WHERE {self.number} IN (SELECT number FROM {name}_new)"
        )
        connection.execute(f"DELETE FROM {name}_new")  # noqa: S608

    def merge(self, connection: sqlite3.Connection, pages: int, *, begins: bool) -> bool:
        """Merge so many pages of its pieces; return whether any are left, in a transaction.

        When all that were there as it `begins` are merged, no word that had been taken out then
        is in it any more (FTS5, "The merge command").
        """
        before = connection.total_changes
        connection.execute(self.command("merge", -pages if begins else pages))
        return connection.total_changes - before > 1

    def command(self, command: str, rank: int = 0) -> str:
        """The statement by which FTS5 is told to do something with it."""
        return f"INSERT INTO {self.name} ({self.name}, rank) VALUES ('{command}', {rank})"  # noqa: S608


INDEXES: Final = (
    Index("found", "messages", "id", ("nick", "room")),
    Index("found_private", "private_messages", "number", ("sender", "account")),
)


def spaced(text: str) -> str:
    """The text with blanks around each character that is a word by itself."""
    return text if text.isascii() else ALONE.sub(r" \1 ", text)


def prepare(connection: sqlite3.Connection) -> None:
    """Make known what the indexes need of a connection."""
    connection.create_function("spaced", 1, spaced, deterministic=True)


def has_fts5(connection: sqlite3.Connection) -> bool:
    """Whether the SQLite at hand can keep such indexes, and look into them."""
    sql = "SELECT 1 FROM pragma_module_list WHERE name = 'fts5'"
    return connection.execute(sql).fetchone() is not None


def is_kept(connection: sqlite3.Connection) -> bool:
    """Whether there are indexes, with all messages in them."""
    there = _there(connection)
    return all(_is_whole(each, there) for each in INDEXES if each.table in there)


def require(connection: sqlite3.Connection) -> None:
    """Raises ChatError where nothing can be searched."""
    if not is_kept(connection):
        raise ChatError("nothing can be searched here: the server's SQLite has no FTS5")


def bring_on(connection: sqlite3.Connection) -> Sequence[Index]:
    """Make the indexes what they should be, in a transaction; minutes, if there are millions.

    Return those that there are, whose `take_in` has to follow what is written.

    Without FTS5, they are kept in step no longer: a trigger that needs it would let nothing be
    written. They are made anew by the next server that has it.
    """
    there, usable = _there(connection), has_fts5(connection)
    # Triggers of an older kind, too: all that stand for this, and nothing else, name an index.
    for name, (kind, sql) in there.items():
        wanted = any(each.parts.get(name) == sql for each in INDEXES)
        if kind == "trigger" and "INTO found" in sql and not (wanted and usable):
            connection.execute(f"DROP TRIGGER {name}")
    for each in INDEXES if usable else ():
        if each.table in there and not _is_whole(each, there):
            _make(connection, each)
    return [each for each in INDEXES if usable and each.table in there]


def _make(connection: sqlite3.Connection, index: Index) -> None:
    for part in index.parts:
        kind = _there(connection).get(part, ("", ""))[0]
        if kind:
            connection.execute(f"DROP {kind} {part}")
    for sql in index.parts.values():
        connection.execute(sql)
    connection.execute(index.command("rebuild"))


def _is_whole(index: Index, there: Mapping[str, tuple[str, str]]) -> bool:
    return all(name in there and there[name][1] == sql for name, sql in index.parts.items())


def _there(connection: sqlite3.Connection) -> dict[str, tuple[str, str]]:
    """What is in a database, by name: of which kind, and by which statement it was made."""
    rows = connection.execute("SELECT name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {name: (kind, sql) for name, kind, sql in rows}
