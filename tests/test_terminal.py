"""A telnet's terminal, from its negotiation to the line that is typed there."""

from collections.abc import AsyncIterator

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.telnets import MUDLET, Telnet, come
from trioserve import Context, command
from trioserve.configuration.config import Config
from trioserve.sessions.services import SessionLimits
from trioserve.testing import Chat, Person, open_chat
from trioserve.wire.options import (
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
from trioserve.wire.telnet import SB, SE

GREETING = "trioserve 0.1 - nobody here. /help for commands, /quit to leave."
PROBE = b"\xff\xfd\x18\xff\xfd\x1f\xff\xfb\x03"  # IAC DO TTYPE, DO NAWS, WILL SGA
LEFT, PASTE, PASTED = "\x1b[D", "\x1b[200~", "\x1b[201~"


@command
def count(ctx: Context, to: int) -> None:
    """Count."""
    ctx.reply("\n".join(map(str, range(1, to + 1))))


@pytest.fixture
async def chat() -> AsyncIterator[Chat]:
    """A server with commands that ask for a secret, and one with a long answer."""
    async with open_chat(functions=[rise, brood, count]) as chat:
        yield chat


# ------------------------------------------------------- who is given what


async def test_a_terminal_is_put_into_character_mode_before_it_is_greeted(chat: Chat) -> None:
    ann = await come(chat)

    assert ann.sends_keys
    assert ann.shown == [GREETING, "Your name?"]
    assert trio.current_time() == 0.0


async def test_who_is_no_telnet_is_greeted_after_three_tenths_of_a_second(chat: Chat) -> None:
    ann = chat.connect(telnet=True)
    ann.transport.reading = True

    await ann.sees(GREETING)

    assert trio.current_time() == pytest.approx(0.3)


async def test_who_is_no_telnet_has_nothing_of_the_probe_left_on_the_screen(chat: Chat) -> None:
    ann = chat.connect(telnet=True)
    await ann.sees("Your name? ")

    # Blanks overwrite at once whatever a terminal makes of the probe.
    blank = b"\r" + b" " * len(PROBE) + b"\r"
    shown = f"\r{GREETING}\r\nYour name? ".encode()
    assert ann.transport.received == PROBE + blank + shown
    await ann.types("ann")
    await ann.sees("1 here: ann")


async def test_what_is_typed_before_the_greeting_is_not_lost(chat: Chat) -> None:
    ann = chat.connect(telnet=True)
    bob = await chat.join("bob")
    await ann.types("ann", "hello")

    assert "<ann> hello" in await bob.sees("<ann>")


async def test_a_mud_client_stays_in_line_mode_for_it_takes_echo_for_a_password(
    chat: Chat,
) -> None:
    ann = await come(chat, "ann", types=MUDLET)

    assert (WILL, ECHO) not in ann.asked
    assert (DO, SUPPRESS_GO_AHEAD) not in ann.on
    assert "-- #lobby: 1 here: ann" in "".join(ann.shown)


async def test_an_unknown_terminal_stays_in_line_mode_until_it_is_asked_for(chat: Chat) -> None:
    ann = await come(chat, "ann", types=["TELETYPE 33"])
    assert not ann.sends_keys

    await ann.presses("/rich\r")

    assert ann.sends_keys
    assert ann.shown[-1] == "#lobby>"


async def test_who_refuses_our_echo_goes_on_in_line_mode(chat: Chat) -> None:
    ann = await come(chat, "ann", refused=[ECHO])

    assert (DO, SUPPRESS_GO_AHEAD) not in ann.on  # or it would send its keys all the same
    await ann.presses("hello\r")
    await ann.presses("/who\r")
    assert ann.shown[-1] == "-- #lobby: ann"


async def test_a_client_that_opens_with_a_request_for_echo_gets_it(chat: Chat) -> None:
    # As PuTTY does, on whatever port.
    ann = Telnet(chat.connect())
    await ann.settles()

    ann.on.add((DO, ECHO))
    ann.sends(bytes([IAC, DO, ECHO, IAC, WILL, TERMINAL_TYPE]))
    await ann.settles()

    assert ann.sends_keys
    assert ann.shown == [GREETING, "Your name?"]


async def test_to_a_client_that_has_shown_no_iac_none_is_sent(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types("hello", "/help", "/who")

    assert IAC not in ann.transport.received


async def test_a_telnet_at_the_port_for_text_is_asked_as_soon_as_it_shows_itself(
    chat: Chat,
) -> None:
    ann = await come(chat, "ann", telnet=False)
    assert not ann.sends_keys

    ann.sends(bytes([IAC, 246]))  # Are You There
    await ann.settles()

    assert ann.sends_keys
    assert ann.last == "#lobby> "


async def test_a_telnet_at_the_port_for_text_can_ask_for_character_mode(chat: Chat) -> None:
    ann = await come(chat, "ann", telnet=False)

    await ann.presses("/rich\r")

    assert ann.sends_keys
    assert ann.shown[-2:] == [
        "-- the line that you type is kept apart; /plain ends that",
        "#lobby>",
    ]


async def test_who_is_no_telnet_is_told_so_when_they_ask_for_character_mode(chat: Chat) -> None:
    ann = await chat.join("ann")
    before = len(ann.transport.received)

    await ann.types("/rich")

    # Nothing of the probe stays on the screen, not for a moment.
    assert ann.transport.received[before:] == PROBE + b"\r" + b" " * len(PROBE) + b"\r"
    await ann.sees("-- no answer from your client yet: only a telnet sends its keys one by one")


async def test_a_telnet_that_refuses_to_send_its_keys_is_told_so(chat: Chat) -> None:
    ann = await come(chat, "ann", refused=[ECHO], telnet=False)

    await ann.presses("/rich\r")

    assert ann.shown[-1] == "-- your client does not send its keys one by one: only a telnet does"


async def test_a_telnet_that_answers_late_is_put_into_character_mode_then(chat: Chat) -> None:
    ann = await come(chat, "ann", telnet=False)

    await ann.person.types("/rich")
    await ann.person.sees("-- no answer from your client")
    await trio.sleep(5)
    await ann.settles()

    assert ann.sends_keys
    assert ann.shown[-2:] == [
        "-- by now your client has answered: your line is kept apart; /plain ends that",
        "#lobby>",
    ]


async def test_a_telnet_that_answers_late_is_left_alone_after_plain(chat: Chat) -> None:
    ann = await come(chat, "ann", telnet=False)
    await ann.person.types("/rich")
    await ann.person.sees("-- no answer from your client")

    await ann.person.types("/plain")
    await ann.settles()

    assert not ann.sends_keys
    assert "has answered" not in "".join(ann.shown)


async def test_plain_goes_back_to_line_mode_and_rich_returns(chat: Chat) -> None:
    ann = await come(chat, "ann")

    await ann.presses("/plain\r")
    assert not ann.sends_keys
    assert ann.shows_what_is_typed
    await ann.presses("hello\r")
    assert ann.shown[-1] == "hello"

    await ann.presses("/rich\r")
    assert ann.sends_keys


@pytest.mark.parametrize("choice", ["/format json", "/screenreader on"])
async def test_neither_a_program_nor_a_voice_is_left_in_character_mode(
    chat: Chat, choice: str
) -> None:
    ann = await come(chat, "ann")

    await ann.presses(f"{choice}\r")

    assert not ann.sends_keys
    await ann.presses("/rich\r")
    assert not ann.sends_keys
    assert "not with what you have chosen" in "".join(ann.shown)


async def test_a_client_for_a_screen_reader_is_read_to_in_words(chat: Chat) -> None:
    ann = await come(chat, "ann", types=["MUDLET", "XTERM", f"MTTS {1 + 64}"])
    bob = await chat.join("bob")

    await bob.types("hello")
    await ann.settles()

    assert not ann.sends_keys
    assert ann.shown[-1] == "bob: hello"


# --------------------------------------------------- the protected line


async def test_what_is_typed_survives_what_comes_in(chat: Chat) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")
    await ann.presses(f"hello wrld{LEFT}{LEFT}{LEFT}")

    await bob.types("is anybody here?")
    await ann.settles()

    assert ann.shown[-1] == "#lobby> hello wrld"
    assert ann.last == "#lobby> hello w"
    assert ann.shown[-2].endswith("<bob> is anybody here?")


async def test_a_line_that_comes_in_is_one_write(chat: Chat) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")
    await ann.presses("draft")
    before = ann.person.transport.writes

    await bob.types("hello")

    assert ann.person.transport.writes == before + 1


async def test_ones_own_line_is_shown_once_as_the_room_sees_it(chat: Chat) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")

    await ann.presses("hello\r")

    line = await bob.sees("<ann> hello")
    assert [row for row in ann.shown if "hello" in row] == [line]
    assert ann.last == "#lobby> "


async def test_a_command_stays_in_view_where_it_was_typed(chat: Chat) -> None:
    ann = await come(chat, "ann")

    await ann.presses("/who\r")

    assert ann.shown[-3:] == ["#lobby> /who", "-- #lobby: ann", "#lobby>"]


async def test_the_prompt_names_the_current_room(chat: Chat) -> None:
    ann = await come(chat, "ann")

    await ann.presses("/join #dev\r")
    assert ann.last == "#dev> "
    await ann.presses("/room lobby\r")
    assert ann.last == "#lobby> "


async def test_a_resize_in_mid_line_draws_the_line_for_the_new_width(chat: Chat) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")
    await ann.presses("a line that is longer than the window will be soon")

    await ann.resizes(40, 10)
    await bob.types("hi")
    await ann.settles()

    assert ann.last.startswith("#lobby> ")
    assert ann.last.endswith("will be soon")
    assert len(ann.last) < 40


async def test_a_line_that_was_begun_in_line_mode_goes_on_in_character_mode(chat: Chat) -> None:
    ann = await come(chat, "ann", telnet=False)
    ann.sends(b"hel" + bytes([IAC, 246]))
    await ann.settles()

    await ann.presses("lo\r")

    assert "<ann> hello" in ann.shown[-2]


async def test_the_tail_of_an_overlong_line_is_dropped_in_character_mode_too(chat: Chat) -> None:
    ann, bob = await come(chat, "ann", telnet=False), await chat.join("bob")
    ann.sends(b"x" * 2000 + bytes([IAC, 246]))
    await ann.settles()
    assert ann.last == "(press Enter) "

    await ann.presses("the tail\rhello\r")

    assert (await bob.sees("<ann>")).endswith("<ann> hello")


async def test_a_line_that_was_begun_in_character_mode_goes_on_in_line_mode(chat: Chat) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")
    await ann.presses("hel")

    ann.on.clear()
    ann.sends(bytes([IAC, 254, ECHO]))  # DONT: its person has said "mode line"
    await ann.settles()
    ann.sends(b"lo\r\n")

    await bob.sees("<ann> hello")


async def test_what_comes_in_one_packet_with_a_change_is_read_in_the_mode_it_was_typed_in(
    chat: Chat,
) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")

    ann.on.discard((DO, ECHO))
    ann.sends(b"hex\x7fl" + bytes([IAC, 254, ECHO]) + b"l\x1b[Do\r\n")
    assert (await bob.sees("<ann>")).endswith("<ann> hell[Do")  # a line's ESC is no key

    await ann.presses("/rich\r")
    assert ann.sends_keys
    await ann.presses("x\x7fhello\r")
    assert (await bob.sees("<ann>")).endswith("<ann> hello")


async def test_what_was_not_sent_stays_in_view_when_the_server_ends(chat: Chat) -> None:
    ann = await come(chat, "ann")
    await ann.presses("half a line")

    chat.server.stop()
    await ann.settles()

    assert ann.shown[-2:] == ["half a line", "-- the server is shutting down: goodbye"]


async def test_control_d_on_an_empty_line_quits(chat: Chat) -> None:
    ann = await come(chat, "ann")

    await ann.presses("x\x04\x7f")
    assert not ann.person.is_gone
    await ann.presses("\x04")

    assert ann.shown[-1] == "-- goodbye"


async def test_control_c_clears_the_line_and_then_cancels(chat: Chat) -> None:
    ann = await come(chat, "ann")

    await ann.presses("never mind\x03")
    assert ann.shown[-1] == "#lobby>"
    await ann.presses("\x03")

    assert ann.shown[-2] == "-- nothing is running; /quit to leave"


async def test_a_paste_is_one_draft_that_is_sent_line_by_line(chat: Chat) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")

    await ann.presses(f"{PASTE}one\rtwo\rthree{PASTED}")
    assert ann.shown[-1] == "#lobby> one⏎two⏎three"
    await bob.sees_nothing()
    await ann.presses("\r")

    for line in ("one", "two", "three"):
        await bob.sees(f"<ann> {line}")


async def test_a_paste_that_is_too_long_is_refused_whole(chat: Chat) -> None:
    ann = await come(chat, "ann")

    await ann.presses(f"{PASTE}{'x' * 9000}{PASTED}")
    await trio.sleep(10)
    await ann.settles()

    assert ann.shown[-2] == "-- a paste longer than 8192 bytes is refused"
    assert ann.last == "#lobby> "


@pytest.mark.parametrize("first", [900, 1024])
async def test_a_line_that_is_too_long_is_not_sent_with_a_hole(chat: Chat, first: int) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")
    text = "".join(f"{number:04}" for number in range(260))  # pasted by one who does not mark it

    await ann.presses(text[:first])
    await trio.sleep(10)
    await ann.presses(text[first : first + 132])
    assert ann.last == "(press Enter) "
    assert "-- a line of more than 1024 bytes" in "\n".join(ann.shown)
    await trio.sleep(10)
    await ann.presses(f"{text[first + 132 :]}\rhello\r")

    assert (await bob.sees("<ann>")).endswith("<ann> hello")


async def test_a_line_that_is_too_long_as_text_is_told_on_entering_character_mode(
    chat: Chat,
) -> None:
    ann, bob = await come(chat, "ann", telnet=False), await chat.join("bob")
    ann.sends(b"\xff\xff" * 1000 + bytes([IAC, 246]))  # 1000 bytes, of which text is 3000
    await ann.settles()
    assert ann.last == "(press Enter) "

    await ann.presses("the tail\rhello\r")

    assert (await bob.sees("<ann>")).endswith("<ann> hello")


async def test_a_paste_under_way_goes_on_as_lines_when_its_client_changes_to_lines(
    chat: Chat,
) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")
    await ann.presses(f"first {PASTE}one\rtw")

    await ann.changes_to_lines()
    ann.sends(f"o\r\nthree{PASTED[:3]}".encode())
    await ann.settles()
    ann.sends(f"{PASTED[3:]}\r\n".encode())

    for line in ("first one", "two", "three"):
        assert (await bob.sees("<ann>")).endswith(f"<ann> {line}")


async def test_a_paste_that_begins_behind_plain_loses_nothing(chat: Chat) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")

    await ann.presses(f"/plain\r{PASTE}one\rtw")
    ann.sends(f"o\rthree{PASTED}\r\n".encode())

    for line in ("one", "two", "three"):
        assert (await bob.sees("<ann>")).endswith(f"<ann> {line}")


async def test_what_is_pasted_behind_plain_is_said_in_order_however_its_packets_come(
    chat: Chat,
) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")

    ann.sends(f"/plain\r{PASTE}one\rtwo\r".encode())
    await wait_all_tasks_blocked()
    ann.sends(f"three\rfour\r{PASTED}".encode())
    await ann.settles()

    for line in ("one", "two", "three", "four"):
        assert (await bob.sees("<ann>")).endswith(f"<ann> {line}")


async def test_a_paste_that_its_client_changes_to_lines_in_is_said_in_order(chat: Chat) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")

    await ann.presses(f"{PASTE}one\rtwo\r")
    ann.on.discard((DO, ECHO))
    ann.sends(bytes([IAC, DONT, ECHO]) + f"three\r\nfour\r\n{PASTED}".encode())
    await ann.settles()

    for line in ("one", "two", "three", "four"):
        assert (await bob.sees("<ann>")).endswith(f"<ann> {line}")


@pytest.mark.parametrize("before", ["", PASTE], ids=["typed", "pasted"])
async def test_half_a_character_goes_on_in_line_mode(chat: Chat, before: str) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")

    ann.sends(before.encode() + b"caf\xc3")
    await ann.settles()
    await ann.changes_to_lines()
    ann.sends(b"\xa9\r\n")

    assert (await bob.sees("<ann>")).endswith("<ann> café")


async def test_half_a_character_goes_on_in_character_mode(chat: Chat) -> None:
    ann, bob = await come(chat, types=("UNKNOWN",)), await chat.join("bob")
    await ann.gives_the_name("ann")
    ann.sends(b"/rich\r\ncaf\xc3")
    await ann.settles()
    assert ann.sends_keys

    ann.sends(b"\xa9\r")

    assert (await bob.sees("<ann>")).endswith("<ann> café")


async def test_a_window_that_tells_no_size_that_windows_have_is_taken_for_the_largest(
    chat: Chat,
) -> None:
    ann = await come(chat, "ann")

    size = b"\xff\xff" * 4  # 65535 by 65535, each 255 doubled
    ann.sends(bytes([IAC, SB, WINDOW_SIZE]) + size + bytes([IAC, SE]))
    await ann.settles()
    before = len(ann.person.transport.received)
    await ann.presses(f"{PASTE}{'x ' * 500}\r{'x ' * 500}{PASTED}")

    assert len(ann.person.transport.received) - before < 1100


async def test_a_refused_paste_s_rest_is_no_line_when_its_client_changes_to_lines(
    chat: Chat,
) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")
    await ann.presses(f"{PASTE}{'x' * 9000}")
    await trio.sleep(10)
    await ann.settles()

    await ann.changes_to_lines()
    ann.sends(f"the rest\r\n{PASTED}hello\r\n".encode())

    assert (await bob.sees("<ann>")).endswith("<ann> hello")


@pytest.mark.parametrize("ends", ["the server", "the input"])
async def test_a_paste_under_way_is_told_not_to_be_sent_when_all_ends(
    chat: Chat, ends: str
) -> None:
    ann = await come(chat, "ann")
    await ann.presses(f"draft{PASTE}one\rtwo\rthr")

    if ends == "the server":
        chat.server.stop()
    else:
        await ann.person.hangs_up()
    await ann.settles()

    assert "draft" in ann.shown
    assert "-- 3 lines of a paste not sent" in ann.shown


async def test_of_a_paste_under_way_for_a_secret_no_line_is_said_when_its_client_changes_to_lines(
    chat: Chat,
) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")
    await ann.presses("/rise\rroot\r")
    await ann.presses(f"{PASTE}one\rtw")

    await ann.changes_to_lines()
    ann.sends(f"o\r\nthree{PASTED}hunter2\r\nhello\r\n".encode())
    await ann.settles()

    assert "-- 2 lines of a paste not sent" in ann.shown
    assert "-- root knows 7 characters" in ann.shown
    assert (await bob.sees("<ann>")).endswith("<ann> hello")


async def test_a_name_that_is_refused_is_asked_for_again(chat: Chat) -> None:
    await chat.join("ann")
    ann = await come(chat, "ann")

    assert ann.shown[-1] == "Your name (ann2)?"
    await ann.presses("\r")
    assert ann.last == "#lobby> "


@pytest.mark.parametrize("keys", [True, False])
async def test_control_c_at_the_question_for_a_name_asks_again(chat: Chat, keys: bool) -> None:
    ann = await come(chat, telnet=keys)
    interrupt = b"\x03" if keys else bytes([IAC, 244])

    ann.sends(interrupt)
    await ann.settles()

    assert ann.shown[1:] == ["Your name?", "Your name?"]
    assert ann.last == "Your name? "
    await ann.gives_the_name("ann")
    assert "-- #lobby: 1 here: ann" in ann.shown


@pytest.mark.parametrize("keys", [True, False])
async def test_are_you_there_is_answered_at_the_question_for_a_name(chat: Chat, keys: bool) -> None:
    ann = await come(chat, telnet=keys, types=["XTERM" if keys else "TELETYPE 33"])

    ann.sends(bytes([IAC, 246]))
    await ann.settles()

    assert ann.shown[-3:] == ["Your name?", "-- yes, the server is here", "Your name?"]
    assert ann.last == "Your name? "


# ------------------------------------------------------------ completion


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("/thea", "/thea"),
        ("/them", "/theme "),
        ("car", "carol: "),
        ("tell car", "tell carol "),
        ("/msg CA", "/msg carol "),
        ("#lob", "#lobby "),
        ("/help wh", "/help who "),
        ("", ""),
    ],
)
async def test_tab_completes(chat: Chat, typed: str, completed: str) -> None:
    ann = await come(chat, "ann")
    await chat.join("carol")
    await ann.settles()

    await ann.presses(f"{typed}\t")

    assert ann.last == f"#lobby> {completed}"


async def test_tab_twice_shows_the_choices_who_spoke_last_first(chat: Chat) -> None:
    ann = await come(chat, "ann")
    bob, bill = await chat.join("bob"), await chat.join("bill")
    await bill.types("hi")
    await bob.types("hello")

    await ann.presses("b\t")
    assert ann.last == "#lobby> b"
    await ann.presses("\t")

    assert ann.shown[-2:] == ["-- bob:, bill:", "#lobby> b"]


async def test_tab_offers_no_command_that_one_may_not_use(chat: Chat) -> None:
    ann = await come(chat, "ann")

    await ann.presses("/relo\t")

    assert ann.last == "#lobby> /relo"


# -------------------------------------------------------------- questions


@command
async def rise(ctx: Context) -> None:
    """Ask for two things."""
    name = await ctx.ask("Name? ")
    password = await ctx.ask("Password: ", secret=True)
    ctx.reply(f"{name} knows {len(password)} characters")


async def test_an_answer_stays_in_view_and_a_secret_does_not(chat: Chat) -> None:
    ann = await come(chat, "ann")

    await ann.presses("/rise\r")
    assert ann.last == "Name? "
    await ann.presses("root\r")
    await ann.presses("hunter2")
    assert ann.last == "Password: "
    await ann.presses("\r")

    assert ann.shown[-4:] == [
        "Name? root",
        "Password:",
        "-- root knows 7 characters",
        "#lobby>",
    ]
    await ann.presses("\x1b[A")
    assert ann.last == "#lobby> root"  # the secret is not in the history either


async def test_in_line_mode_a_telnet_hides_a_secret_and_shows_what_follows(chat: Chat) -> None:
    ann = await come(chat, "ann", types=MUDLET)

    await ann.presses("/rise\r")
    await ann.presses("root\r")
    assert not ann.shows_what_is_typed
    await ann.presses("hunter2\r")

    assert ann.shows_what_is_typed
    assert ann.shown[-2:] == ["Password:", "-- root knows 7 characters"]


async def test_who_is_no_telnet_is_warned_that_a_secret_will_be_seen(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/rise", "root")

    await ann.sees("-- your client will show what you type")
    await ann.sees("Password: ")


async def test_a_telnet_that_refuses_our_echo_is_warned_before_a_secret_is_asked(
    chat: Chat,
) -> None:
    ann = await come(chat, "ann", refused=[ECHO])
    await ann.presses("/rise\r")
    before = ann.asked.count((WILL, ECHO))

    await ann.presses("root\r")

    assert ann.asked.count((WILL, ECHO)) == before + 1  # half a telnet shows each on its screen
    assert ann.shown[-2:] == ["-- your client will show what you type", "Password:"]
    await ann.presses("hunter2\r")
    assert ann.shown[-1] == "-- root knows 7 characters"


async def test_a_telnet_that_does_not_answer_in_time_is_warned_before_a_secret_is_asked(
    chat: Chat,
) -> None:
    ann = await come(chat, "ann", types=MUDLET)

    await ann.person.types("/rise", "root", "ahead")
    await ann.person.sees("-- your client will show what you type")
    await ann.person.sees("Password: ")
    await ann.settles()

    assert not ann.shows_what_is_typed
    await ann.presses("hunter2\r")
    assert "-- root knows 7 characters" in ann.shown
    assert ann.shows_what_is_typed


async def test_a_telnet_hides_nothing_for_a_question_that_is_cancelled_before_it_is_asked(
    chat: Chat,
) -> None:
    ann = await come(chat, "ann", types=MUDLET)

    ann.sends(b"/rise\r\nroot\r\n")
    await trio.testing.wait_all_tasks_blocked()
    ann.sends(b"/cancel\r\n")
    await ann.person.sees("is cancelled")
    await ann.settles()

    assert ann.shows_what_is_typed


async def test_what_was_typed_ahead_is_no_secret(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/rise", "root", "perhaps it")
    await ann.sees("-- 1 line typed ahead not sent: a password may be there")
    await ann.sees("Password: ")
    await ann.types("hunter2")

    await ann.sees("-- root knows 7 characters")
    await ann.types("hello")
    assert (await bob.sees("<ann>")).endswith("<ann> hello")


async def test_a_secret_that_is_half_typed_when_its_question_ends_is_dropped_to_its_enter(
    chat: Chat,
) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")
    await ann.presses("hello wo\x01/brood \x0b\r")  # ^K kills the greeting
    await ann.presses("hun")

    await ann.person.sees("took longer than 3 s")
    await ann.settles()
    assert ann.shown[-3:-1] == [
        "-- the question is over: what you typed is dropped, up to your Enter",
        "-- /brood took longer than 3 s, and was ended",
    ]
    assert ann.last == "(press Enter) "
    await ann.presses(f"ter2{PASTE}more{PASTED}")
    assert ann.last == "(press Enter) "
    await ann.presses("\r")
    assert ann.last == "#lobby> "
    await ann.presses("hello\r")

    assert (await bob.sees("<ann>")).endswith("<ann> hello")


async def test_who_has_typed_nothing_of_a_secret_is_told_that_the_next_line_may_be_it(
    chat: Chat,
) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")
    await ann.presses("/brood\r")

    await ann.person.sees("took longer than 3 s")
    await ann.presses("hunter2\r")
    await ann.person.sees("-- not said: it may be a password")
    await ann.presses("hello\r")

    assert (await bob.sees("<ann>")).endswith("<ann> hello")


async def test_a_secret_s_rest_is_dropped_also_when_its_client_changes_to_lines(chat: Chat) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")
    await ann.presses("/brood\r")
    await ann.presses("hun")
    await ann.person.sees("took longer than 3 s")

    await ann.changes_to_lines()
    await ann.presses("ter2\rhello\r")

    assert (await bob.sees("<ann>")).endswith("<ann> hello")


async def test_a_secret_goes_on_where_it_was_when_its_client_changes_to_lines(chat: Chat) -> None:
    ann = await come(chat, "ann")
    await ann.presses("/rise\r")
    await ann.presses("root\r")
    await ann.presses("hun")

    await ann.changes_to_lines()
    await ann.presses("ter2\r")

    assert ann.shown[-1] == "-- root knows 7 characters"


@pytest.mark.parametrize("types", [MUDLET, None])
async def test_in_line_mode_what_may_be_the_rest_of_a_secret_is_not_said(
    chat: Chat, types: list[str] | None
) -> None:
    bob = await chat.join("bob")
    ann = await chat.join("ann") if types is None else (await come(chat, "ann", types=types))
    person = ann if isinstance(ann, Person) else ann.person
    await person.types("/brood")

    await person.sees("took longer than 3 s")
    await person.types("hunter2")
    await person.sees("-- not said: it may be a password, and none is asked for now")
    await person.types("hello")

    assert (await bob.sees("<ann>")).endswith("<ann> hello")


async def test_who_types_a_command_when_a_secret_s_question_has_ended_types_no_rest_of_it(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/brood")
    await ann.sees("took longer than 3 s")

    await ann.types("/who", "hello")

    await ann.sees("-- #lobby: ann, bob")
    await bob.sees("<ann> hello")


async def test_who_cancels_what_asks_for_a_secret_types_no_rest_of_it(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/brood")

    await ann.types("/cancel", "hello")

    await bob.sees("<ann> hello")


# ------------------------------------------- while something else goes on


async def test_a_window_s_width_is_followed_though_the_network_cuts_its_telling(
    chat: Chat,
) -> None:
    ann = await come(chat, "ann")

    for byte in resized(40):
        ann.sends(bytes([byte]))
        await ann.settles()

    assert chat.server.world.member("ann").screen.width == 40


async def test_a_line_that_comes_with_a_resize_outlives_the_command_that_it_waits_for(
    chat: Chat,
) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")
    await ann.presses("/rise\r")

    for columns in [*(60, 44) * 5, 60]:  # until the next has to wait
        ann.sends(resized(columns))
        await trio.testing.wait_all_tasks_blocked()
    ann.sends(resized(52) + b"/cancel\rhello\r")

    assert "<ann> hello" in await bob.sees("<ann>")
    assert chat.server.world.member("ann").screen.width == 52


@command(timeout=3)
async def brood(ctx: Context) -> None:
    """Ask, and not for ever."""
    await ctx.ask("Password: ", secret=True)


async def test_a_client_that_hides_only_when_the_secret_is_over_shows_what_follows(
    chat: Chat,
) -> None:
    ann = await come(chat, "ann", types=MUDLET)

    ann.sends(b"/brood\r\n")
    await ann.person.sees("took longer than 3 s")
    await ann.settles()

    assert ann.asked[-2:] == [(WILL, ECHO), (WONT, ECHO)]
    assert ann.shows_what_is_typed


async def paste_and_send(ann: Telnet, lines: int) -> None:
    """Send a paste that waits for minutes, and see the first of it said."""
    await ann.presses(PASTE + "\r".join(f"line {number}" for number in range(lines)) + PASTED)
    await ann.presses("\r")
    await ann.person.sees("the rest follows at that pace")
    await ann.settles()


async def test_who_types_while_a_long_paste_is_said_sees_it_and_nothing_is_lost(chat: Chat) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")
    await paste_and_send(ann, 300)

    await ann.presses("and then")
    assert ann.last == "#lobby> and then"
    await ann.presses("\r")
    assert ann.shown[-2].startswith("-- not sent yet: 290 lines wait before it; /cancel")
    assert ann.last == "#lobby> and then"

    await trio.sleep(56)
    await ann.presses("\r")
    await bob.sees("line 299")
    await bob.sees("<ann> and then")


@pytest.mark.parametrize("keys", ["\x03", "/cancel\r", "text\x03\x03"])
async def test_a_long_paste_that_is_being_said_can_be_cancelled_at_once(
    chat: Chat, keys: str
) -> None:
    ann = await come(chat, "ann")
    await paste_and_send(ann, 300)
    before = trio.current_time()

    await ann.presses(keys)
    await ann.person.sees("290 lines not sent")
    await ann.presses("here again\r")

    await ann.person.sees("here again")
    assert trio.current_time() - before < 2.0


async def test_who_leaves_while_a_long_paste_is_said_is_told_what_was_not(chat: Chat) -> None:
    ann = await come(chat, "ann")
    await paste_and_send(ann, 300)

    await ann.presses("\x04\x04")

    assert "goodbye; 290 lines not sent" in await ann.person.sees_the_end()


async def test_a_page_is_not_held_for_who_has_sent_more_than_is_read(chat: Chat) -> None:
    ann = await come(chat, "ann", rows=5)

    await ann.presses(PASTE + "/count 6\n" * 150 + PASTED + "\r")
    await trio.sleep(60)
    await ann.settles()

    assert "waited too long" not in ann.person.unseen()
    assert ann.shown[-1] == "--more-- (Space: on, q: enough)"


async def test_a_page_is_not_held_for_who_will_press_no_more_keys(chat: Chat) -> None:
    ann = await come(chat, "ann", rows=5)
    await ann.presses("/count 6\r/count 7\r/count 8\r")

    await ann.person.hangs_up()

    shown = await ann.person.sees_the_end()
    assert "is cancelled" not in shown
    assert [shown.count(f"-- {number}\x1b") for number in (6, 7, 8)] == [3, 2, 1]
    assert trio.current_time() < 5.0


async def test_a_question_is_still_to_be_seen_when_its_client_changes_to_lines(
    chat: Chat,
) -> None:
    ann = await come(chat)

    await ann.changes_to_lines()

    assert ann.last == "Your name? "


async def test_a_secret_is_hidden_still_and_no_draft_begins_it_when_its_client_changes_to_lines(
    chat: Chat,
) -> None:
    ann = await come(chat, "ann")
    await ann.presses("/rise\r")
    await ann.presses("root\rhello wo")

    await ann.changes_to_lines()

    assert ann.shown[-2:] == ["-- not sent: hello wo", "Password:"]
    assert not ann.shows_what_is_typed
    await ann.presses("hunter2\r")
    assert ann.shown[-1] == "-- root knows 7 characters"
    assert ann.shows_what_is_typed


async def test_what_was_typed_behind_the_change_to_lines_stands_below_what_is_told(
    chat: Chat,
) -> None:
    ann = await come(chat, "ann")

    await ann.presses("/screenreader on\rhel")

    assert ann.last == "hel"


async def test_who_asks_for_our_echo_in_line_mode_is_answered(chat: Chat) -> None:
    ann = await come(chat, "ann")
    await ann.presses("/plain\r")

    for option in (SUPPRESS_GO_AHEAD, ECHO):
        ann.sends(bytes([IAC, DO, option]))
        await ann.settles()

        assert ann.asked[-1] == (WONT, option)


def resized(columns: int) -> bytes:
    return bytes([IAC, SB, WINDOW_SIZE, 0, columns, 0, 24, IAC, SE])


# ------------------------------------------------- nobody else pays for it


async def test_keys_cost_more_than_their_bytes_of_the_rate(chat: Chat) -> None:
    ann = await come(chat, "ann")

    for _ in range(1000):
        ann.sends(b"x\x02")  # a character, and back
        await trio.lowlevel.checkpoint()
    await ann.settles()

    assert ann.person.transport.untaken > 0  # the rest is read at that pace


async def test_a_window_that_changes_all_the_time_is_followed_four_times_a_second(
    chat: Chat,
) -> None:
    ann = await come(chat, "ann")

    for columns in range(100, 180, 4):
        await ann.resizes(columns, 24)

    assert chat.server.world.member("ann").screen.width < 140
    await trio.sleep(5)
    assert chat.server.world.member("ann").screen.width == 176


async def test_without_flood_control_keys_are_read_as_they_come(autojump_clock: MockClock) -> None:
    limits = attrs.evolve(SessionLimits(), flood_control=False)
    async with open_chat(Config(limits=limits)) as chat:
        ann = await come(chat, "ann")

        ann.sends(b"x\x02" * 2000)
        await ann.settles()

        assert ann.person.transport.untaken == 0


async def test_who_types_and_does_not_read_is_not_cut_for_what_they_type(chat: Chat) -> None:
    ann, bob = await come(chat, "ann"), await chat.join("bob")
    ann.person.transport.window = 0
    await ann.person.stops_reading()
    soft = chat.server.config.outbox.soft

    for number in range(1000):
        ann.sends(b"x" * 60 if number % 2 else b"\x15")
        await trio.sleep(0.05)

    assert soft <= chat.server.waiting < soft + 1000
    await ann.person.reads_on()
    await bob.types("hello")
    await ann.settles()
    assert ann.shown[-2].endswith("<bob> hello")
    assert ann.last == f"#lobby> {'x' * 60}"


async def test_what_is_typed_while_an_answer_waits_is_seen_when_it_has_been_read(
    chat: Chat,
) -> None:
    ann = await come(chat, "ann", rows=2000)
    chat.server.plugins.add("counting", [count])
    ann.person.transport.window = 1000
    await ann.person.stops_reading()

    await ann.presses("/count 8000\r")
    assert chat.server.waiting > chat.server.config.outbox.soft
    await ann.presses("hello")
    await ann.person.reads_on()
    await ann.settles()

    assert ann.last == "#lobby> hello"


async def test_who_does_not_read_piles_up_no_lines_by_pastes_that_are_refused(
    autojump_clock: MockClock,
) -> None:
    limits = attrs.evolve(SessionLimits(), flood_control=False)
    async with open_chat(Config(limits=limits)) as chat:
        ann, bob = await come(chat, "ann"), await chat.join("bob")
        ann.person.transport.window = 0
        await ann.person.stops_reading()

        await ann.presses(f"{PASTE}{'x' * 1100}{PASTED}" * 600)
        await ann.person.reads_on()
        await bob.types("hello")
        await ann.settles()

        refused = ann.person.transport.received.count(b"is refused\r\n")
        assert refused < 500
        assert ann.shown[-3] == f"-- {600 - refused} more lines of what keys did"
        assert ann.shown[-2].endswith("<bob> hello")


async def test_the_window_s_width_is_kept_when_the_person_is_greeted(chat: Chat) -> None:
    ann = await come(chat, columns=40)

    assert ann.shown == [
        "trioserve 0.1 - nobody here. /help for",
        "commands, /quit to leave.",
        "Your name?",
    ]


async def test_of_many_tabs_in_one_packet_a_few_are_answered(chat: Chat) -> None:
    ann = await come(chat, "ann")
    await chat.join("bob")
    await chat.join("bill")

    await ann.presses("b" + "\t" * 200)

    assert ann.shown.count("-- bob:, bill:") == 3  # the first one only rings the bell
    assert ann.last == "#lobby> b"
