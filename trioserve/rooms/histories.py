"""What rooms remember of what was said, in memory: the last of it, as far as all fits."""

from sys import getsizeof
from typing import Final

import attrs

from trioserve.messages import Message
from trioserve.rooms.room import Room

_MESSAGE_BYTES: Final = 200  # of memory that a message takes besides its text


@attrs.define(eq=False)
class Histories:
    """The histories of all rooms: what they take together is bounded in bytes."""

    rooms: dict[str, Room]  # all there are
    size: int = attrs.field(default=0, init=False)  # bytes of memory, about

    def hold(self, room: Room, message: Message, most: int) -> None:
        """Hold a message in its room's history, and `most` bytes in all: the oldest fall out."""
        history = room.history
        grown = _MESSAGE_BYTES + getsizeof(message.text)
        if len(history) == history.maxlen:
            if not history:  # none are kept
                return
            grown -= _MESSAGE_BYTES + getsizeof(history[0].text)
        history.append(message)  # and the oldest falls out
        room.history_bytes += grown
        self.size += grown
        if self.size > most:
            self._forget(most * 7 // 8)

    def release(self, room: Room) -> None:
        """Count a room no more, which has vanished."""
        self.size -= room.history_bytes

    def drop(self, room: Room) -> None:
        """Forget all that a room holds, which stays."""
        self.release(room)
        room.history.clear()
        room.history_bytes = 0

    def retract(self, account: str) -> None:
        """Forget what was said under an account, in whatever room."""
        for room in self.rooms.values():
            gone = [each for each in room.history if each.account == account]
            if not gone:
                continue
            kept = [each for each in room.history if each.account != account]
            room.history.clear()
            room.history.extend(kept)
            shrunk = sum(_MESSAGE_BYTES + getsizeof(each.text) for each in gone)
            room.history_bytes -= shrunk
            self.size -= shrunk

    def shorten(self, room: Room, most: int, since: int) -> None:
        """Hold no more of a room than so many messages, 0: any number, and from an id on."""
        history = room.history
        while history and ((most and len(history) > most) or history[0].id < since):
            self._drop_oldest(room)

    def _drop_oldest(self, room: Room) -> None:
        size = _MESSAGE_BYTES + getsizeof(room.history.popleft().text)
        room.history_bytes -= size
        self.size -= size

    def _forget(self, left: int) -> None:
        """Drop the oldest messages of the rooms that keep most, until so many bytes are left.

        An eighth of all at once, so that not each message costs a look at every
        room. A room that keeps less than its share leaves the rest to the others.
        """
        rooms = sorted(self.rooms.values(), key=lambda each: each.history_bytes)
        for number, room in enumerate(rooms):
            share = left // (len(rooms) - number)
            while room.history_bytes > share:
                self._drop_oldest(room)
            left -= room.history_bytes
