import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import iter_graphemes, wcswidth

from trioserve.wire.row import Row, cell_width, fit_prompt, shown, view

FAMILY, FLAG, HEART = "👩\u200d👩\u200d👧", "🇳🇴", "❤\ufe0f"

drafts = st.text("ab漢å\n\u0301\u200d🇳👩❤\ufe0fकि").map(lambda text: list(iter_graphemes(text)))


@given(drafts, st.integers(0, 60), st.integers(0, 60), st.integers(3, 30))
def test_the_cursor_is_in_view_and_no_character_is_cut(
    cells: list[str], cursor: int, left: int, room: int
) -> None:
    cursor = min(cursor, len(cells))
    first, behind = view(cells, cursor, left, room)

    used = sum(map(cell_width, cells[first:behind]))
    assert first <= cursor <= behind
    assert cursor < behind or cursor == len(cells)
    assert used <= room
    assert behind == len(cells) or used + cell_width(cells[behind]) > room
    assert first == 0 or sum(map(cell_width, cells)) > room


def test_the_view_stays_while_the_cursor_moves_within_it() -> None:
    cells = list("x" * 100)

    assert view(cells, 50, 45, 10) == (45, 55)
    assert view(cells, 54, 45, 10) == (45, 55)
    assert view(cells, 55, 45, 10) == (50, 60)
    assert view(cells, 45, 45, 10) == (40, 50)
    assert view(cells, 0, 45, 10) == (0, 10)
    assert view(cells, 100, 45, 10) == (95, 100)


@pytest.mark.parametrize(
    ("cell", "width"),
    [
        *[("a", 1), ("漢", 2), ("e\u0301", 1), (FAMILY, 2), (FLAG, 2), (HEART, 2), ("\n", 1)],
        *[("\u0301", 1), ("\u200d", 1)],  # on a circle of their own
    ],
)
def test_a_character_takes_its_real_width(cell: str, width: int) -> None:
    assert cell_width(cell) == wcswidth(shown(cell)) == width


@pytest.mark.parametrize(
    ("prompt", "columns", "fitted"),
    [
        ("#lobby> ", 8, "#lobby> "),
        ("#lobby> ", 5, "#lo> "),
        ("#lobby> ", 3, "#> "),
        ("#lobby> ", 2, "#l"),
        ("#lobby> ", 0, ""),
        ("漢字> ", 5, "漢> "),
        ("漢字漢字", 5, "漢字"),
        ("", 5, ""),
    ],
)
def test_a_prompt_that_is_too_wide_is_shortened(prompt: str, columns: int, fitted: str) -> None:
    assert "".join(fit_prompt(prompt, columns)) == fitted


@pytest.mark.parametrize(
    ("old", "new", "sent"),
    [
        ("ab|", "abc|", "c"),
        ("ab|", "a|b", "\b"),
        ("|ab", "a|b", "a"),
        ("abcdef|", "a|bcdef", "\x1b[5D"),
        ("abc|", "ab|", "\b\x1b[K"),
        ("a漢|", "a|漢", "\ra"),
        ("漢a|", "漢|a", "\b"),
        ("e|", "e\u0301|", "\be\u0301"),
        ("漢|", "ab|", "\rab\x1b[K"),
        ("ab|", "ab|", ""),
    ],
)
def test_a_row_is_made_of_another_with_few_bytes(old: str, new: str, sent: str) -> None:
    assert row(new).drawn_over(row(old)) == sent.encode()


def row(text: str) -> Row:
    """A row with the cursor at the bar."""
    before, _, after = text.partition("|")
    cells = list(iter_graphemes(before))
    return Row((*cells, *iter_graphemes(after)), len(cells))
