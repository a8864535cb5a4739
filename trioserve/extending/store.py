"""A plug-in's own state: of the server, by room, and by member, in memory."""

from typing import Any
from weakref import WeakKeyDictionary

import attrs

from trioserve.rooms.member import Member
from trioserve.rooms.room import Room


@attrs.define(eq=False)
class Store:
    """What one plug-in keeps. It survives a reload of the plug-in, and ends with the server.

    What is kept for a room or a member goes with them: a room vanishes with its
    last member, and a member with their leaving.
    """

    server: dict[str, Any] = attrs.field(factory=dict, init=False)
    _rooms: WeakKeyDictionary[Room, dict[str, Any]] = attrs.field(
        factory=WeakKeyDictionary, init=False
    )
    _members: WeakKeyDictionary[Member, dict[str, Any]] = attrs.field(
        factory=WeakKeyDictionary, init=False
    )

    def of_room(self, room: Room) -> dict[str, Any]:
        """What is kept for a room: a dict to read and to change."""
        return self._rooms.setdefault(room, {})

    def of_member(self, member: Member) -> dict[str, Any]:
        """What is kept for a member: a dict to read and to change."""
        return self._members.setdefault(member, {})
