"""What is asked of the broker for the owners of accounts: requests, as the others are."""

from collections.abc import Callable
from typing import Any

import attrs

from trioserve.rooms.room import RoomPast
from trioserve.rooms.whereabouts import Whereabouts


@attrs.frozen
class Identify:
    """Take the member for the owner of an account, or with an empty name for a guest."""

    account: str


@attrs.frozen
class Disown:
    """Let nobody be, or wait for, the owner of an account (a folded name): it is given up."""

    account: str


@attrs.frozen
class LogIn:
    """Take whoever comes again for the owner: with the account's name, and with what is kept of it.

    A guest who has that name is given another one. Where the owner is here already, or was until
    the connection broke, whoever asks is that one from now on. Whoever asks has made sure that
    they may.
    """

    account: str
    chosen: dict[str, Any] = attrs.field(factory=dict)  # preferences that were checked
    whereabouts: Whereabouts | None = None
    is_still: Callable[[], bool] = lambda: True  # whether the name is that owner's, asked last


@attrs.frozen
class Rejoin:
    """Enter a room again that one was in before one logged in; whatever comes of it, only once.

    What was said there since is shown apart, also if one is there already. `past`: see `Join`.
    """

    room: str
    past: RoomPast | None = None


@attrs.frozen
class Arrive:
    """Have entered all rooms again: talk in this one, if one is in it.

    The first room is left again, if one was not in it before, and is anywhere else.
    """

    room: str


@attrs.frozen
class GiveBack:
    """Take another nick than this one, if it is still the member's, and another's own."""

    nick: str


Own = Identify | Disown | LogIn | GiveBack | Rejoin | Arrive
