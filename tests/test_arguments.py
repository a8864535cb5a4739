"""Signatures as usage, and typed words bound to them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioserve.arguments import Arguments
from trioserve.errors import ChatError

if TYPE_CHECKING:
    from trioserve import Context

Function = Callable[..., None]


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
    ],
)
def test_what_was_typed_binds_to_the_signature(
    function: Function, typed: str, values: list[Any], named: dict[str, Any]
) -> None:
    assert Arguments.of(function).bind(typed) == (values, named)


def test_the_wide_space_of_east_asian_keyboards_separates_words_too() -> None:
    assert Arguments.of(word_and_line).bind("bob\u3000やあ") == (["bob"], {"text": "やあ"})


def test_what_is_left_out_keeps_its_default_of_whatever_type() -> None:
    def roll(ctx: object, sides: int = cast("int", "many")) -> object:
        return sides

    values, named = Arguments.of(roll).bind("")

    assert roll(None, *values, **named) == "many"


@given(st.text())
def test_whatever_is_typed_binds_or_is_a_persons_mistake(text: str) -> None:
    for function in (nothing, several, words, numbers, word_and_line):
        try:
            values, named = Arguments.of(function).bind(text)
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
        (switch, "maybe", 'on: expected on or off, got "maybe"'),
        (several, "bob on", 'n: expected a whole number, got "on"'),
        (numbers, "1 two", 'numbers: expected a whole number, got "two"'),
        (line, "", "text is missing"),
        (word_and_line, "", "nick is missing"),
        (word_and_line, "bob", "text is missing"),
        (whole_rest, "7 8", 'n: expected a whole number, got "7 8"'),
        (two_words_in_a_name, "", "room-name is missing"),
        (two_words_in_a_name, "x", "last-word is missing"),
    ],
)
def test_a_mistake_is_named(function: Function, typed: str, mistake: str) -> None:
    with pytest.raises(ChatError) as caught:
        Arguments.of(function).bind(typed)

    assert str(caught.value) == mistake


@pytest.mark.parametrize("typed", ["1_000", "１２", "0x10", "1e3", "٣", "--1", "-", "9" * 19])
def test_only_plain_digits_are_a_whole_number(typed: str) -> None:
    with pytest.raises(ChatError, match=r"^n: expected a whole number, got "):
        Arguments.of(whole).bind(typed)


@pytest.mark.parametrize("typed", ["nan", "inf", "-infinity", "1_0.5", "1e400", "１.５", ".", "-"])
def test_only_plain_finite_digits_are_a_number(typed: str) -> None:
    with pytest.raises(ChatError, match=r"^x: expected a number, got "):
        Arguments.of(number).bind(typed)


# ------------------------------------------------ what cannot be a command


def no_parameter() -> None: ...
def no_context(sides: int) -> None: ...
def context_by_name(*, ctx: object) -> None: ...
def context_among_words(*ctx: object) -> None: ...
def no_annotation(ctx, n) -> None: ...  # type: ignore[no-untyped-def]  # the point of the test
def no_converter(ctx: object, when: bytes) -> None: ...
def a_union(ctx: object, n: int | None = None) -> None: ...
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
        (no_annotation, "nothing typed can be converted for the parameter n"),
        (no_converter, "nothing typed can be converted for the parameter when: bytes"),
        (a_union, "nothing typed can be converted for the parameter n: int | None = None"),
        (unhashable, "nothing typed can be converted for the parameter n: []"),
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
