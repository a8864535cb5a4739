from collections.abc import Callable

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from trioserve.errors import ChatError
from trioserve.messages import Event, Said
from trioserve.names import fold
from trioserve.rooms.histories import Histories
from trioserve.rooms.member import Member
from trioserve.rooms.moderation import Guest, Identity, Rules
from trioserve.rooms.outlet import Piece
from trioserve.rooms.roomkeeping import RoomLimits
from trioserve.state.correspondence import correspondent
from trioserve.state.world import World
from trioserve.wire.style import Style

HERE, ELSEWHERE = Style(here=True), Style(here=False)


class Nowhere:
    """The outlet of somebody who is shown nothing."""

    lagging = False

    def put_event(self, event: Event, data: bytes) -> None:
        """Drop it."""

    def put_piece(self, piece: Piece) -> None:
        """Drop it."""


def somebody(nick: str) -> Member:
    return Member(nick, Nowhere(), active=0.0)


def entered(world: World, *nicks: str) -> list[Member]:
    """People of these nicks, who have entered."""
    people = [somebody(nick) for nick in nicks]
    for member in people:
        world.enter(member)
    return people


@pytest.fixture
def world() -> World:
    return World(RoomLimits())


# ----------------------------------------------------------------- entering


def test_who_is_here_is_found_by_number_until_they_depart(world: World) -> None:
    ann, bob = entered(world, "ann", "bob")

    world.rename(ann, "anna")
    world.depart(bob)

    assert world.numbered == {ann.number: ann}


def test_who_has_entered_is_found_in_any_case(world: World) -> None:
    (ann,) = entered(world, "Ann")

    assert world.member("aNN") is ann


def test_a_taken_nick_is_refused_and_a_free_one_is_offered(world: World) -> None:
    entered(world, "ann", "ann2")

    with pytest.raises(ChatError, match=r"^the name ANN is taken; ANN3 is free$"):
        world.enter(somebody("ANN"))


def test_nobody_is_found_who_is_not_here(world: World) -> None:
    with pytest.raises(ChatError, match=r"^there is no ann here$"):
        world.member("ann")


# ----------------------------------------------------------------- renaming


def test_who_takes_another_nick_gives_the_old_one_free(world: World) -> None:
    (ann,) = entered(world, "ann")

    world.rename(ann, "anna")

    (other,) = entered(world, "ann")
    assert (ann.nick, world.member("Anna"), world.member("ann")) == ("anna", ann, other)


def test_a_nick_may_change_its_case(world: World) -> None:
    (ann,) = entered(world, "ann")

    world.rename(ann, "ANN")

    assert (ann.nick, world.member("ann")) == ("ANN", ann)


def test_another_persons_nick_cannot_be_taken(world: World) -> None:
    ann, _ = entered(world, "ann", "bob")

    with pytest.raises(ChatError, match=r"^the name Bob is taken; Bob2 is free$"):
        world.rename(ann, "Bob")

    assert ann.nick == "ann"


# ------------------------------------------------------- joining and leaving


def test_who_joins_a_room_has_it_as_their_current_one(world: World) -> None:
    (ann,) = entered(world, "ann")

    lobby, dev = world.join(ann, "#lobby"), world.join(ann, "#dev")

    assert world.current_room(ann) is dev
    assert list(ann.rooms.values()) == [lobby, dev]
    assert (lobby.members[ann], dev.members[ann]) == (ELSEWHERE, HERE)


def test_a_room_is_one_room_in_any_case(world: World) -> None:
    ann, bob = entered(world, "ann", "bob")

    made, joined = world.join(ann, "#Dev"), world.join(bob, "#DEV")

    assert made is joined is world.room("#dev")
    assert made.name == "#Dev"


def test_only_the_first_room_begins_with_a_topic() -> None:
    world = World(RoomLimits(first="#Home", topic="Take your shoes off"))
    (ann,) = entered(world, "ann")

    assert world.join(ann, "#home").topic == "Take your shoes off"
    assert world.join(ann, "#dev").topic == ""


def test_a_room_cannot_be_joined_twice(world: World) -> None:
    (ann,) = entered(world, "ann")
    world.join(ann, "#dev")

    with pytest.raises(
        ChatError, match=r"^you are in #DEV already; /room #DEV makes it the current one$"
    ):
        world.join(ann, "#DEV")


def test_one_can_be_in_so_many_rooms() -> None:
    world = World(RoomLimits(per_member=2))
    (ann,) = entered(world, "ann")
    world.join(ann, "#one")
    world.join(ann, "#two")

    with pytest.raises(ChatError, match=r"^you are in 2 rooms, the most; /leave one first$"):
        world.join(ann, "#three")


def test_there_can_be_so_many_rooms_and_all_may_be_joined() -> None:
    world = World(RoomLimits(most=2))
    ann, bob = entered(world, "ann", "bob")
    world.join(ann, "#one")
    world.join(ann, "#two")

    with pytest.raises(ChatError, match=r"^there are 2 rooms, the most; join one of them$"):
        world.join(bob, "#three")

    assert world.join(bob, "#two") is world.room("#two")


def test_the_first_room_can_be_made_however_many_there_are() -> None:
    world = World(RoomLimits(first="#lobby", most=1))
    ann, bob = entered(world, "ann", "bob")
    world.join(ann, "#other")

    assert world.join(bob, "#Lobby") is world.current_room(bob)


def test_who_leaves_their_current_room_is_in_the_one_they_joined_last(world: World) -> None:
    (ann,) = entered(world, "ann")
    one, two, three = (world.join(ann, name) for name in ("#one", "#two", "#three"))
    world.switch(ann, one)

    world.leave(ann, one)

    assert world.current_room(ann) is three
    assert (two.members[ann], three.members[ann]) == (ELSEWHERE, HERE)


def test_who_leaves_another_room_stays_in_their_current_one(world: World) -> None:
    (ann,) = entered(world, "ann")
    one, two = world.join(ann, "#one"), world.join(ann, "#two")

    world.leave(ann, one)

    assert world.current_room(ann) is two


def test_who_has_left_all_rooms_is_told_how_to_join_one(world: World) -> None:
    (ann,) = entered(world, "ann")
    world.leave(ann, world.join(ann, "#dev"))

    with pytest.raises(ChatError, match=r"^you are in no room: /join one; /rooms lists them$"):
        world.current_room(ann)


def test_an_empty_room_vanishes(world: World) -> None:
    (ann,) = entered(world, "ann")
    world.leave(ann, world.join(ann, "#dev"))

    with pytest.raises(ChatError, match=r"^there is no room #dev$"):
        world.room("#dev")


def test_a_room_that_one_is_not_in_is_not_theirs(world: World) -> None:
    ann, bob = entered(world, "ann", "bob")
    world.join(ann, "#dev")

    with pytest.raises(ChatError, match=r"^you are not in #dev$"):
        world.room_of(bob, "#dev")

    assert world.room_of(ann, "#DEV") is world.room("#dev")


# ----------------------------------------------------------------- departing


def test_who_departs_leaves_nothing_behind(world: World) -> None:
    ann, bob = entered(world, "ann", "bob")
    world.join(ann, "#lobby")
    lobby = world.join(bob, "#lobby")
    world.join(ann, "#dev")
    world.ignore(ann, "bob")

    world.depart(ann)

    assert list(world.members.values()) == [bob]
    assert list(world.rooms.values()) == [lobby]
    assert list(lobby.members) == [bob]
    assert not world.ignorers
    assert (ann.rooms, ann.room) == ({}, None)


def test_departing_twice_hurts_nobody(world: World) -> None:
    (ann,) = entered(world, "ann")
    world.depart(ann)
    (other,) = entered(world, "ann")

    world.depart(ann)

    assert world.member("ann") is other


@pytest.mark.parametrize(
    "comes_back",
    [
        lambda world, member: world.join(member, "#lobby"),
        lambda world, member: world.rename(member, "ghost"),
        lambda world, member: world.ignore(member, "bob"),
    ],
    ids=["join", "rename", "ignore"],
)
def test_a_command_that_outlasts_its_caller_cannot_bring_them_back(
    world: World, comes_back: Callable[[World, Member], None]
) -> None:
    (ann,) = entered(world, "ann")
    world.depart(ann)
    (other,) = entered(world, "ann")

    with pytest.raises(ChatError, match=r"^you have left already$"):
        comes_back(world, ann)

    assert list(world.members.values()) == [other]
    assert not world.rooms
    assert not world.ignorers


# ------------------------------------------------------------ correspondents


def test_a_correspondent_is_a_person_and_not_a_nick(world: World) -> None:
    ann, bob = entered(world, "ann", "bob")
    ann.correspondent = bob

    world.rename(bob, "robert")
    entered(world, "bob")

    assert correspondent(world, ann) is bob


def test_who_has_talked_to_nobody_has_no_correspondent(world: World) -> None:
    (ann,) = entered(world, "ann")

    with pytest.raises(ChatError, match=r"^you have exchanged no private message yet$"):
        correspondent(world, ann)


def test_a_correspondent_who_has_left_is_not_mistaken_for_their_namesake(world: World) -> None:
    ann, bob = entered(world, "ann", "bob")
    ann.correspondent = bob

    world.depart(bob)
    entered(world, "bob")

    with pytest.raises(ChatError, match=r"^bob, whom you talked to, has left$"):
        correspondent(world, ann)


# -------------------------------------------------------- styles and groups


def test_quiet_holds_in_every_room_of_its_member_and_in_later_ones(world: World) -> None:
    (ann,) = entered(world, "ann")
    lobby = world.join(ann, "#lobby")

    world.set_quiet(ann, quiet=True)
    dev = world.join(ann, "#dev")

    assert lobby.members[ann] == Style(here=False, quiet=True)
    assert dev.members[ann] == Style(here=True, quiet=True)


def test_a_style_without_a_room_is_that_of_the_current_one(world: World) -> None:
    (ann,) = entered(world, "ann")
    lobby = world.join(ann, "#lobby")
    dev = world.join(ann, "#dev")

    assert (ann.style(), ann.style(dev), ann.style(lobby)) == (HERE, HERE, ELSEWHERE)


def test_who_changes_their_style_keeps_their_rank(world: World) -> None:
    people = entered(world, "ann", "bob", "cat")
    for member in people:
        world.join(member, "#lobby")

    world.join(people[0], "#dev")
    world.set_quiet(people[1], quiet=True)

    assert world.room("#lobby").nicks(10) == ["ann", "bob", "cat"]


def test_the_nicks_of_a_room_are_those_who_have_been_there_longest(world: World) -> None:
    people = entered(world, "ann", "bob", "cat")
    for member in people:
        world.join(member, "#lobby")

    lobby = world.room("#lobby")
    assert (lobby.nicks(2), lobby.nicks(0)) == (["ann", "bob"], [])


# ------------------------------------------------------------------- history


def said(message_id: int) -> Said:
    return Said(message_id, "#dev", "ann", str(message_id))


def test_a_room_keeps_so_many_messages() -> None:
    world = World(RoomLimits(history=2))
    (ann,) = entered(world, "ann")
    room = world.join(ann, "#dev")

    for message_id in (1, 2, 3):
        world.remember(room, said(message_id))

    assert room.recent(99) == [said(2), said(3)]


def test_a_room_may_keep_no_messages() -> None:
    world = World(RoomLimits(history=0))
    (ann,) = entered(world, "ann")
    room = world.join(ann, "#dev")

    world.remember(room, said(1))

    assert room.recent(99) == []
    assert world.roomkeeping.histories.size == 0


def longest(message_id: int) -> Said:
    return Said(message_id, "#dev", "ann", "x" * 1000)


def test_all_rooms_together_keep_so_many_bytes_and_the_fullest_forget_first() -> None:
    world = World(RoomLimits(history_bytes=50_000))
    (ann,) = entered(world, "ann")
    small, full, fuller = (world.join(ann, name) for name in ("#small", "#full", "#fuller"))
    world.remember(small, longest(0))
    for message_id in range(1, 15):
        world.remember(full, longest(message_id))

    for message_id in range(15, 200):
        world.remember(fuller, longest(message_id))
        kept = [*small.history, *full.history, *fuller.history]
        assert sum(len(each.text) for each in kept) < world.roomkeeping.histories.size <= 50_000

    assert small.recent(99) == [longest(0)]
    assert len(full.history) == 14
    assert len(fuller.history) > 14
    assert fuller.recent(1) == [longest(199)]


def test_messages_fall_out_many_at_a_time_so_that_not_each_costs_a_look_at_all_rooms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = 0
    forget = Histories._forget

    def count(histories: Histories, left: int) -> None:
        nonlocal looks
        looks += 1
        forget(histories, left)

    monkeypatch.setattr(Histories, "_forget", count)
    world = World(RoomLimits(history_bytes=200_000))
    (ann,) = entered(world, "ann")
    rooms = [world.join(ann, f"#room{number}") for number in range(20)]

    for message_id in range(2000):
        world.remember(rooms[message_id % 20], longest(message_id))

    assert looks < 150


def test_what_an_account_said_is_taken_out_with_its_bytes_and_the_rest_stays_in_order() -> None:
    world = World(RoomLimits(history=4))
    (ann,) = entered(world, "ann")
    dev, ops = world.join(ann, "#dev"), world.join(ann, "#ops")
    mine = [Said(number, "#dev", "ann", "mine", account="ann") for number in (1, 3)]
    others = [Said(number, "#dev", "bob", "bob's", account="bob") for number in (2, 4)]
    for each in (mine[0], others[0], mine[1], others[1]):
        world.remember(dev, each)
    world.remember(ops, others[0])
    left = ops.history_bytes

    world.roomkeeping.histories.retract("ann", "#dev")

    assert list(dev.history) == others
    assert dev.history.maxlen == 4
    assert (dev.history_bytes, ops.history_bytes) == (2 * left, left)
    assert world.roomkeeping.histories.size == 3 * left


def test_a_room_that_awaited_nobody_by_an_account_is_not_touched_when_that_is_given_up() -> None:
    world = World(RoomLimits())
    (ann,) = entered(world, "ann")
    for name in ("#dev", "#ops"):
        world.join(ann, name).rules = Rules()
    awaiting = world.rooms["#dev"].rules
    assert awaiting is not None
    awaiting.awaited.append(Guest(Identity("bob"), "bob"))
    world.touched.clear()

    world.roomkeeping.disown("bob", world.last_id)

    assert list(world.touched) == ["#dev"]
    assert not awaiting.awaited


def test_a_room_that_vanishes_takes_its_bytes_along() -> None:
    world = World(RoomLimits())
    (ann,) = entered(world, "ann")
    room = world.join(ann, "#dev")
    world.remember(room, said(1))

    world.leave(ann, room)

    assert world.roomkeeping.histories.size == 0


# ------------------------------------------------ whatever people do, it holds

nicks = st.sampled_from(["ann", "ANN", "bob", "cat"])
rooms = st.sampled_from(["#lobby", "#Lobby", "#dev", "#den", "#zoo"])


def seen(world: World, people: list[Member]) -> object:
    """All there is to know of a world and its people, as values to compare."""
    return (
        list(world.members.items()),
        [(key, room, room.name, room.topic) for key, room in world.rooms.items()],
        [list(room.members.items()) for room in world.rooms.values()],
        [(style, list(group)) for r in world.rooms.values() for style, group in r.groups.items()],
        [(nick, list(ignorers)) for nick, ignorers in world.ignorers.items()],
        [attrs.astuple(each, recurse=False) for each in people],
        [(list(each.rooms.items()), dict(each.ignored or {})) for each in people],
        [dict(each.followed or {}) for each in people],
    )


class WorldOfPeople(RuleBasedStateMachine):
    """Anybody may ask for anything at any time, also before they enter and after they depart."""

    people = Bundle("people")

    def __init__(self) -> None:
        super().__init__()
        self.world = World(RoomLimits(per_member=2, most=3))
        self.everyone: list[Member] = []

    def ask(self, request: Callable[[], object]) -> None:
        before = seen(self.world, self.everyone)
        try:
            request()
        except ChatError:
            assert seen(self.world, self.everyone) == before

    @rule(target=people, nick=nicks)
    def connect(self, nick: str) -> Member:
        member = somebody(nick)
        self.everyone.append(member)
        self.ask(lambda: self.world.enter(member))
        return member

    @rule(member=people)
    def enter(self, member: Member) -> None:
        self.ask(lambda: self.world.enter(member))

    @rule(member=people, nick=nicks)
    def rename(self, member: Member, nick: str) -> None:
        self.ask(lambda: self.world.rename(member, nick))

    @rule(member=people, name=rooms)
    def join(self, member: Member, name: str) -> None:
        self.ask(lambda: self.world.join(member, name))

    @rule(member=people, name=rooms)
    def leave(self, member: Member, name: str) -> None:
        self.ask(lambda: self.world.leave(member, self.world.room_of(member, name)))

    @rule(member=people, name=rooms)
    def switch(self, member: Member, name: str) -> None:
        self.ask(lambda: self.world.switch(member, self.world.room_of(member, name)))

    @rule(member=people, quiet=st.booleans())
    def set_quiet(self, member: Member, quiet: bool) -> None:
        self.ask(lambda: self.world.set_quiet(member, quiet))

    @rule(member=people, nick=nicks)
    def ignore(self, member: Member, nick: str) -> None:
        self.ask(lambda: self.world.ignore(member, nick))

    @rule(member=people, nick=nicks)
    def unignore(self, member: Member, nick: str) -> None:
        self.ask(lambda: self.world.unignore(member, nick))

    @rule(member=people)
    def depart(self, member: Member) -> None:
        self.ask(lambda: self.world.depart(member))
        assert member not in self.world.members.values()

    @invariant()
    def everybody_is_known_by_their_nick(self) -> None:
        assert all(key == fold(member.nick) for key, member in self.world.members.items())
        assert len(set(self.world.members.values())) == len(self.world.members)

    @invariant()
    def rooms_and_members_agree(self) -> None:
        for key, room in self.world.rooms.items():
            assert key == fold(room.name)
            assert all(member.rooms[key] is room for member in room.members)
            assert all(self.world.members[fold(each.nick)] is each for each in room.members)
        for member in self.everyone:
            for key, room in member.rooms.items():
                assert self.world.rooms[key] is room
                assert member in room.members

    @invariant()
    def no_room_is_empty(self) -> None:
        assert all(room.members for room in self.world.rooms.values())

    @invariant()
    def each_room_but_the_first_belongs_to_a_member(self) -> None:
        for key, room in self.world.rooms.items():
            assert (room.owner is None) if key == "#lobby" else (room.owner in room.members)

    @invariant()
    def who_is_here_is_found_by_number(self) -> None:
        here = {each.number: each for each in self.world.members.values()}
        assert self.world.numbered == here

    @invariant()
    def limits_are_kept(self) -> None:
        assert len(self.world.rooms) <= 3 + ("#lobby" in self.world.rooms)
        assert all(len(member.rooms) <= 2 for member in self.everyone)

    @invariant()
    def the_current_room_is_one_of_the_members(self) -> None:
        for member in self.everyone:
            if member.rooms:
                assert member.room in member.rooms.values()
            else:
                assert member.room is None

    @invariant()
    def groups_hold_exactly_the_members_by_their_style(self) -> None:
        for room in self.world.rooms.values():
            grouped = {each: style for style, group in room.groups.items() for each in group}
            assert grouped == room.members
            assert all(room.groups.values())
            assert sum(map(len, room.groups.values())) == len(room.members)
            for member, style in room.members.items():
                assert style == Style(here=member.room is room, quiet=member.quiet)

    @invariant()
    def who_ignores_somebody_is_known(self) -> None:
        known = {
            (nick, each) for nick, ignorers in self.world.ignorers.items() for each in ignorers
        }
        assert known == {
            (nick, each)
            for each in self.everyone
            for nick in [*(each.ignored or ()), *(each.followed or ())]
        }
        assert all(self.world.ignorers.values())

    @invariant()
    def who_is_followed_is_here_under_that_nick(self) -> None:
        for each in self.everyone:
            for nick, chosen in (each.followed or {}).items():
                assert nick in self.world.members
                assert chosen in (each.ignored or {})
                assert nick not in (each.ignored or {})


TestWhateverPeopleDo = pytest.mark.slow(WorldOfPeople.TestCase)
TestWhateverPeopleDo.settings = settings(deadline=None, max_examples=50, stateful_step_count=40)
