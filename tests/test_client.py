import pytest

from trioserve.wire.client import TelnetClient
from trioserve.wire.options import (
    BINARY,
    DO,
    DONT,
    ECHO,
    IAC,
    SUPPRESS_GO_AHEAD,
    TERMINAL_TYPE,
    WILL,
    WINDOW_SIZE,
    WONT,
)
from trioserve.wire.style import Screen
from trioserve.wire.telnet import SB, SE

SEND_TYPE = bytes([IAC, SB, TERMINAL_TYPE, 1, IAC, SE])


def says(*said: int) -> bytes:
    """Verbs and options in turn, each behind an IAC."""
    return b"".join(bytes([IAC, *said[at : at + 2]]) for at in range(0, len(said), 2))


def is_called(name: str) -> bytes:
    return bytes([IAC, SB, TERMINAL_TYPE, 0]) + name.encode() + bytes([IAC, SE])


def has_window(columns: int, rows: int = 24) -> bytes:
    size = columns.to_bytes(2, "big") + rows.to_bytes(2, "big")
    return bytes([IAC, SB, WINDOW_SIZE]) + size.replace(b"\xff", b"\xff\xff") + bytes([IAC, SE])


def client(*names: str, columns: int | None = None) -> TelnetClient:
    """One that was asked what it is, and has told: these names in turn, and its window."""
    made = TelnetClient()
    made.ask()
    made.receive_data(says(WILL if names else WONT, TERMINAL_TYPE))
    made.receive_data(says(WONT if columns is None else WILL, WINDOW_SIZE, DO, SUPPRESS_GO_AHEAD))
    if columns is not None:
        made.receive_data(has_window(columns))
    while names and (answers := made.take_answers()) and SEND_TYPE in answers:
        made.receive_data(is_called(names[min(len(made.types), len(names) - 1)]))
    return made


def test_it_is_asked_for_its_type_its_window_and_no_go_ahead() -> None:
    made = TelnetClient()

    made.ask()

    probe = says(DO, TERMINAL_TYPE, DO, WINDOW_SIZE, WILL, SUPPRESS_GO_AHEAD)
    assert made.take_answers() == probe
    assert not made.settled


def test_it_is_asked_once() -> None:
    made = TelnetClient()
    made.ask()
    made.take_answers()

    made.ask()

    assert made.take_answers() == b""


def test_who_refuses_everything_is_settled_in_line_mode() -> None:
    made = TelnetClient()
    made.ask()

    made.receive_data(says(WONT, TERMINAL_TYPE, WONT, WINDOW_SIZE, DONT, SUPPRESS_GO_AHEAD))

    assert made.settled
    assert not made.sends_keys
    assert made.screen == Screen()


def test_a_terminal_is_asked_for_character_mode_when_it_has_told_its_type_twice() -> None:
    made = client("XTERM", columns=80)

    assert made.types == ["xterm", "xterm"]
    made.receive_data(says(DO, ECHO))

    assert made.sends_keys
    assert made.settled
    assert made.screen == Screen(80, 8, rich=True)


@pytest.mark.parametrize(
    ("name", "colors"),
    [
        ("xterm-256color", 256),
        ("XTERM-KITTY", 256),
        ("tmux-direct", 256),
        ("alacritty", 256),
        ("xterm", 8),
        ("linux", 8),
        ("screen.xterm", 8),
        ("vt100", 0),
        ("vt220", 0),
        ("dumb", 0),
        ("teletype-33", 0),
        ("network", 0),
    ],
)
def test_its_colours_follow_from_its_type(name: str, colors: int) -> None:
    assert client(name).screen.colors == colors


@pytest.mark.parametrize(
    ("bits", "colors", "is_for_screen_reader"),
    [(0, 0, False), (1, 8, False), (9, 256, False), (257, 256, False), (1 + 64, 8, True)],
)
def test_a_mud_client_tells_what_it_can_do(
    bits: int, colors: int, is_for_screen_reader: bool
) -> None:
    made = client("MUDLET", "XTERM", f"MTTS {bits}")

    assert made.screen.colors == colors
    assert made.is_for_screen_reader == is_for_screen_reader


@pytest.mark.parametrize(
    "names",
    [
        ("MUDLET", "XTERM", "MTTS 271"),
        ("XTERM", "MTTS 271"),
        ("tintin++", "xterm-256color", "MTTS 271"),
        ("ZMUD",),
        ("",),
        ("x" * 100,),
    ],
)
def test_whatever_may_be_a_mud_client_is_not_asked_for_our_echo(names: tuple[str, ...]) -> None:
    made = client(*names)

    assert says(WILL, ECHO) not in made.take_answers()
    assert made.settled
    assert not made.sends_keys


def test_no_more_than_three_types_are_asked_for() -> None:
    made = client("a", "b", "c", "d", "e")

    assert made.types == ["a", "b", "c"]


def test_a_type_that_nobody_has_asked_for_is_not_believed() -> None:
    made = TelnetClient()

    made.receive_data(is_called("xterm"))

    assert made.types == []


@pytest.mark.parametrize(
    ("columns", "width"), [(0, 0), (5, 5), (80, 80), (81, 80), (203, 200), (65535, 1000)]
)
def test_widths_are_rounded_down_so_that_neighbours_share_what_is_rendered(
    columns: int, width: int
) -> None:
    assert client("xterm", columns=columns).screen.width == width


def test_a_window_of_a_wrong_length_is_passed_over() -> None:
    made = client("xterm", columns=80)

    made.receive_data(bytes([IAC, SB, WINDOW_SIZE, 1, 2, 3, IAC, SE]))

    assert made.width == 80


def test_a_client_that_has_shown_itself_is_asked_without_our_doing() -> None:
    made = TelnetClient()

    made.receive_data(bytes([IAC, 241]))  # No Operation

    assert says(DO, TERMINAL_TYPE) in made.take_answers()


def test_a_request_for_echo_is_answered_when_it_is_known_what_asks() -> None:
    made = TelnetClient()
    made.receive_data(says(DO, ECHO))
    assert says(WONT, ECHO) not in made.take_answers()

    made.receive_data(says(WONT, TERMINAL_TYPE))

    assert says(WONT, ECHO) in made.take_answers()


def test_who_refuses_our_echo_is_not_asked_again() -> None:
    made = client("xterm")

    made.receive_data(says(DONT, ECHO))
    assert made.take_answers().endswith(says(WONT, SUPPRESS_GO_AHEAD))
    made.receive_data(says(DONT, SUPPRESS_GO_AHEAD, WILL, BINARY))

    assert made.take_answers() == b""
    assert made.settled


def test_who_lets_us_echo_but_sends_no_keys_shows_what_is_typed_again() -> None:
    made = client("xterm")

    made.receive_data(says(DONT, SUPPRESS_GO_AHEAD, DO, ECHO))

    assert made.take_answers().endswith(says(WONT, ECHO))
    assert not made.sends_keys


def test_in_line_mode_a_secret_is_hidden_by_our_echo_alone() -> None:
    made = client("ZMUD")
    made.receive_data(says(DONT, SUPPRESS_GO_AHEAD))
    made.take_answers()

    made.hide(True)
    assert made.take_answers() == says(WILL, ECHO)
    made.receive_data(says(DO, ECHO))

    assert made.is_hiding
    assert not made.sends_keys


def test_a_hidden_secret_ends_with_our_echo() -> None:
    made = client("ZMUD")
    made.hide(True)
    made.receive_data(says(DO, ECHO))
    made.take_answers()

    made.hide(False)

    assert made.take_answers() == says(WONT, ECHO)
    assert not made.is_hiding
