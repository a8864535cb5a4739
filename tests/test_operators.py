"""How somebody becomes an operator by a password, and how nobody does by guessing."""

import logging
from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.peers import Authority, MemoryPeer, TlsPeer
from tests.telnets import Telnet
from trioserve.accounts.operators import PasswordSettings
from trioserve.configuration.config import Config
from trioserve.edge.tls import TlsTransport
from trioserve.limits import TRIES, TRIES_HERE, WITHIN
from trioserve.memory import MemoryTransport
from trioserve.testing import Chat, Person, open_chat

HASHES = {"ann": "plain:secret", "Boss": "plain:other"}
WRONG = "-- that is not the name of an operator and the password"


@pytest.fixture
async def chat() -> AsyncIterator[Chat]:
    """A server whose configuration names operators."""
    async with open_chat(Config(operators=HASHES)) as chat:
        yield chat


async def rises(person: Person, password: str = "secret", command: str = "/op") -> None:
    await person.types(command)
    await person.sees("Password: ")
    await person.types(password)


# ---------------------------------------------------------------------- /op


async def test_an_operator_rises_by_the_password_of_their_nick(chat: Chat) -> None:
    ann = await chat.join("ann")

    await rises(ann)

    await ann.sees("-- you are an operator now; /deop to be one no more")
    await ann.types("/wall hello")
    await ann.sees("* ann, an operator, to everybody: hello")


async def test_a_name_may_be_given_in_any_case(chat: Chat) -> None:
    bob = await chat.join("bob")

    await rises(bob, "other", "/op BOSS")

    await bob.sees("-- you are an operator now")


async def test_the_other_operators_the_log_and_the_audit_are_told(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    bob, eve = await chat.join("bob"), await chat.join("eve")
    op = await chat.join("op", operator=True)

    with caplog.at_level(logging.INFO):
        await rises(bob, "other", "/op Boss")
        await bob.types("/deop")

    await op.sees("* bob is an operator now, by the password of Boss")
    await op.sees("* bob is no operator any more")
    await op.types("/audit")
    await op.sees("bob is an operator now, by the password of Boss")
    await eve.sees_nothing()
    assert "bob is an operator now, by the password of Boss" in caplog.messages


async def test_a_wrong_password_is_one_line_and_logged_without_it(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    ann = await chat.join("ann", host="192.0.2.1")

    with caplog.at_level(logging.DEBUG):
        await rises(ann, "guess")

    assert await ann.sees("-- ") == f"{WRONG}; if your name there is another, type it behind /op"
    await ann.sees_nothing()
    assert f"ann ({ann.transport.peer}) fails to become an operator: ann" in caplog.messages
    assert "guess" not in caplog.text
    await ann.types("/wall hello")
    await ann.sees("-- /wall is for operators")


async def test_an_unknown_name_looks_like_a_wrong_password_and_is_not_logged(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    bob = await chat.join("bob")

    with caplog.at_level(logging.DEBUG):
        await rises(bob, "guess", "/op hunter2")  # the password in the wrong place, perhaps

    assert await bob.sees("-- that") == WRONG
    assert "hunter2" not in caplog.text
    who = f"bob ({bob.transport.peer})"
    assert f"{who} fails to become an operator: a name that is no operator's" in caplog.messages


async def test_three_tries_a_minute_are_all_that_an_address_has(chat: Chat) -> None:
    ann = await chat.join("ann", host="2001:db8::1")
    bob = await chat.join("bob", host="2001:db8::2")  # the same /64
    carol = await chat.join("carol", host="192.0.2.1")

    await rises(ann, "one")
    await rises(bob, "two", "/op ann")
    await rises(bob, "three", "/op ann")
    await ann.types("/op")

    await ann.sees("-- 3 wrong tries within 1m, the most; wait 1m")
    await rises(carol, command="/op ann")
    await carol.sees("-- you are an operator now")
    await trio.sleep(WITHIN)
    await rises(ann)
    await ann.sees("-- you are an operator now")


async def test_the_right_password_is_no_guess(chat: Chat) -> None:
    ann = await chat.join("ann", host="192.0.2.1")

    for _ in range(TRIES + 1):
        await rises(ann)
        await ann.sees("-- you are an operator now")
        await ann.types("/deop")
        await ann.sees("-- you are no operator any more")


async def test_questions_asked_at_once_are_no_way_to_more_tries(chat: Chat) -> None:
    people = [await chat.join(f"ann{number}", host="192.0.2.1") for number in range(4)]
    for each in people:
        await each.types("/op ann")

    for each in people:
        await each.types("guess")

    for each in people[:3]:
        await each.sees(WRONG)
    await people[3].sees("-- 3 wrong tries within 1m, the most; wait 1m")


async def test_who_guesses_on_this_machine_locks_nobody_out(chat: Chat) -> None:
    eve, ann = await chat.join("eve"), await chat.join("ann")
    for _ in range(TRIES):
        await rises(eve, "guess", "/op ann")

    await eve.types("/op ann")
    await rises(ann)

    await eve.sees("-- 3 wrong tries within 1m, the most")
    await ann.sees("-- you are an operator now")


async def test_one_connection_after_another_is_no_way_to_guess_on_this_machine(
    chat: Chat,
) -> None:
    for number in range(TRIES_HERE // TRIES):
        eve = await chat.join(f"eve{number}")
        for _ in range(TRIES):
            await rises(eve, "guess", "/op ann")
            await eve.sees(WRONG)
        eve.transport.end_input()

    late, far = await chat.join("late"), await chat.join("far", host="192.0.2.7")
    await late.types("/op ann")
    await rises(far, command="/op ann")

    await late.sees("-- 30 wrong tries within 1m from this machine, the most; wait ")
    await far.sees("-- you are an operator now")


async def test_where_others_can_read_along_no_password_is_asked_for(chat: Chat) -> None:
    ann = await chat.join("ann", host="192.0.2.1", private=False)

    await ann.types("/op")

    shown = await ann.sees("-- ")
    assert shown == "-- others may read along on your connection: no password is taken here"
    await ann.sees_nothing()


async def test_the_configuration_may_allow_passwords_in_the_clear(
    autojump_clock: MockClock,
) -> None:
    config = Config(operators=HASHES, passwords=PasswordSettings(in_the_clear=True))
    async with open_chat(config) as chat:
        ann = await chat.join("ann", host="192.0.2.1", private=False)

        await rises(ann)

        await ann.sees("-- you are an operator now")


async def test_where_passwords_may_be_in_the_clear_tls_is_as_good_as_ever(
    autojump_clock: MockClock,
) -> None:
    config = Config(operators=HASHES, passwords=PasswordSettings(in_the_clear=True))
    async with open_chat(config) as chat:
        authority = Authority()
        below = MemoryTransport(host="192.0.2.1", is_private=False, reading=False)
        chat.edge.connect(TlsTransport(below, authority.server_context(), handshake=10))
        peer = TlsPeer(MemoryPeer(below), authority.client_context())
        shown = b""

        while not peer.shake_hands():
            await wait_all_tasks_blocked()
        for line, answer in (
            (b"ann\n", b"#lobby: "),
            (b"/op\n", b"Password: "),
            (b"secret\n", b"you are an operator now"),
        ):
            peer.send(line)
            with trio.fail_after(5):
                while answer not in shown:
                    await trio.sleep(0.1)
                    shown += peer.receive() or b""


async def test_a_password_behind_the_name_is_tried_nowhere_and_never_shown(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    with caplog.at_level(logging.DEBUG):
        await ann.types("/op ann secret")

        shown = await ann.sees("nothing is tried")
    assert shown == "-- the password is asked for: /op and a name alone; nothing is tried"
    await bob.sees_nothing()
    assert "secret" not in ann.unseen() + caplog.text


async def test_without_operators_in_the_configuration_nobody_is_asked(
    autojump_clock: MockClock,
) -> None:
    async with open_chat() as chat:
        ann = await chat.join("ann")

        await ann.types("/op")

        await ann.sees("-- no operator has a password here")


async def test_who_is_an_operator_is_not_asked(chat: Chat) -> None:
    op = await chat.join("op", operator=True)

    await op.types("/op ann")

    await op.sees("-- you are an operator already")


async def test_what_is_no_name_is_refused(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/op x!", "/op ann secret")

    await ann.sees("-- ")
    await ann.sees("-- the password is asked for: /op and a name alone; nothing is tried")


async def test_what_was_typed_ahead_is_no_answer(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/op", "secret")
    await ann.sees("Password: ")
    await ann.types("guess")

    await ann.sees(WRONG)


async def test_an_empty_answer_is_no_try(chat: Chat) -> None:
    ann = await chat.join("ann")

    for _ in range(TRIES):
        await rises(ann, "")
        await ann.sees("-- no password: nothing is tried")
    await rises(ann)

    await ann.sees("-- you are an operator now")


async def test_who_does_not_answer_is_no_longer_waited_for(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types("/op")

    await trio.sleep(61)
    await ann.types("secret plans")

    await ann.sees("-- no answer within 60 seconds")
    await ann.sees("-- not said: it may be a password")
    assert "secret" not in ann.unseen()


async def test_who_cancels_the_question_is_no_operator(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types("/op")

    await ann.types("/cancel")

    await ann.sees("-- /op is cancelled")


async def test_a_telnet_does_not_show_the_password(chat: Chat) -> None:
    ann = Telnet(chat.connect(telnet=True))
    await ann.settles()
    await ann.presses("ann\r")

    await ann.presses("/op\r")
    await ann.presses("secret\r")

    shown = "\n".join(ann.screen.display)
    assert "you are an operator now" in shown
    assert "secret" not in shown


# -------------------------------------------------------------------- /deop


async def test_who_steps_down_is_as_others(chat: Chat) -> None:
    ann = await chat.join("ann")
    await rises(ann)

    await ann.types("/deop", "/wall hello", "/deop")

    await ann.sees("-- you are no operator any more")
    await ann.sees("-- /wall is for operators")
    await ann.sees("-- /deop is for operators")


async def test_a_password_s_operator_has_the_first_room_too(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await rises(ann)

    await ann.types("/kick bob")

    await bob.sees("* bob was kicked from #lobby by ann")
