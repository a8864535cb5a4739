"""Search among what is kept: FTS5, whose query language nobody is ever given to write in.

What is indexed (see `index`) and what is looked for go through `spaced` alike.
"""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import attrs

from trioserve.archive.history import event_of
from trioserve.archive.index import ALONE, require, spaced
from trioserve.archive.private import told_of
from trioserve.archive.sight import Sight
from trioserve.errors import ChatError
from trioserve.messages import Message, Told, TopicSet
from trioserve.names import fold

MAX_FOUND: Final = 50
MAX_WORDS: Final = 20  # of one search
PATIENCE: Final = 2.0  # seconds that one search may take: it holds one of few threads
_STEPS: Final = 10_000  # of SQLite's machine, about a tenth of a millisecond each hundred

_WORD: Final = re.compile(r'"([^"]*)"?|(\S+)')

NARROWER: Final = "name a room, somebody, or a time, as in since 2w"

_FIND: Final = (
    "SELECT messages.room, id, kind, messages.nick, messages.text, account FROM found"
    " JOIN messages ON id = found.rowid"
    " WHERE found MATCH ? AND {} ORDER BY found.rowid DESC LIMIT ?"
)
_FIND_PRIVATE: Final = (
    "SELECT other, id, private_messages.sender, recipient, own, private_messages.text"
    " FROM found_private JOIN private_messages ON number = found_private.rowid"
    " WHERE found_private MATCH ? AND private_messages.account = ? AND id >= ?"
    " AND (? = '' OR fold(private_messages.sender) = ?) ORDER BY found_private.rowid DESC LIMIT ?"
)
_BESIDE_PRIVATE: Final = (
    "SELECT id, sender, recipient, own, text FROM private_messages"
    " WHERE account = ? AND other = ? AND id {} ? ORDER BY id {} LIMIT 1"
)
_BESIDE: Final = (
    "SELECT room, id, kind, nick, text, account FROM messages"
    " WHERE room = ? AND id {} ? AND {} ORDER BY id {} LIMIT 1"
)


@attrs.frozen
class Search:
    """What somebody looks for: all of the words, and a phrase where they stand in quotes."""

    text: str
    room: str = ""  # folded; empty: any
    nick: str = ""  # in any case; empty: anybody's
    since: int = 0  # the id from which on


@attrs.frozen
class Found:
    """One message or topic that was found, with what came before it in its room, and behind it.

    The room's name is folded: it may be none any more. Of what was said privately, it is what
    came before it between the same two.
    """

    event: Message | TopicSet | Told
    before: Message | TopicSet | Told | None
    behind: Message | TopicSet | Told | None


def phrases(text: str) -> list[str]:
    """The words and quoted phrases that a text asks for, as FTS5 has them: quoted.

    Raises:
        ChatError: if there is nothing to look for in it, or too much.
    """
    words = [quoted or word for quoted, word in _WORD.findall(text)]
    words = [word for word in words if any(map(_is_found, word))]
    if not words:
        raise ChatError("there is no word in that, and signs alone are not found")
    if len(words) > MAX_WORDS:
        raise ChatError(f"search for at most {MAX_WORDS} words")
    return [quoted(word) for word in words]


def find(
    connection: sqlite3.Connection,
    search: Search,
    sight: Sight,
    *,
    patience: float = PATIENCE,  # seconds
    clock: Callable[[], float] = time.monotonic,
) -> list[Found]:
    """The newest messages that hold what is asked for, newest first, at most MAX_FOUND.

    Raises:
        ChatError: if there is nothing to look for, it takes too long, or there is no index.
    """
    require(connection)
    matching = [f"text : {each}" for each in phrases(search.text)]
    narrower: list[str] = ["id >= ?"]
    values: list[Any] = [search.since]
    # In the index, too: without that, a frequent word of somebody rare takes for ever.
    if search.room:
        matching.append(f"room : {quoted(search.room)}")
        narrower.append("messages.room = ?")
        values.append(search.room)
    if search.nick:
        matching.append(f"nick : {quoted(search.nick)}")
        narrower.append("fold(messages.nick) = ?")
        values.append(fold(search.nick))
    with no_longer_than(connection, patience, clock, NARROWER):
        sql = _FIND.format(" AND ".join([*narrower, sight.condition]))
        values = [" AND ".join(matching), *values, *sight.values, MAX_FOUND]
        rows = connection.execute(sql, values).fetchall()
        found = [_in_context(connection, event_of(*row), sight) for row in rows]
        if sight.account and not search.room:
            found += _private(connection, search, sight.account)
        return sorted(found, key=lambda each: each.event.id, reverse=True)[:MAX_FOUND]


def _private(connection: sqlite3.Connection, search: Search, account: str) -> list[Found]:
    """What was said to the owner of an account alone, or by them to somebody alone."""
    matching = [f"text : {each}" for each in phrases(search.text)]
    matching.append(f"account : {quoted(account)}")
    if search.nick:
        matching.append(f"sender : {quoted(search.nick)}")
    nick = fold(search.nick)
    values = " AND ".join(matching), account, search.since, nick, nick, MAX_FOUND
    found = []
    for other, *row in connection.execute(_FIND_PRIVATE, values).fetchall():
        event, beside = told_of(*row), []
        for side, order in ("<", "DESC"), (">", "ASC"):
            sql = _BESIDE_PRIVATE.format(side, order)
            near = connection.execute(sql, (account, other, event.id)).fetchone()
            beside.append(None if near is None else told_of(*near))
        found.append(Found(event, *beside))
    return found


def _in_context(connection: sqlite3.Connection, event: Message | TopicSet, sight: Sight) -> Found:
    beside = []
    for side, order in ("<", "DESC"), (">", "ASC"):
        sql = _BESIDE.format(side, sight.condition, order)
        row = connection.execute(sql, (event.room, event.id, *sight.values)).fetchone()
        beside.append(None if row is None else event_of(*row))
    return Found(event, *beside)


@contextmanager
def no_longer_than(
    connection: sqlite3.Connection, seconds: float, clock: Callable[[], float], narrower: str
) -> Iterator[None]:
    """Give a query up after some seconds; ChatError tells how to ask for less."""
    end = clock() + seconds
    connection.set_progress_handler(lambda: clock() > end, _STEPS)
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        raise ChatError(f"that takes too long: {narrower}") from None
    finally:
        connection.set_progress_handler(None, _STEPS)


def quoted(text: str) -> str:
    """A phrase in which nothing has a meaning to FTS5."""
    return '"' + spaced(text).replace('"', '""').replace("\0", " ") + '"'


def _is_found(character: str) -> bool:
    return character.isalnum() or ALONE.match(character) is not None
