"""What is asked of the broker to keep a room or the server in order: requests as the others.

Each but `Knock`, `Rise` and `Sweep` is refused to whoever has not the power: a room's owner,
or an operator.
"""

import math

import attrs


@attrs.frozen
class GiveRoom:
    """Make another member of a room its owner."""

    room: str
    nick: str


@attrs.frozen
class Kick:
    """Make somebody leave a room; they may come back."""

    room: str
    nick: str
    reason: str = ""


@attrs.frozen
class Ban:
    """Make somebody leave a room, if they are there, and stay out for so many seconds."""

    room: str
    nick: str
    reason: str = ""
    seconds: float = math.inf


@attrs.frozen
class Unban:
    """Lift a ban."""

    room: str
    nick: str


@attrs.frozen
class Mute:
    """Let somebody read, but say nothing in a room, for so many seconds."""

    room: str
    nick: str
    reason: str = ""
    seconds: float = math.inf


@attrs.frozen
class Unmute:
    """Lift a mute."""

    room: str
    nick: str


@attrs.frozen
class Slow:
    """Let each person say one line in so many seconds in a room; 0: as many as they like."""

    room: str
    seconds: float


@attrs.frozen
class Seclude:
    """Let nobody enter a room without an invitation, or everybody again."""

    room: str
    private: bool


@attrs.frozen
class Invite:
    """Let somebody in once."""

    room: str
    nick: str


@attrs.frozen
class Knock:
    """Ask the owner of a private room to be let in."""

    room: str
    text: str = ""


@attrs.frozen
class Wall:
    """Say a line to everybody on the server; for operators."""

    text: str


@attrs.frozen
class Kill:
    """End somebody's session; for operators."""

    nick: str
    reason: str = ""


@attrs.frozen
class BanAddress:
    """Let nobody in from an address, or from that of a nick, and end who is; for operators."""

    whom: str
    reason: str = ""
    seconds: float = math.inf


@attrs.frozen
class UnbanAddress:
    """Let people in from an address again; for operators."""

    address: str


@attrs.frozen
class Rise:
    """Make an operator of the member, who has given the password of `name`."""

    name: str


@attrs.frozen
class StepDown:
    """Be an operator no more."""


@attrs.frozen
class Sweep:
    """Let go of the rooms that nobody is in and whose last ban has ended."""


RoomOrder = GiveRoom | Kick | Ban | Unban | Mute | Unmute | Slow | Seclude | Invite
ServerOrder = Wall | Kill | BanAddress | UnbanAddress | Rise | StepDown
Order = RoomOrder | ServerOrder | Knock | Sweep
