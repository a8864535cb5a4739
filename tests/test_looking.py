"""What people choose of how things look, from the command to what they see."""

import json
import re

import pytest

from trioserve.testing import Chat
from trioserve.wire.style import Screen

COLOURS = Screen(colors=256)


async def test_a_terminal_with_colours_has_the_default_theme(chat: Chat) -> None:
    ann, bob = await chat.join("ann", screen=COLOURS), await chat.join("bob")

    await ann.types("hi")
    await bob.types("hi")

    assert "\x1b[38;5;" in await ann.sees("bob")
    assert re.fullmatch(r"\[..:..\] <ann> hi", await bob.sees("ann"))


async def test_without_a_choice_the_theme_is_told_and_each_one_shown(chat: Chat) -> None:
    ann = await chat.join("ann", screen=COLOURS)

    await ann.types("/theme")

    await ann.sees("the theme is auto, which is default here")
    shown = ann.unseen().split("\r\n")
    assert [line for line in shown if line.endswith(":\x1b[0m")] == [
        f"\x1b[38;5;244m-- {name}:\x1b[0m" for name in ("default", "mono", "high-contrast", "none")
    ]
    assert [len(re.findall("\x1b", line)) > 0 for line in shown[1:8:2]] == [True] * 3 + [False]


async def test_no_samples_are_shown_where_they_would_all_look_the_same(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/theme")

    await ann.sees("-- the theme is auto, which is none here")
    await ann.sees_nothing()


async def test_who_chooses_a_theme_on_an_unknown_terminal_has_it(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/theme mono")
    await ann.sees("the theme is mono now")
    await bob.types("hi")
    assert "<\x1b[1mbob\x1b[0m> hi" in await ann.sees("bob")
    await ann.types("/theme none")
    await ann.sees("-- the theme is none now")
    await bob.types("hi")

    assert "\x1b" not in await ann.sees("bob")


@pytest.mark.parametrize("word", ["dark", "mono mono"])
async def test_a_theme_that_there_is_not_is_refused_in_one_line(chat: Chat, word: str) -> None:
    ann = await chat.join("ann")

    await ann.types(f"/theme {word}")

    assert "auto|default|mono|high-contrast|none" in await ann.sees("-- /theme")
    await ann.sees_nothing()


async def test_lines_are_wrapped_at_the_windows_width(chat: Chat) -> None:
    ann, bob = await chat.join("ann", screen=Screen(width=32)), await chat.join("bob")

    await ann.types("/time off")
    await bob.types("what a long line this is, is it not?")

    await ann.sees("<bob> what a long line this is,")
    await ann.sees("      is it not?")


async def test_the_bell_rings_for_what_was_chosen(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/bell")
    await ann.sees("-- the bell is auto, which is off here: it does not ring")
    await ann.types("/bell private")
    await ann.sees("-- the bell is private: it rings when you are mentioned or told something")
    await bob.types("/msg ann psst")

    assert (await ann.sees("psst")).endswith("psst\a")


async def test_times_are_shown_as_chosen(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/time full", "/timezone utc")
    await ann.sees("-- times are full; it is ")
    await ann.sees("-- times are in UTC; it is ")
    await bob.types("hi")
    assert re.match(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] <bob> hi", await ann.sees("hi"))
    await ann.types("/time off")
    await ann.sees("-- times are off")
    await bob.types("hi")

    assert await ann.sees("hi") == "<bob> hi"


async def test_a_zone_is_found_by_its_city_and_told(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/timezone new york")
    await ann.sees("-- times are in America/New_York; it is ")
    await ann.types("/timezone auto")
    await ann.sees("-- times are in the zone of the server; it is ")


@pytest.mark.parametrize(
    ("zone", "refusal"),
    [
        ("Olso", "-- there is no time zone Olso; did you mean Europe/Oslo?"),
        ("xyzzy", "-- there is no time zone xyzzy; one is Europe/Oslo"),
        ("../../etc/passwd", "-- there is no time zone ../../etc/passwd; one is Europe/Oslo"),
        ("nicosia", "-- there are Asia/Nicosia and Europe/Nicosia: which one?"),
    ],
)
async def test_a_zone_that_there_is_not_is_refused_in_one_line(
    chat: Chat, zone: str, refusal: str
) -> None:
    ann = await chat.join("ann")

    await ann.types(f"/timezone {zone}")

    await ann.sees(refusal)
    await ann.sees_nothing()
    await ann.types("/timezone")
    await ann.sees("-- times are in the zone of the server")


async def test_a_screen_reader_is_given_sentences(chat: Chat) -> None:
    ann, bob = await chat.join("ann", screen=COLOURS), await chat.join("bob")

    await ann.types("/screenreader on")
    await ann.sees("server: lines are for a screen reader")
    await bob.types("hello", "/me waves", "/msg ann hi", "/history")
    assert await ann.sees("hello") == "bob: hello"
    assert await ann.sees("waves") == "action: bob waves"
    assert await ann.sees("hi") == "bob to you: hi"
    await ann.types("/screenreader off")
    assert "\x1b" in await ann.sees("-- ")


async def test_who_asks_how_lines_are_for_a_screen_reader_is_told_how_to_change_it(
    chat: Chat,
) -> None:
    ann = await chat.join("ann")

    await ann.types("/screenreader")
    await ann.sees("-- lines are for the eye; /screenreader on makes sentences of them")
    await ann.types("/screenreader on")
    await ann.sees("server: lines are for a screen reader; /screenreader off ends that")


async def test_nobody_can_be_called_what_a_screen_readers_lines_begin_with(chat: Chat) -> None:
    for name in ("server", "action", "you"):
        person = chat.connect()
        await person.types(name)
        await person.sees(f"-- the name {name} is reserved")


async def test_what_a_program_is_sent_is_the_same_whatever_was_chosen(chat: Chat) -> None:
    ann, bob = await chat.join("ann", screen=Screen(20, 256, rich=True)), await chat.join("bob")
    await ann.types("/theme mono", "/bell all", "/time full", "/timezone utc", "/format json")
    ann.unseen()

    await bob.types("hello ann, how are you today?")

    (line,) = ann.unseen().splitlines()
    assert json.loads(line)["text"] == "hello ann, how are you today?"
    assert "\\u" not in line
