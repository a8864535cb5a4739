import pytest

from trioserve.wire.answers import Answer
from trioserve.wire.pager import MAX_HELD, Pager
from trioserve.wire.style import Screen, Style

STYLE = Style()


def lines(count: int, start: int = 1) -> bytes:
    return b"".join(b"%d\r\n" % number for number in range(start, start + count))


def answer(*parts: bytes) -> Answer:
    return lambda _: parts


def numbers(count: int, start: int = 1) -> Answer:
    """An answer, of which each line is a part."""
    return answer(*lines(count, start).splitlines(keepends=True))


def fitted(*texts: str) -> Answer:
    """An answer of which each part takes as many lines as its text needs at a style's width."""
    return lambda style: [
        b"".join(
            f"{text[at : at + style.screen.width]}\r\n".encode()
            for at in range(0, len(text), style.screen.width)
        )
        for text in texts
    ]


def wide(columns: int) -> Style:
    return Style(screen=Screen(columns))


def pager(columns: int = 80, rows: int = 5) -> Pager:
    made = Pager(columns, rows)
    made.begin()
    return made


def test_what_fits_the_window_is_shown_at_once() -> None:
    made = pager()

    assert made.add(numbers(4), STYLE) == lines(4)
    assert not made.is_holding


def test_of_what_does_not_fit_a_page_is_shown_and_the_last_row_left_free() -> None:
    made = pager()

    assert made.add(numbers(9), STYLE) == lines(4)
    assert made.is_holding
    assert made.turn() == lines(4, start=5)
    assert made.turn() == lines(1, start=9)
    assert not made.is_holding


def test_the_parts_of_one_answer_fill_one_page() -> None:
    made = pager()

    assert made.add(numbers(3), STYLE) == lines(3)
    assert made.add(numbers(3, start=4), STYLE) == lines(1, start=4)


def test_what_comes_behind_a_held_line_is_held_too() -> None:
    made = pager()
    made.add(numbers(5), STYLE)

    assert made.add(answer(b"x\r\n"), STYLE) == b""
    assert made.turn() == lines(1, start=5) + b"x\r\n"


def test_another_answer_has_the_whole_window_again() -> None:
    made = pager()
    made.add(numbers(4), STYLE)

    made.begin()

    assert made.add(numbers(4), STYLE) == lines(4)


def test_a_line_counts_as_many_rows_as_the_terminal_makes_of_it() -> None:
    made = pager(columns=10)

    assert made.add(
        answer(b"x" * 30 + b"\r\n", b"1\r\n", b"2\r\n"), STYLE
    ) == b"x" * 30 + b"\r\n" + lines(1)


def test_colours_take_no_room() -> None:
    made = pager(columns=10)

    assert made.add(answer(b"\x1b[31m" + b"x" * 10 + b"\x1b[0m\r\n", lines(3)), STYLE).endswith(
        lines(3)
    )


def test_a_line_higher_than_the_window_is_shown_whole() -> None:
    made = pager(columns=10)

    assert made.add(answer(b"x" * 100 + b"\r\n", lines(1)), STYLE) == b"x" * 100 + b"\r\n"
    assert made.turn() == lines(1)


def test_what_is_dropped_is_counted() -> None:
    made = pager()
    made.add(numbers(9), STYLE)

    assert made.drop() == 5
    assert not made.is_holding


@pytest.mark.parametrize(("is_all", "count"), [(True, b"5 lines"), (False, b"at least 5 lines")])
def test_who_has_had_enough_is_told_how_much_is_not_shown(is_all: bool, count: bytes) -> None:
    made = pager()
    made.add(numbers(9), STYLE)

    turned = made.press("q", is_all=is_all)

    assert turned.is_enough
    assert turned.shown == b"-- " + count + b" not shown --\r\n"


def test_no_more_is_held_than_its_bound() -> None:
    made = pager()
    made.add(numbers(5), STYLE)

    shown = made.add(answer(b"x" * MAX_HELD + b"\r\n"), STYLE)

    assert shown == lines(1, start=5) + b"x" * MAX_HELD + b"\r\n"
    assert not made.is_holding


def test_a_part_stands_on_one_page_if_it_can() -> None:
    made = pager()

    assert made.add(answer(lines(3), lines(3, start=4), lines(1, start=7)), STYLE) == lines(3)
    assert made.turn() == lines(4, start=4)


def test_a_part_higher_than_the_window_is_shown_page_by_page() -> None:
    made = pager()

    assert made.add(answer(b"0\r\n", lines(9)), STYLE) == b"0\r\n"
    assert made.turn() == lines(4)
    assert made.turn() == lines(4, start=5)
    assert made.turn() == lines(1, start=9)
    assert not made.is_holding


def test_what_is_held_is_made_anew_for_another_window() -> None:
    made = pager(columns=4, rows=3)
    assert made.add(fitted("abcd", "abcdefgh", "ABCDEFGH", "xyz"), wide(4)) == b"abcd\r\n"

    made.resize(8, 4, wide(8))

    assert made.turn() == b"abcdefgh\r\nABCDEFGH\r\nxyz\r\n"
    assert not made.is_holding


def test_of_a_part_that_has_been_begun_the_rest_is_left_as_it_is() -> None:
    made = pager(columns=2, rows=3)
    assert made.add(fitted("abcdefgh", "ABCD"), wide(2)) == b"ab\r\ncd\r\n"

    made.resize(8, 5, wide(8))

    assert made.turn() == b"ef\r\ngh\r\nABCD\r\n"


def test_a_window_of_another_height_has_nothing_laid_out_anew() -> None:
    layouts: list[Style] = []

    def counted(style: Style) -> list[bytes]:
        layouts.append(style)
        return lines(9).splitlines(keepends=True)

    made = pager()
    made.add(counted, wide(80))

    assert made.resize(80, 3, wide(80)) == 0
    assert layouts == [wide(80)]
    assert made.turn() == lines(2, start=5)


def test_what_is_laid_out_anew_for_another_width_is_counted_in_bytes() -> None:
    made = pager(columns=4, rows=2)
    made.add(fitted("abcd", "abcdefgh"), wide(4))

    assert made.resize(8, 2, wide(8)) == len(b"abcdefgh\r\n")
    assert made.resize(8, 3, wide(8)) == 0
