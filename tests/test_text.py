import sys
import time
import unicodedata
from collections.abc import Callable
from itertools import groupby

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trioserve.messages import (
    Acted,
    Announced,
    Asked,
    Departed,
    Entered,
    Event,
    Joined,
    Left,
    Message,
    Noticed,
    Renamed,
    Said,
    Skipped,
    Thronged,
    Told,
    TopicSet,
)
from trioserve.wire.render import render
from trioserve.wire.style import Style
from trioserve.wire.text import MAX_MARKS, clean, duration, encode, flatten, names, plural

ZWNJ, ZWJ = "\u200c\u200d"
# Format characters (Cf) with a shape of their own: numbers are written over or under
# them, syllables abbreviated, hieroglyphs put into squares.
VISIBLE_FORMATS = {
    *"\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd",
    *map(chr, range(0x13430, 0x13440)),
}

ID = 1_700_000_000_123_456  # of a message; microseconds since 1970
AT = time.strftime("[%H:%M]", time.localtime(ID // 1_000_000))  # where the tests run

HERE, ELSEWHERE = Style(), Style(here=False)
QUIET = Style(quiet=True)


# What could go wrong, more often than chance would have it: marks that combine, also with
# each other (Kannada, Chakma), that spread (musical stems, tone marks), Hangul in parts,
# characters that NFC takes apart, controls, surrogates, and the server's own prefixes.
tricky = st.sampled_from(
    "ae<>*-# \t\r\n\0\x1b\x7f\x85\x9b\u2028\u202e\u200b\ufeff\ud800\udfff\U000e0041"
    "\u0300\u0301\u0323\u0338\u0344\u034f\u20dd\ufe0f\u200c\u200d"
    "\u0cc6\u0cc2\u0cd5\u0cbf\u0cca\U00011131\U00011127\u09c7\u09be\u302e\U0001d165\U0001d15e"
    "\u1100\u1161\u11a8\u212b\ufb2c\u0f73\u1b3a\u1b35\u0dd9\u0dca\u0dcf"
)
prefixes = st.sampled_from(["* ", "-- ", "** ", "\r\n* ", "\n-- ", "\x1b[2J", "[12:00] <root> "])
hostile = st.lists(tricky | st.characters() | prefixes, max_size=25).map("".join)


def must_go(character: str) -> bool:
    """Whether it is a control, or of no width, or changes where others stand."""
    kind = unicodedata.category(character)
    if kind == "Cf":
        return character not in {ZWNJ, ZWJ, *VISIBLE_FORMATS}
    return kind in ("Cc", "Cs", "Zl", "Zp")


def is_mark(character: str) -> bool:
    return character in (ZWNJ, ZWJ) or unicodedata.category(character) in ("Mn", "Me")


# --------------------------------------------------------------- safe text


@pytest.mark.parametrize(
    "text",
    [
        "hello, world~ <>*-",
        "naïve café, Ünïcödé",
        "tiếng Việt",
        "हिन्दी में नमस्ते",
        "မြွှောင်း",
        "می\u200cخواهم",
        "עברית, العربية",
        "日本語 한국어",
        "👩\u200d❤\ufe0f\u200d💋\u200d👨 👍🏽 1\ufe0f\u20e3",
        "",
    ],
)
def test_what_people_write_is_left_as_it_is(text: str) -> None:
    assert clean(text) is text


def test_a_tab_becomes_a_space() -> None:
    assert clean("a\tb") == "a b"


def test_an_escape_sequence_loses_what_makes_it_one() -> None:
    assert clean("\x1b[31mred\x9b0m") == "[31mred0m"


def test_no_control_or_invisible_character_stays() -> None:
    unsafe = [each for each in map(chr, range(sys.maxunicode + 1)) if must_go(each)]

    stayed = [ascii(each) for each in unsafe if clean(f"a{each}b") not in ("ab", "a b")]

    assert len(unsafe) > 2000
    assert stayed == []


@pytest.mark.parametrize("blank", "\u034f\u115f\u1160\u17b4\u3164\uffa0\ufff0\uffff\U000e0100")
def test_what_shows_nothing_where_a_sign_is_expected_goes(blank: str) -> None:
    assert clean(f"a{blank}b") == "ab"


def test_text_is_composed() -> None:
    assert clean("cafe\u0301") == "café"


@pytest.mark.parametrize("mark", ["\u0323", "\u20dd", ZWJ, ZWNJ], ids=ascii)
def test_at_most_four_marks_stay_on_a_base(mark: str) -> None:
    assert clean("x" + mark * 10 + "y") == "x" + mark * MAX_MARKS + "y"


def test_each_base_has_marks_of_its_own() -> None:
    text = "q\u0323\u0324\u0325\u0326x\u0323\u0324\u0325\u0326"

    assert clean(text) is text


def test_marks_without_a_base_are_counted_too() -> None:
    assert clean("\u0323" * 10) == "\u0323" * MAX_MARKS


@pytest.mark.parametrize(
    "text",
    [
        "x\u0323\u0324\u0325\u0cc6\u0323\u0cc2",  # between a vowel sign and its second half
        "x\u0301\u0301\u0301\u0301\u200d\u302e",  # before a mark that sorts in front
    ],
    ids=ascii,
)
def test_dropping_a_mark_does_not_bring_others_together(text: str) -> None:
    assert unicodedata.is_normalized("NFC", clean(text))


@given(hostile)
@example("x\u0323\u0324\u0325\u0cc6\u0323\u0cc2")
@example("x\u0301\u0301\u0301\u0301\u200d\u302e\u0301\u0301\u0301\u0301")
@example("e\u200b\u0301")
@settings(deadline=None)
def test_clean_text_is_safe_and_composed(text: str) -> None:
    cleaned = clean(text)

    assert not any(must_go(character) for character in cleaned)
    assert unicodedata.is_normalized("NFC", cleaned)
    runs = [len(list(run)) for marks, run in groupby(cleaned, is_mark) if marks]
    assert max(runs, default=0) <= MAX_MARKS


@given(hostile)
@example("x\u0323\u0324\u0325\u0cc6\u0323\u0cc2")
@example("x\u0301\u0301\u0301\u0301\u200d\u302e\u0301\u0301\u0301\u0301")
@settings(deadline=None)
def test_clean_text_is_its_own_clean_form(text: str) -> None:
    cleaned = clean(text)

    assert clean(cleaned) is cleaned


@pytest.mark.parametrize(
    ("text", "flat"),
    [
        ("so  long,   all", "so long, all"),
        ("one\t\ttwo", "one two"),
        ("a \0 \u200b b", "a b"),
        ("a \u00a0\u2003\u3000\u2800\u2800b", "a b"),
        ("one\u3000two three", "one\u3000two three"),
    ],
    ids=ascii,
)
def test_no_padding_stays_in_flat_text(text: str, flat: str) -> None:
    assert flatten(text) == flat


# ---------------------------------------------------------------- to bytes


def test_a_line_ends_with_cr_lf() -> None:
    assert encode("grüß") == b"gr\xc3\xbc\xc3\x9f\r\n"


def test_a_prompt_ends_where_the_answer_begins() -> None:
    assert render(Asked("Your name?\n "), Style()) == b"Your name? "


@given(hostile)
@settings(deadline=None)
def test_whatever_is_encoded_is_one_line_without_controls(text: str) -> None:
    line = encode(text)

    assert line.endswith(b"\r\n")
    assert all(ord(each) >= 32 and not 127 <= ord(each) < 160 for each in line[:-2].decode())


# ---------------------------------------------------------- events to text


@pytest.mark.parametrize(
    ("event", "here", "elsewhere"),
    [
        (Said(ID, "#dev", "ann", "hi"), f"{AT} <ann> hi", f"{AT} #dev <ann> hi"),
        (Acted(ID, "#dev", "ann", "waves"), "** ann waves", "#dev ** ann waves"),
        (Announced(ID, "#dev", "ann", "ann rolled 6"), "* ann rolled 6", "#dev * ann rolled 6"),
        (
            TopicSet("#dev", "ann", "tea"),
            "* ann set the topic: tea",
            "* #dev ann set the topic: tea",
        ),
        (
            TopicSet("#dev", "ann", ""),
            "* ann took the topic away",
            "* #dev ann took the topic away",
        ),
    ],
    ids=repr,
)
def test_what_happens_in_a_room_names_it_only_elsewhere(
    event: Event, here: str, elsewhere: str
) -> None:
    assert render(event, HERE) == f"{here}\r\n".encode()
    assert render(event, ELSEWHERE) == f"{elsewhere}\r\n".encode()


@pytest.mark.parametrize("style", [HERE, ELSEWHERE, QUIET], ids=repr)
@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Told(ID, "ann", "you", "psst"), f"{AT} ann -> you: psst"),
        (Noticed("no such room"), "-- no such room"),
        (Renamed("ann", "anna"), "* ann is now anna"),
        (Skipped("#dev", 1, 1), "-- 1 message skipped in #dev; /missed to read them"),
        (Skipped("#dev", 37, 37), "-- 37 messages skipped in #dev; /missed to read them"),
        (
            Skipped("#dev", 370, 200),
            "-- 370 messages skipped in #dev; /missed to read the last 200",
        ),
    ],
    ids=repr,
)
def test_what_concerns_one_person_looks_the_same_in_every_style(
    event: Event, line: str, style: Style
) -> None:
    assert render(event, style) == f"{line}\r\n".encode()


goings = pytest.mark.parametrize(
    ("event", "line"),
    [
        (Joined("#dev", "ann"), "* ann joined #dev"),
        (Left("#dev", "ann"), "* ann left #dev"),
        (Left("#dev", "ann", text="lunch"), "* ann left #dev, saying: lunch"),
        (Left("#dev", "ann", reason="kicked"), "* ann left #dev (kicked)"),
        (Departed("ann"), "* ann left"),
        (Departed("ann", reason="not reading"), "* ann left (not reading)"),
        (Departed("ann", text="(not reading)"), "* ann left, saying: (not reading)"),
        (Departed("ann", "muted", "bye"), "* ann left (muted), saying: bye"),
        (Thronged("#dev", ["ann"], 1, [], 0), "* ann joined #dev"),
        (Thronged("#dev", [], 0, ["ann", "bob"], 2), "* ann, bob left #dev"),
        (
            Thronged("#dev", ["ann", "bob"], 9, ["cat"], 2),
            "* ann, bob and 7 others joined #dev; cat and 1 other left #dev",
        ),
    ],
    ids=repr,
)


@goings
def test_who_comes_and_goes_is_shown(event: Event, line: str) -> None:
    assert render(event, HERE) == render(event, ELSEWHERE) == f"{line}\r\n".encode()


@goings
def test_who_comes_and_goes_is_not_shown_to_the_quiet(event: Event, line: str) -> None:
    assert render(event, QUIET) == b""


def test_every_line_of_a_notice_has_the_servers_prefix() -> None:
    assert render(Noticed("one\n\n  two "), HERE) == b"-- one\r\n--\r\n--   two\r\n"


def test_entering_an_empty_room_shows_who_is_there() -> None:
    event = Entered("#dev", "", ["ann"], 1, [])

    assert render(event, HERE) == b"-- #dev: 1 here: ann\r\n"


def test_entering_a_room_shows_its_topic_and_what_was_said_last() -> None:
    messages: list[Message] = [Said(ID, "#dev", "bob", "hi"), Acted(ID, "#dev", "bob", "waves")]
    event = Entered("#dev", "tea", ["bob", "ann"], 4, messages)

    lines = render(event, HERE).decode().split("\r\n")

    assert lines == [
        "-- #dev: 4 here: bob, ann and 2 others",
        "-- topic: tea",
        "-- last 2 messages --",
        f"{AT} <bob> hi",
        "** bob waves",
        "-- now --",
        "",
    ]


def test_the_time_is_that_of_the_message_to_the_minute() -> None:
    minute = ID // 60_000_000 * 60_000_000

    first = render(Said(minute, "#dev", "ann", "hi"), HERE)
    last = render(Said(minute + 59_999_999, "#dev", "ann", "hi"), HERE)
    next_one = render(Said(minute + 60_000_000, "#dev", "ann", "hi"), HERE)

    assert first == last != next_one


# Every place in an event where a person's text can stand: on a line that is theirs, or on
# one of the server's.
PERSONS: list[Callable[[str], Event]] = [
    lambda text: Said(ID, "#dev", "ann", text),
    lambda text: Acted(ID, "#dev", "ann", text),
    lambda text: Told(ID, "ann", "you", text),
]
SERVERS: list[Callable[[str], Event]] = [
    lambda text: Announced(ID, "#dev", "ann", text),
    lambda text: Left("#dev", "ann", text=text),
    lambda text: Departed("ann", text=text),
    lambda text: TopicSet("#dev", "ann", text),
    lambda text: Entered("#dev", text, ["ann"], 1, []),
    lambda text: Entered("#dev", "", ["ann"], 1, [Acted(ID, "#dev", "ann", text)]),
]
styles = st.builds(Style, here=st.booleans())


@given(make=st.sampled_from(PERSONS + SERVERS), style=styles, text=hostile)
@settings(deadline=None, max_examples=200)
def test_a_persons_text_changes_nothing_but_its_own_place(
    make: Callable[[str], Event], style: Style, text: str
) -> None:
    before, after = render(make("☃"), style).split("☃".encode())

    shown = render(make(text or "x"), style)

    assert shown == before + clean(text or "x").encode() + after


@given(make=st.sampled_from(PERSONS), style=styles, text=hostile)
@settings(deadline=None)
def test_what_a_person_says_never_looks_like_the_server(
    make: Callable[[str], Event], style: Style, text: str
) -> None:
    (line,) = render(make(text), style).decode().splitlines()

    assert not line.startswith(("* ", "--"))


@given(st.text(alphabet=tricky))
@settings(deadline=None)
def test_a_notice_never_has_a_line_that_could_be_a_persons(text: str) -> None:
    lines = render(Noticed(text), HERE).decode().removesuffix("\r\n").split("\r\n")

    assert all(line == "--" or line.startswith("-- ") for line in lines)


# ----------------------------------------------------------- words in text


@pytest.mark.parametrize(
    ("some", "total", "text"),
    [
        (["ann"], 1, "ann"),
        (["ann", "bob"], 2, "ann, bob"),
        (["ann", "bob"], 3, "ann, bob and 1 other"),
        (["ann", "bob"], 5, "ann, bob and 3 others"),
        ([], 0, ""),
    ],
)
def test_names_are_listed_and_the_rest_is_counted(some: list[str], total: int, text: str) -> None:
    assert names(some, total) == text


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (0, "message", "0 messages"),
        (1, "message", "1 message"),
        (2, "message", "2 messages"),
        (1, "person", "1 person"),
        (2, "person", "2 people"),
    ],
)
def test_things_are_counted_in_english(count: int, noun: str, text: str) -> None:
    assert plural(count, noun) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h 0m"),
        (3 * 3600 + 5 * 60 + 59, "3h 5m"),
        (86399, "23h 59m"),
        (2 * 86400 + 4 * 3600, "2d 4h"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text
