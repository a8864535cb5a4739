from trioserve.wire.pager import MAX_HELD, Pager


def lines(count: int, start: int = 1) -> bytes:
    return b"".join(b"%d\r\n" % number for number in range(start, start + count))


def pager(columns: int = 80, rows: int = 5) -> Pager:
    made = Pager(columns, rows)
    made.begin()
    return made


def test_what_fits_the_window_is_shown_at_once() -> None:
    made = pager()

    assert made.add(lines(4)) == lines(4)
    assert not made.is_holding


def test_of_what_does_not_fit_a_page_is_shown_and_the_last_row_left_free() -> None:
    made = pager()

    assert made.add(lines(9)) == lines(4)
    assert made.is_holding
    assert made.turn() == lines(4, start=5)
    assert made.turn() == lines(1, start=9)
    assert not made.is_holding


def test_the_parts_of_one_answer_fill_one_page() -> None:
    made = pager()

    assert made.add(lines(3)) == lines(3)
    assert made.add(lines(3, start=4)) == lines(1, start=4)


def test_what_comes_behind_a_held_line_is_held_too() -> None:
    made = pager()
    made.add(lines(5))

    assert made.add(b"x\r\n") == b""
    assert made.turn() == lines(1, start=5) + b"x\r\n"


def test_another_answer_has_the_whole_window_again() -> None:
    made = pager()
    made.add(lines(4))

    made.begin()

    assert made.add(lines(4)) == lines(4)


def test_a_line_counts_as_many_rows_as_the_terminal_makes_of_it() -> None:
    made = pager(columns=10)

    assert made.add(b"x" * 30 + b"\r\n" + lines(2)) == b"x" * 30 + b"\r\n" + lines(1)


def test_colours_take_no_room() -> None:
    made = pager(columns=10)

    assert made.add(b"\x1b[31m" + b"x" * 10 + b"\x1b[0m\r\n" + lines(3)).endswith(lines(3))


def test_a_line_higher_than_the_window_is_shown_whole() -> None:
    made = pager(columns=10)

    assert made.add(b"x" * 100 + b"\r\n" + lines(1)) == b"x" * 100 + b"\r\n"
    assert made.turn() == lines(1)


def test_what_is_dropped_is_counted() -> None:
    made = pager()
    made.add(lines(9))

    assert made.drop() == 5
    assert not made.is_holding


def test_no_more_is_held_than_its_bound() -> None:
    made = pager()
    made.add(lines(5))

    shown = made.add(b"x" * MAX_HELD + b"\r\n")

    assert shown == lines(1, start=5) + b"x" * MAX_HELD + b"\r\n"
    assert not made.is_holding
