"""What comes of moderation: events as those of `messages`, which lists them all."""

import attrs


@attrs.frozen
class Owned:
    """A room has another owner: `by` gave it to them; empty: the last owner has left."""

    room: str
    nick: str
    by: str = ""


Ruling = Owned
