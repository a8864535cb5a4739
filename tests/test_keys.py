from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trioserve.wire.keys import Key, Keystroke, Paste
from trioserve.wire.keystream import MAX_SEQUENCE, KeyDecoder

KEYS = {
    # as xterm, the Linux console, PuTTY, tmux and rxvt send them
    Key.ENTER: [b"\r", b"\n", b"\r\n", b"\r\0", b"\x1bOM"],
    Key.TAB: [b"\t"],
    Key.LEFT: [b"\x02", b"\x1b[D", b"\x1bOD", b"\x1b[1;2D"],
    Key.RIGHT: [b"\x06", b"\x1b[C", b"\x1bOC"],
    Key.UP: [b"\x10", b"\x1b[A", b"\x1bOA", b"\x1b[1;5A", b"\x1b\x1b[A"],
    Key.DOWN: [b"\x0e", b"\x1b[B", b"\x1bOB"],
    Key.HOME: [b"\x01", b"\x1b[H", b"\x1bOH", b"\x1b[1~", b"\x1b[7~", b"\x1b[1;5H"],
    Key.END: [b"\x05", b"\x1b[F", b"\x1bOF", b"\x1b[4~", b"\x1b[8~"],
    Key.WORD_LEFT: [
        b"\x1bb",
        b"\x1b[1;5D",
        b"\x1b[1;3D",
        b"\x1b[5D",
        b"\x1bO5D",
        b"\x1bOd",
        b"\x1b\x1b[D",
        b"\x1b\x1bOD",
    ],
    Key.WORD_RIGHT: [b"\x1bf", b"\x1b[1;5C", b"\x1b[1;3C", b"\x1b[5C", b"\x1bOc", b"\x1b\x1b[C"],
    Key.BACKSPACE: [b"\x7f", b"\x08"],
    Key.DELETE: [b"\x1b[3~", b"\x1b[3;2~"],
    Key.KILL_LEFT: [b"\x15"],
    Key.KILL_RIGHT: [b"\x0b"],
    Key.KILL_BLANK_WORD: [b"\x17"],
    Key.KILL_WORD_LEFT: [b"\x1b\x7f", b"\x1b\x08"],
    Key.KILL_WORD_RIGHT: [b"\x1bd", b"\x1b[3;5~"],
    Key.YANK: [b"\x19"],
    Key.TRANSPOSE: [b"\x14"],
    Key.CLEAR_SCREEN: [b"\x0c"],
    Key.INTERRUPT: [b"\x03"],
    Key.END_OF_INPUT: [b"\x04"],
}

UNKNOWN = [
    b"\x1b[15~",  # F5
    b"\x1b[[A",  # F1 of the Linux console
    b"\x1b[3$",  # Shift-Delete of rxvt
    b"\x1bOP",  # F1
    b"\x1b[Z",  # Shift-Tab
    b"\x1b[I",  # focus
    b"\x1b[?1;2c",  # answers of terminals: device attributes,
    b"\x1b[?2004;1$y",  # a mode,
    b"\x1b[24;80R",  # the cursor,
    b"\x1b]11;rgb:0000/0000/0000\x07",  # a colour,
    b"\x1b]11;rgb:0000/0000/0000\x1b\\",
    b"\x1bP>|XTerm(388)\x1b\\",  # and a version
    b"\x1b_what\x1b\\",
    b"\x1b]cancelled\x18",
    b"\x1b[99;5u",
    b"\x1b[1;5:3D",
    b"\x1b[201~",  # the end of no paste
    b"\x1bq",  # Alt and a character
    b"\x1b/",
    "\x1bå".encode(),
    b"\x00",
    b"\x1a",
]

sequences = st.sampled_from([*UNKNOWN, *(each for some in KEYS.values() for each in some)])
pastes = st.binary(max_size=40).map(lambda data: b"\x1b[200~" + data + b"\x1b[201~")
# What almost is a sequence, and more of it than is allowed.
fragments = st.sampled_from(
    [
        *(b"\x1b", b"\x1b\x1b", b"\x1b[", b"\x1b[200~", b"\x1b[201", b"\x1b[1" * 20),
        *(b"[", b"O", b"]", b"1", b"20", b"0~", b";", b"$", b"\\", b"\x07", b"~", b"x" * 41),
        b"\x1b]" + b"x" * (MAX_SEQUENCE - 3),
    ]
)
typed = st.text(max_size=5).map(str.encode)
streams = st.lists(sequences | pastes | fragments | typed | st.binary(max_size=5)).map(b"".join)
cuts = st.lists(st.integers(0, 400))


def keys_of(*pieces: bytes, max_paste: int = 40) -> list[Keystroke]:
    decoder = KeyDecoder(max_paste)
    return [key for piece in pieces for key in decoder.receive_data(piece)]


def chopped(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(places)]


@given(streams, cuts)
@example(b"\x1b\x1b\x1b[D", [1, 2, 3, 4])
@example(b"\x1b]" + b"x" * (MAX_SEQUENCE - 3) + b"\x1b\\", [MAX_SEQUENCE - 1, MAX_SEQUENCE])
@example(b"\x1b[200~" + b"x" * 41 + b"\x1b[2x\x1b[201~y", [47, 48])
def test_any_chopping_of_a_stream_gives_the_same_keys(stream: bytes, cuts: list[int]) -> None:
    assert keys_of(*chopped(stream, cuts)) == keys_of(stream)


@given(streams)
def test_one_byte_at_a_time_gives_the_same_keys(stream: bytes) -> None:
    assert keys_of(*(bytes([byte]) for byte in stream)) == keys_of(stream)


@given(streams)
def test_after_any_stream_and_ctrl_c_keys_are_keys_again(stream: bytes) -> None:
    decoder = KeyDecoder(40)
    decoder.receive_data(stream)
    decoder.flush()
    decoder.receive_data(b"\x03")

    assert decoder.receive_data(b"a\x1b[D") == ["a", Key.LEFT]


@given(streams, cuts)
def test_little_is_held_back(stream: bytes, cuts: list[int]) -> None:
    decoder = KeyDecoder(40)
    for piece in chopped(stream, cuts):
        decoder.receive_data(piece)

        assert len(decoder._held) <= MAX_SEQUENCE
        assert len("".join(decoder._pasted or []).encode()) <= 40


@pytest.mark.parametrize(
    ("key", "sent"), [(key, each) for key, some in KEYS.items() for each in some]
)
def test_a_key_is_known_however_terminals_send_it(key: Key, sent: bytes) -> None:
    assert keys_of(b"a" + sent + b"b") == ["a", key, "b"]


@pytest.mark.parametrize("sent", UNKNOWN)
def test_what_is_no_key_is_swallowed_whole(sent: bytes) -> None:
    assert keys_of(b"a" + sent + b"b") == ["a", "b"]


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_characters_stand_for_themselves(text: str) -> None:
    assert keys_of(text.encode()) == list(text)


def test_what_is_not_utf_8_is_replaced() -> None:
    assert keys_of(b"\xe5\x1b[D\xffa") == ["\ufffd", Key.LEFT, "\ufffd", "a"]


@pytest.mark.parametrize(
    ("sent", "count"),
    [(b"\r\n\r\n", 2), (b"\r\0\r\0", 2), (b"\r\r", 2), (b"\n\n", 2), (b"\n\r", 2), (b"\r\n\n", 2)],
)
def test_each_end_of_line_is_one_enter(sent: bytes, count: int) -> None:
    assert keys_of(sent) == [Key.ENTER] * count


def test_a_lone_escape_is_a_key_once_nothing_follows() -> None:
    decoder = KeyDecoder()

    assert decoder.receive_data(b"a\x1b") == ["a"]
    assert decoder.waiting
    assert decoder.flush() == [Key.ESCAPE]
    assert not decoder.waiting
    assert decoder.receive_data(b"[D") == ["[", "D"]


def test_a_sequence_that_is_not_ended_in_time_is_dropped() -> None:
    decoder = KeyDecoder()
    decoder.receive_data(b"\x1b]11;")

    assert decoder.flush() == []
    assert decoder.receive_data(b"a") == ["a"]


def test_escape_before_a_key_is_a_key_of_its_own() -> None:
    assert keys_of(b"\x1b\r\x1b\x1b\x1b[A") == [Key.ESCAPE, Key.ENTER, Key.ESCAPE, Key.UP]


@pytest.mark.parametrize("begun", [b"\x1b[", b"\x1b[1;", b"\x1b]11", b"\x1bP", b"\x1bO", b"\x1b[["])
def test_enter_and_ctrl_c_are_heard_within_a_sequence(begun: bytes) -> None:
    assert keys_of(begun + b"\ra") == [Key.ENTER, "a"]
    assert keys_of(begun + b"\x03a") == [Key.INTERRUPT, "a"]


@pytest.mark.parametrize("begun", [b"\x1b[", b"\x1bO", b"\x1b]", b"\x1bP"])
def test_an_endless_sequence_is_swallowed_up_to_a_bound(begun: bytes) -> None:
    keys = keys_of(begun + b"1" * 1000)

    assert keys == ["1"] * (1000 + len(begun) - MAX_SEQUENCE)


def test_a_paste_is_one_key() -> None:
    sent = b"a\x1b[200~one\rtwo\r\nthree\r\0four\n\x1b[201~b"

    assert keys_of(sent) == ["a", Paste("one\ntwo\nthree\nfour\n"), "b"]


def test_escapes_and_controls_within_a_paste_are_no_keys() -> None:
    assert keys_of(b"\x1b[200~\x1b[D\x04\t\x1b[201\x1b[201~") == [Paste("\x1b[D\x04\t\x1b[201")]


def test_a_paste_that_is_too_long_is_told_once_and_dropped() -> None:
    decoder = KeyDecoder(max_paste=4)

    assert decoder.receive_data("\x1b[200~åå".encode()) == []
    assert decoder.receive_data(b"x") == [Paste(None)]
    assert decoder.receive_data(b"more\rand more\x1b[201~y") == ["y"]
    assert decoder.receive_data("\x1b[200~åå\x1b[201~".encode()) == [Paste("åå")]


def test_ctrl_c_ends_a_paste_whose_end_was_lost() -> None:
    assert keys_of(b"\x1b[200~abc", b"\x03d") == [Paste("abc"), Key.INTERRUPT, "d"]


def test_a_pause_does_not_end_a_paste() -> None:
    decoder = KeyDecoder()
    decoder.receive_data(b"\x1b[200~abc\x1b[20")

    assert not decoder.waiting
    assert decoder.flush() == []
    assert decoder.receive_data(b"1~") == [Paste("abc")]
