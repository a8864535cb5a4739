"""What rooms remember of what was said, in memory: the last of it, as far as all fits."""

from sys import getsizeof
from typing import Final

import attrs

from trioserve.messages import Message
from trioserve.rooms.room import Room

MAX_FORGOTTEN: Final = 1000
_MESSAGE_BYTES: Final = 200  # of memory that a message takes besides its text


@attrs.define(eq=False)
class Histories:
    """The histories of all rooms: what they take together is bounded in bytes."""

    rooms: dict[str, Room]  # all there are
    size: int = attrs.field(default=0, init=False)  # bytes of memory, about
    # The last accounts that were forgotten, and the id up to which: what was said by them may
    # have been read from the archive just before.
    _forgotten: dict[str, int] = attrs.field(factory=dict, init=False)

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

    def is_forgotten(self, message: Message) -> bool:
        """Whether a message is of those that must not be held again, though it has been read."""
        return message.id <= self._forgotten.get(message.account, 0)

    def note_forgotten(self, account: str, last_id: int) -> None:
        """Note that what was said under an account up to a message is to be held no more."""
        self._forgotten.pop(account, None)
        self._forgotten[account] = last_id
        if len(self._forgotten) > MAX_FORGOTTEN:
            del self._forgotten[next(iter(self._forgotten))]

    def retract(self, account: str, name: str) -> None:
        """Forget what was said under an account in a room, if there is such: one at a time."""
        if (room := self.rooms.get(name)) is None:
            return
        kept = [each for each in room.history if each.account != account]
        gone = [each for each in room.history if each.account == account]
        room.history.clear()
        room.history.extend(kept)
        shrunk = sum(_MESSAGE_BYTES + getsizeof(each.text) for each in gone)
        room.history_bytes -= shrunk
        self.size -= shrunk

    def shorten(self, room: Room, last: int) -> None:
        """Hold no message of a room up to an id."""
        while room.history and room.history[0].id <= last:
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
