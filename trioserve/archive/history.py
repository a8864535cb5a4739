"""What is asked of the talk that is kept: queries, plain functions of a connection."""

import json
import sqlite3
from collections.abc import Callable, Collection
from typing import Any, Final

import attrs

from trioserve.archive.records import KINDS
from trioserve.messages import Acted, Announced, Message, Said, TopicSet
from trioserve.names import fold

NEVER: Final = 2**63 - 1  # an id that no message ever has

_CLASSES = {name: kind for kind, name in KINDS.items()}
_COLUMNS: Final = "id, kind, nick, text, account"
_OF_SPAN: Final = (
    " FROM messages WHERE room = ? AND id > ? AND id < ?"
    " AND (private = 0 OR private = ? AND id > ?)"
)
_COUNTED: Final = "SELECT ifnull(min(id), 0), count(*) FROM ({})"
_AMONG: Final = "id IN (SELECT value FROM json_each(?))"


@attrs.frozen
class Span:
    """Which messages of a room are wanted: so many of those with ids between two."""

    room: str
    count: int
    after: int = 0  # ids above this one
    before: int = NEVER  # ids below this one
    # Where what was said while it was private may be seen: the number of the room,
    private: int = 0
    since: int = 0  # and the id above which: who has come later was not there.

    @property
    def values(self) -> tuple[Any, ...]:
        """For the question marks of a query."""
        return fold(self.room), self.after, self.before, self.private, self.since

    def shows(self, private: int, number: int) -> bool:
        """Whether a message of this id may be seen, that was said in this private room or none."""
        return not private or (private == self.private and number > self.since)


def last_id(connection: sqlite3.Connection) -> int:
    """The highest id that is kept, also of private messages; 0 if none is."""
    # Of each account by an index: to look at each private message would take long.
    accounts = distinct("account", "private_messages")
    private = "SELECT max(id) FROM private_messages WHERE account = name"
    # When people left is told by ids, of messages that may be kept no more, or never were.
    sql = (
        f"SELECT max(ifnull((SELECT max(id) FROM messages), 0),"  # noqa: S608
        f" ifnull((SELECT max(({private})) FROM ({accounts})), 0),"
        " ifnull((SELECT max(left_at) FROM whereabouts), 0))"
    )
    return int(connection.execute(sql).fetchone()[0])


def distinct(column: str, table: str) -> str:
    """A query, by an index, for what a column has; as `name`."""
    # An index can be asked for the next one; to look at each row would take seconds.
    return (
        f"WITH RECURSIVE found (name) AS (SELECT min({column}) FROM {table} UNION ALL"  # noqa: S608
        f" SELECT (SELECT min({column}) FROM {table} WHERE {column} > found.name) FROM found"
        " WHERE found.name IS NOT NULL) SELECT name FROM found WHERE name IS NOT NULL"
    )


def talk(span: Span) -> Callable[[sqlite3.Connection], list[Message | TopicSet]]:
    """A query for the last messages and topics of a span, oldest first."""

    def query(connection: sqlite3.Connection) -> list[Message | TopicSet]:
        sql = f"SELECT {_COLUMNS}{_OF_SPAN} ORDER BY id DESC LIMIT ?"
        rows = connection.execute(sql, (*span.values, span.count)).fetchall()
        return [event_of(span.room, *row) for row in reversed(rows)]

    return query


def bounds(span: Span) -> Callable[[sqlite3.Connection], tuple[int, int]]:
    """A query for the first id of a span's last messages, 0 if there are none, and their number."""

    def query(connection: sqlite3.Connection) -> tuple[int, int]:
        sql = _COUNTED.format(f"SELECT id{_OF_SPAN} AND kind != 'topic' ORDER BY id DESC LIMIT ?")
        first, count = connection.execute(sql, (*span.values, span.count)).fetchone()
        return first, count

    return query


def page(span: Span) -> Callable[[sqlite3.Connection], list[Message]]:
    """A query for the first messages of a span, oldest first."""

    def query(connection: sqlite3.Connection) -> list[Message]:
        sql = f"SELECT {_COLUMNS}{_OF_SPAN} AND kind != 'topic' ORDER BY id LIMIT ?"
        rows = connection.execute(sql, (*span.values, span.count))
        return [_message_of(span.room, *row) for row in rows]

    return query


def among(span: Span, ids: Collection[int]) -> Callable[[sqlite3.Connection], list[Message]]:
    """A query for those messages of a span that have these ids, oldest first."""

    def query(connection: sqlite3.Connection) -> list[Message]:
        sql = f"SELECT {_COLUMNS}{_OF_SPAN} AND kind != 'topic' AND {_AMONG} ORDER BY id"
        rows = connection.execute(sql, (*span.values, json.dumps(list(ids))))
        return [_message_of(span.room, *row) for row in rows]

    return query


def last_topic(room: str, private: int = 0) -> Callable[[sqlite3.Connection], str | None]:
    """A query for a room's last topic, None if there is none.

    One that was set while it was private is not meant, but for the room with this number.
    """

    def query(connection: sqlite3.Connection) -> str | None:
        row = connection.execute(
            "SELECT text FROM messages WHERE room = ? AND kind = 'topic' AND private IN (0, ?)"
            " ORDER BY id DESC LIMIT 1",
            (fold(room), private),
        ).fetchone()
        return None if row is None else row[0]

    return query


def event_of(
    room: str, number: int, kind: str, nick: str, text: str, account: str
) -> Message | TopicSet:
    """The event that a row stands for, with the room's name as it is to be shown."""
    if _CLASSES[kind] is TopicSet:
        return TopicSet(room, nick, text, number, account)
    return _message_of(room, number, kind, nick, text, account)


def _message_of(room: str, number: int, kind: str, nick: str, text: str, account: str) -> Message:
    kind_of_message: type[Said | Acted | Announced] = _CLASSES[kind]
    return kind_of_message(number, room, nick, text, account)
