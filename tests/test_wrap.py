"""Lines broken at a window's width, by what a terminal shows of them."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from wcwidth import width

from trioserve.wire.text import clean
from trioserve.wire.wrap import LINK, wrap


def wrapped(text: str, window: int, indent: int = 0) -> list[str]:
    return [text[start:end] for start, end in wrap(text, window, indent)]


def words(text: str) -> list[str]:
    return re.findall(r"[^\s\u2800]+", text)


def test_a_text_that_fits_is_left_as_it_is() -> None:
    assert wrapped("one  two ", 9) == ["one  two "]


def test_a_line_is_broken_between_words() -> None:
    assert wrapped("one two three four", 9) == ["one two", "three", "four"]


def test_all_but_the_first_line_leave_columns_for_the_indent() -> None:
    assert wrapped("aa bb cc dd", 8, 3) == ["aa bb cc", "dd"]
    assert wrapped("aa bb ccc dd ee ff", 8, 3) == ["aa bb", "ccc", "dd ee", "ff"]


def test_columns_are_those_that_a_terminal_shows() -> None:
    assert wrapped("日本 語 x", 6) == ["日本", "語 x"]
    assert wrapped("e\u0301e\u0301 e\u0301e\u0301", 5) == ["e\u0301e\u0301 e\u0301e\u0301"]


def test_a_word_that_fits_no_line_begins_where_it_stands_and_is_cut() -> None:
    assert wrapped("ab cdefghijkl", 6, 2) == ["ab cde", "fghi", "jkl"]


def test_a_word_that_fits_no_line_is_cut_behind_a_bar_if_it_has_one_there() -> None:
    assert wrapped("/bell [auto|off|mentions]", 14, 2) == ["/bell [auto|", "off|", "mentions]"]


def test_a_word_is_cut_between_what_looks_like_characters() -> None:
    family = "👨\u200d👩\u200d👧"

    assert wrapped(family * 3, 4) == [family * 2, family]


def test_a_link_is_left_whole_on_a_line_of_its_own() -> None:
    link = "https://example.org/a/long/way/down"

    assert wrapped(f"see {link}, ok?", 12, 2) == ["see", f"{link},", "ok?"]


@pytest.mark.parametrize("blank", ["\u00a0", "\u2003", "\u3000", "\u2800"], ids=ascii)
def test_no_blank_in_a_link_lets_the_rest_of_a_row_be_padded(blank: str) -> None:
    padded = f"https://x{blank * 8}*{blank}bob{blank}left"

    assert wrapped(padded, 12, 2)[0] == "https://x"


texts = st.lists(
    st.sampled_from(["a", "bc", "defghij", " ", "  ", "日本", "e\u0301", "👍🏽", "\u3000", "한글"])
    | st.sampled_from(["https://example.org/x", "www.x.org", "\u200d", "🇳🇴", "\u0cc6", "\u1100"])
    | st.characters(),
    max_size=40,
).map(lambda parts: clean("<ann> " + "".join(parts)))


@given(text=texts, window=st.integers(10, 40), indent=st.integers(0, 3))
@example(text="<ann> " + "\u1100" * 30, window=10, indent=0)
@settings(deadline=None, max_examples=300)
def test_every_word_is_shown_and_only_a_link_is_wider_than_the_window(
    text: str, window: int, indent: int
) -> None:
    lines = wrapped(text, window, indent)

    assert "".join(words(" ".join(lines))) == "".join(words(text))
    for number, line in enumerate(lines):
        assert LINK.search(line) or width(line) <= window - (indent if number else 0)
        assert line == line.strip("\u2800 ") or len(lines) == 1 or number == len(lines) - 1
