"""What a plug-in keeps."""

import gc
import weakref
from collections import deque

from trioserve.broker.broker import Nowhere
from trioserve.extending.store import Store
from trioserve.rooms.member import Member
from trioserve.rooms.room import Room


class Kept:
    """Something that a plug-in keeps."""


def test_what_is_kept_is_found_again_under_what_it_was_kept_for() -> None:
    store, room, ann = Store(), Room("#den", "", deque()), Member("ann", Nowhere(), 0.0)

    store.server["n"] = 1
    store.of_room(room)["n"] = 2
    store.of_member(ann)["n"] = 3

    assert (store.server["n"], store.of_room(room)["n"], store.of_member(ann)["n"]) == (1, 2, 3)


def test_a_room_of_the_same_name_is_another() -> None:
    store, room = Store(), Room("#den", "", deque())
    store.of_room(room)["n"] = 1

    assert store.of_room(Room("#den", "", deque())) == {}


def test_what_is_kept_for_somebody_goes_with_them() -> None:
    store, ann, room = Store(), Member("ann", Nowhere(), 0.0), Room("#den", "", deque())
    first, second = Kept(), Kept()
    store.of_member(ann)["n"] = first
    store.of_room(room)["n"] = second
    kept = weakref.ref(first), weakref.ref(second)

    del ann, room, first, second
    gc.collect()

    assert [each() for each in kept] == [None, None]
