"""Words that become values, and types that plug-ins add."""

import difflib
import enum
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NewType, Optional, cast

import attrs
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from trioserve.errors import ChatError
from trioserve.extending.arguments import Arguments
from trioserve.extending.conversions import Nick
from trioserve.extending.converters import converter, converter_for, forget
from trioserve.messages import Event
from trioserve.rooms.member import Member
from trioserve.rooms.outlet import Piece
from trioserve.rooms.room import Room
from trioserve.rooms.roomkeeping import RoomLimits
from trioserve.state.world import World
from trioserve.wire.text import duration

if TYPE_CHECKING:
    from trioserve import Context


class Colour(enum.Enum):
    RED = 1
    LIGHT_BLUE = 2
    CRIMSON = RED  # an alias


@attrs.frozen
class Point:
    x: int


class Deaf:
    """An outlet for people who are shown nothing."""

    lagging = False

    def put_event(self, event: Event, data: bytes) -> None: ...
    def put_piece(self, piece: Piece) -> None: ...


@attrs.define
class Here:
    """As much of a context as converters look at."""

    member: Member
    world: World


def a_world(*nicks: str) -> World:
    """A world whose people are all in #lobby."""
    world = World(RoomLimits())
    for nick in nicks:
        member = Member(nick, Deaf(), 0.0)
        world.enter(member)
        world.join(member, "#lobby")
    return world


def seen_by(nick: str, world: World) -> "Context":
    return cast("Context", Here(world.member(nick), world))


ALONE = seen_by("ann", a_world("ann"))


def converted(annotation: Any, word: str, ctx: "Context" = ALONE) -> Any:
    return converter_for(annotation).convert(word, ctx)


@pytest.fixture
def _forgetting() -> Iterator[None]:
    """Leave no converter of this module, or of the plug-ins it plays, behind."""
    yield
    for module in (__name__, "one", "two"):
        forget(module)


own_types = pytest.mark.usefixtures("_forgetting")


# ------------------------------------------------------------------ choices


@pytest.mark.parametrize("word", ["tea", "TEA", "Tea"])
def test_a_literal_takes_its_words_in_any_case(word: str) -> None:
    assert converted(Literal["Tea", "coffee"], word) == "Tea"


def test_a_literal_may_hold_numbers() -> None:
    assert converted(Literal[6, 20], "20") == 20


@pytest.mark.parametrize("word", ["light_blue", "light-blue", "LIGHT_BLUE"])
def test_an_enum_takes_the_names_of_its_members(word: str) -> None:
    assert converted(Colour, word) is Colour.LIGHT_BLUE


def test_an_enums_aliases_are_taken_and_not_shown() -> None:
    assert converted(Colour, "crimson") is Colour.RED
    assert converter_for(Colour).choices == ("red", "light-blue")


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Literal["tea"], "tea"),
        (Literal["tea", "coffee"], "tea or coffee"),
        (Literal["a", "b", "c"], "a, b or c"),
        (Colour, "red or light-blue"),
        (bool, "on or off"),
        (
            enum.Enum("Many", [f"n{n}" for n in range(12)]),
            "n0, n1, n2, n3, n4, n5, n6, n7, n8, n9 and 2 others",
        ),
    ],
)
def test_what_was_expected_lists_the_choices(annotation: Any, expected: str) -> None:
    assert converter_for(annotation).expected == expected


@pytest.mark.parametrize("annotation", [Literal["a", "A"], Literal[1, "1"], Literal["a-b", "a_b"]])
def test_choices_that_nobody_could_tell_apart_are_refused(annotation: Any) -> None:
    with pytest.raises(TypeError, match="differs from another choice by case only"):
        converter_for(annotation)


# ---------------------------------------------------------------- durations


@pytest.mark.parametrize(
    ("word", "span"),
    [
        ("10m", timedelta(minutes=10)),
        ("2h30m", timedelta(hours=2, minutes=30)),
        ("2h 30m", timedelta(hours=2, minutes=30)),
        ("3d", timedelta(days=3)),
        ("90s", timedelta(seconds=90)),
        ("1w", timedelta(weeks=1)),
        ("1W2D3H4M5S", timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5)),
        ("0s", timedelta()),
        ("3650d", timedelta(days=3650)),
    ],
)
def test_a_time_span_is_counts_of_units(word: str, span: timedelta) -> None:
    assert converted(timedelta, word) == span


@pytest.mark.parametrize(
    "word",
    ["", " ", "10", "m", "1.5h", "-1m", "30m2h", "1m1m", "1y", "10m!", "１m", "9" * 10 + "s"],
)
def test_what_is_no_time_span_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="^" + word.replace(".", r"\.") + "$"):
        converted(timedelta, word)


@pytest.mark.parametrize("word", ["3651d", "999999999w", "3650d1s"])
def test_a_time_span_that_could_overflow_a_date_is_refused(word: str) -> None:
    with pytest.raises(ChatError) as caught:
        converted(timedelta, word)

    assert str(caught.value) == f'expected a time of at most 3650d, got "{word}"'


@given(st.integers(0, 3650 * 86400))
def test_a_time_span_that_the_server_shows_can_be_typed(seconds: int) -> None:
    shown = duration(seconds)

    assert duration(converted(timedelta, shown).total_seconds()) == shown


@given(st.tuples(*[st.integers(0, 400)] * 5))
def test_a_time_span_is_the_sum_of_its_parts(counts: tuple[int, ...]) -> None:
    units = ("weeks", "days", "hours", "minutes", "seconds")
    word = "".join(f"{count}{unit[0]}" for count, unit in zip(counts, units, strict=True))

    span = converted(timedelta, word)

    assert span == timedelta(**dict(zip(units, counts, strict=True)))


def test_many_spaces_in_a_time_span_take_no_time() -> None:
    with pytest.raises(ValueError, match="x"):
        converted(timedelta, "1w" + " " * 4000 + "x")


# ---------------------------------------------------------- people and rooms


def test_a_nick_is_the_one_its_owner_writes() -> None:
    ctx = seen_by("ann", a_world("ann", "Bob"))

    assert converted(Nick, "bOB", ctx) == "Bob"


def test_a_member_is_somebody_who_is_here() -> None:
    world = a_world("ann", "Bob")

    assert converted(Member, "bob", seen_by("ann", world)) is world.member("Bob")


@pytest.mark.parametrize("word", ["lobby", "#lobby", "#LOBBY"])
def test_a_room_is_found_with_its_sign_or_without(word: str) -> None:
    world = a_world("ann")

    assert converted(Room, word, seen_by("ann", world)) is world.room("#lobby")


@pytest.mark.parametrize(
    ("annotation", "word", "mistake"),
    [
        (Nick, "bbo", "nobody here is called bbo; did you mean Bob?"),
        (Member, "BBO", "nobody here is called BBO; did you mean Bob?"),
        (Member, "zoe", "nobody here is called zoe"),
        (Member, "b" * 4000, f"nobody here is called {'b' * 59}…"),
        (Room, "loby", "there is no room #loby; did you mean #lobby?"),
        (Room, "kitchen", "there is no room #kitchen"),
        (Room, "#", "a room's name cannot be empty"),
    ],
)
def test_a_name_that_is_not_here_is_told_with_one_that_is(
    annotation: Any, word: str, mistake: str
) -> None:
    with pytest.raises(ChatError) as caught:
        converted(annotation, word, seen_by("ann", a_world("ann", "Bob")))

    assert str(caught.value) == mistake


def test_nobody_has_an_empty_name() -> None:
    with pytest.raises(ValueError, match=r"^$"):
        converted(Nick, "")


def test_somebody_in_no_room_is_told_a_name_too() -> None:
    world = a_world("ann", "bob")
    world.leave(world.member("ann"), world.room("#lobby"))

    with pytest.raises(ChatError, match="did you mean bob"):
        converted(Nick, "bbo", seen_by("ann", world))


def test_the_callers_room_comes_first_where_there_are_many() -> None:
    world = a_world(*(f"visitor{n}" for n in range(1000)), "ann", "bob", "carl")
    for nick in ("ann", "bob"):
        world.join(world.member(nick), "#kitchen")

    with pytest.raises(ChatError, match="did you mean bob"):
        converted(Nick, "bbo", seen_by("ann", world))


def test_the_callers_rooms_come_first_where_there_are_many() -> None:
    world = a_world("ann", "bob")
    for n in range(500):
        world.limits = RoomLimits(per_member=1000)
        world.join(world.member("bob"), f"#room-{n}")
    world.join(world.member("ann"), "#kitchen")

    with pytest.raises(ChatError, match="did you mean #kitchen"):
        converted(Room, "kitchn", seen_by("ann", world))


def test_a_wrong_name_is_compared_with_a_few_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    world = a_world(*(f"person{n}" for n in range(1000)))

    def note(word: str, possibilities: list[str], n: int) -> list[str]:
        compared.extend(possibilities)
        return []

    monkeypatch.setattr(difflib, "get_close_matches", note)
    with pytest.raises(ChatError):
        converted(Nick, "bob", seen_by("person1", world))

    assert len(compared) == 200
    assert len(set(compared)) == 200


@given(st.text())
def test_any_word_converts_or_is_refused(word: str) -> None:
    for annotation in (str, int, float, bool, timedelta, Nick, Member, Room, Colour):
        try:
            converted(annotation, word)
        except (ValueError, ChatError):
            continue


# ------------------------------------------------------------------ optional


@pytest.mark.parametrize("annotation", [int | None, Optional[int], None | int])  # noqa: UP045  (people write it)
def test_what_may_be_none_converts_as_what_it_is_otherwise(annotation: Any) -> None:
    assert converter_for(annotation) is converter_for(int)


@pytest.mark.parametrize(
    ("annotation", "named"),
    [
        (bytes, "bytes"),
        (datetime, "datetime"),
        (Point, "Point"),
        (NewType("Id", int), "Id"),
        (list[int], "list[int]"),
        (int | str, "int | str"),
        (None, "None"),
        (enum.Enum, "Enum"),
        (Literal[True], "typing.Literal[True]"),
        ([], "[]"),
    ],
)
def test_a_type_that_nothing_converts_to_is_named(annotation: Any, named: str) -> None:
    with pytest.raises(TypeError) as caught:
        converter_for(annotation)

    assert str(caught.value) == f"no converter for {named}: declare it with @converter before"


# ----------------------------------------------------------------- own types


@own_types
def test_a_registered_function_converts_to_its_return_annotation() -> None:
    @converter
    def point(word: str) -> Point:
        """A point."""
        return Point(int(word))

    assert converted(Point, "7") == Point(7)


@own_types
def test_a_command_declared_below_takes_the_new_type() -> None:
    @converter
    def point(word: str) -> Point:
        """A point such as 7."""
        return Point(int(word))

    def go(ctx: object, to: Point, *via: Point) -> None: ...

    assert Arguments.of(go).bind("7 8 9", ALONE) == ([Point(7), Point(8), Point(9)], {})
    with pytest.raises(ChatError, match=r'^via: expected a point such as 7, got "x"$'):
        Arguments.of(go).bind("7 x", ALONE)


@own_types
def test_a_converter_may_ask_for_the_context() -> None:
    @converter
    def point(word: str, ctx: "Context") -> Point:
        """A point."""
        return Point(len(ctx.world.members))

    assert converted(Point, "all") == Point(1)


@own_types
def test_a_return_annotation_in_quotes_is_read() -> None:
    @converter
    def point(word: str, ctx: "Context") -> "Point":
        """A point."""
        return Point(int(word))

    assert converted(Point, "7") == Point(7)


@own_types
@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        ("a colour such as red", "a colour such as red"),
        ("A colour such as red.\n\n    More on that.", "a colour such as red"),
        ("\n    An apple.\n    ", "an apple"),
        ("Monday or Tuesday.", "Monday or Tuesday"),
    ],
)
def test_the_first_line_of_its_docstring_says_what_is_expected(
    docstring: str, expected: str
) -> None:
    def point(word: str) -> Point:
        return Point(1)

    point.__doc__ = docstring
    converter(point)

    assert converter_for(Point).expected == expected


@own_types
def test_an_enum_may_have_a_converter_of_its_own() -> None:
    @converter
    def colour(word: str) -> Colour:
        """A number of a colour."""
        return Colour(int(word))

    assert converted(Colour, "2") is Colour.LIGHT_BLUE


def plugin(module: str, kind: type) -> Callable[[str], Any]:
    def convert(word: str) -> Any:
        """A thing."""
        return kind(word)

    convert.__module__ = module
    convert.__qualname__ = f"to_{kind.__name__}"
    convert.__annotations__["return"] = kind
    return convert


@own_types
def test_two_converters_for_one_type_are_refused_by_name() -> None:
    converter(plugin("one", Point))

    with pytest.raises(TypeError) as caught:
        converter(plugin("two", Point))

    assert str(caught.value) == "two.to_Point: Point has a converter already, one.to_Point"


@own_types
@pytest.mark.parametrize("kind", [str, int, float, bool, timedelta, Member, Room])
def test_a_type_that_the_server_has_is_refused_by_name(kind: type) -> None:
    with pytest.raises(TypeError) as caught:
        converter(plugin("one", kind))

    assert str(caught.value) == (
        f"one.to_{kind.__name__}: {kind.__name__} has a converter already, "
        f"{converter_for(kind).where}"
    )


@own_types
def test_a_module_that_is_loaded_again_replaces_its_converters() -> None:
    converter(plugin("one", Point))
    again = plugin("one", Point)
    converter(again)

    assert converter_for(Point).function is again


@own_types
def test_a_type_made_anew_by_a_reload_takes_the_place_of_the_old_one() -> None:
    def load() -> type:
        class Shape: ...

        converter(plugin("one", Shape))
        return Shape

    old, new = load(), load()

    assert converter_for(new).where == "one.to_Shape"
    with pytest.raises(TypeError, match="no converter for Shape"):
        converter_for(old)


@own_types
def test_what_a_module_has_declared_can_be_forgotten() -> None:
    converter(plugin("one", Point))

    forget("one")

    converter(plugin("two", Point))
    assert converter_for(Point).where == "two.to_Point"


async def waiting(word: str) -> Point:
    """A point."""
    await trio.lowlevel.checkpoint()
    return Point(1)


def undocumented(word: str) -> Point:
    return Point(1)


def returning_nothing(word: str) -> None:
    """A point."""


def returning_maybe(word: str) -> Point | None:
    """A point."""


def returning_something(word: str) -> Any:
    """A point."""


def unannotated(word):  # type: ignore[no-untyped-def]  # the point of the test
    """A point."""


def misspelt(word: str) -> "Ponit":  # type: ignore[name-defined]  # noqa: F821  (the point of it)
    """A point."""


def of_nothing() -> Point:
    """A point."""
    return Point(1)


def of_too_much(word: str, ctx: object, more: object) -> Point:
    """A point."""
    return Point(1)


def by_name(*, word: str) -> Point:
    """A point."""
    return Point(1)


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (waiting, "a converter is a plain function"),
        (Point, "a converter is a plain function"),
        (undocumented, "undocumented: no docstring to say what is expected"),
        (returning_nothing, "returning_nothing: None is no type to convert to"),
        (returning_maybe, r"returning_maybe: .*Point.*None.* is no type to convert to"),
        (returning_something, "returning_something: .*Any is no type to convert to"),
        (unannotated, "unannotated: no return annotation to say what it converts to"),
        (misspelt, "misspelt: its return annotation cannot be read: .*Ponit"),
        (of_nothing, "of_nothing: a converter takes a word, and if it likes the context"),
        (of_too_much, "of_too_much: a converter takes a word, and if it likes the context"),
        (by_name, "by_name: a converter takes a word, and if it likes the context"),
    ],
)
def test_a_function_that_cannot_convert_is_refused(function: Any, why: str) -> None:
    with pytest.raises(TypeError, match=why):
        converter(function)
