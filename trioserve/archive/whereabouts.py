"""Where people who have an account are, or were when they left, as it is kept."""

import json
import sqlite3
from typing import Any, ClassVar, Final

import attrs

from trioserve.archive.belongings import HAS_ACCOUNT, few
from trioserve.archive.records import OfAccount
from trioserve.names import fold
from trioserve.rooms.whereabouts import Whereabouts

SCHEMA: Final = (
    """CREATE TABLE whereabouts (
        account TEXT PRIMARY KEY,
        rooms TEXT NOT NULL,
        current TEXT NOT NULL,
        left_at INTEGER,
        absences TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
)


@attrs.frozen
class Placed:
    """Where the owner of an account is from now on."""

    sql: ClassVar[str] = (
        "INSERT OR REPLACE INTO whereabouts (account, rooms, current, left_at, absences)"
        f" SELECT ?1, ?2, ?3, ?4, ?5 WHERE {HAS_ACCOUNT}"
    )

    account: str
    whereabouts: Whereabouts

    @property
    def size(self) -> int:
        return 40 * (len(self.whereabouts.rooms) + len(self.whereabouts.absences))

    def row(self) -> tuple[Any, ...]:
        where = self.whereabouts
        rooms, absences = json.dumps(where.rooms), json.dumps(where.absences)
        return fold(self.account), rooms, where.current, where.left, absences


@attrs.frozen
class WhereaboutsGone(OfAccount):
    """Where somebody was: forgotten."""

    sql: ClassVar[str] = "DELETE FROM whereabouts WHERE account = ?"


def whereabouts(connection: sqlite3.Connection, account: str) -> Whereabouts | None:
    """Where the owner of an account, by its folded name, is or was; None: that is not known."""
    sql = "SELECT rooms, current, left_at, absences FROM whereabouts WHERE account = ?"
    row = connection.execute(sql, (account,)).fetchone()
    if row is None:
        return None
    rooms, current, left, absences = row
    spans = tuple((begin, end) for begin, end in json.loads(absences))
    return Whereabouts(tuple(json.loads(rooms)), current, left, spans)


def _rows(connection: sqlite3.Connection, account: str) -> list[dict[str, Any]]:
    where = whereabouts(connection, account)
    if where is None:
        return []
    row = attrs.asdict(where, filter=attrs.filters.exclude("leaves"))
    return [{"what": "whereabouts", **row}]


WHEREABOUTS: Final = few(_rows, WhereaboutsGone)
