"""Who may not talk in a room for a while, and rooms in which everybody talks more slowly."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import trio

from tests.test_moderating import room_of
from trioserve.testing import Chat

# ------------------------------------------------------------------- muting


async def test_who_is_muted_reads_on_and_is_told_the_end_the_reason_and_what_is_left(
    chat: Chat,
) -> None:
    ann, bob = await room_of(chat, "ann", "bob")

    await ann.types("/mute bob 10m flooding")

    shown = await ann.sees("muted")
    assert re.fullmatch(r"\* bob is muted in #dev by ann until \d\d:\d\d: flooding", shown)
    await bob.sees(shown)
    told = await bob.sees("-- you are muted in #dev until")
    assert told.endswith(" (flooding); you can still read, and talk elsewhere")
    await ann.types("quiet now")
    await bob.sees("<ann> quiet now")
    for said in ("hello?", "/me shouts", "/topic mine"):
        await bob.types(said)
        assert await bob.sees("--") == told
    await ann.sees_nothing()
    await bob.types("/room lobby", "hello there")
    assert (await ann.sees("hello there")).endswith(" #lobby <bob> hello there")


async def test_ends_are_told_in_the_reader_s_own_zone(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")
    await bob.types("/timezone Etc/GMT-14")
    bob.unseen()

    await ann.types("/mute bob 1h")

    there = datetime.now(UTC) + timedelta(hours=15)
    shown = {f"until {each:%H:%M}" for each in (there, there - timedelta(minutes=1))}
    seen = [await bob.sees("* bob is muted"), await bob.sees("-- you are muted")]
    assert all(any(each in line for each in shown) for line in seen)


async def test_a_mute_ends_by_itself(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")
    await ann.types("/mute bob 10m")

    await trio.sleep(600)
    await bob.types("thank you")

    await ann.sees("<bob> thank you")


async def test_a_mute_is_lifted_under_either_name(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")
    await ann.types("/mute bob")
    await bob.types("/leave #dev", "/nick robert", "/join #dev", "still muted?")
    await bob.sees("-- #dev: 2 here")
    await bob.sees("-- you are muted in #dev until that is lifted; you can still read")
    await bob.sees("-- you are muted in #dev until that is lifted; you can still read")

    await ann.types("/unmute robert")
    await bob.sees("* bob is no longer muted in #dev, by ann")
    await bob.types("thank you")

    await ann.sees("<robert> thank you")


async def test_who_is_muted_does_not_talk_by_the_names_they_take(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")
    await ann.types("/mute bob")

    await bob.types("/nick ann-is-mean")
    await bob.sees("-- you are muted in #dev: /leave it to take another name")
    await bob.types("/leave #dev", "/nick robert")

    await bob.sees("-- you are robert now")
    assert "ann-is-mean" not in ann.unseen()


async def test_a_mute_under_another_name_takes_the_place_of_the_first(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")
    await ann.types("/mute bob")
    await bob.types("/leave #dev", "/nick robert", "/join #dev")
    await bob.sees("-- you are robert now")

    await ann.types("/mute robert 10s hush", "/bans")

    assert (await ann.sees("-- robert is muted by ann until")).endswith(": hush")
    await ann.types("/unmute robert", "/bans")
    await ann.sees("-- nobody is banned from #dev, or muted there")


async def test_an_operator_mutes_an_owner_and_the_room_has_another(chat: Chat) -> None:
    ann, _ = await room_of(chat, "ann", "bob")
    op = await chat.join("op", operator=True)
    await op.types("/join #dev", "/mute ann 1h")

    await ann.sees("-- you are muted in #dev until")
    await ann.sees("* bob owns #dev now")
    await ann.types("hello?", "/unmute ann")

    await ann.sees("-- you are muted in #dev until")
    await ann.sees("-- /unmute is for the room's owner; #dev belongs to bob")


async def test_a_mute_survives_leaving_and_coming_back(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")
    await ann.types("/mute bob 1h")

    await bob.types("/leave", "/nick robert", "/join #dev")
    await bob.sees("-- #dev: 2 here")
    await bob.sees("-- you are muted in #dev until")
    await bob.types("hello?")

    await bob.sees("-- you are muted in #dev until")


async def test_a_mute_holds_the_address_of_who_comes_back_under_another_name(chat: Chat) -> None:
    (ann,) = await room_of(chat, "ann")
    bob = await chat.join("bob", host="192.0.2.7")
    await bob.types("/join #dev")
    await ann.types("/mute bob")
    await bob.types("/quit")
    await bob.sees_the_end()

    again = await chat.join("robert", host="192.0.2.7")
    await again.types("/join #dev", "hello?")

    await again.sees("-- you are muted in #dev until")
    await again.sees("-- you are muted in #dev until")


async def test_a_mute_is_of_one_person_and_not_of_who_takes_their_name(chat: Chat) -> None:
    ann, bob, carol = await room_of(chat, "ann", "bob", "carol")
    await ann.types("/mute bob")
    await bob.types("/leave", "/nick robert")

    await carol.types("/nick bob", "it is I")

    await ann.sees("<bob> it is I")


async def test_who_is_muted_gets_no_last_word_and_is_told(chat: Chat) -> None:
    ann, bob, carol = await room_of(chat, "ann", "bob", "carol")
    await ann.types("/mute bob", "/mute carol")

    await bob.types("/leave #dev buy pills")
    await bob.sees("-- you are muted in #dev: leave it without a word")
    await bob.types("/leave")
    await carol.types("/quit buy pills")

    assert await ann.sees("* bob left") == "* bob left #dev"
    assert await ann.sees("* carol left") == "* carol left"
    await carol.sees("-- you are muted: your last word is not shown")
    await carol.sees("-- goodbye")


async def test_who_is_muted_does_not_talk_by_being_away(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")
    await ann.types("/mute bob")

    await bob.types("/away buy pills")
    await bob.sees("-- you are muted in #dev: be away without a word")
    await bob.types("/away")
    await bob.sees("-- you are away, until you say something")
    await ann.types("/msg bob hi", "/who bob")

    assert "pills" not in ann.unseen()


async def test_a_room_passes_by_who_is_muted_there(chat: Chat) -> None:
    ann, bob, carol = await room_of(chat, "ann", "bob", "carol")
    await ann.types("/mute bob")

    await ann.types("/leave")

    await carol.sees("* carol owns #dev now")
    await bob.sees("* carol owns #dev now")


async def test_what_a_command_announces_for_who_is_muted_is_refused(chat: Chat) -> None:
    chat.load("trioserve.examples.dice")
    ann, bob = await room_of(chat, "ann", "bob")
    await ann.types("/mute bob")

    await bob.types("/roll 1")

    await bob.sees("* bob is muted")
    await bob.sees("-- you are muted in #dev")
    await bob.sees("-- you are muted in #dev")
    await ann.sees("* bob is muted")
    await ann.sees_nothing()


# -------------------------------------------------------------------- slowing


async def test_a_slow_room_takes_one_line_in_a_time_and_tells_the_wait(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")

    await ann.types("/slow 10s", "as", "fast as", "I like")
    await bob.sees("* ann slowed #dev: one line in 10s from each")
    await bob.types("one")
    await trio.sleep(3)
    await bob.types("two")

    await bob.sees("-- not said: #dev takes one line in 10s from each; yours can be said in 7s")
    await trio.sleep(7)
    await bob.types("three")
    await ann.sees("<bob> one")
    assert (await ann.sees("<bob>")).endswith("<bob> three")


async def test_a_slow_room_is_let_go_again(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")

    await ann.types("/slow 10s", "/slow off", "/slow 2h", "/slow x")
    await bob.types("one", "two")

    await ann.sees("* ann lets #dev talk as fast as it likes")
    await ann.sees("-- /slow: time: expected a time of at most 1h; usage: /slow <time>")
    await ann.sees('-- /slow: time: expected a time such as 10s or 2m, or off, got "x"; usage: ')
    await ann.sees("<bob> two")


@pytest.mark.parametrize("time", ["off", "OFF", "0", "0s"])
async def test_a_slow_room_is_let_go_by_off_or_nothing(chat: Chat, time: str) -> None:
    ann, _ = await room_of(chat, "ann", "bob")

    await ann.types("/slow 10s", f"/slow {time}")

    await ann.sees("* ann lets #dev talk as fast as it likes")


async def test_to_come_again_is_no_way_round_a_slow_pace(chat: Chat) -> None:
    await chat.join("ann")
    ann, bob, carol = await room_of(chat, "eve", "bob", "carol", host="192.0.2.7")
    await ann.types("/slow 10s")
    await bob.types("one")

    await carol.types("of the same household, and there")
    await ann.sees("<carol> of the same household, and there")
    await bob.types("/quit")
    await bob.sees("-- goodbye")
    dave = await chat.join("dave", host="192.0.2.7")
    await dave.types("/join #dev", "two")

    await dave.sees("-- not said: #dev takes one line in 10s from each; yours can be said in 10s")
    await trio.sleep(10)
    await dave.types("three")
    await ann.sees("<dave> three")
