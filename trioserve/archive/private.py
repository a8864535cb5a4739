"""What was said to one person alone: each of the two who has an account has a copy, their own.

A copy that waits is for somebody who was not here: it has not been read yet.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

import attrs

from trioserve.archive.belongings import PAGE, Belongings, Page, PortionOfAccount, page_of
from trioserve.archive.records import Record
from trioserve.messages import Told
from trioserve.names import fold
from trioserve.wire.spans import utc

MOST_WAITING: Final = 200  # for one account,
MOST_FROM_ONE: Final = 20  # of them from one account, or from all guests of one address,
MOST_FROM_ADDRESS: Final = 50  # and from one address in all

SCHEMA: Final[Sequence[str]] = (
    # Accounts and `other`, the nick of the one who is not the account's owner, are folded. What
    # a guest has said has no author. What waits has a source: the address, empty on this machine.
    """CREATE TABLE private_messages (
        number INTEGER PRIMARY KEY,
        account TEXT NOT NULL,
        id INTEGER NOT NULL,
        other TEXT NOT NULL,
        sender TEXT NOT NULL,
        recipient TEXT NOT NULL,
        own INTEGER NOT NULL,
        author TEXT NOT NULL,
        text TEXT NOT NULL,
        source TEXT,
        UNIQUE (account, id)
    ) STRICT""",
    "CREATE INDEX private_by_other ON private_messages (account, other, id)",
    "CREATE INDEX private_by_author ON private_messages (author) WHERE author != ''",
    """CREATE INDEX private_waiting ON private_messages (account, id)
        WHERE source IS NOT NULL""",
)

_OF_WAITING: Final = (
    "FROM private_messages INDEXED BY private_waiting WHERE account = ?1 AND source IS NOT NULL"
)
_PUT: Final = (
    "INSERT OR IGNORE INTO private_messages"
    " (account, id, other, sender, recipient, own, author, text, source)"
    " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9"
    # Whoever has given the name up meanwhile has nothing kept, nor who has it next.
    " WHERE EXISTS (SELECT 1 FROM accounts WHERE folded = ?1)"
)
_COUNT: Final = f"(SELECT count(*) {_OF_WAITING}"


@attrs.frozen
class Private:
    """The copy of one account's owner, by the folded name; `author` is as in a message."""

    sql: ClassVar[str] = _PUT

    account: str
    told: Told  # with both nicks in it
    own: bool  # they have said it
    author: str

    @property
    def size(self) -> int:
        return len(self.told.text)

    def row(self) -> tuple[Any, ...]:
        each = self.told
        other = fold(each.recipient if self.own else each.sender)
        values = (self.account, each.id, other, each.sender, each.recipient, int(self.own))
        return (*values, self.author, each.text, None)


@attrs.frozen
class Left:
    """The copy of somebody who is not here, where there is room for it: see `fate`."""

    sql: ClassVar[str] = (
        f"{_PUT} AND {_COUNT}) < {MOST_WAITING}"
        f" AND {_COUNT} AND author = ?7 AND (?7 != '' OR source = ?9)) < {MOST_FROM_ONE}"
        f" AND (?9 = '' OR {_COUNT} AND source = ?9) < {MOST_FROM_ADDRESS})"
    )

    account: str
    told: Told
    author: str
    source: str

    @property
    def size(self) -> int:
        return len(self.told.text)

    def row(self) -> tuple[Any, ...]:
        return (*Private(self.account, self.told, False, self.author).row()[:-1], self.source)


@attrs.frozen
class Withdrawn:
    """Something that was left for somebody: let it not have been, if it still waits."""

    sql: ClassVar[str] = (
        "DELETE FROM private_messages WHERE account = ? AND id = ? AND source IS NOT NULL"
    )
    size: ClassVar[int] = 0

    account: str
    id: int

    def row(self) -> tuple[Any, ...]:
        return self.account, self.id


@attrs.frozen
class Read:
    """Something that was left for somebody: they have it."""

    sql: ClassVar[str] = (
        "UPDATE private_messages SET source = NULL"
        " WHERE account = ? AND id = ? AND source IS NOT NULL"
    )
    size: ClassVar[int] = 0

    account: str
    id: int

    def row(self) -> tuple[Any, ...]:
        return self.account, self.id


@attrs.frozen
class ForgetPrivate(PortionOfAccount):
    """Take out a portion of the copies of an account."""

    sql: ClassVar[str] = (
        "DELETE FROM private_messages WHERE number IN"
        " (SELECT number FROM private_messages WHERE account = ? LIMIT ?)"
    )


@attrs.frozen
class ForgetTold(PortionOfAccount):
    """Take out a portion of what an account's owner has said to others."""

    sql: ClassVar[str] = (
        "DELETE FROM private_messages WHERE number IN"
        " (SELECT number FROM private_messages WHERE author = ? AND author != '' LIMIT ?)"
    )


@attrs.frozen
class ReleaseTold(PortionOfAccount):
    """Let a portion of what others have from an account's owner be as if a guest had said it."""

    sql: ClassVar[str] = (
        "UPDATE private_messages SET author = '' WHERE number IN"
        " (SELECT number FROM private_messages WHERE author = ? AND author != '' LIMIT ?)"
    )


def copies(told: Told, author: str, reader: str) -> list[Private]:
    """What is kept of a message between two, each by the folded account or a guest's empty one.

    A guest has no copy, and of two guests there is none.
    """
    found = [Private(author, told, True, author)] if author else []
    if reader and reader != author:
        found.append(Private(reader, told, False, author))
    return found


def told_of(number: int, sender: str, recipient: str, own: int, text: str) -> Told:
    """A message as the owner of a copy is shown it."""
    return Told(number, *(("you", recipient) if own else (sender, "you")), text)


def waiting(account: str, after: int) -> Callable[[sqlite3.Connection], list[Told]]:
    """A query for what waits for an account, with ids behind one: a page, oldest first."""

    def query(connection: sqlite3.Connection) -> list[Told]:
        # Not by the index of all that an account has: few of those wait.
        sql = f"SELECT id, sender, text {_OF_WAITING} AND id > ?2 ORDER BY id LIMIT ?3"
        rows = connection.execute(sql, (account, after, PAGE))
        return [Told(number, sender, "you", text) for number, sender, text in rows]

    return query


def fate(left: Left) -> Callable[[sqlite3.Connection], str]:
    """A query for why something that was left for somebody does not wait; empty: it does."""

    def query(connection: sqlite3.Connection) -> str:
        def count(condition: str, *values: object) -> int:
            sql = f"SELECT count(*) {_OF_WAITING} AND {condition}"
            found: int = connection.execute(sql, (left.account, *values)).fetchone()[0]
            return found

        sql = "SELECT 1 FROM private_messages WHERE account = ? AND id = ?"
        if connection.execute(sql, (left.account, left.told.id)).fetchone():
            return ""
        if count("true") >= MOST_WAITING:
            return f"{MOST_WAITING} messages wait for {left.told.recipient} already, the most"
        from_one = count("author = ?2 AND (?2 != '' OR source = ?3)", left.author, left.source)
        if from_one >= MOST_FROM_ONE:
            whose = "yours" if left.author else "guests from where you are"
            return f"{MOST_FROM_ONE} messages of {whose} wait for {left.told.recipient}, the most"
        if left.source and count("source = ?2", left.source) >= MOST_FROM_ADDRESS:
            return f"{MOST_FROM_ADDRESS} messages from your address wait there already, the most"
        return f"the name {left.told.recipient} is nobody's any more"

    return query


def page(account: str, after: int) -> Callable[[sqlite3.Connection], Page]:
    """A query for the copies of an account, with ids behind one, oldest first."""

    def query(connection: sqlite3.Connection) -> Page:
        sql = (
            "SELECT id, sender, recipient, text, source IS NOT NULL FROM private_messages"
            " WHERE account = ? AND id > ? ORDER BY id LIMIT ?"
        )
        rows = connection.execute(sql, (account, after, PAGE))
        return page_of(
            [
                (
                    number,
                    {
                        "what": "told",
                        "nick": sender,
                        "to": recipient,
                        "text": text,
                        "id": number,
                        "time": utc(number),
                        "read": not waits,
                    },
                )
                for number, sender, recipient, text, waits in rows
            ]
        )

    return query


def removal(account: str) -> Callable[[sqlite3.Connection], Record | None]:
    """A query for what forgets the next portion: what others have said to others stays theirs."""

    def query(connection: sqlite3.Connection) -> Record | None:
        if _has(connection, "account = ?", account):
            return ForgetPrivate(account)
        return ForgetTold(account) if _has(connection, _AUTHOR, account) else None

    return query


def release(account: str) -> Callable[[sqlite3.Connection], Record | None]:
    """A query for what takes out the next portion of its copies, and makes others nobody's."""

    def query(connection: sqlite3.Connection) -> Record | None:
        if _has(connection, "account = ?", account):
            return ForgetPrivate(account)
        return ReleaseTold(account) if _has(connection, _AUTHOR, account) else None

    return query


_AUTHOR: Final = "author = ? AND author != ''"


def _has(connection: sqlite3.Connection, condition: str, account: str) -> bool:
    sql = f"SELECT 1 FROM private_messages WHERE {condition} LIMIT 1"  # noqa: S608
    return connection.execute(sql, (account,)).fetchone() is not None


PRIVATE: Final = Belongings(page, removal, release)
