"""One connection from its greeting to its end, over memory transports."""

import logging

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trioserve.configuration.config import Config
from trioserve.extending.declarations import Command
from trioserve.extending.plugins import Plugins
from trioserve.extending.registry import Registry
from trioserve.sessions.services import SessionLimits
from trioserve.testing import Chat, MemoryTransport, Person, open_chat

# ---------------------------------------------------------------- the door


async def test_who_comes_is_sent_two_packets(chat: Chat) -> None:
    ann = chat.connect()
    await wait_all_tasks_blocked()

    assert (ann.transport.writes, ann.unseen()[-11:]) == (1, "Your name? ")

    await ann.types("ann")

    assert ann.transport.writes == 2
    assert len(ann.unseen().splitlines()) > 1


async def test_a_stranger_is_greeted_and_asked_for_a_name(chat: Chat) -> None:
    await chat.join("ann")

    stranger = chat.connect()

    assert await stranger.sees("1 person here") == (
        "trioserve 0.1 - 1 person here. /help for commands, /quit to leave."
    )
    assert await stranger.sees("name") == "Your name? "


async def test_who_gives_a_name_is_in_the_first_room_and_the_others_see_it(chat: Chat) -> None:
    ann = await chat.join("ann")

    bob = chat.connect()
    await bob.types("bob")

    assert await bob.sees("#lobby") == "Your name? -- #lobby: 2 here: ann, bob"
    assert await ann.sees("bob") == "* bob joined #lobby"


async def test_who_joins_sees_the_last_ten_messages_between_dividers(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types(*(f"line {number}" for number in range(10)))
    await trio.sleep(60)
    await ann.types("line 10", "line 11")

    bob = chat.connect()
    await bob.types("bob")

    await bob.sees("-- last 10 messages --")
    for number in range(2, 12):
        assert (await bob.sees("<ann>")).endswith(f"<ann> line {number}")
    await bob.sees("-- now --")


async def test_a_name_in_use_gets_an_offer_that_enter_takes(chat: Chat) -> None:
    await chat.join("ann")
    second = chat.connect()

    await second.types("Ann")
    await second.sees("-- the name Ann is taken; Ann2 is free")
    await second.sees("Your name (Ann2)? ")
    await second.types("")

    await second.sees("2 here: ann, Ann2")


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("", "a name cannot be empty"),
        ("x" * 25, "a name has at most 24 characters"),
        ("2pac", "a name begins with a letter"),
        ("an\x1b[31mn", "a name begins with a letter"),
        ("server", "the name server is reserved"),
        ("/join #dev", "a name first, such as ann; commands work after it"),
        ("x" * 2000, "a name has at most 24 characters"),
    ],
)
async def test_a_name_that_cannot_be_is_asked_for_again(
    chat: Chat, typed: str, answer: str
) -> None:
    stranger = chat.connect()

    await stranger.types(typed)
    await stranger.sees(f"-- {answer}")
    await stranger.types("zoe")

    await stranger.sees("1 here: zoe")


async def test_telnet_keys_are_no_name(chat: Chat) -> None:
    stranger = chat.connect()

    stranger.transport.type(b"\xff\xf4\xff\xfd\x06zoe\r\n")

    await stranger.sees("1 here: zoe")


async def test_quit_works_before_there_is_a_name(chat: Chat) -> None:
    stranger = chat.connect()

    await stranger.types("/quit")

    assert "-- goodbye" in await stranger.sees_the_end()


async def test_who_gives_no_name_in_time_is_told_and_closed(chat: Chat) -> None:
    stranger = chat.connect()
    began = trio.current_time()

    shown = await stranger.sees_the_end()

    assert "-- no name within 30 seconds: goodbye" in shown
    assert 30 <= trio.current_time() - began < 35


async def test_who_gives_no_name_in_twenty_lines_is_told_and_closed(chat: Chat) -> None:
    stranger = chat.connect()

    await stranger.types(*["7"] * 20)

    assert "-- too many tries to give a name: goodbye" in await stranger.sees_the_end()


async def test_a_stranger_who_leaves_is_nobody_s_news(chat: Chat) -> None:
    ann = await chat.join("ann")
    stranger = chat.connect()

    stranger.transport.end_input()
    await stranger.sees_the_end()

    await ann.sees_nothing()


async def test_beyond_the_connections_the_server_is_full(autojump_clock: MockClock) -> None:
    config = Config()
    config = attrs.evolve(config, connections=attrs.evolve(config.connections, most=1))
    async with open_chat(config) as chat:
        ann = await chat.join("ann")

        refused = chat.connect()
        assert await refused.sees_the_end() == "-- the server is full; try again later\r\n"

        await ann.types("/quit")
        await ann.sees_the_end()
        await trio.testing.wait_all_tasks_blocked()
        await chat.join("bob")


async def test_one_address_has_so_many_connections_and_no_more(chat: Chat) -> None:
    for number in range(16):
        await chat.join(f"ann{number}", host="192.0.2.7")

    refused = chat.connect(host="192.0.2.7")
    assert "16 connections from your address, the most" in await refused.sees_the_end()

    await chat.join("bob", host="192.0.2.8")


# ------------------------------------------------------- who is no chat client


async def test_what_is_told_while_a_name_is_asked_for_stands_on_its_own_line(chat: Chat) -> None:
    stranger = chat.connect()
    await stranger.sees("Your name? ")

    chat.server.stop()

    assert (await stranger.sees_the_end()).startswith("\r\n-- the server is shutting down")


@pytest.mark.parametrize(
    ("data", "protocol"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS"),
    ],
)
async def test_another_protocol_is_told_what_this_port_is(
    chat: Chat, caplog: pytest.LogCaptureFixture, data: bytes, protocol: str
) -> None:
    caplog.set_level("INFO")
    stranger = chat.connect()

    stranger.transport.type(data)

    told = f"-- this is a trioserve chat server for nc and telnet, not for {protocol}"
    assert (await stranger.sees_the_end()).endswith(f"\r\n{told}\r\n")
    await trio.testing.wait_all_tasks_blocked()
    assert f"left: not a chat client ({protocol} on a port for text)" in caplog.text


async def test_a_subnegotiation_without_end_is_refused_with_a_reason(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    ann.transport.type(b"\xff\xfa\x18" + b"x" * 4000)

    assert "-- a telnet subnegotiation longer than 1024 bytes" in await ann.sees_the_end()
    await bob.sees("* ann left (not a chat client)")


async def test_what_was_said_in_one_packet_with_the_fault_that_ends_it_is_said(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    ann.transport.type(b"hello\r\n\xff\xfa\x18" + b"x" * 2000)

    await bob.sees("<ann> hello")
    assert "-- a telnet subnegotiation longer than 1024 bytes" in await ann.sees_the_end()


async def test_an_overlong_line_is_refused_and_its_tail_never_runs(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("x" * 2000 + "/quit", "still here")

    await ann.sees("-- a line of more than 1024 bytes is not sent")
    assert (await bob.sees("ann")).endswith("<ann> still here")


async def test_megabytes_without_a_newline_are_read_no_faster_than_the_limit(chat: Chat) -> None:
    ann = await chat.join("ann")
    ann.transport.type(b"x" * 100_000)
    began = trio.current_time()

    await ann.types("", "hello?")
    await trio.sleep(18)
    assert not ann.unseen().count("hello?")
    with trio.fail_after(10):
        await chat.join("bob")  # nobody else waits for it

    await trio.sleep(20)
    assert trio.current_time() - began < 60


async def test_invalid_utf_8_becomes_a_replacement_that_its_author_sees_too(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    ann.transport.type(b"caf\xe9\n")

    await bob.sees("<ann> caf\N{REPLACEMENT CHARACTER}")
    await ann.sees("<ann> caf\N{REPLACEMENT CHARACTER}")


async def test_escape_sequences_never_reach_another_screen(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    escape = "\x1b]0;owned\x07\x9b2J\x1b[2J"
    await ann.types(
        f"say {escape}",
        f"/me does {escape}",
        f"/msg bob tells {escape}",
        f"/topic topic {escape}",
        f"/join #{escape}",
        f"/nick {escape}",
        f"/quit bye {escape}",
    )
    await ann.sees_the_end()

    for person in (ann, bob):
        shown = person.transport.received.replace(b"\r\n", b"").decode()
        assert shown.isprintable(), shown
    assert "bye ]0;owned" in bob.transport.received.decode()


# ----------------------------------------------------------- how it ends


async def test_what_was_typed_before_the_end_of_input_is_said_before_the_leaving(
    chat: Chat,
) -> None:
    ann = await chat.join("ann")
    bob = chat.connect()

    bob.transport.type(b"bob\nhi\nthere")
    bob.transport.end_input()

    await ann.sees("* bob joined #lobby")
    await ann.sees("<bob> hi")
    await ann.sees("<bob> there")
    await ann.sees("* bob left")


async def test_lines_that_flood_control_holds_back_are_said_before_the_leaving(
    chat: Chat,
) -> None:
    ann = await chat.join("ann")
    bob = await chat.join("bob")
    ann.unseen()

    bob.transport.type(b"".join(b"line %d\n" % number for number in range(30)))
    bob.transport.end_input()

    for number in range(30):
        await ann.sees(f"<bob> line {number}")
    assert await ann.sees("left") == "* bob left"


async def test_quit_says_goodbye_and_tells_the_others_one_s_last_words(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/quit see you tomorrow")

    assert await ann.sees_the_end() == "-- goodbye (nc ends when you press Enter)\r\n"
    assert await bob.sees("left") == "* ann left, saying: see you tomorrow"


async def test_a_telnet_needs_no_hint_about_how_nc_ends(chat: Chat) -> None:
    ann = await chat.join("ann")
    ann.transport.type(b"\xff\xfd\x03")
    await trio.testing.wait_all_tasks_blocked()
    ann.unseen()

    await ann.types("/quit")

    assert await ann.sees_the_end() == "-- goodbye\r\n"


async def test_quit_does_not_wait_and_tells_how_many_lines_were_not_sent(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types(*["spam"] * 15)

    await ann.types("/quit")

    assert "-- goodbye; 5 lines not sent" in await ann.sees_the_end()
    assert bob.unseen().count("spam") == 10


async def test_a_broken_connection_is_told_with_its_reason(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    ann.transport.break_off()

    await bob.sees("* ann lost the connection")
    await trio.testing.wait_all_tasks_blocked()
    assert ann.is_gone
    await trio.sleep(60)
    await bob.sees("* ann left (connection lost)")


async def test_a_connection_that_breaks_before_the_name_disturbs_nobody(chat: Chat) -> None:
    ann = await chat.join("ann")

    chat.connect().transport.break_off()

    await ann.sees_nothing()


async def test_the_connection_is_closed_once_the_peer_has_closed_or_soon_after(
    chat: Chat,
) -> None:
    ann = await chat.join("ann")
    began = trio.current_time()

    await ann.types("/quit")
    assert ann.transport.output_ended
    await ann.sees_the_end()

    assert trio.current_time() - began <= 1


async def test_a_nick_is_free_again_when_its_owner_has_left(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types("/quit")
    await ann.sees_the_end()

    await chat.join("ann")


# ------------------------------------------------------------------ shutdown


async def test_at_shutdown_everyone_is_told_and_nobody_sees_the_others_leave(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    stranger = chat.connect()
    ann.unseen()

    chat.server.stop()

    for person in (ann, bob, stranger):
        assert (await person.sees_the_end()).endswith(
            "-- the server is shutting down: goodbye (nc ends when you press Enter)\r\n"
        )
    assert b"left" not in ann.transport.received + bob.transport.received


async def with_a_stuck_reader(chat: Chat) -> tuple[Person, Person]:
    """Ann, who has said something, and Bob, who does not read it."""
    ann, bob = await chat.join("ann"), await chat.join("bob", window=100)
    bob.transport.reading = False
    await ann.types("x" * 500)
    return ann, bob


async def test_a_stuck_reader_holds_up_the_shutdown_for_the_drain_and_no_longer(
    autojump_clock: MockClock,
) -> None:
    async with open_chat() as chat:
        ann, bob = await with_a_stuck_reader(chat)
        began = trio.current_time()

        chat.server.stop()
        assert "shutting down" in await ann.sees_the_end()
        await bob.sees_the_end()
        assert trio.current_time() - began == pytest.approx(8)


async def test_a_second_stop_does_not_wait_for_a_stuck_reader(autojump_clock: MockClock) -> None:
    async with open_chat() as chat:
        ann, bob = await with_a_stuck_reader(chat)
        began = trio.current_time()

        chat.server.stop()
        await ann.sees("shutting down")
        chat.server.stop()
        await bob.sees_the_end()
        assert trio.current_time() - began < 2


async def test_nobody_is_let_in_during_the_shutdown(autojump_clock: MockClock) -> None:
    async with open_chat() as chat:
        chat.server.stop()
        await trio.testing.wait_all_tasks_blocked()

        with pytest.raises(ConnectionRefusedError):
            chat.connect()


# ----------------------------------------------------------------- its cost


async def test_an_idle_connection_is_one_task(chat: Chat) -> None:
    before = trio.lowlevel.current_statistics().tasks_living

    for number in range(20):
        await chat.join(f"ann{number}")

    assert trio.lowlevel.current_statistics().tasks_living - before == 20


async def test_no_task_and_no_byte_outlives_its_session(chat: Chat) -> None:
    await trio.sleep(61)  # that those are waited for who were here before the server
    before = trio.lowlevel.current_statistics().tasks_living
    ann, bob = await chat.join("ann"), await chat.join("bob", window=100)
    bob.transport.reading = False
    await ann.types("x" * 500)

    bob.transport.break_off()
    await ann.types("/quit")
    await ann.sees_the_end()
    await trio.sleep(61)  # that bob, who is lost, is kept

    assert trio.lowlevel.current_statistics().tasks_living == before
    assert not chat.server.world.members
    assert not chat.server.world.rooms


# ------------------------------------------------------------------- crashes


async def test_a_session_that_crashes_is_told_so_and_nobody_else_notices(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty(Registry):
        def match(self, line: str) -> Command | None:
            raise RuntimeError("a fault")

    plugins = Plugins()
    async with open_chat(plugins=plugins) as chat:
        plugins.registry = Faulty()
        ann, bob = await chat.join("ann"), await chat.join("bob")

        await ann.types("/help")

        assert "an error of the server's ends this" in await ann.sees_the_end()
        await bob.sees("* ann left (an error of the server's)")
        assert "the session crashed" in caplog.text
        assert chat.server.counters.crashes == 1


async def test_a_session_whose_end_crashes_harms_nobody_else(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_chat() as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        close = MemoryTransport.close

        def crash(transport: MemoryTransport) -> None:
            close(transport)
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr(MemoryTransport, "close", crash)
            await ann.types("/quit")
            await trio.sleep(2)

        await bob.sees("* ann left")
        await bob.types("/stats")
        await bob.sees("1 person in 1 room")
        assert "the session's end crashed" in caplog.text


@pytest.mark.parametrize("typed", ["/q", "/quit bye", "/QUIT"])
async def test_quit_before_there_is_a_name_may_be_typed_as_after(chat: Chat, typed: str) -> None:
    stranger = chat.connect()

    await stranger.types(typed)

    assert "-- goodbye" in await stranger.sees_the_end()


async def test_who_was_refused_a_name_is_not_logged_under_it(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    await chat.join("ann")
    stranger = chat.connect()
    await stranger.types("ann")
    caplog.clear()

    with caplog.at_level(logging.INFO):
        stranger.transport.end_input()
        await stranger.sees_the_end()
        await trio.testing.wait_all_tasks_blocked()

    assert f"nobody ({stranger.transport.peer}) left" in caplog.text


async def test_history_shows_nothing_of_who_is_ignored(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("hello")
    await bob.types("/ignore ann", "/history")

    await bob.sees("-- last")
    assert "<ann>" not in bob.unseen()


async def test_the_time_to_give_a_name_can_be_set(autojump_clock: MockClock) -> None:
    async with open_chat(Config(limits=SessionLimits(login=3))) as chat:
        assert "no name within 3 seconds" in await chat.connect().sees_the_end()
