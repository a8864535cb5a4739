"""All kinds of what is kept about the owner of an account, in the order in which they are shown."""

import sqlite3
from collections.abc import Callable
from typing import Final

from trioserve.archive.belongings import Belongings, Page
from trioserve.archive.conduct import AUDIT, ROOMS, SANCTIONS
from trioserve.archive.preferences import PREFERENCES
from trioserve.archive.private import PRIVATE
from trioserve.archive.said import SAID
from trioserve.archive.whereabouts import WHEREABOUTS
from trioserve.archive.words import WORDS


def _name(account: str, _: int) -> Callable[[sqlite3.Connection], Page]:
    """A query for the account itself, without the hash of its password."""

    def query(connection: sqlite3.Connection) -> Page:
        sql = "SELECT name FROM accounts WHERE folded = ?"
        rows = connection.execute(sql, (account,))
        return Page([{"what": "account", "name": name} for (name,) in rows])

    return query


# The account goes last: until then, its owner can try again.
PERSONAL: Final = (
    Belongings(_name),
    PREFERENCES,
    WHEREABOUTS,
    WORDS,
    ROOMS,
    SAID,
    PRIVATE,
    SANCTIONS,
    AUDIT,
)
