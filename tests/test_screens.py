"""What people see who come to the port for telnet, by real programs."""

import signal
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from tests.running import Running, running
from tests.screens import (
    BACKSPACE,
    CTRL_A,
    CTRL_C,
    CTRL_D,
    CTRL_E,
    CTRL_K,
    CTRL_L,
    CTRL_T,
    CTRL_U,
    CTRL_W,
    CTRL_Y,
    CURSOR,
    DELETE,
    DOWN,
    END,
    ENTER,
    HOME,
    LEFT,
    RIGHT,
    TAB,
    UP,
    Viewer,
    open_pane,
)
from tests.terminals import HOST, Person, Street, open_street, path_of

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    # pexpect forks, while threads read what the server prints; the child only execs.
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]

ANYWHERE = f"{HOST}:0"
TELNET = ["Trying 127.0.0.1...", "Connected to 127.0.0.1.", "Escape character is '^]'."]
GREETING = "trioserve 0.1 - 1 person here. /help for commands, /quit to leave."
KEPT_APART = "-- the line that you type is kept apart; /plain ends that"
NO_ANSWER = "-- no answer from your client yet: only a telnet sends its keys one by one"
NO_KEYS = "-- your client does not send its keys one by one: only a telnet does"


@attrs.frozen
class Town:
    """A server with both of its ports, and eve, who came by the plain one before anybody else."""

    plain: Street
    rich: Street
    eve: Person
    server: Running


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    config = tmp_path / "chat.toml"
    # Nobody is shown words to come back by, which are others each time.
    config.write_text("[resume]\nkeep = 0\n")
    with (
        running("--config", str(config), "--listen", ANYWHERE, "--telnet", ANYWHERE) as server,
        open_street(server.port()) as plain,
        open_street(server.port()) as rich,
    ):
        yield Town(plain, rich, plain.bystander(), server)


@pytest.fixture
def ann(town: Town) -> Viewer:
    """Somebody at telnet who has given her name."""
    ann = town.rich.at_screen("telnet")
    ann.gives_the_name("ann")
    return ann


# ----------------------------------------------------------- the line is one's own


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 10), (200, 50)])
def test_what_comes_in_stands_above_the_line_that_is_typed(
    town: Town, columns: int, rows: int
) -> None:
    ann = town.rich.at_screen("telnet", columns=columns, rows=rows)
    ann.sees(f"Your name? {CURSOR}")
    ann.types("ann")
    ann.shows("-- topic: Welcome!", f"#lobby> {CURSOR}")

    ann.presses("is the build green")
    town.eve.types("hello ann")
    ann.shows("[00:00] <eve> hello ann", f"#lobby> is the build green{CURSOR}")
    town.eve.types("how are you?")
    ann.shows(
        "[00:00] <eve> hello ann",
        "[00:00] <eve> how are you?",
        f"#lobby> is the build green{CURSOR}",
    )
    ann.presses("?", ENTER)

    town.eve.sees("<ann> is the build green?\r\n")
    wrapped = {40: ["trioserve 0.1 - 1 person here. /help", "for commands, /quit to leave."]}
    ann.shows_nothing_but(
        *[
            *TELNET,
            *wrapped.get(columns, [GREETING]),
            "Your name? ann",
            "-- #lobby: 2 here: eve, ann",
            "-- topic: Welcome!",
            "[00:00] <eve> hello ann",
            "[00:00] <eve> how are you?",
            "[00:00] <ann> is the build green?",
            f"#lobby> {CURSOR}",
        ][-rows:]
    )


def test_the_cursor_stays_where_it_was_in_the_line(town: Town, ann: Viewer) -> None:
    ann.presses("hello world", LEFT, LEFT, LEFT, LEFT, LEFT)

    town.eve.types("good morning")
    ann.shows("[00:00] <eve> good morning", f"#lobby> hello {CURSOR}world")
    ann.presses("new ")

    ann.shows(f"#lobby> hello new {CURSOR}world")


def test_a_burst_of_lines_wrecks_nothing(town: Town, ann: Viewer) -> None:
    said = [f"number {number}" for number in range(10)]
    ann.presses("half")

    town.eve.types(*said)
    ann.presses(" a line", ENTER)

    town.eve.sees("<ann> half a line\r\n")
    ann.sees("[00:00] <ann> half a line")
    ann.shows(f"#lobby> {CURSOR}")
    told = [row for row in ann.seen() if row.startswith("[00:00]")]
    assert [row for row in told if "<eve>" in row] == [f"[00:00] <eve> {line}" for line in said]


def test_a_long_line_scrolls_sideways(town: Town) -> None:
    ann = town.rich.at_screen("telnet", columns=40, rows=10)
    ann.gives_the_name("ann")
    line = "a line that is longer than forty columns and goes on"

    ann.presses(line)
    ann.sees(f"goes on{CURSOR}")
    town.eve.types("hello")
    ann.sees("<eve> hello")
    assert len(ann.seen()[-1].replace(CURSOR, "")) < 40
    ann.presses(HOME)
    ann.shows("[00:00] <eve> hello", f"#lobby> {CURSOR}{line[:31]}")
    ann.presses(ENTER)

    town.eve.sees(f"<ann> {line}\r\n")


def test_a_whole_line_comes_in_one_piece(town: Town, ann: Viewer) -> None:
    ann.presses("half")
    ann.shows(f"#lobby> half{CURSOR}")
    del ann.printed[:]

    town.eve.types("hello")
    ann.shows("[00:00] <eve> hello", f"#lobby> half{CURSOR}")

    # The row is drawn once: one that vanishes for a moment would flicker.
    assert ann.printed.count(b"#lobby> half") == 1


# --------------------------------------------------------------------- editing


@pytest.mark.parametrize(
    ("keys", "row"),
    [
        (("helo", LEFT, "l"), f"hell{CURSOR}o"),
        (("abc", BACKSPACE), f"ab{CURSOR}"),
        (("abc", LEFT, BACKSPACE), f"a{CURSOR}c"),
        (("abc", LEFT, LEFT, DELETE), f"a{CURSOR}c"),
        (("abc", LEFT, LEFT, RIGHT, "x"), f"abx{CURSOR}c"),
        (("abc", HOME, "x"), f"x{CURSOR}abc"),
        (("abc", HOME, END, "x"), f"abcx{CURSOR}"),
        (("abc", CTRL_A, "x", CTRL_E, "y"), f"xabcy{CURSOR}"),
        (("one two", CTRL_W), f"one {CURSOR}"),
        (("one two", LEFT, LEFT, LEFT, CTRL_U), f"{CURSOR}two"),
        (("one two", LEFT, LEFT, LEFT, CTRL_K), f"one {CURSOR}"),
        (("one two", CTRL_W, CTRL_A, CTRL_Y), f"two{CURSOR}one"),
        (("teh", CTRL_T), f"the{CURSOR}"),
        (("one two", "\x1bb", "\x1bb", "x"), f"x{CURSOR}one two"),
        (("one two", "\x1b[1;5D", "x"), f"one x{CURSOR}two"),
    ],
)
def test_keys_edit_the_line(town: Town, keys: tuple[str, ...], row: str) -> None:
    ann = town.rich.at_screen("telnet")
    ann.gives_the_name("ann")

    ann.presses(*keys)

    ann.shows(f"#lobby> {row}")


def test_up_and_down_go_through_what_one_has_said(ann: Viewer) -> None:
    ann.types("first", "second")
    ann.shows("[00:00] <ann> second", f"#lobby> {CURSOR}")
    ann.presses("third")

    ann.presses(UP)
    ann.shows(f"#lobby> second{CURSOR}")
    ann.presses(UP)
    ann.shows(f"#lobby> first{CURSOR}")
    ann.presses(DOWN, DOWN)
    ann.shows(f"#lobby> third{CURSOR}")


def test_ctrl_l_wipes_the_screen_but_not_the_line(ann: Viewer) -> None:
    ann.presses("half", CTRL_L)

    ann.shows_nothing_but(f"#lobby> half{CURSOR}")


def test_wide_characters_keep_the_cursor_in_its_place(town: Town, ann: Viewer) -> None:
    ann.presses("日本語 🙂 ok")
    ann.shows(f"#lobby> 日本語 🙂 ok{CURSOR}")

    ann.presses(LEFT, LEFT, LEFT, LEFT)
    ann.shows(f"#lobby> 日本語 {CURSOR}🙂 ok")
    ann.presses(BACKSPACE)
    ann.shows(f"#lobby> 日本語{CURSOR}🙂 ok")
    ann.presses(LEFT, DELETE, "会")
    ann.shows(f"#lobby> 日本会{CURSOR}🙂 ok")
    town.eve.types("Ü 会议")
    ann.shows("[00:00] <eve> Ü 会议", f"#lobby> 日本会{CURSOR}🙂 ok")
    ann.presses(ENTER)

    town.eve.sees("<ann> 日本会🙂 ok\r\n")


# ------------------------------------------------------------------ completion


def test_tab_completes_commands_rooms_and_nicks(town: Town, ann: Viewer) -> None:
    town.eve.types("hello")
    ann.sees("<eve> hello")

    ann.presses("e", TAB)
    ann.shows(f"#lobby> eve: {CURSOR}")
    ann.presses(CTRL_U, "/joi", TAB)
    ann.shows(f"#lobby> /join {CURSOR}")
    ann.presses("#lo", TAB)
    ann.shows(f"#lobby> /join #lobby {CURSOR}")


def test_a_second_tab_shows_the_choices_above(ann: Viewer) -> None:
    ann.presses("/uni", TAB)
    ann.shows(f"#lobby> /unignore {CURSOR}")
    ann.presses(CTRL_U, "/ti", TAB)
    ann.shows(f"#lobby> /time{CURSOR}")
    ann.presses(TAB)
    ann.shows("-- topic: Welcome!", f"#lobby> /time{CURSOR}")
    ann.presses(TAB)

    ann.shows("-- /time, /timezone", f"#lobby> /time{CURSOR}")


# ------------------------------------------------------------------ the window


def test_a_smaller_window_shows_the_same_line(town: Town, ann: Viewer) -> None:
    line = "a line that fits into eighty columns and not into forty"
    ann.presses(line)
    ann.shows(f"#lobby> {line}{CURSOR}")

    ann.resizes(40, 10)
    ann.shows("-- topic: Welcome!", f"#lobby> {line[-15:]}{CURSOR}")
    town.eve.types("x" * 40)
    ann.shows(f"[00:00] <eve> {'x' * 25}", f"  {'x' * 15}", f"#lobby> {line[-15:]}{CURSOR}")
    ann.resizes(120, 30)
    ann.shows(f"#lobby> {line}{CURSOR}")
    ann.presses(ENTER)

    town.eve.sees(f"<ann> {line}\r\n")


# ---------------------------------------------------------------------- pastes


def test_a_paste_of_several_lines_is_looked_at_before_it_is_sent(town: Town, ann: Viewer) -> None:
    ann.pastes("one\ntwo\nthree\n")

    ann.shows(f"#lobby> one⏎two⏎three⏎{CURSOR}")
    town.eve.types("hello")
    ann.shows("[00:00] <eve> hello", f"#lobby> one⏎two⏎three⏎{CURSOR}")
    ann.presses(ENTER)

    town.eve.sees("<ann> one\r\n")
    town.eve.sees("<ann> two\r\n")
    town.eve.sees("<ann> three\r\n")
    ann.shows("[00:00] <ann> one", "[00:00] <ann> two", "[00:00] <ann> three", f"#lobby> {CURSOR}")


def test_ctrl_c_throws_a_paste_away(town: Town, ann: Viewer) -> None:
    ann.pastes("secret\nkeys\n")
    ann.shows(f"#lobby> secret⏎keys⏎{CURSOR}")

    ann.presses(CTRL_C)
    ann.shows("-- topic: Welcome!", f"#lobby> {CURSOR}")
    ann.types("never mind")

    assert "secret" not in town.eve.sees("<ann> never mind\r\n")


# ----------------------------------------------------------- ctrl-c and ctrl-d


def test_ctrl_c_clears_the_line_and_then_has_nothing_to_do(ann: Viewer) -> None:
    ann.presses("half a line", CTRL_C)
    ann.shows("-- topic: Welcome!", f"#lobby> {CURSOR}")

    ann.presses(CTRL_C)

    ann.shows("-- nothing is running; /quit to leave", f"#lobby> {CURSOR}")


def test_ctrl_d_leaves_from_an_empty_line_only(town: Town, ann: Viewer) -> None:
    ann.presses("ab", HOME, CTRL_D)
    ann.shows(f"#lobby> {CURSOR}b")

    ann.presses(CTRL_D, CTRL_D)

    ann.sees_the_end()
    town.eve.sees("* ann left\r\n")
    assert ann.seen()[-3:] == ["-- goodbye", "Connection closed by foreign host.", CURSOR]


def test_the_server_s_end_leaves_what_was_typed_to_be_seen(town: Town, ann: Viewer) -> None:
    ann.presses("half a line")
    ann.shows(f"#lobby> half a line{CURSOR}")

    assert town.server.stop(signal.SIGTERM) == 0

    ann.sees_the_end()
    assert ann.seen()[-4:] == [
        "half a line",
        "-- the server is shutting down: goodbye",
        "Connection closed by foreign host.",
        CURSOR,
    ]


# ----------------------------------------------------------------------- pages


def test_a_long_answer_is_shown_by_pages(town: Town) -> None:
    ann = town.rich.at_screen("telnet", rows=10)
    ann.gives_the_name("ann")
    more = f"--more-- (Space: on, q: enough) {CURSOR}"

    ann.types("/help")
    ann.shows(more)
    first = ann.seen()
    assert len(first) == 10
    assert first[0] == "-- accounts:"
    town.eve.types("hello")
    ann.shows("[00:00] <eve> hello", more)
    ann.presses(" ")
    ann.sees("-- looking:")
    ann.shows(more)
    del ann.printed[:]
    ann.presses("q")

    ann.sees(" lines not shown --")
    ann.shows(f"#lobby> {CURSOR}")
    assert ann.printed.count(b"#lobby> ") == 1  # with the line, and not before it


def test_what_is_typed_at_a_page_is_the_next_line(town: Town) -> None:
    ann = town.rich.at_screen("telnet", rows=10)
    ann.gives_the_name("ann")
    ann.types("/help")
    ann.shows(f"--more-- (Space: on, q: enough) {CURSOR}")

    ann.presses("hello")

    ann.shows(
        "-- What does not begin with / is said in your current room; //text says /text.",
        f"#lobby> hello{CURSOR}",
    )


# ------------------------------------------------------------- plain, and back


def test_plain_and_rich_change_who_keeps_the_line(town: Town, ann: Viewer) -> None:
    ann.types("/plain")
    ann.shows(
        "#lobby> /plain",
        "-- your terminal edits what you type; /rich keeps it apart from what comes in",
        CURSOR,
    )
    ann.types("in plain")
    town.eve.sees("<ann> in plain\r\n")
    ann.types("/rich")
    ann.shows("in plain", "/rich", KEPT_APART, f"#lobby> {CURSOR}")
    ann.presses("rich again")
    town.eve.types("hello")

    ann.shows(KEPT_APART, "[00:00] <eve> hello", f"#lobby> rich again{CURSOR}")


def test_who_came_by_the_plain_port_can_have_it_too(town: Town) -> None:
    ann = town.plain.at_screen("telnet")
    ann.gives_the_name("ann", prompt="")

    ann.types("/rich")

    ann.shows("/rich", KEPT_APART, f"#lobby> {CURSOR}")


# -------------------------------------------------------------- other programs


def test_help_names_the_port_for_telnet(town: Town) -> None:
    town.eve.types("/help")

    town.eve.sees(f"-- Port {town.rich.port} is for telnet: ")


@pytest.mark.parametrize(
    ("command", "told"),
    [(("nc",), NO_ANSWER), (("ncat",), NO_ANSWER), (("ncat", "-t"), NO_KEYS)],
)
def test_who_is_no_telnet_types_lines_and_sees_nothing_of_the_questions(
    town: Town, command: tuple[str, ...], told: str
) -> None:
    ann = town.rich.at_screen(*command)

    ann.shows_nothing_but(GREETING, f"Your name? {CURSOR}")
    ann.types("ann")
    ann.shows("Your name? ann", "-- #lobby: 2 here: eve, ann", "-- topic: Welcome!", CURSOR)
    ann.types("hello")
    town.eve.sees("<ann> hello\r\n")
    town.eve.types("hello ann")
    ann.shows("hello", "[00:00] <eve> hello ann", CURSOR)
    ann.types("/rich")

    ann.shows("/rich", told, CURSOR)


def test_another_make_of_telnet_is_as_good(town: Town) -> None:
    ann = town.rich.at_screen("telnet-ssl")
    ann.gives_the_name("ann")

    ann.presses("half a line")
    town.eve.types("hello")
    ann.shows("[00:00] <eve> hello", f"#lobby> half a line{CURSOR}")
    ann.presses(ENTER)

    town.eve.sees("<ann> half a line\r\n")


def test_a_mud_client_keeps_its_own_line_and_takes_nothing_for_a_password(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    ann = town.rich.runs_at_screen("tt++", "-G", "-e", f"#session chat {HOST} {town.rich.port}")
    ann.sees("Your name? ")
    ann.types("ann")
    ann.sees("-- topic: Welcome!")

    ann.presses("a draft")
    ann.shows(f"a draft{CURSOR}")  # in password mode these were asterisks
    ann.presses(ENTER)

    town.eve.sees("<ann> a draft\r\n")
    town.eve.types("hello ann")
    ann.shows("a draft", "[00:00] <eve> hello ann", CURSOR)


def test_a_terminal_of_no_known_type_edits_its_own_line(town: Town) -> None:
    ann = town.rich.at_screen("telnet", term="dumb")
    ann.gives_the_name("ann", prompt="")

    ann.presses("half")
    town.eve.types("hello")
    ann.sees("<eve> hello")
    ann.types(" a line")

    town.eve.sees("<ann> half a line\r\n")


def test_a_pane_of_tmux_is_a_terminal_too(town: Town, tmp_path: Path) -> None:
    command = (path_of("telnet"), HOST, str(town.rich.port))
    with open_pane(path_of("tmux"), tmp_path / "tmux", *command) as pane:
        pane.shows(*TELNET, GREETING, "Your name?")
        pane.presses("ann", "Enter")
        pane.shows("-- topic: Welcome!", "#lobby>")
        pane.presses("half a family 👨‍👩‍👧", "Left")
        pane.shows("-- topic: Welcome!", "#lobby> half a family 👨‍👩‍👧")
        town.eve.types("hello")
        pane.shows("[00:00] <eve> hello", "#lobby> half a family 👨‍👩‍👧")
        pane.presses("of ", "Enter")

        pane.shows("[00:00] <ann> half a family of 👨‍👩‍👧", "#lobby>")
    town.eve.sees("<ann> half a family of 👨‍👩‍👧\r\n")
