"""What is asked of the broker to keep a room or the server in order: requests as the others.

Each is refused to whoever has not the power: a room's owner, or an operator.
"""

import attrs


@attrs.frozen
class GiveRoom:
    """Make another member of a room its owner."""

    room: str
    nick: str


Order = GiveRoom
