"""Who is shown what of a turn, how often it is rendered, and when a turn is full."""

from collections.abc import Callable, Iterator

import attrs
import pytest

from tests.unprintable import Unprintable
from trioserve.broker.fanout import MAX_MENTIONED, ROOM_BYTES, TURN_BYTES, TURN_DELIVERIES, Fanout
from trioserve.messages import Departed, Event, Joined, Noticed, Renamed, Said, TopicSet
from trioserve.observe import Counters
from trioserve.rooms.member import Member
from trioserve.rooms.outlet import Piece
from trioserve.rooms.room import Room
from trioserve.rooms.roomkeeping import RoomLimits
from trioserve.state import attendance
from trioserve.state.world import World
from trioserve.wire.render import render
from trioserve.wire.style import ANYBODY, Look, Style, View


@attrs.define(eq=False)
class Ear:
    """An outlet that keeps what it is given."""

    pieces: list[Piece] = attrs.field(factory=list)
    data: list[bytes] = attrs.field(factory=list)
    lagging: bool = False

    def put_event(self, event: Event, data: bytes) -> None:
        self.data.append(data)

    def put_piece(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self.data.append(piece.data)


class Deaf(Ear):
    """An outlet that breaks its promise never to raise."""

    def put_piece(self, piece: Piece) -> None:
        raise RuntimeError("deaf")


@pytest.fixture
def fanout() -> Fanout:
    return Fanout(World(RoomLimits(per_member=1000)), Counters())


def people(fanout: Fanout, *nicks: str, room: str = "#lobby") -> list[Member]:
    """Somebody of each nick, in a room."""
    members = [Member(nick, Ear(), active=0.0) for nick in nicks]
    for member in members:
        fanout.world.enter(member)
        fanout.world.join(member, room)
    return members


def crowd(fanout: Fanout, count: int, *, room: str = "#lobby") -> list[Member]:
    return people(fanout, *(f"{room[1:]}{number}" for number in range(count)), room=room)


def said(member: Member, text: str, message_id: int = 10**15) -> Said:
    room = member.room
    assert room is not None
    return Said(message_id, room.name, member.nick, text)


def heard(member: Member) -> str:
    assert isinstance(member.outlet, Ear)
    data, member.outlet.data = b"".join(member.outlet.data), []
    return data.decode()


def pieces(member: Member) -> list[Piece]:
    assert isinstance(member.outlet, Ear)
    return member.outlet.pieces


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Event, Style]]:
    """What is rendered, from now on."""
    calls: list[tuple[Event, Style]] = []

    def count(event: Event, style: Style, view: View = ANYBODY) -> bytes:
        calls.append((event, style))
        return render(event, style, view)

    monkeypatch.setattr("trioserve.broker.fanout.render", count)
    return calls


def until_full(fanout: Fanout) -> Iterator[None]:
    """Go on until the turn is full, but not for ever."""
    for _ in range(1000):
        if fanout.full:
            return
        yield
    pytest.fail("the turn is never full")


# --------------------------------------------------------------- who is shown what


def test_an_event_is_rendered_once_for_each_style_whoever_is_shown_only_a_part(
    fanout: Fanout, rendered: list[tuple[Event, Style]]
) -> None:
    members = crowd(fanout, 20)
    fanout.world.set_json(members[0], json=True)
    for member in members[10:]:
        fanout.world.ignore(member, members[1].nick)
    lobby = fanout.world.room("#lobby")

    for member in members[:10]:
        fanout.post(lobby, said(member, "hi"), silent=member)
    fanout.flush()

    assert len(rendered) == 10 * 2


def test_authors_and_ignorers_are_shown_all_but_what_is_not_for_them(fanout: Fanout) -> None:
    ann, bob, carol = people(fanout, "ann", "bob", "carol")
    fanout.world.ignore(carol, "Bob")
    lobby = fanout.world.room("#lobby")

    for number, author in enumerate((ann, bob, ann, carol, bob)):
        fanout.post(lobby, said(author, f"line {number}", number), silent=author)
    fanout.flush()

    for member, numbers in ((ann, [1, 3, 4]), (bob, [0, 2, 3]), (carol, [0, 2])):
        (piece,) = pieces(member)
        assert [line[-1:] for line in piece.data.split(b"\r\n")[:-1]] == [
            str(number).encode() for number in numbers
        ]
        assert piece.ids == tuple(numbers)


def test_those_for_whom_the_same_is_left_out_share_a_piece(fanout: Fanout) -> None:
    ann, bob, *others = people(fanout, "ann", "bob", "carol", "dave")
    for member in others:
        fanout.world.ignore(member, "ann")
    lobby = fanout.world.room("#lobby")

    fanout.post(lobby, said(ann, "one"), silent=ann)
    fanout.post(lobby, said(bob, "two"), silent=bob)
    fanout.flush()

    assert pieces(others[0])[0] is pieces(others[1])[0]


def test_nobody_is_handed_an_empty_piece(fanout: Fanout) -> None:
    ann, bob, quiet, quiet_and_deaf = people(fanout, "ann", "bob", "quiet", "deaf")
    fanout.world.set_quiet(quiet, quiet=True)
    fanout.world.set_quiet(quiet_and_deaf, quiet=True)
    fanout.world.ignore(quiet_and_deaf, "ann")
    lobby = fanout.world.room("#lobby")

    fanout.post(lobby, Joined("#lobby", "eve"), silent=bob)
    fanout.post(lobby, said(ann, "hi"), silent=ann)
    fanout.flush()
    fanout.post(lobby, Joined("#lobby", "eve"))
    fanout.flush()
    fanout.tell_neighbours(ann, Departed("ann"), [lobby])
    fanout.put(quiet, Joined("#lobby", "eve"))

    for member in lobby.members:
        assert isinstance(member.outlet, Ear)
        assert all(member.outlet.data)
    assert pieces(quiet_and_deaf) == []
    assert heard(quiet).count("\n") == 1
    assert "left" in heard(bob)


def test_an_author_who_ignores_themself_is_left_out_once(fanout: Fanout) -> None:
    ann, bob = people(fanout, "ann", "bob")
    fanout.world.ignore(ann, "anna")
    fanout.world.rename(ann, "anna")
    lobby = fanout.world.room("#lobby")

    fanout.post(lobby, said(ann, "one"), silent=ann)
    fanout.post(lobby, said(bob, "two"), silent=bob)
    fanout.flush()

    assert heard(ann).endswith("<bob> two\r\n")


def test_who_ignores_an_author_elsewhere_is_not_looked_at(fanout: Fanout) -> None:
    class Untouched(dict[Member, None]):
        def __iter__(self) -> Iterator[Member]:
            raise AssertionError("looked at one by one")

    ann, bob = people(fanout, "ann", "bob", room="#dev")
    fanout.world.ignore(bob, "ann")
    others = dict.fromkeys(crowd(fanout, 10))
    fanout.world.ignorers["ann"] = Untouched({**others, bob: None})

    fanout.post(fanout.world.room("#dev"), said(ann, "hi"))
    fanout.flush()

    assert heard(ann)
    assert not heard(bob)


def test_a_neighbour_in_many_rooms_is_told_once_and_that_is_rendered_once(
    fanout: Fanout, rendered: list[tuple[Event, Style]]
) -> None:
    ann, bob = people(fanout, "ann", "bob")
    for number in range(5):
        fanout.world.join(ann, f"#room{number}")
        fanout.world.join(bob, f"#room{number}")

    fanout.tell_neighbours(ann, Renamed("ann", "anna"), ann.rooms.values())

    assert heard(bob) == "* ann is now anna\r\n"
    assert not heard(ann)
    assert len(rendered) == len({style for _, style in rendered})


# ------------------------------------------------------------------------- crashes


def test_an_event_that_cannot_be_shown_changes_nothing(fanout: Fanout) -> None:
    ann, bob = people(fanout, "ann", "bob")
    lobby = fanout.world.room("#lobby")
    fanout.post(lobby, said(ann, "before"))

    with pytest.raises(RuntimeError, match="unprintable"):
        fanout.post(lobby, said(ann, Unprintable("x")))

    fanout.flush()
    assert heard(bob).endswith("<ann> before\r\n")
    assert [each.text for each in lobby.history if isinstance(each, Said)] == ["before"]
    assert fanout.counters.crashes == 0


@pytest.mark.parametrize("flush_rooms", [False, True])
def test_a_room_that_cannot_be_shown_costs_no_other_one_anything(
    fanout: Fanout, caplog: pytest.LogCaptureFixture, *, flush_rooms: bool
) -> None:
    (ann,) = people(fanout, "ann", room="#broken")
    (bob,) = people(fanout, "bob", room="#dev")
    ann.outlet = Deaf()
    broken, dev = fanout.world.room("#broken"), fanout.world.room("#dev")

    fanout.post(broken, said(ann, "lost"))
    fanout.post(dev, said(bob, "shown"))
    if flush_rooms:
        fanout.flush_rooms([broken, dev])
    fanout.flush()

    assert heard(bob).endswith("<bob> shown\r\n")
    assert (broken.pending, broken.pending_bytes, fanout.dirty) == ([], 0, {})
    assert fanout.counters.crashes == 1
    assert "what was pending in #broken could not be shown" in caplog.text


# ------------------------------------------------------------ when a turn is full


def test_a_big_room_has_much_joined_in_one_turn(fanout: Fanout) -> None:
    members = crowd(fanout, TURN_DELIVERIES + 1)
    lobby = fanout.world.room("#lobby")

    for _ in range(50):
        fanout.post(lobby, said(members[0], "x"), silent=members[0])

    assert not fanout.full
    fanout.flush()
    assert len(pieces(members[-1])) == 1
    assert fanout.counters.deliveries == TURN_DELIVERIES + 1


def flush_a_big_room(fanout: Fanout, lobby: Room, ann: Member) -> None:
    fanout.post(lobby, said(ann, "x"))
    fanout.flush_rooms([lobby])


def tell_a_big_room(fanout: Fanout, lobby: Room, ann: Member) -> None:
    fanout.tell_neighbours(ann, Renamed("ann", "anna"), [lobby])


def put_a_thousand_times(fanout: Fanout, _: Room, ann: Member) -> None:
    for _number in range(1000):
        fanout.put(ann, Noticed(""))


@pytest.mark.parametrize("what", [flush_a_big_room, tell_a_big_room, put_a_thousand_times])
def test_a_turn_is_full_after_so_many_deliveries_of_whatever_kind(
    fanout: Fanout, what: Callable[[Fanout, Room, Member], None]
) -> None:
    members = crowd(fanout, 1001)
    lobby = fanout.world.room("#lobby")

    for _ in range(3):
        what(fanout, lobby, members[0])
        assert not fanout.full
    what(fanout, lobby, members[0])

    assert fanout.full
    fanout.flush()
    assert not fanout.full


def test_a_room_counts_once_though_it_is_flushed_within_the_turn(fanout: Fanout) -> None:
    for name in ("#one", "#two"):
        crowd(fanout, TURN_DELIVERIES // 2 - 1, room=name)
    one, two = fanout.world.room("#one"), fanout.world.room("#two")

    for room in (one, two):
        fanout.post(room, said(next(iter(room.members)), "x"))
    fanout.flush_rooms([one, two])

    assert not fanout.full


@pytest.mark.parametrize("text", ["x" * 300, "ä" * 150, "𝄞" * 75])
def test_a_turn_is_full_at_so_many_bytes_for_a_room_whatever_they_are_of(
    fanout: Fanout, text: str
) -> None:
    (ann,) = people(fanout, "ann")
    lobby = fanout.world.room("#lobby")

    for _ in until_full(fanout):
        fanout.post(lobby, TopicSet("#lobby", "ann", text))
    fanout.flush()

    assert ROOM_BYTES <= len(pieces(ann)[0].data) < ROOM_BYTES + 400


def test_a_turn_is_full_at_so_many_bytes_for_somebody_in_many_rooms(fanout: Fanout) -> None:
    (ann,) = people(fanout, "ann")
    rooms = [fanout.world.join(ann, f"#room{number}") for number in range(20)]

    for _ in until_full(fanout):
        for room in rooms:
            fanout.post(room, said(ann, "x" * 300))
    fanout.flush()

    assert len(heard(ann)) < TURN_BYTES + 20 * 400


def test_a_turn_is_full_at_so_many_bytes_for_one_person(fanout: Fanout) -> None:
    (ann,) = people(fanout, "ann")

    for _ in until_full(fanout):
        fanout.put(ann, Noticed("x" * 1000))

    assert TURN_BYTES <= len(heard(ann)) < TURN_BYTES + 1010


# ------------------------------------------------------- own lines, and mentions

MARKS = Look(theme="mono", clock="off")


def looking(fanout: Fanout, look: Look, *nicks: str) -> list[Member]:
    members = people(fanout, *nicks)
    for member in members:
        fanout.world.set_look(member, look)
    return members


def test_who_is_mentioned_alone_sees_that(fanout: Fanout) -> None:
    ann, bob, carol = looking(fanout, MARKS, "ann", "bob", "carol")
    (dave,) = people(fanout, "dave")
    lobby = fanout.world.room("#lobby")

    fanout.post(lobby, said(bob, "hi Ann and Dave"), silent=bob)
    fanout.post(lobby, said(bob, "hi all"), silent=bob)
    fanout.flush()

    assert heard(ann).splitlines() == [
        "<\x1b[1mbob\x1b[0m> hi \x1b[7mAnn\x1b[0m and Dave",
        "<\x1b[1mbob\x1b[0m> hi all",
    ]
    assert "\x1b[7m" not in heard(carol)
    assert "\x1b" not in heard(dave)
    assert not heard(bob)


def test_who_is_shown_their_own_line_sees_that_it_is_theirs(fanout: Fanout) -> None:
    ann, bob = looking(fanout, Look(theme="mono", bell="all"), "ann", "bob")
    lobby = fanout.world.room("#lobby")

    fanout.post(lobby, said(ann, "hi"))
    fanout.flush()

    assert not heard(ann).endswith("\a\r\n")
    assert heard(bob).endswith("hi\a\r\n")


def test_who_ignores_the_author_or_came_later_is_not_shown_a_mention(fanout: Fanout) -> None:
    ann, bob = looking(fanout, MARKS, "ann", "bob")
    fanout.world.ignore(ann, "bob")
    lobby = fanout.world.room("#lobby")

    fanout.post(lobby, said(bob, "hi ann and carol"))
    (carol,) = people(fanout, "carol")
    lobby.add_latecomer(carol)
    fanout.flush()

    assert not heard(ann)
    assert not heard(carol)


def test_who_is_named_in_another_room_is_not_rendered_for(
    fanout: Fanout, rendered: list[tuple[Event, Style]]
) -> None:
    looking(fanout, MARKS, "ann", "bob")
    (carol,) = people(fanout, "carol", room="#dev")

    fanout.post(fanout.world.room("#dev"), said(carol, "ann, bob"))
    fanout.flush()

    assert len(rendered) == 1


def test_a_line_full_of_nicks_is_rendered_for_so_many_of_them_at_most(
    fanout: Fanout, rendered: list[tuple[Event, Style]]
) -> None:
    everybody = looking(fanout, MARKS, *(f"p{number}" for number in range(100)))
    lobby = fanout.world.room("#lobby")

    fanout.post(lobby, said(everybody[0], " ".join(each.nick for each in everybody[1:])))
    fanout.flush()

    assert len(rendered) == 1 + 1 + MAX_MENTIONED
    assert all(heard(each).count("\n") == 1 for each in everybody)


def test_where_nobody_would_see_a_mention_none_is_looked_for(
    fanout: Fanout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trioserve.broker.fanout.words", None)
    ann, bob = looking(fanout, MARKS, "ann", "bob")
    fanout.world.set_look(ann, Look(theme="none"))
    fanout.world.set_json(bob, json=True)

    fanout.post(fanout.world.room("#lobby"), said(ann, "hi bob"))
    fanout.flush()

    assert heard(ann)
    assert fanout.counters.crashes == 0


def test_a_member_who_is_told_apart_shares_the_events_of_the_piece(fanout: Fanout) -> None:
    ann, bob = looking(fanout, MARKS, "ann", "bob")

    fanout.post(fanout.world.room("#lobby"), said(bob, "hi ann", 7))
    fanout.flush()

    assert pieces(ann)[0].ids == pieces(bob)[0].ids == (7,)


# ------------------------------------------------------------- what is new to whom


def test_who_does_not_read_is_headed_no_news_that_they_are_not_sent(fanout: Fanout) -> None:
    ann, bob = people(fanout, "ann", "bob")
    assert isinstance(ann.outlet, Ear)
    attendance.set_away(fanout.world, ann, "")
    lobby = fanout.world.room("#lobby")

    ann.outlet.lagging = True
    fanout.post(lobby, said(bob, "one"))
    fanout.flush()
    assert "new since" not in heard(ann)
    ann.outlet.lagging = False
    fanout.post(lobby, said(bob, "two"))
    fanout.flush()

    assert heard(ann).startswith("-- new since you last looked --\r\n")
    assert not lobby.expecting


def test_what_was_said_before_one_came_is_no_news(fanout: Fanout) -> None:
    (bob,) = people(fanout, "bob")
    lobby = fanout.world.room("#lobby")
    fanout.post(lobby, said(bob, "before"))
    (ann,) = people(fanout, "ann")
    lobby.add_latecomer(ann)
    attendance.set_away(fanout.world, ann, "")

    fanout.flush()

    assert not heard(ann)
    assert lobby.expecting == {ann: None}
