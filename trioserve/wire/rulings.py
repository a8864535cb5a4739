"""How moderation looks: to a person on a line of the server's, to a program as JSON."""

from trioserve.rulings import Owned, Ruling


def ruling_text(event: Ruling) -> str:
    """Say what was done, as one line behind the server's ``* ``."""
    match event:
        case Owned(room, nick, by):
            return f"{by} gave {room} to {nick}" if by else f"{nick} owns {room} now"


def ruling_object(event: Ruling) -> dict[str, object]:
    """Say the same to a program."""
    match event:
        case Owned(room, nick, by):
            return {"kind": "owner", "room": room, "nick": nick, "by": by}
