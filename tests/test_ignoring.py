"""Who is ignored, under whatever nick they go on."""

import pytest

from tests.test_world import entered
from trioserve.errors import ChatError
from trioserve.rooms.ignoring import MAX_IGNORED
from trioserve.rooms.member import Member
from trioserve.rooms.roomkeeping import RoomLimits
from trioserve.state.world import World


@pytest.fixture
def world() -> World:
    return World(RoomLimits())


def one_who_ignores(world: World) -> tuple[Member, Member]:
    """Ann, who ignores Bob, and Bob."""
    ann, bob = entered(world, "ann", "bob")
    world.ignore(ann, "bob")
    return ann, bob


def test_who_is_ignored_is_so_in_any_case(world: World) -> None:
    (ann,) = entered(world, "ann")

    world.ignore(ann, "Bob")

    assert ann.ignores("bOB")
    assert not ann.ignores("bo")


def test_nobody_is_ignored_to_begin_with(world: World) -> None:
    (ann,) = entered(world, "ann")

    assert not ann.ignores("bob")


def test_who_is_ignored_no_more_is_heard(world: World) -> None:
    (ann,) = entered(world, "ann")
    world.ignore(ann, "bob")

    world.unignore(ann, "BOB")

    assert not ann.ignores("bob")
    assert not world.ignorers


def test_the_others_who_are_ignored_stay_so(world: World) -> None:
    (ann,) = entered(world, "ann")
    world.ignore(ann, "bob")
    world.ignore(ann, "cat")

    world.unignore(ann, "bob")

    assert ann.ignores("cat")
    assert world.ignorers == {"cat": {ann: None}}


@pytest.mark.parametrize("ignored", [[], ["cat"]])
def test_only_the_ignored_can_be_ignored_no_more(world: World, ignored: list[str]) -> None:
    (ann,) = entered(world, "ann")
    for nick in ignored:
        world.ignore(ann, nick)

    with pytest.raises(ChatError, match=r"^you do not ignore bob$"):
        world.unignore(ann, "bob")


def test_one_can_ignore_so_many(world: World) -> None:
    (ann,) = entered(world, "ann")
    for number in range(MAX_IGNORED):
        world.ignore(ann, f"bob{number}")

    with pytest.raises(ChatError, match=r"^you ignore 100 people, the most; /unignore one first$"):
        world.ignore(ann, "bob")


def test_who_is_ignored_already_may_be_ignored_again_at_the_limit(world: World) -> None:
    (ann,) = entered(world, "ann")
    for number in range(MAX_IGNORED):
        world.ignore(ann, f"bob{number}")

    world.ignore(ann, "BOB7")

    assert ann.ignores("bob7")


def test_another_nick_does_not_help_against_being_ignored(world: World) -> None:
    ann, bob = one_who_ignores(world)

    world.rename(bob, "robert")

    assert ann.ignores("robert")


def test_an_ignored_nick_stays_ignored_whatever_its_owner_is_called_now(world: World) -> None:
    ann, bob = one_who_ignores(world)

    world.rename(bob, "robert")

    assert ann.ignores("bob")
    assert ann.ignored == {"bob": "bob"}


def test_a_nick_that_an_ignored_person_has_left_behind_is_not_ignored(world: World) -> None:
    ann, bob = one_who_ignores(world)

    world.rename(bob, "carol")
    world.rename(bob, "robert")

    assert ann.ignores("robert")
    assert not ann.ignores("carol")


def test_a_nick_that_an_ignored_person_had_when_they_departed_is_not_ignored(world: World) -> None:
    ann, bob = one_who_ignores(world)
    world.rename(bob, "carol")

    world.depart(bob)

    entered(world, "carol")
    assert not ann.ignores("carol")
    assert ann.ignores("bob")


def test_a_nick_that_is_ignored_by_choice_stays_so_when_its_owner_goes(world: World) -> None:
    ann, bob = one_who_ignores(world)
    world.rename(bob, "carol")
    world.ignore(ann, "carol")

    world.depart(bob)

    assert ann.ignores("carol")


def test_who_goes_back_to_their_ignored_nick_is_ignored(world: World) -> None:
    ann, bob = one_who_ignores(world)

    world.rename(bob, "robert")
    world.rename(bob, "Bob")

    assert ann.ignores("bob")
    assert not ann.ignores("robert")


def test_who_is_ignored_no_more_is_heard_under_every_nick(world: World) -> None:
    ann, bob = one_who_ignores(world)
    world.rename(bob, "robert")

    world.unignore(ann, "bob")

    assert not ann.ignores("robert")
    assert not world.ignorers


def test_one_nick_that_is_followed_can_be_heard_again_alone(world: World) -> None:
    ann, bob = one_who_ignores(world)
    world.rename(bob, "robert")

    world.unignore(ann, "robert")

    assert not ann.ignores("robert")
    assert ann.ignores("bob")


def test_many_nicks_of_one_person_do_not_fill_the_list_of_the_ignored(world: World) -> None:
    ann, bob = one_who_ignores(world)

    for number in range(2 * MAX_IGNORED):
        world.rename(bob, f"bob{number}")

    assert ann.ignored == {"bob": "bob"}
    assert ann.followed == {"bob199": "bob"}
    assert list(world.ignorers) == ["bob", "bob199"]


def test_many_people_of_one_nick_do_not_fill_the_list_of_the_followed(world: World) -> None:
    (ann,) = entered(world, "ann")
    world.ignore(ann, "bob")

    for number in range(2 * MAX_IGNORED):
        (bob,) = entered(world, "bob")
        world.rename(bob, f"bob{number}")

    assert len(ann.followed or ()) == MAX_IGNORED


def test_who_departs_ignores_nobody_any_more(world: World) -> None:
    ann, bob = one_who_ignores(world)
    world.rename(bob, "robert")

    world.depart(ann)

    assert not world.ignorers
