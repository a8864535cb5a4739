import os
import re
import signal
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import PATIENCE, Running, running
from tests.terminals import HOST, Person, Street, open_street

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    # pexpect forks, while threads read what the server prints; the child only execs.
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]

ANYWHERE = f"{HOST}:0"
CTRL_C = b"\x03"
HINT = "(nc ends when you press Enter)"
PASTE = tuple(f"line {number:03}" for number in range(200))


@pytest.fixture
def server() -> Iterator[Running]:
    with running("--listen", ANYWHERE) as server:
        yield server


@pytest.fixture
def street(server: Running) -> Iterator[Street]:
    with open_street(server.port()) as street:
        yield street


@pytest.fixture
def brisk_street(tmp_path: Path) -> Iterator[Street]:
    """Flood control and the ends of sessions are as always, but a test need not wait for them."""
    config = tmp_path / "brisk.toml"
    config.write_text("[limits]\nrate = 500\nlinger = 0.1\n")
    with (
        running("--config", str(config), "--listen", ANYWHERE) as server,
        open_street(server.port()) as street,
    ):
        yield street


@pytest.fixture
def unfolded_street(tmp_path: Path) -> Iterator[Street]:
    """Everybody is seen to come and to go at once, however many do."""
    config = tmp_path / "unfolded.toml"
    config.write_text("[rooms]\nfold_after = 1000\n")
    with (
        running("--config", str(config), "--listen", ANYWHERE) as server,
        open_street(server.port()) as street,
    ):
        yield street


@pytest.fixture(params=["nc", "ncat", "telnet"])
def program(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# ----------------------------------------------------------------- talking


def test_people_see_what_the_design_says_they_see(street: Street) -> None:
    bob = street.joins("bob", "nc")
    carol = street.joins("carol", "telnet")
    bob.types("is the build green?")
    carol.sees("<bob> is the build green?")
    carol.types("since ten minutes")
    bob.sees("<carol> since ten minutes\r")

    alice = street.at_terminal("nc")
    alice.sees("trioserve 0.")
    alice.sees(" - 2 people here. /help for commands, /quit to leave.\r")
    alice.sees("\nYour name? ")
    alice.types("alice")
    alice.sees("-- #lobby: 3 here: bob, carol, alice\r")
    alice.sees("-- last 2 messages --\r")
    alice.sees("<bob> is the build green?\r")
    alice.sees("<carol> since ten minutes\r")
    alice.sees("-- now --\r")
    bob.sees("* alice joined #lobby\r")
    alice.types("hello")
    bob.sees("<alice> hello\r")
    bob.types("hi alice")
    alice.sees("<bob> hi alice\r")
    bob.types("/me waves")
    alice.sees("** bob waves\r")
    bob.types("/msg alice got a minute?")
    alice.sees("] bob -> you: got a minute?\r")
    carol.types("/join #dev")
    carol.sees("-- #dev: 1 here: carol\r")
    alice.types("/join #dev", "/room #lobby")
    alice.sees("-- what you say goes to #lobby; you are also in #dev\r")
    carol.types("merged")
    alice.sees("] #dev <carol> merged\r")
    alice.types("/jion #dev")
    alice.sees("-- no command /jion: did you mean /join?\r")


def test_a_program_at_a_terminal_talks_and_listens(street: Street, program: str) -> None:
    eve = street.bystander()

    ann = street.joins("ann", program)
    ann.types("hello")
    eve.sees("<ann> hello")
    eve.types("hello ann")

    ann.sees("<eve> hello ann")


def test_a_program_in_a_pipe_talks_and_listens(street: Street, program: str) -> None:
    eve = street.bystander()

    ann = street.in_pipe(program)
    ann.gives_the_name("ann")
    ann.types("hello")
    eve.sees("<ann> hello")
    eve.types("hello ann")

    ann.sees("<eve> hello ann")


def test_a_unix_socket_is_a_way_in(tmp_path: Path) -> None:
    path = tmp_path / "chat.sock"
    with (
        running("--listen", ANYWHERE, "--listen", f"unix:{path}") as server,
        open_street(server.port()) as street,
    ):
        eve = street.bystander()

        ann = street.joins("ann", "nc", "-U", str(path))
        ann.types("hello")

        eve.sees("<ann> hello")


def test_what_is_piped_in_at_once_is_said_each_time(unfolded_street: Street) -> None:
    street = unfolded_street
    eve = street.bystander()

    for number in range(25):
        shown = street.runs("nc", "-N", typed=f"guest{number}\nhi\n")

        assert f"2 here: eve, guest{number}\r\n" in shown
        eve.sees(f"<guest{number}> hi\r\n* guest{number} left\r\n")


def test_a_pipe_that_has_ended_without_a_fin_still_listens(street: Street) -> None:
    eve = street.bystander()
    ann = street.in_pipe("nc")

    ann.types("ann", "hi")
    ann.ends_input()
    eve.sees("<ann> hi")
    eve.types("hello ann")

    ann.sees("<eve> hello ann")


@pytest.mark.parametrize("program", ["nc", "ncat"])
def test_utf_8_typed_at_a_terminal_arrives_whole(street: Street, program: str) -> None:
    eve = street.bystander()
    ann = street.joins("ann", program)

    ann.types("Grüße, Übersee, 日本, 🙂")

    eve.sees("<ann> Grüße, Übersee, 日本, 🙂\r\n")


def test_utf_8_typed_in_telnet_arrives_whole(street: Street) -> None:
    eve = street.bystander()
    ann = street.joins("ann", "telnet")

    ann.types("grüße, 日, 🙂")

    eve.sees("<ann> grüße, 日, 🙂\r\n")


def test_a_telnet_that_has_shown_itself_keeps_even_what_it_would_take_for_a_key(
    street: Street,
) -> None:
    eve = street.bystander()
    ann = street.joins("ann", "telnet")

    # inetutils' telnet takes six bytes above 0x7f for Ctrl-C and the like, unless it was
    # asked to send BINARY, which it is when it has shown that it is a telnet.
    ann.sends(CTRL_C)
    ann.sees("nothing is running")
    ann.types("Übersee, 日本, 会议, Å, Ý")

    eve.sees("<ann> Übersee, 日本, 会议, Å, Ý\r\n")


def test_a_lone_255_from_nc_is_no_telnet(street: Street) -> None:
    eve = street.bystander()
    ann = street.in_pipe("nc")
    ann.gives_the_name("ann")

    ann.sends(b"ma\xffe\n")

    eve.sees("<ann> ma\N{REPLACEMENT CHARACTER}e\r\n")
    ann.sees("<ann> ma\N{REPLACEMENT CHARACTER}e\r\n")


# ------------------------------------------------------------------- names


def test_enter_takes_the_name_that_is_offered_for_one_that_is_taken(street: Street) -> None:
    eve = street.bystander()
    ann = street.at_terminal("nc")

    ann.sees("Your name? ")
    ann.types("EVE")
    ann.sees("-- the name EVE is taken; EVE2 is free\r")
    ann.sees("\nYour name (EVE2)? ")
    ann.types("")

    ann.sees("2 here: eve, EVE2\r")
    eve.sees("* EVE2 joined #lobby\r\n")


# ------------------------------------------------------------------- flood


def test_a_paste_at_a_terminal_arrives_in_order_and_whole(brisk_street: Street) -> None:
    eve = brisk_street.bystander()
    ann = brisk_street.joins("ann", "nc")

    ann.types(*PASTE)

    _sees_the_paste(eve)
    ann.types("/me is done")
    assert ann.sees("** ann is done").count("faster than 500 lines a second") == 1


def test_a_paste_through_a_pipe_arrives_in_order_and_whole(brisk_street: Street) -> None:
    eve = brisk_street.bystander()

    shown = brisk_street.runs("nc", "-N", typed="ann\n" + "".join(f"{line}\n" for line in PASTE))

    _sees_the_paste(eve)
    eve.sees("* ann left\r\n")
    assert shown.count("faster than 500 lines a second") == 1


def _sees_the_paste(eve: Person) -> None:
    before = eve.sees(f"<ann> {PASTE[-1]}\r\n")
    assert re.findall(r"<ann> (.*)\r\n", before) == list(PASTE[:-1])


# -------------------------------------------------------------- interrupts


def test_ctrl_c_in_telnet_freezes_nothing(street: Street) -> None:
    eve = street.bystander()
    ann = street.joins("ann", "telnet")

    ann.sends(CTRL_C)
    ann.sees("-- nothing is running; /quit to leave")
    ann.types("still here")
    eve.sees("<ann> still here\r\n")
    eve.types("so I see")

    ann.sees("so I see")  # in colours: from the Ctrl-C on it is known what ann has


def test_ctrl_c_in_nc_is_a_way_out(street: Street) -> None:
    eve = street.bystander()
    ann = street.joins("ann", "nc")
    _reads_all(ann)

    ann.sends(CTRL_C)

    ann.sees_the_end()
    eve.sees("* ann left\r\n")


def _reads_all(ann: Person) -> None:
    """Let ann's program read all that it was sent: with something unread, its end is a reset.

    The answer to a command is behind all of it. What others say may be shown with what was
    said before she came, and then more follows.
    """
    ann.types("/room")
    ann.sees("-- what you say goes to #lobby\r")  # to its end, whatever a terminal makes of that


# ------------------------------------------------------------------ endings


def test_telnet_ends_with_the_session(street: Street) -> None:
    ann = street.joins("ann", "telnet")

    ann.types("/quit")

    shown = ann.sees_the_end()
    assert "-- goodbye" in shown
    assert "Connection closed by foreign host." in shown


@pytest.mark.parametrize("program", ["nc", "ncat"])
def test_who_uses_nc_is_told_how_it_ends_and_so_it_does(brisk_street: Street, program: str) -> None:
    ann = brisk_street.joins("ann", program)

    ann.types("/quit")

    ann.sees(f"-- goodbye {HINT}\r")
    ann.presses_enter_until_the_end()


def test_quit_has_a_last_word(street: Street) -> None:
    eve = street.bystander()
    ann = street.joins("ann", "nc")

    ann.types("/quit off to lunch")

    eve.sees("* ann left, saying: off to lunch\r\n")


def test_the_others_see_that_a_telnet_is_killed(street: Street) -> None:
    eve = street.bystander()
    ann = street.joins("ann", "telnet")
    _reads_all(ann)

    os.kill(ann.pid, signal.SIGKILL)

    eve.sees("* ann left")


def test_the_others_see_that_a_terminal_is_closed(street: Street) -> None:
    eve = street.bystander()
    ann = street.joins("ann", "nc")
    _reads_all(ann)

    os.kill(ann.pid, signal.SIGHUP)

    eve.sees("* ann left")


def test_who_was_reset_comes_back_by_words_and_lacks_nothing(street: Street) -> None:
    eve = street.bystander()

    with socket.create_connection((HOST, street.port), PATIENCE) as connection:
        connection.sendall(b"ann\n")
        shown = b""
        while (found := re.search(rb"/resume (\S+)\r\n", shown)) is None:
            shown += connection.recv(4096)
        eve.sees("* ann joined #lobby\r\n")
        eve.types("before")
        while b"<eve> before" not in shown:
            shown += connection.recv(4096)
        # To close without lingering sends a RST.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    eve.sees("* ann lost the connection\r\n")
    eve.types("after")
    ann = street.at_terminal("nc")
    ann.sees("Your name? ")
    ann.types(f"/resume {found[1].decode()}")

    ann.sees("-- you are ann again, in #lobby")
    ann.sees("-- you may have seen these --")
    ann.sees("<eve> before")
    ann.sees("-- new since the connection broke --")
    ann.sees("<eve> after")
    eve.sees("* ann is back\r\n")
    ann.types("here again")
    eve.sees("<ann> here again\r\n")


# ---------------------------------------------------------------- strangers


def _client_hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(
            ssl.MemoryBIO(), outgoing, server_hostname="localhost"
        ).do_handshake()
    return outgoing.read()


@pytest.mark.parametrize(
    ("protocol", "hello"),
    [
        ("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n"),
        ("TLS", _client_hello()),
        ("SSH", b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    ],
)
def test_a_stranger_is_told_so_once_and_let_go(street: Street, protocol: str, hello: bytes) -> None:
    with socket.create_connection((HOST, street.port), PATIENCE) as connection:
        connection.sendall(hello)
        with connection.makefile("rb") as shown:
            lines = shown.read().decode().splitlines()

    told = [line for line in lines if "-- " in line]
    assert told == lines[-1:]
    assert f"this is a trioserve chat server for nc and telnet, not for {protocol}" in told[0]


def test_a_tls_client_fails_at_once(street: Street) -> None:
    context = ssl.create_default_context()

    with (
        socket.create_connection((HOST, street.port), PATIENCE) as connection,
        pytest.raises(ssl.SSLError, match=r"(?i)wrong.version.number"),
    ):
        context.wrap_socket(connection, server_hostname="localhost")


# ----------------------------------------------------------------- shutdown


def test_everybody_who_reads_has_the_farewell_before_the_server_stops(
    server: Running, street: Street
) -> None:
    ann = street.joins("ann", "nc")
    bob = street.joins("bob", "telnet")
    carol = street.in_pipe("ncat")
    carol.gives_the_name("carol")
    nobody = street.in_pipe("nc")
    nobody.sees("Your name? ")

    code = server.stop(signal.SIGTERM)

    assert code == 0
    for person in (ann, bob, carol, nobody):
        shown = person.sees("-- the server is shutting down: goodbye")
        assert "left" not in shown


def test_a_server_starts_again_at_once_on_the_same_port(server: Running, street: Street) -> None:
    ann = street.joins("ann", "telnet")
    server.stop(signal.SIGTERM)
    ann.sees_the_end()

    with (
        running("--listen", f"{HOST}:{street.port}") as again,
        open_street(again.port()) as same_street,
    ):
        assert again.process.poll() is None
        assert same_street.port == street.port
        same_street.at_terminal("telnet").gives_the_name("ann")
