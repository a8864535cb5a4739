"""What each theme makes of each part of a line: tables of SGR parameters (ECMA-48, 8.3.117).

Terminals are dark or light, and do not tell. So the 256-colour tables hold only colours with a
contrast of at least 3.5 : 1 to black and to white (WCAG 2.1, 1.4.3, has the formula), and those
for fewer colours leave out white, black, and blue, which many show too dark to read.
"""

import functools
import zlib
from collections.abc import Mapping
from typing import Final, Literal

import attrs

from trioserve.names import fold
from trioserve.wire import style

Role = Literal[
    "text",
    "time",
    "room",
    "nick",  # a person's, in a colour of their own
    "own",  # the reader's nick before their own line
    "act",
    "private",
    "server",
    "notice",
    "divider",
    "mention",
    "link",
]


@attrs.frozen
class Theme:
    """SGR parameters by role; a role that is missing is shown as the terminal shows text."""

    roles: Mapping[Role, str]
    nicks: tuple[str, ...]

    def sgr(self, role: Role, text: str) -> str:
        """The parameters for a text in this role; empty: none."""
        if role == "nick":
            # By checksum, and not hash(), which is another one in every process.
            return self.nicks[zlib.crc32(fold(text).encode()) % len(self.nicks)]
        return self.roles.get(role, "")


_DEFAULT_256: Final = Theme(
    {
        "time": "38;5;244",
        "room": "38;5;67",
        "own": "1",
        "act": "38;5;166",
        "private": "1;38;5;133",
        "server": "38;5;66",
        "notice": "38;5;244",
        "divider": "1;38;5;66",
        "mention": "30;48;5;179",
        "link": "4",
    },
    tuple(f"38;5;{color}" for color in (167, 166, 130, 100, 64, 28, 30, 32, 63, 134, 164, 161)),
)
_DEFAULT_FEW: Final = Theme(
    {
        "time": "36",
        "room": "36",
        "own": "1",
        "act": "33",
        "private": "1;35",
        "server": "32",
        "notice": "36",
        "divider": "1;36",
        "mention": "30;43",
        "link": "4",
    },
    ("31", "32", "33", "35", "36"),
)
_MONO: Final = Theme(
    {
        "own": "1",
        "act": "1",
        "private": "1",
        "divider": "1",
        "mention": "7",
        "link": "4",
    },
    ("1",),
)
_HIGH_CONTRAST: Final = Theme(
    {
        "room": "1;96",
        "own": "1;4",
        "act": "1;93",
        "private": "1;95",
        "server": "1;92",
        "notice": "1",
        "divider": "1;96",
        "mention": "1;7",
        "link": "1;4",
    },
    ("1;91", "1;92", "1;93", "1;95", "1;96"),
)


@functools.lru_cache(maxsize=16)
def theme_named(name: style.Theme, colors: int) -> Theme | None:
    """The table for a theme and a terminal; None if nothing is to be marked.

    Args:
        name: any but `auto`.
        colors: that the terminal is known to have. 0 is not known: whoever has
            chosen a theme nevertheless has said that it can do something.
    """
    if name == "default":
        return _DEFAULT_256 if colors >= 256 else _DEFAULT_FEW
    return {"mono": _MONO, "high-contrast": _HIGH_CONTRAST}.get(name)
