"""The kit for tests: what it says of people is so."""

import pytest
import trio

from trioserve.testing import Chat


async def test_what_is_not_shown_is_told_with_what_is(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types("/topic")

    with pytest.raises(AssertionError, match=r"ann does not see 'tea' but .*Welcome!"):
        await ann.sees("tea")


async def test_who_should_see_nothing_and_does_is_a_failure(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types("/topic")

    with pytest.raises(AssertionError, match=r"ann sees .*Welcome!"):
        await ann.sees_nothing()


async def test_what_was_seen_is_not_seen_again(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("one", "two")

    await bob.sees("two")

    with pytest.raises(AssertionError):
        await bob.sees("one")


async def test_who_stops_reading_gets_what_fits_and_the_rest_when_they_read_on(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob", window=10)
    await bob.stops_reading()
    await ann.types("one", "two")
    assert bob.unseen() == ""

    await bob.reads(10)
    assert len(bob.unseen()) == 10
    await bob.reads_on()

    await bob.sees("<ann> two")


async def test_who_hangs_up_leaves_in_order_and_who_vanishes_does_not(chat: Chat) -> None:
    ann, bob, carol = [await chat.join(nick) for nick in ("ann", "bob", "carol")]

    await bob.hangs_up()
    await carol.vanishes()

    shown = ann.unseen()
    assert "* bob left\r\n" in shown
    assert "* carol lost the connection\r\n" in shown


async def test_days_pass_in_no_time(chat: Chat) -> None:
    ann = await chat.join("ann")

    with trio.fail_after(4 * 86400):
        await trio.sleep(3 * 86400)
    await ann.types("/who")

    await ann.sees("-- #lobby: ann")
