"""Functions that become commands, filters, watchers, services."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, cast

import pytest

from tests.declared import declared, roll, room, rooms
from trioserve import Context, Group, Host, command, message_filter, service, watcher
from trioserve.errors import ChatError
from trioserve.extending.declarations import declaration_of, declared_in


def test_a_docstring_is_the_help_and_its_first_sentence_the_summary() -> None:
    found = declared(roll)

    assert found.help == "Roll a die. For the room to see.\n\nNot for money."
    assert found.summary == "Roll a die."


def test_a_summary_is_one_line() -> None:
    assert declared(room).summary == "Build a room, brick by brick."


def test_the_usage_begins_with_the_name() -> None:
    assert declared(roll).usage == "/roll [sides]"
    assert declared(rooms).usage == "/rooms"


def test_a_command_stays_a_function_that_can_be_called() -> None:
    @command
    def double(ctx: object, n: int) -> None:
        """Double."""
        raise ZeroDivisionError(2 * n)

    with pytest.raises(ZeroDivisionError, match="42"):
        double(None, 21)


def test_an_async_command_waits_and_a_plain_one_does_not() -> None:
    assert declared(room).waits
    assert not declared(roll).waits


def test_name_cost_and_urgency_can_be_declared() -> None:
    @command(name="now", cost=5, urgent=True)
    def later(ctx: Context) -> None:
        """Do it."""

    found = declared(later)
    assert (found.name, found.cost, found.urgent) == ("now", 5, True)


def test_an_underscore_behind_a_name_is_not_part_of_it() -> None:
    @command
    def import_(ctx: Context) -> None:
        """Bring goods into the country."""

    assert declared(import_).usage == "/import"


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

    with pytest.raises(TypeError, match=r"test_declarations\..*dumb: no docstring, no help"):
        command(dumb)


def test_an_urgent_command_that_waits_is_refused() -> None:
    async def slow(ctx: Context) -> None:
        """Take my time."""

    with pytest.raises(TypeError, match=r"test_declarations\..*slow: urgent, yet it waits"):
        command(urgent=True)(slow)


def test_a_signature_that_cannot_be_bound_is_refused_at_once() -> None:
    def odd(ctx: Context, when: bytes) -> None:
        """Wait."""

    with pytest.raises(TypeError, match=r"odd: nothing typed can be converted"):
        command(odd)


def test_a_mistake_in_the_arguments_is_told_with_the_usage() -> None:
    with pytest.raises(ChatError) as caught:
        declared(roll).bind("six", cast(Context, None))  # no converter needs one

    assert (
        str(caught.value)
        == '/roll: sides: expected a whole number, got "six"; usage: /roll [sides]'
    )


def test_what_is_not_declared_is_no_declaration() -> None:
    def plain(ctx: Context) -> None:
        """Just a function."""

    with pytest.raises(TypeError, match=r"test_declarations\..*plain is not declared"):
        declaration_of(plain)


def test_a_module_gives_what_it_defines_and_not_what_it_imports() -> None:
    module = ModuleType("games")
    exec(
        "from trioserve import Context, command\n"
        "@command\ndef dice(ctx: Context) -> None:\n  'Roll.'\n",
        vars(module),
    )
    vars(module)["imported"] = roll
    vars(module)["constant"] = 6

    assert [each.function.__name__ for each in declared_in(module)] == ["dice"]


def test_a_function_of_two_names_is_declared_once() -> None:
    module = ModuleType("games")
    exec(
        "from trioserve import Context, command\n"
        "@command\ndef dice(ctx: Context) -> None:\n  'Roll.'\nold_name = dice\n",
        vars(module),
    )

    assert len(declared_in(module)) == 1


def test_a_package_declares_what_it_takes_from_its_own_modules() -> None:
    own = ModuleType(roll.__module__.rpartition(".")[0])
    vars(own)["roll"] = roll

    assert declared_in(own) == [declared(roll)]


def test_a_function_is_declared_once_only() -> None:
    with pytest.raises(TypeError, match=r"declared\.roll is declared already"):
        command(roll)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"tiemout": 5}, "a command has no tiemout"),
        ({"timeout": 0}, "a timeout of 0"),
        ({"timeout": float("nan")}, "a timeout of nan"),
        ({"cost": -1}, "a cost of -1"),
        ({"aliases": "coin"}, r"aliases are a tuple, as in aliases=\('coin',\)"),
    ],
)
def test_options_that_cannot_be_meant_are_refused_with_the_function(
    options: dict[str, Any], fault: str
) -> None:
    async def flip(ctx: Context) -> None:
        """Flip a coin."""

    with pytest.raises(TypeError, match=rf"test_declarations\..*flip: {fault}"):
        command(**options)(flip)


def test_a_timeout_of_what_does_not_wait_is_refused() -> None:
    def flip(ctx: Context) -> None:
        """Flip a coin."""

    with pytest.raises(TypeError, match="flip: a timeout, yet it does not wait"):
        command(timeout=5)(flip)


def test_a_group_s_name_is_one_that_can_be_typed() -> None:
    with pytest.raises(TypeError, match=r"the group Big Poll: .* is no name of a command"):
        Group("Big Poll", "Ask.")


async def alone() -> None: ...
def at_once(first: object, second: object = None) -> None: ...


@pytest.mark.parametrize(
    ("declare", "function", "fault"),
    [
        (message_filter, alone, r"alone: expected a function of \(ctx, text\)"),
        (watcher, alone, r"alone: expected a function of \(events, host\)"),
        (watcher, at_once, "at_once: expected an async function"),
        (service, alone, r"alone: expected a function of \(host\)"),
        (service, at_once, "at_once: expected an async function"),
    ],
)
def test_a_function_that_could_not_be_called_is_refused_at_once(
    declare: Callable[[object], object], function: object, fault: str
) -> None:
    with pytest.raises(TypeError, match=rf"test_declarations\.{fault}"):
        declare(function)


def test_what_is_declared_can_still_be_called_with_its_own_type() -> None:
    @service
    async def clock(host: Host) -> None: ...

    coroutine = clock(cast(Host, None))

    coroutine.close()
