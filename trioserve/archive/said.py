"""What was said in rooms under an account: shown to its owner, forgotten, or nobody's any more."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

import attrs

from trioserve.archive.belongings import PAGE, Belongings, Page, PortionOfAccount, page_of
from trioserve.archive.records import Record
from trioserve.wire.spans import utc

ANONYMOUS: Final = "anonymous"  # who has set the topics of one who is forgotten: nobody's nick

# The second half lets SQLite use the index, which has nothing that guests have said.
_OWN: Final = "account = ? AND account != ''"

SCHEMA: Final[Sequence[str]] = (
    # Folded; empty: a guest's.
    "ALTER TABLE messages ADD COLUMN account TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX messages_by_account ON messages (account, id) WHERE account != ''",
)


@attrs.frozen
class ForgetSaid(PortionOfAccount):
    """Take out a portion of what was said under an account; topics stay, they are the rooms'."""

    sql: ClassVar[str] = (
        f"DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE {_OWN}"  # noqa: S608
        " AND kind != 'topic' ORDER BY id LIMIT ?)"
    )


@attrs.frozen
class ForgetAuthor(PortionOfAccount):
    """Let nobody know any more who has set a portion of the topics that an account's owner has."""

    sql: ClassVar[str] = (
        f"UPDATE messages SET nick = '{ANONYMOUS}', account = '' WHERE id IN ("  # noqa: S608
        f"SELECT id FROM messages WHERE {_OWN} AND kind = 'topic' ORDER BY id LIMIT ?)"
    )


@attrs.frozen
class ReleaseSaid(PortionOfAccount):
    """Let a portion of what was said under an account be as if a guest had said it."""

    sql: ClassVar[str] = (
        f"UPDATE messages SET account = '' WHERE id IN ("  # noqa: S608
        f"SELECT id FROM messages WHERE {_OWN} ORDER BY id LIMIT ?)"
    )


def page(account: str, after: int) -> Callable[[sqlite3.Connection], Page]:
    """A query for what was said under an account, with ids behind one, oldest first."""

    def query(connection: sqlite3.Connection) -> Page:
        sql = f"SELECT id, kind, room, nick, text FROM messages WHERE {_OWN} AND id > ?"  # noqa: S608
        rows = connection.execute(f"{sql} ORDER BY id LIMIT ?", (account, after, PAGE))
        keys = ("what", "room", "nick", "text")
        return page_of(
            [
                (number, {**dict(zip(keys, row, strict=True)), "id": number, "time": utc(number)})
                for number, *row in rows
            ]
        )

    return query


def removal(account: str) -> Callable[[sqlite3.Connection], Record | None]:
    """A query for what forgets the next portion."""

    def query(connection: sqlite3.Connection) -> Record | None:
        if _has(connection, account, "kind != 'topic'"):
            return ForgetSaid(account)
        return ForgetAuthor(account) if _has(connection, account) else None

    return query


def release(account: str) -> Callable[[sqlite3.Connection], Record | None]:
    """A query for what makes the next portion nobody's."""
    return lambda connection: ReleaseSaid(account) if _has(connection, account) else None


def _has(connection: sqlite3.Connection, account: str, condition: str = "true") -> bool:
    sql = f"SELECT 1 FROM messages WHERE {_OWN} AND {condition} LIMIT 1"  # noqa: S608
    return connection.execute(sql, (account,)).fetchone() is not None


SAID: Final = Belongings(page, removal, release)
