"""What is kept about the owner of an account: a page at a time to show, a portion to take out.

Each kind of it is a `Belongings`, in the module that has its table; `personal` lists them. An
account is given by its folded name.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

import attrs

from trioserve.archive.records import Record

Removal = Callable[[str], Callable[[sqlite3.Connection], Record | None]]

PAGE: Final = 100  # rows that are read in one go,
PORTION: Final = 200  # and that are taken out
# For a WHERE: nothing is kept of whoever has no account any more, though it was on its way.
HAS_ACCOUNT: Final = "EXISTS (SELECT 1 FROM accounts WHERE folded = ?1)"


@attrs.frozen
class PortionOfAccount:
    """What takes out, or changes, no more than a portion of what is kept of an account, folded."""

    size: ClassVar[int] = 0

    account: str

    def row(self) -> tuple[Any, ...]:
        return self.account, PORTION


@attrs.frozen
class Page:
    """Some rows as their owner is shown them: each begins with `what` it is.

    `more` is the number behind which there may be more; 0: that was all.
    """

    rows: Sequence[Mapping[str, object]]
    more: int = 0


@attrs.frozen
class Belongings:
    """One kind of what is kept: how it is read, and how it is forgotten."""

    # A query for what an account has behind a number, which is 0 at first.
    page: Callable[[str, int], Callable[[sqlite3.Connection], Page]]
    # A query for what takes out the next portion; None comes of it when nothing is left. Without
    # one, it is not forgotten, or not by itself.
    removal: Removal | None = None
    # The same where the name is only given up: whoever has it next must find nothing.
    release: Removal | None = None


def few(
    rows: Callable[[sqlite3.Connection, str], Sequence[Mapping[str, object]]],
    gone: Callable[[str], Record],
) -> Belongings:
    """What is never more than a page, and is taken out in one go."""

    def page(account: str, _: int) -> Callable[[sqlite3.Connection], Page]:
        return lambda connection: Page(rows(connection, account))

    def removal(account: str) -> Callable[[sqlite3.Connection], Record | None]:
        return lambda connection: gone(account) if rows(connection, account) else None

    return Belongings(page, removal, removal)


def page_of(rows: Sequence[tuple[int, Mapping[str, object]]]) -> Page:
    """A page of at most PAGE rows, each with its number."""
    return Page([row for _, row in rows], rows[-1][0] if len(rows) == PAGE else 0)
