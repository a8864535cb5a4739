from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trioserve.wire.lines import LineSplitter

LIMIT = 8  # bytes; small, so that overlong lines are common

# What matters to a splitter, more often than chance would have it.
streams = st.lists(
    st.sampled_from(
        [b"\r\n", b"\r\0", b"\n", b"\r", b"\0", b"a", b"/quit", b"\xe2\x82\xac", b"x" * 9]
    )
    | st.binary(max_size=4)
).map(b"".join)
cuts = st.lists(st.integers(min_value=0, max_value=80))


def lines_of(*pieces: bytes, limit: int = LIMIT) -> list[bytes | None]:
    """All lines of a stream that comes in these pieces and ends."""
    splitter = LineSplitter(limit)
    lines = [line for piece in pieces for line in splitter.receive_data(piece)]
    return lines + splitter.finish()


def chopped(stream: bytes, cuts: list[int]) -> list[bytes]:
    """The stream in pieces, some of which may be empty."""
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in pairwise(places)]


def model(stream: bytes) -> list[bytes | None]:
    """What the lines are, one byte after the other: slow, and plain to see."""
    ended: list[bytes] = [b""]
    previous = b""
    for each in stream:
        byte = bytes([each])
        if previous == b"\r" and byte in (b"\n", b"\0"):
            byte = b""  # the second half of a line's end
        elif byte in (b"\r", b"\n"):
            ended.append(b"")
        else:
            ended[-1] += byte
        previous = byte
    if not ended[-1]:
        del ended[-1]
    return [line if len(line) <= LIMIT else None for line in ended]


# --------------------------------------------------------------- line ends


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\0", b"\r"])
def test_each_clients_line_end_ends_a_line(end: bytes) -> None:
    splitter = LineSplitter(LIMIT)

    lines = splitter.receive_data(b"one" + end + b"two" + end)

    assert lines == [b"one", b"two"]


def test_line_ends_may_be_mixed() -> None:
    assert lines_of(b"a\nb\r\nc\r\0d\re\n") == [b"a", b"b", b"c", b"d", b"e"]


def test_a_line_end_cut_in_two_ends_one_line_only() -> None:
    splitter = LineSplitter(LIMIT)

    first = splitter.receive_data(b"one\r")
    second = splitter.receive_data(b"\ntwo\n")

    assert (first, second) == ([b"one"], [b"two"])


def test_nothing_received_between_cr_and_lf_does_not_part_them() -> None:
    assert lines_of(b"one\r", b"", b"\ntwo\n") == [b"one", b"two"]


def test_empty_lines_are_lines() -> None:
    assert lines_of(b"\n\n\r\n\r\r\n") == [b""] * 5


def test_a_nul_that_follows_no_cr_is_text() -> None:
    assert lines_of(b"\0a\n\0b\r\0\0c") == [b"\0a", b"\0b", b"\0c"]


@pytest.mark.parametrize("character", list("\u2028\u2029\u0085\v\f\x1c\x1d\x1e"))
def test_what_str_splitlines_would_cut_at_ends_no_line(character: str) -> None:
    text = f"a{character}b".encode()

    assert lines_of(text + b"\n") == [text]


@given(streams, cuts)
@example(b"a\r\nb", [2])
@example(b"123456789\r\nb", [8, 9, 10])
@settings(deadline=None)
def test_any_chopping_gives_the_same_lines(stream: bytes, cuts: list[int]) -> None:
    assert lines_of(*chopped(stream, cuts)) == model(stream)


@given(streams)
@settings(deadline=None)
def test_single_bytes_give_the_same_lines_as_the_whole(stream: bytes) -> None:
    assert lines_of(*chopped(stream, list(range(len(stream))))) == lines_of(stream)


# ---------------------------------------------------------- lines too long


def test_a_line_of_just_the_limit_is_kept() -> None:
    assert lines_of(b"12345678\r\n") == [b"12345678"]


def test_a_line_over_the_limit_is_refused_and_its_neighbours_are_not() -> None:
    assert lines_of(b"before\n123456789\nafter\n") == [b"before", None, b"after"]


def test_a_line_is_refused_as_soon_as_it_is_too_long() -> None:
    splitter = LineSplitter(LIMIT)

    at_the_limit = splitter.receive_data(b"12345678")
    beyond = splitter.receive_data(b"9")

    assert (at_the_limit, beyond) == ([], [None])


def test_an_overlong_line_is_refused_once() -> None:
    splitter = LineSplitter(LIMIT)

    refusals = [line for _ in range(100) for line in splitter.receive_data(b"and on and on")]

    assert refusals == [None]


def test_the_tail_of_an_overlong_line_never_becomes_a_line() -> None:
    splitter = LineSplitter(LIMIT)
    splitter.receive_data(b"123456789")

    lines = splitter.receive_data(b"/quit\rnext\n")

    assert lines == [b"next"]


def test_an_overlong_line_is_forgotten_when_the_input_ends() -> None:
    splitter = LineSplitter(LIMIT)
    splitter.receive_data(b"123456789/quit")

    assert splitter.finish() == []


def test_megabytes_without_a_line_end_are_not_kept() -> None:
    splitter = LineSplitter(1024)

    for _ in range(64):
        splitter.receive_data(b"x" * 65536)

    assert splitter.finish() == []


@given(streams, cuts)
@settings(deadline=None)
def test_no_more_than_a_line_is_ever_held(stream: bytes, cuts: list[int]) -> None:
    splitter = LineSplitter(LIMIT)
    for piece in chopped(stream, cuts):
        splitter.receive_data(piece)

    held = splitter.finish()

    assert all(line is not None and 0 < len(line) <= LIMIT for line in held)


# ------------------------------------------------------------ end of input


def test_the_end_of_input_ends_the_last_line() -> None:
    splitter = LineSplitter(LIMIT)
    splitter.receive_data(b"one\ntwo")

    assert splitter.finish() == [b"two"]


@pytest.mark.parametrize("received", [b"", b"one\n", b"one\r"])
def test_the_end_of_input_adds_no_empty_line(received: bytes) -> None:
    splitter = LineSplitter(LIMIT)
    splitter.receive_data(received)

    assert splitter.finish() == []


# ----------------------------------------------------------------- erasing


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("ab", "a"),
        ("aé", "a"),
        ("a€", "a"),
        ("a👋", "a"),
        ("é€", "é"),
        ("", ""),
    ],
)
def test_erase_character_drops_a_whole_character(typed: str, left: str) -> None:
    splitter = LineSplitter(LIMIT)
    splitter.receive_data(typed.encode())

    splitter.erase_character()

    assert splitter.receive_data(b"!\n") == [left.encode() + b"!"]


def test_erase_character_leaves_earlier_lines_alone() -> None:
    splitter = LineSplitter(LIMIT)
    lines = splitter.receive_data(b"one\n")

    splitter.erase_character()

    assert lines + splitter.receive_data(b"two\n") == [b"one", b"two"]


def test_erase_character_keeps_bytes_that_are_not_utf_8_as_they_are() -> None:
    splitter = LineSplitter(LIMIT)
    splitter.receive_data(b"caf\xe9s")

    splitter.erase_character()

    assert splitter.receive_data(b"\n") == [b"caf\xe9"]


def test_erasing_never_makes_a_line_longer() -> None:
    splitter = LineSplitter(LIMIT)
    splitter.receive_data(b"\xff" * LIMIT)

    splitter.erase_character()

    assert splitter.finish() == [b"\xff" * (LIMIT - 1)]


def test_erase_line_drops_what_was_typed_of_it() -> None:
    splitter = LineSplitter(LIMIT)
    splitter.receive_data(b"one\ntwo")

    splitter.erase_line()

    assert splitter.receive_data(b"three\n") == [b"three"]


def test_a_line_typed_after_an_overlong_one_was_erased_counts() -> None:
    splitter = LineSplitter(LIMIT)
    splitter.receive_data(b"123456789")

    splitter.erase_line()

    assert splitter.receive_data(b"again\n") == [b"again"]


def test_erase_character_does_not_bring_an_overlong_line_back() -> None:
    splitter = LineSplitter(LIMIT)
    splitter.receive_data(b"123456789")

    splitter.erase_character()

    assert splitter.receive_data(b"/quit\n") == []
