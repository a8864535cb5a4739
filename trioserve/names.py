"""Nicks and room names: what they may look like, and how they are compared.

Names are ASCII so far. The place for others is here: `check_nick` and `check_room` say what a
name may be, and `fold` alone which two are one. By RFC 8265, 3.3 (UsernameCaseMapped), that is:
fullwidth and halfwidth forms mapped to what they stand for (RFC 7564, 5.2.1), lower case by
Unicode's toLowerCase (RFC 8265, 3.3.2), NFC, the bidi rule (RFC 5893, 2), and of all that only
what the IdentifierClass allows (RFC 8264, 4.2). What merely looks alike, as Latin and Cyrillic
"a" do, that leaves apart: such a name would have to be refused where another with the same
skeleton is taken (UTS #39, section 4), or where it mixes scripts (section 5).
"""

import re
from collections.abc import Container
from typing import Final

from trioserve.errors import ChatError

MAX_NICK: Final = 24  # characters
MAX_ROOM: Final = 32  # characters, without the #

_NICK = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
_ROOM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)

# Names that a stranger could mistake for the server or for somebody in charge, or whom who
# knows IRC would send a password, and the words that commands use for "you" and "all", or
# screen readers' lines begin with.
_RESERVED: Final = frozenset(
    "action admin administrator all anonymous authserv chanserv everybody everyone here me "
    "moderator nickserv nobody operator operserv root server system trioserve userserv you".split()
)


def fold(name: str) -> str:
    """The form under which `name` is unique: names differ by more than case.

    It is the key of all that is kept by a name: messages by rooms, accounts, what is kept of
    those, the rules of rooms; and what is compared in a query (SQL has it as `fold`). So
    another rule here is also a step in `archive.migrations` that folds all of those anew,
    and says what becomes of two that are one by then. What is ASCII is folded as it is now
    by RFC 8265, 3.3, too: no name that is kept today would have another key.
    """
    return name.lower()


def check_nick(text: str) -> str:
    """Return `text` as a nick.

    Raises:
        ChatError: if it cannot be one; the message says what a nick looks like.
    """
    nick = text.strip()
    if not nick:
        raise ChatError("a name cannot be empty")
    if len(nick) > MAX_NICK:
        raise ChatError(f"a name has at most {MAX_NICK} characters")
    if _NICK.fullmatch(nick) is None:
        raise ChatError("a name begins with a letter (a-z), then letters, digits, _ or -")
    if fold(nick) in _RESERVED:
        raise ChatError(f"the name {nick} is reserved")
    return nick


def check_room(text: str) -> str:
    """Return `text` as the name of a room, with its `#` whether it was typed or not.

    Raises:
        ChatError: if it cannot be one; the message says what a room's name looks like.
    """
    bare = text.strip().removeprefix("#")
    if not bare:
        raise ChatError("a room's name cannot be empty")
    if len(bare) > MAX_ROOM:
        raise ChatError(f"a room's name has at most {MAX_ROOM} characters")
    if _ROOM.fullmatch(bare) is None:
        raise ChatError("a room's name is # and letters (a-z), digits, _ or -")
    return "#" + bare


def free_nick(wanted: str, taken: Container[str]) -> str:
    """The first of wanted2, wanted3, … that is not in `taken` (folded nicks)."""
    number = 2
    while True:
        suffix = str(number)
        candidate = wanted[: MAX_NICK - len(suffix)] + suffix
        if fold(candidate) not in taken:
            return candidate
        number += 1
