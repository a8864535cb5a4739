import sys
import time
import unicodedata
from itertools import groupby
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trioserve.messages import (
    Asked,
)
from trioserve.wire.render import render
from trioserve.wire.style import Style
from trioserve.wire.text import MAX_MARKS, MAX_RUN, clean, duration, encode, flatten, names, plural

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


def test_no_run_of_marks_is_longer_than_some_dozens() -> None:
    spread = "\u093e\u0301\u0300\u0302\u0303"  # a mark that spreads, and as many as it may have

    assert clean("क" + spread * 100 + "क") == "क" + (spread * 13)[:MAX_RUN] + "क"


@pytest.mark.parametrize("marks", ["\u0345\u0334", "\u0344", "\u0f73", "\u1b35\u0344"], ids=ascii)
def test_of_marks_without_end_few_are_sorted(monkeypatch: pytest.MonkeyPatch, marks: str) -> None:
    sorted_ = []

    def normalize(form: Literal["NFC"], text: str) -> str:
        sorted_.append(text)
        return real(form, text)

    real = unicodedata.normalize
    monkeypatch.setattr(unicodedata, "normalize", normalize)
    cleaned = clean(f"a{marks * 4096}b")
    monkeypatch.undo()

    assert [len(text) for text in sorted_] == [MAX_RUN + 2]
    assert clean(cleaned) == cleaned


def test_what_is_long_and_no_mark_stays() -> None:
    for text in ("─" * 300, "👍🏽" * 100, "。" * 300, "é" * 300, "─\u0323" * 100):
        assert clean(text) is text


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
