"""Signatures as usage, and typed words bound to them."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, Optional, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioserve.errors import ChatError
from trioserve.extending.arguments import Arguments, Parameter
from trioserve.extending.conversions import Nick
from trioserve.extending.converters import Converter
from trioserve.messages import Event
from trioserve.rooms.member import Member
from trioserve.rooms.outlet import Piece
from trioserve.rooms.room import Room
from trioserve.rooms.roomkeeping import RoomLimits
from trioserve.state.world import World

if TYPE_CHECKING:
    from trioserve import Context

Function = Callable[..., None]

NOBODY = cast("Context", None)  # the converters of plain values do not look at it


def nothing(ctx: object) -> None: ...
def word(ctx: object, nick: str) -> None: ...
def whole(ctx: object, n: int) -> None: ...
def number(ctx: object, x: float) -> None: ...
def switch(ctx: object, on: bool) -> None: ...
def several(ctx: object, nick: str, n: int = 3, on: bool = False) -> None: ...
def words(ctx: object, first: str, *others: str) -> None: ...
def numbers(ctx: object, *numbers: int) -> None: ...
def line(ctx: object, *, text: str) -> None: ...
def maybe_line(ctx: object, *, text: str = "nothing") -> None: ...
def word_and_line(ctx: object, nick: str, *, text: str) -> None: ...
def two_words_in_a_name(ctx: object, room_name: str, *, last_word: str) -> None: ...
def whole_rest(ctx: object, *, n: int) -> None: ...
def only_by_position(ctx: object, n: int, /) -> None: ...
def maybe_whole(ctx: object, n: int | None = None) -> None: ...
def maybe_both(ctx: object, n: int | None, name: Optional[str]) -> None: ...  # noqa: UP045  (people write it)
def maybe_rest(ctx: object, *, text: str | None) -> None: ...
def drink(ctx: object, drink: Literal["tea", "coffee"] = "tea") -> None: ...
def drinks(ctx: object, *drinks: Literal["tea", "coffee"]) -> None: ...
def alarm(ctx: object, wait: timedelta, *, text: str) -> None: ...
def poll(ctx: object, question: str, wait: timedelta, *answers: str) -> None: ...
def long_wait(ctx: object, *, wait: timedelta) -> None: ...
def fifty(
    ctx: object, letters: Literal["aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"]
) -> None: ...


# ------------------------------------------------------------------- usage


@pytest.mark.parametrize(
    ("function", "usage"),
    [
        (nothing, ""),
        (word, "<nick>"),
        (whole, "<n>"),
        (several, "<nick> [n] [on|off]"),
        (words, "<first> [others...]"),
        (numbers, "[numbers...]"),
        (line, "<text>"),
        (maybe_line, "[text]"),
        (word_and_line, "<nick> <text>"),
        (two_words_in_a_name, "<room-name> <last-word>"),
        (maybe_whole, "[n]"),
        (maybe_both, "[n] [name]"),
        (maybe_rest, "[text]"),
        (drink, "[tea|coffee]"),
        (drinks, "[tea|coffee...]"),
        (fifty, "<letters>"),
    ],
)
def test_the_usage_is_the_signature(function: Function, usage: str) -> None:
    assert Arguments.of(function).usage == usage


# ----------------------------------------------------------------- binding


@pytest.mark.parametrize(
    ("function", "typed", "values", "named"),
    [
        (nothing, "", [], {}),
        (nothing, "   ", [], {}),
        (word, "bob", ["bob"], {}),
        (word, "  bob  ", ["bob"], {}),
        (whole, "6", [6], {}),
        (whole, "-6", [-6], {}),
        (whole, "+6", [6], {}),
        (whole, "007", [7], {}),
        (number, "2", [2.0], {}),
        (number, "-2.5", [-2.5], {}),
        (number, ".5", [0.5], {}),
        (number, "5.", [5.0], {}),
        (switch, "on", [True], {}),
        (switch, "YES", [True], {}),
        (switch, "off", [False], {}),
        (switch, "No", [False], {}),
        (several, "bob", ["bob"], {}),
        (several, "bob 4", ["bob", 4], {}),
        (several, "bob   4  on", ["bob", 4, True], {}),
        (words, "a", ["a"], {}),
        (words, "a b  c", ["a", "b", "c"], {}),
        (numbers, "", [], {}),
        (numbers, "1 2 3", [1, 2, 3], {}),
        (line, "what I  say", [], {"text": "what I  say"}),
        (maybe_line, "", [], {}),
        (maybe_line, "this", [], {"text": "this"}),
        (word_and_line, "bob  hi  there", ["bob"], {"text": "hi  there"}),
        (whole_rest, "7", [], {"n": 7}),
        (only_by_position, "7", [7], {}),
        (maybe_whole, "", [], {}),
        (maybe_whole, "7", [7], {}),
        (maybe_both, "", [None, None], {}),
        (maybe_both, "7", [7, None], {}),
        (maybe_both, "7 bob", [7, "bob"], {}),
        (maybe_rest, "", [], {"text": None}),
        (maybe_rest, "a b", [], {"text": "a b"}),
        (drinks, "tea COFFEE", ["tea", "coffee"], {}),
        (alarm, "10m  the tea", [timedelta(minutes=10)], {"text": "the tea"}),
        (long_wait, "2h 30m", [], {"wait": timedelta(hours=2, minutes=30)}),
    ],
)
def test_what_was_typed_binds_to_the_signature(
    function: Function, typed: str, values: list[Any], named: dict[str, Any]
) -> None:
    assert Arguments.of(function).bind(typed, NOBODY) == (values, named)


@pytest.mark.parametrize(
    ("function", "typed", "values", "named"),
    [
        (word, '"Tea or  coffee"', ["Tea or  coffee"], {}),
        (word, '""', [""], {}),
        (word, '" "', [" "], {}),
        (
            poll,
            '"Tea or coffee" 10m "Earl Grey" mocha',
            ["Tea or coffee", timedelta(minutes=10), "Earl Grey", "mocha"],
            {},
        ),
        (numbers, '"1" 2', [1, 2], {}),
        (words, "it's 5\" a\\ \\", ["it's", '5"', "a\\", "\\"], {}),
        (words, '"a\\" b', ["a\\", "b"], {}),
        (words, 'say"hi there"', ['say"hi', 'there"'], {}),
        (line, '"Tea" or "coffee', [], {"text": '"Tea" or "coffee'}),
        (word_and_line, '"bob" "hi"', ["bob"], {"text": '"hi"'}),
        (word_and_line, '"bob"   hi  "', ["bob"], {"text": 'hi  "'}),
    ],
)
def test_double_quotes_group_words_before_the_rest_of_the_line(
    function: Function, typed: str, values: list[Any], named: dict[str, Any]
) -> None:
    assert Arguments.of(function).bind(typed, NOBODY) == (values, named)


@given(st.lists(st.text(st.characters(exclude_characters='"')), min_size=1))
def test_whatever_stands_in_quotes_is_one_word(quoted: list[str]) -> None:
    typed = " ".join(f'"{each}"' for each in quoted)

    assert Arguments.of(words).bind(typed, NOBODY) == (quoted, {})


def test_the_wide_space_of_east_asian_keyboards_separates_words_too() -> None:
    assert Arguments.of(word_and_line).bind("bob\u3000やあ", NOBODY) == (["bob"], {"text": "やあ"})


def test_what_is_left_out_keeps_its_default_of_whatever_type() -> None:
    def roll(ctx: object, sides: int = cast("int", "many")) -> object:
        return sides

    values, named = Arguments.of(roll).bind("", NOBODY)

    assert roll(None, *values, **named) == "many"


@given(st.text() | st.text('"\\ a1m', max_size=12))
def test_whatever_is_typed_binds_or_is_a_persons_mistake(text: str) -> None:
    for function in (nothing, several, words, numbers, word_and_line, maybe_both, poll, drinks):
        try:
            values, named = Arguments.of(function).bind(text, NOBODY)
        except ChatError:
            continue
        function(None, *values, **named)


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("function", "typed", "mistake"),
    [
        (nothing, "now", '"now" is too much'),
        (word, "", "nick is missing"),
        (word, "bob and more", '"and more" is too much'),
        (whole, "six", 'n: expected a whole number, got "six"'),
        (whole, "6.0", 'n: expected a whole number, got "6.0"'),
        (number, "much", 'x: expected a number, got "much"'),
        (switch, "maybe", 'expected on or off, got "maybe"'),
        (several, "bob on", 'n: expected a whole number, got "on"'),
        (numbers, "1 two", 'numbers: expected a whole number, got "two"'),
        (line, "", "text is missing"),
        (word_and_line, "", "nick is missing"),
        (word_and_line, "bob", "text is missing"),
        (whole_rest, "7 8", 'n: expected a whole number, got "7 8"'),
        (two_words_in_a_name, "", "room-name is missing"),
        (two_words_in_a_name, "x", "last-word is missing"),
        (maybe_whole, "x", 'n: expected a whole number, got "x"'),
        (drink, "beer", 'expected tea or coffee, got "beer"'),
        (drinks, "tea tee", 'expected tea or coffee, got "tee"'),
        (alarm, "10 tea", 'wait: expected a time such as 90s, 10m, 2h30m or 3d, got "10"'),
        (poll, '"Tea or coffee 10m', 'question: "Tea or coffee 10m has no closing quote'),
        (poll, '"', 'question: " has no closing quote'),
        (poll, 'a 10m b "c', 'answers: "c has no closing quote'),
        (poll, '"Tea"or', 'question: a space is missing behind "Tea"'),
        (nothing, "x" * 61, f'"{"x" * 59}…" is too much'),
        (whole, "x" * 61, f'n: expected a whole number, got "{"x" * 59}…"'),
    ],
)
def test_a_mistake_is_named(function: Function, typed: str, mistake: str) -> None:
    with pytest.raises(ChatError) as caught:
        Arguments.of(function).bind(typed, NOBODY)

    assert str(caught.value) == mistake


@pytest.mark.parametrize("typed", ["1_000", "１２", "0x10", "1e3", "٣", "--1", "-", "9" * 19])
def test_only_plain_digits_are_a_whole_number(typed: str) -> None:
    with pytest.raises(ChatError, match=r"^n: expected a whole number, got "):
        Arguments.of(whole).bind(typed, NOBODY)


@pytest.mark.parametrize("typed", ["nan", "inf", "-infinity", "1_0.5", "1e400", "１.５", ".", "-"])
def test_only_plain_finite_digits_are_a_number(typed: str) -> None:
    with pytest.raises(ChatError, match=r"^x: expected a number, got "):
        Arguments.of(number).bind(typed, NOBODY)


# ------------------------------------------------ what cannot be a command


CANNOT = "nothing typed can be converted for the parameter"
DECLARE = "declare it with @converter before"


def no_parameter() -> None: ...
def no_context(sides: int) -> None: ...
def context_by_name(*, ctx: object) -> None: ...
def context_among_words(*ctx: object) -> None: ...
def no_annotation(ctx, n) -> None: ...  # type: ignore[no-untyped-def]  # the point of the test
def no_converter(ctx: object, when: bytes) -> None: ...
def a_union(ctx: object, n: int | str) -> None: ...
def rest_behind_an_optional(ctx: object, n: int = 3, *, text: str) -> None: ...
def word_behind_an_optional(ctx: object, n: int | None, name: str) -> None: ...
def unhashable(ctx: object, n: "[]") -> None: ...  # type: ignore[valid-type]  # the point of the test
def two_rests(ctx: object, *, one: str, two: str) -> None: ...
def words_and_a_rest(ctx: object, *words: str, text: str) -> None: ...
def any_name(ctx: object, **others: str) -> None: ...


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (no_parameter, "a command takes its context as the first parameter"),
        (no_context, "a command takes its context as the first parameter"),
        (context_by_name, "a command takes its context as the first parameter"),
        (context_among_words, "a command takes its context as the first parameter"),
        (no_annotation, f"{CANNOT} n; it has no annotation"),
        (no_converter, f"{CANNOT} when: bytes; no converter for bytes: {DECLARE}"),
        (a_union, f"{CANNOT} n: int | str; no converter for int | str: {DECLARE}"),
        (unhashable, f"{CANNOT} n: []; no converter for []: {DECLARE}"),
        (rest_behind_an_optional, "text is required, so n before it must be, too"),
        (word_behind_an_optional, "name is required, so n before it must be, too"),
        (two_rests, "nothing typed could be bound to two: str"),
        (words_and_a_rest, "nothing typed could be bound to text: str"),
        (any_name, "nothing typed could be bound to **others: str"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused_by_name(function: Function, why: str) -> None:
    with pytest.raises(TypeError) as caught:
        Arguments.of(function)

    assert str(caught.value) == f"{__name__}.{function.__name__}: {why}"


def test_an_annotation_that_only_a_type_checker_knows_is_refused_by_name() -> None:
    def late(ctx: "Context") -> None: ...

    with pytest.raises(TypeError, match=r"late: its annotations cannot be read: name 'Context'"):
        Arguments.of(late)


# -------------------------------------------------------- people and rooms


class Deaf:
    """An outlet for people who are shown nothing."""

    lagging = False

    def put_event(self, event: Event, data: bytes) -> None: ...
    def put_piece(self, piece: Piece) -> None: ...


def meet(ctx: object, whom: Nick, where: Room, *others: Member) -> None: ...


@pytest.fixture
def here() -> "Context":
    """The context of Ann, who is with Bob in #lobby."""
    world = World(RoomLimits())
    ann, bob = Member("Ann", Deaf(), 0.0), Member("Bob", Deaf(), 0.0)
    for member in (ann, bob):
        world.enter(member)
        world.join(member, "#lobby")
    # All that a converter looks at.
    return cast("Context", SimpleNamespace(member=ann, world=world))


def test_people_and_rooms_are_found_for_a_command(here: "Context") -> None:
    bound = Arguments.of(meet).bind("bOB lobby ann bob", here)

    people = [here.world.member("ann"), here.world.member("bob")]
    assert bound == (["Bob", here.world.room("#lobby"), *people], {})


@pytest.mark.parametrize(
    ("typed", "mistake"),
    [
        ("bbo lobby", "whom: nobody here is called bbo; did you mean Bob?"),
        ("bob loby", "where: there is no room #loby; did you mean #lobby?"),
        ("bob lobby bob anm", "others: nobody here is called anm; did you mean Ann?"),
        ('"" lobby', 'whom: expected the name of somebody who is here, got ""'),
    ],
)
def test_a_mistake_in_a_converters_words_begins_with_the_argument(
    typed: str, mistake: str, here: "Context"
) -> None:
    with pytest.raises(ChatError) as caught:
        Arguments.of(meet).bind(typed, here)

    assert str(caught.value) == mistake


def test_what_breaks_in_a_converter_is_no_persons_mistake(here: "Context") -> None:
    def broken(word: str) -> None:
        raise KeyError(word)

    arguments = Arguments((Parameter("x", Converter(broken, "luck"), True),), None, None)

    with pytest.raises(KeyError):
        arguments.bind("x", here)
