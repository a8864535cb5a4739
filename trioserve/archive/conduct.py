"""How order was kept with the owner of an account: shown to them, and theirs to show alone.

Sanctions and the audit are kept by nicks: it shows as well what holds against a guest who had
theirs, and so no address, which may be another's. They are not forgotten at their word; the
rooms that they own, and the private ones that they may enter, the broker gives up with the
account (see `Roomkeeping.disown`).
"""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, Final

from trioserve.archive.belongings import PAGE, Belongings, Page, page_of
from trioserve.wire.spans import utc


def _rooms(account: str, _: int) -> Callable[[sqlite3.Connection], Page]:
    """A query for the rooms of an account: those it owns, and private ones it may enter."""

    def query(connection: sqlite3.Connection) -> Page:
        owned = connection.execute(
            "SELECT name FROM rooms WHERE owner = ? ORDER BY name", (account,)
        )
        rows: list[Mapping[str, object]] = [{"what": "room", "room": name} for (name,) in owned]
        sql = "SELECT room, nick, until FROM guests WHERE account = ? AND ? != '' ORDER BY room"
        for room, nick, until in connection.execute(sql, (account, account)):
            rows.append({"what": "guest", "room": room, "nick": nick, "until": _time(until)})
        return Page(rows)

    return query


def _sanctions(account: str, after: int) -> Callable[[sqlite3.Connection], Page]:
    """A query for the bans and mutes that hold against the nick of an account."""

    def query(connection: sqlite3.Connection) -> Page:
        sql = (
            "SELECT rowid, kind, room, nick, author, reason, until FROM sanctions"
            " WHERE folded = ? AND rowid > ? ORDER BY rowid LIMIT ?"
        )
        rows = connection.execute(sql, (account, after, PAGE))
        return page_of([(number, _shown(*row, until=_time(until))) for number, *row, until in rows])

    return query


def _audit(account: str, after: int) -> Callable[[sqlite3.Connection], Page]:
    """A query for what the audit has been told was done to the nick of an account.

    Not what was done by it: that may have been a guest, of whom it tells who was hit and where.
    """

    def query(connection: sqlite3.Connection) -> Page:
        sql = (
            "SELECT id, deed, room, nick, author, reason, at, until FROM audit"
            " WHERE fold(nick) = ?1 AND id > ?2 ORDER BY id LIMIT ?3"
        )
        rows = connection.execute(sql, (account, after, PAGE))
        return page_of(
            [
                (number, _shown(*row, time=_time(at), until=_time(until)))
                for number, *row, at, until in rows
            ]
        )

    return query


def _shown(
    what: str, room: str, nick: str, by: str, reason: str, **times: Any
) -> dict[str, object]:
    return {"what": what, "room": room, "nick": nick, "by": by, "reason": reason, **times}


def _time(seconds: float) -> str | None:
    """A time, or None of what has no end."""
    return None if seconds == float("inf") else utc(int(seconds * 1_000_000))


ROOMS: Final = Belongings(_rooms)
SANCTIONS: Final = Belongings(_sanctions)
AUDIT: Final = Belongings(_audit)
