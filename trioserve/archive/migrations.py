"""The schema, as the steps that led to it: a database of any older state is brought on.

`PRAGMA user_version` counts the steps that a file has taken. A step that has once
been released never changes; what is to be different comes as another step.
"""

from collections.abc import Sequence
from typing import Final

from trioserve.archive.audited import ALONG
from trioserve.archive.farewells import SCHEMA as FAREWELLS
from trioserve.archive.leftovers import SCHEMA as LEFTOVERS
from trioserve.archive.preferences import SCHEMA as PREFERENCES
from trioserve.archive.private import SCHEMA as PRIVATE
from trioserve.archive.retention import SCHEMA as RETENTION
from trioserve.archive.retention import SINCE
from trioserve.archive.rulebook import SCHEMA as RULEBOOK
from trioserve.archive.said import SCHEMA as SAID
from trioserve.archive.whereabouts import SCHEMA as WHEREABOUTS
from trioserve.archive.words import SCHEMA as WORDS

# Each step: statements, all of which are done in one transaction, or none.
STEPS: Final[Sequence[Sequence[str]]] = (
    (
        # `room` is folded. Ids are microseconds since 1970 and rise: the times, and the order.
        """CREATE TABLE messages (
            id INTEGER PRIMARY KEY,
            room TEXT NOT NULL,
            kind TEXT NOT NULL,
            nick TEXT NOT NULL,
            text TEXT NOT NULL,
            private INTEGER NOT NULL
        ) STRICT""",
        "CREATE INDEX messages_by_room ON messages (room, id)",
    ),
    (),  # the index of words, which is now made apart: see `index`
    # A room's last topic may be a million messages ago.
    ("CREATE INDEX topics_by_room ON messages (room, id) WHERE kind = 'topic'",),
    RETENTION,
    (
        """CREATE TABLE accounts (
            folded TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            hash TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""",
    ),
    SAID,
    PREFERENCES,
    WHEREABOUTS,
    PRIVATE,
    WORDS,
    RULEBOOK,
    ALONG,
    FAREWELLS,
    LEFTOVERS,
    SINCE,
)
