"""Functions that become commands, and words that find them."""

from types import ModuleType
from typing import cast

import pytest

from trioserve import Context, command
from trioserve.errors import ChatError
from trioserve.registry import Command, Registry, builtin

BUILTIN = (
    "cancel format help history ignore join leave me missed msg nick quiet quit reply room rooms stats "
    "topic unignore who"
)


@command
def roll(ctx: Context, sides: int = 6) -> None:
    """Roll a die. For the room to see.

    Not for money.
    """


@command
async def room(ctx: Context, name: str) -> None:
    """Build a room,
    brick by brick."""


@command
async def rooms(ctx: Context) -> None:
    """Count the rooms."""


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    for function in (roll, room, rooms):
        registry.add(function)
    return registry


# ------------------------------------------------------------- declaration


def test_a_docstring_is_the_help_and_its_first_sentence_the_summary(registry: Registry) -> None:
    found = registry.find("roll")

    assert found.help == "Roll a die. For the room to see.\n\nNot for money."
    assert found.summary == "Roll a die."


def test_a_summary_is_one_line(registry: Registry) -> None:
    assert registry.find("room").summary == "Build a room, brick by brick."


def test_the_usage_begins_with_the_name(registry: Registry) -> None:
    assert registry.find("roll").usage == "/roll [sides]"
    assert registry.find("rooms").usage == "/rooms"


def test_a_command_stays_a_function_that_can_be_called() -> None:
    @command
    def double(ctx: object, n: int) -> None:
        """Double."""
        raise ZeroDivisionError(2 * n)

    with pytest.raises(ZeroDivisionError, match="42"):
        double(None, 21)


def test_an_async_command_waits_and_a_plain_one_does_not(registry: Registry) -> None:
    assert registry.find("room").waits
    assert not registry.find("roll").waits


def test_name_cost_and_urgency_can_be_declared() -> None:
    @command(name="now", cost=5, urgent=True)
    def later(ctx: Context) -> None:
        """Do it."""

    registry = Registry()
    registry.add(later)

    found = registry.find("now")
    assert (found.name, found.cost, found.urgent) == ("now", 5, True)


def test_an_underscore_behind_a_name_is_not_part_of_it() -> None:
    @command
    def import_(ctx: Context) -> None:
        """Bring goods into the country."""

    registry = Registry()
    registry.add(import_)

    assert registry.find("import").usage == "/import"


@pytest.mark.parametrize("name", ["Roll", "two words", "/roll", "-", "a.b", "roll "])
def test_a_name_that_nobody_could_type_is_refused(name: str) -> None:
    def dice(ctx: Context) -> None:
        """Roll a die."""

    with pytest.raises(TypeError, match=r"dice: .* is no name of a command"):
        command(name=name)(dice)


@pytest.mark.parametrize("docstring", [None, "", "\n   \n"])
def test_a_command_without_help_is_refused(docstring: str | None) -> None:
    def dumb(ctx: Context) -> None: ...

    dumb.__doc__ = docstring

    with pytest.raises(TypeError, match=r"test_registry\..*dumb: no docstring, no help"):
        command(dumb)


def test_an_urgent_command_that_waits_is_refused() -> None:
    async def slow(ctx: Context) -> None:
        """Take my time."""

    with pytest.raises(TypeError, match=r"test_registry\..*slow: urgent, yet it waits"):
        command(urgent=True)(slow)


def test_a_signature_that_cannot_be_bound_is_refused_at_once() -> None:
    def odd(ctx: Context, when: bytes) -> None:
        """Wait."""

    with pytest.raises(TypeError, match=r"odd: nothing typed can be converted"):
        command(odd)


def test_a_mistake_in_the_arguments_is_told_with_the_usage(registry: Registry) -> None:
    with pytest.raises(ChatError) as caught:
        registry.find("roll").bind("six", cast(Context, None))  # no converter needs one

    assert (
        str(caught.value)
        == '/roll: sides: expected a whole number, got "six"; usage: /roll [sides]'
    )


# ---------------------------------------------------------------- registry


def test_commands_come_sorted_by_name(registry: Registry) -> None:
    assert [each.name for each in registry] == ["roll", "room", "rooms"]


def test_what_is_not_marked_is_not_added() -> None:
    def plain(ctx: Context) -> None:
        """Just a function."""

    with pytest.raises(TypeError, match=r"test_registry\..*plain is not marked with @command"):
        Registry().add(plain)


def test_two_commands_of_one_name_are_refused_with_both_places(registry: Registry) -> None:
    @command(name="roll")
    def another(ctx: Context) -> None:
        """Roll up the carpet."""

    with pytest.raises(TypeError) as caught:
        registry.add(another)

    assert str(caught.value) == (
        f"{__name__}.{another.__qualname__}: there is a command /roll already, {__name__}.roll"
    )


def test_a_module_gives_what_it_defines_and_not_what_it_imports() -> None:
    module = ModuleType("games")
    exec("from trioserve import command\n@command\ndef dice(ctx):\n  'Roll.'\n", vars(module))
    vars(module)["imported"] = roll
    vars(module)["constant"] = 6
    registry = Registry()

    registry.add_module(module)

    assert [each.name for each in registry] == ["dice"]


# -------------------------------------------------------------------- find


@pytest.mark.parametrize("word", ["roll", "ROLL", "rol", "Rol"])
def test_a_name_or_the_only_beginning_of_one_finds_it(registry: Registry, word: str) -> None:
    assert registry.find(word).name == "roll"


def test_a_whole_name_wins_over_a_longer_one(registry: Registry) -> None:
    assert registry.find("room").name == "room"


@pytest.mark.parametrize(
    ("word", "mistake"),
    [
        ("ro", "/ro could be /roll or /room or /rooms"),
        ("Roo", "/roo could be /room or /rooms"),
        ("orll", "no command /orll: did you mean /roll?"),
        ("roms", "no command /roms: did you mean /rooms or /room?"),
        ("xyzzy", "no command /xyzzy: /help lists them"),
        ("", "no command /: /help lists them"),
    ],
)
def test_what_finds_no_command_or_several_is_told(
    registry: Registry, word: str, mistake: str
) -> None:
    with pytest.raises(ChatError) as caught:
        registry.find(word)

    assert str(caught.value) == mistake


# ----------------------------------------------------------------- builtin


def test_these_commands_are_built_in() -> None:
    assert " ".join(each.name for each in builtin()) == BUILTIN


@pytest.mark.parametrize("each", list(builtin()), ids=lambda each: each.name)
def test_a_built_in_command_says_what_it_does_within_a_terminals_width(each: Command) -> None:
    assert each.summary.endswith(".")
    assert len(f"-- {each.summary}") <= 80
    assert len(f"-- {each.usage}") <= 80


def test_only_the_ways_out_are_urgent() -> None:
    assert [each.name for each in builtin() if each.urgent] == ["cancel", "quit"]


def test_each_registry_of_built_in_commands_is_its_own() -> None:
    builtin().add(roll)

    with pytest.raises(ChatError):
        builtin().find("roll")
