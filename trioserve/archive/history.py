"""What is asked of the talk that is kept: queries, plain functions of a connection."""

import sqlite3
from collections.abc import Callable

import attrs

from trioserve.archive.records import KINDS
from trioserve.messages import Acted, Announced, Message, Said, TopicSet
from trioserve.names import fold

_CLASSES = {name: kind for kind, name in KINDS.items()}


@attrs.frozen
class Span:
    """Which messages of a room are wanted: the last `count` of those with ids between two."""

    room: str
    count: int
    after: int = 0  # ids above this one
    before: int = 2**63 - 1  # ids below this one
    private: int = 0  # the number of the room, where what was said while it was private may be seen


def last_id(connection: sqlite3.Connection) -> int:
    """The highest id that is kept; 0 if none is."""
    return int(connection.execute("SELECT ifnull(max(id), 0) FROM messages").fetchone()[0])


def talk(span: Span) -> Callable[[sqlite3.Connection], list[Message | TopicSet]]:
    """A query for messages and topics, oldest first."""

    def query(connection: sqlite3.Connection) -> list[Message | TopicSet]:
        rows = connection.execute(
            "SELECT id, kind, nick, text FROM messages"
            " WHERE room = ? AND id > ? AND id < ? AND private IN (0, ?)"
            " ORDER BY id DESC LIMIT ?",
            (fold(span.room), span.after, span.before, span.private, span.count),
        ).fetchall()
        return [event_of(span.room, *row) for row in reversed(rows)]

    return query


def event_of(room: str, number: int, kind: str, nick: str, text: str) -> Message | TopicSet:
    """The event that a row stands for, with the room's name as it is to be shown."""
    match _CLASSES[kind]:
        case kind_of_message if kind_of_message in (Said, Acted, Announced):
            return kind_of_message(number, room, nick, text)
    return TopicSet(room, nick, text, number)
