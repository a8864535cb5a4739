import gc
from collections import deque

import pytest

from trioserve.broker.broker import Nowhere
from trioserve.messages import Said
from trioserve.rooms.member import Absence, Member
from trioserve.rooms.room import Room


def said(message_id: int) -> Said:
    return Said(message_id, "#dev", "ann", str(message_id))


def room_with(*ids: int) -> Room:
    return Room("#dev", "", deque(map(said, ids)))


@pytest.mark.parametrize(
    ("most", "ids"), [(0, []), (1, [4]), (3, [2, 3, 4]), (4, [1, 2, 3, 4]), (99, [1, 2, 3, 4])]
)
def test_recent_messages_are_the_last_ones_oldest_first(most: int, ids: list[int]) -> None:
    room = room_with(1, 2, 3, 4)

    assert room.recent(most) == [said(each) for each in ids]


def test_messages_are_recalled_by_id_oldest_first() -> None:
    room = room_with(1, 2, 3, 4)

    assert room.recall([4, 2, 7, 2]) == [said(2), said(4)]


def test_an_absence_keeps_nobody_who_was_told_of_it() -> None:
    absence, bob = Absence("lunch"), Member("bob", Nowhere(), active=0.0)
    absence.told.add(bob)
    assert bob in absence.told

    del bob
    gc.collect()

    assert len(absence.told) == 0
