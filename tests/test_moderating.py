"""What owners and operators can do, and what everybody concerned is told of it."""

import json
import logging
import re
from datetime import UTC, datetime, timedelta

import pytest
import trio
from trio.testing import MockClock

from trioserve import ChatError, Context, Room, command
from trioserve.broker.chores import SWEEP_EVERY
from trioserve.configuration.config import Config
from trioserve.orders import Kick
from trioserve.sessions.services import SessionLimits
from trioserve.testing import Chat, Person, open_chat

UNHURRIED = Config(limits=SessionLimits(flood_control=False))

# ---------------------------------------------------------------- ownership


async def test_a_room_belongs_to_who_created_it(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/join #dev")
    await bob.types("/join #dev", "/giveroom bob")

    await bob.sees("-- /giveroom is for the room's owner")
    await ann.types("/giveroom bob")

    await bob.sees("* ann gave #dev to bob")
    await ann.sees("* ann gave #dev to bob")


async def test_ownership_passes_to_the_longest_present_who_is_told_with_the_room(
    chat: Chat,
) -> None:
    ann, bob, carol = await chat.join("ann"), await chat.join("bob"), await chat.join("carol")
    for each in (ann, bob, carol):
        await each.types("/join #dev")

    await ann.types("/leave")

    assert await bob.sees("owns") == "* bob owns #dev now"
    await carol.sees("* bob owns #dev now")
    await bob.types("/quit")
    await carol.sees("* bob left")
    await carol.sees("* carol owns #dev now")


async def test_ownership_follows_a_rename(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/join #dev", "/nick anna")
    await bob.types("/join #dev")

    await ann.types("/giveroom bob")

    await bob.sees("* anna gave #dev to bob")


async def test_an_owner_who_comes_back_is_a_member_like_others(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/join #dev")
    await bob.types("/join #dev")

    await ann.types("/leave", "/join #dev", "/giveroom ann")

    await ann.sees("-- /giveroom is for the room's owner")


async def test_a_room_is_given_only_to_somebody_else_who_is_in_it(chat: Chat) -> None:
    ann = await chat.join("ann")
    await chat.join("bob")

    await ann.types("/join #dev", "/giveroom bob", "/giveroom ann", "/giveroom carol")

    await ann.sees("-- bob is not in #dev")
    await ann.sees("-- #dev belongs to ann already")
    await ann.sees("-- /giveroom: nick: nobody here is called carol")


async def test_the_first_room_belongs_to_the_operators(chat: Chat) -> None:
    ann, op = await chat.join("ann"), await chat.join("op", operator=True)

    await ann.types("/giveroom op")
    await op.types("/giveroom ann")

    await ann.sees("-- /giveroom is for the room's owner; #lobby belongs to the operators")
    await op.sees("-- #lobby belongs to the operators")


async def test_operators_may_what_owners_may_in_any_room(chat: Chat) -> None:
    ann, op = await chat.join("ann"), await chat.join("op", operator=True)
    await ann.types("/join #dev")

    await op.types("/join #dev", "/giveroom op")

    await ann.sees("* op gave #dev to op")


# ------------------------------------------------------------------ kicking


async def room_of(chat: Chat, *nicks: str, host: str | None = None) -> list[Person]:
    """People who are together in #dev, which belongs to the first of them."""
    people = [await chat.join(nick, host=host) for nick in nicks]
    for each in people:
        await each.types("/join #dev")
    for each in people:
        each.unseen()
    return people


async def test_who_is_kicked_is_out_and_everybody_sees_why(chat: Chat) -> None:
    ann, bob, carol = await room_of(chat, "ann", "bob", "carol")

    await ann.types("/kick bob  two   spaces ")

    for each in (ann, carol):
        assert await each.sees("kicked") == "* bob was kicked from #dev by ann: two spaces"
    await bob.sees("* bob was kicked from #dev by ann: two spaces")
    await bob.sees("-- you may come back; what you say goes to #lobby")
    await bob.types("/join #dev")
    await ann.sees("* bob joined #dev")


async def test_who_is_kicked_out_of_their_only_room_is_told_how_to_talk(chat: Chat) -> None:
    bob, op = await chat.join("bob"), await chat.join("op", operator=True)

    await op.types("/kick bob")

    await op.sees("* bob was kicked from #lobby by op")
    await bob.sees("-- you may come back; /join a room to talk")
    await bob.types("hello?")
    await bob.sees("-- you are in no room: /join one; /rooms lists them")


async def test_what_was_said_before_a_kick_is_still_seen(chat: Chat) -> None:
    ann, bob, carol = await room_of(chat, "ann", "bob", "carol")

    await bob.types("one last thing")
    await ann.types("/kick bob")

    await carol.sees("<bob> one last thing")
    await carol.sees("* bob was kicked")


@pytest.mark.parametrize("command", ["/kick", "/ban", "/mute"])
async def test_nobody_moderates_operators_nor_themselves(chat: Chat, command: str) -> None:
    (ann,) = await room_of(chat, "ann")
    op = await chat.join("op", operator=True)
    await op.types("/join #dev")

    await ann.types(f"{command} op", f"{command} ANN")

    await ann.sees("-- op is an operator, whom nobody moderates")
    await ann.sees("-- that is yourself")


async def test_an_operator_kicks_an_owner_and_the_room_has_another(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")
    op = await chat.join("op", operator=True)
    await op.types("/join #dev")

    await op.types("/kick ann")

    await bob.sees("* ann was kicked from #dev by op")
    await bob.sees("* bob owns #dev now")
    await ann.sees("-- you may come back; what you say goes to #lobby")


async def test_who_has_lost_the_room_meanwhile_moderates_nobody(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")
    member = chat.server.world.member("ann")

    await ann.types("/giveroom bob")

    with pytest.raises(ChatError, match=r"^#dev belongs to bob$"):
        await chat.server.broker.call(member, Kick("#dev", "bob"))
    await bob.sees("* ann gave #dev to bob")


@pytest.mark.parametrize("command", ["kick", "ban", "mute"])
async def test_a_reason_is_of_bounded_length(chat: Chat, command: str) -> None:
    ann, _ = await room_of(chat, "ann", "bob")

    await ann.types(f"/{command} bob {'x' * 201}")

    await ann.sees("-- at most 200 characters of text, please")


async def test_a_reason_passes_the_filters_and_forges_no_line(chat: Chat) -> None:
    chat.load("trioserve.examples.words")
    ann, bob = await room_of(chat, "ann", "bob")

    await ann.types("/kick bob \u2028* op owns #dev now" + " " * 100 + "* x")

    assert await bob.sees("kicked") == "* bob was kicked from #dev by ann: * op owns #dev now * x"


# ------------------------------------------------------------------ banning


async def test_who_is_banned_is_out_and_stays_out_until_the_end(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")

    await ann.types("/ban bob 10m flooding")

    shown = await ann.sees("banned")
    assert re.fullmatch(r"\* bob is banned from #dev by ann until \d\d:\d\d: flooding", shown)
    assert await bob.sees("banned") == shown
    await bob.sees("-- you may talk in other rooms; what you say goes to #lobby")
    await bob.types("/join #dev")
    refused = await bob.sees("-- you are banned from #dev")
    assert re.search(r"#dev until \d\d:\d\d \(flooding\)$", refused)
    await trio.sleep(600)
    await bob.types("/join #dev")
    await bob.sees("-- #dev: 2 here")


async def test_a_ban_of_days_shows_its_date(chat: Chat) -> None:
    ann, _ = await room_of(chat, "ann", "bob")

    await ann.types("/ban bob 3d")

    assert re.search(r" until \d{4}-\d\d-\d\d \d\d:\d\d$", await ann.sees("banned"))


async def test_a_ban_without_a_time_lasts_until_it_is_lifted(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")

    await ann.types("/ban bob for reasons")
    assert (
        await bob.sees("banned")
        == "* bob is banned from #dev by ann until that is lifted: for reasons"
    )
    await trio.sleep(5 * 3600)
    await bob.types("/join #dev")
    await bob.sees("-- you are banned from #dev until that is lifted (for reasons)")

    await ann.types("/unban BOB", "/unban bob")
    await ann.sees("* bob is no longer banned from #dev, by ann")
    await ann.sees("-- bob is not among the bans; /bans lists them")
    await bob.types("/join #dev")
    await bob.sees("-- #dev: 2 here")


async def test_who_was_turned_out_is_told_when_they_may_come_again(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")
    carol = await chat.join("carol")
    await ann.types("/ban bob", "/ban carol")
    await bob.types("/nick robert")
    for each in (bob, carol):
        each.unseen()

    await ann.types("/unban bob", "/unban carol")

    await bob.sees("* bob is no longer banned from #dev, by ann")
    assert "banned" not in carol.unseen()  # or it would be a way to write to her


async def test_a_ban_holds_the_address_under_another_name(chat: Chat) -> None:
    (ann,) = await room_of(chat, "ann")
    bob = await chat.join("bob", host="192.0.2.7")
    await bob.types("/join #dev")

    await ann.types("/ban bob")
    await bob.types("/quit")
    await bob.sees_the_end()
    again = await chat.join("robert", host="192.0.2.7")
    await again.types("/join #dev")
    await again.sees("-- you are banned from #dev")

    other = await chat.join("carol", host="192.0.2.8")
    await other.types("/join #dev")
    await other.sees("-- #dev: 2 here")


async def test_a_ban_holds_the_nick_from_another_address(chat: Chat) -> None:
    (ann,) = await room_of(chat, "ann")
    bob = await chat.join("bob", host="192.0.2.7")
    await ann.types("/ban bob")
    await bob.types("/quit")
    await bob.sees_the_end()

    again = await chat.join("Bob", host="192.0.2.8")
    await again.types("/join #dev")

    await again.sees("-- you are banned from #dev")


async def test_a_ban_holds_a_whole_network_of_ipv6(chat: Chat) -> None:
    (ann,) = await room_of(chat, "ann")
    await chat.join("bob", host="2001:db8::1")
    await ann.types("/ban bob")

    carol = await chat.join("carol", host="2001:db8::2")
    await carol.types("/join #dev")

    await carol.sees("-- you are banned from #dev")


async def test_a_ban_holds_the_nick_alone_on_this_machine(chat: Chat) -> None:
    ann, _ = await room_of(chat, "ann", "bob", host="127.0.0.1")
    await ann.types("/ban bob")

    carol = await chat.join("carol", host="127.0.0.1")
    await carol.types("/join #dev")

    await carol.sees("-- #dev: 2 here")


async def test_a_ban_of_somebody_at_one_s_own_address_holds_the_nick_alone(chat: Chat) -> None:
    ann, _ = await room_of(chat, "ann", "bob", host="192.0.2.7")

    await ann.types("/ban bob", "/join #b", "/room dev")
    carol = await chat.join("carol", host="192.0.2.7")
    await carol.types("/join #dev")

    await carol.sees("-- #dev: 2 here")


async def test_a_rename_evades_no_ban_and_it_is_lifted_under_either_name(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")
    await ann.types("/ban bob")

    await bob.types("/nick robert", "/join #dev")
    await bob.sees("-- you are banned from #dev")
    await ann.types("/unban robert")

    await ann.sees("* bob is no longer banned from #dev")
    await bob.types("/join #dev")
    await bob.sees("-- #dev: 2 here")


async def test_somebody_who_is_not_here_is_banned_by_nick(chat: Chat) -> None:
    (ann,) = await room_of(chat, "ann")
    await ann.types("/ban bob", "/ban #x", "/ban root")
    await ann.sees("* bob is banned from #dev by ann")
    await ann.sees("-- a name begins with a letter")
    await ann.sees("-- the name root is reserved")

    bob = await chat.join("bob")
    await bob.types("/join #dev")

    await bob.sees("-- you are banned from #dev")


async def test_who_is_not_in_the_room_is_sent_nothing_of_a_ban(chat: Chat) -> None:
    (ann,) = await room_of(chat, "ann")
    bob = await chat.join("bob")

    await ann.types("/ban bob buy pills", "/mute bob buy pills")

    await bob.sees_nothing()


@pytest.mark.parametrize(
    ("time", "mistake"),
    [
        ("0m", "expected a time of at least 1s"),
        ("-5m", 'expected a time such as 10m or 3d, got "-5m"'),
        ("10", 'expected a time such as 10m or 3d, got "10"'),
        ("99999999999d", 'expected a time such as 10m or 3d, got "99999999999d"'),
        ("99999d", 'expected a time of at most 3650d, got "99999d"'),
    ],
)
@pytest.mark.parametrize("command", ["ban", "mute"])
async def test_an_absurd_time_is_refused(chat: Chat, command: str, time: str, mistake: str) -> None:
    ann, _ = await room_of(chat, "ann", "bob")

    await ann.types(f"/{command} bob {time} flooding")

    usage = f"/{command} <nick> [time-and-reason]"
    await ann.sees(f"-- /{command}: time-and-reason: {mistake}; usage: {usage}")


async def test_bans_lists_bans_and_mutes_with_their_ends_and_reasons(chat: Chat) -> None:
    ann, _, _ = await room_of(chat, "ann", "bob", "carol")
    await ann.types("/bans", "/ban bob 1h flooding", "/mute carol", "/ban dave 1s")
    await ann.sees("-- nobody is banned from #dev, or muted there")
    await ann.sees("dave")
    await trio.sleep(1)

    await ann.types("/bans")

    listed = ann.unseen()
    assert re.fullmatch(
        r"-- bob is banned by ann until \d\d:\d\d: flooding\r\n"
        r"-- carol is muted by ann until that is lifted\r\n",
        listed,
    )


async def test_a_room_has_at_most_a_hundred_bans(autojump_clock: MockClock) -> None:
    async with open_chat(UNHURRIED) as chat:
        (ann,) = await room_of(chat, "ann")
        await ann.types(*(f"/ban p{number} 1h" for number in range(100)))
        ann.unseen()

        await ann.types("/ban one-more", "/ban P5 2h")
        await ann.sees("-- there are 100 bans, the most; lift one first")
        await ann.sees("* P5 is banned")
        await trio.sleep(3600)
        await ann.types("/ban one-more")

        await ann.sees("* one-more is banned")


async def test_a_room_with_bans_stays_when_its_owner_leaves_until_they_end(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")
    await ann.types("/topic secret plans", "something", "/ban bob 1h", "/leave")

    await bob.types("/join #dev")
    await bob.sees("-- you are banned from #dev")
    carol = await chat.join("carol")
    await carol.types("/join #dev", "/history", "/leave")
    await carol.sees("-- nothing has been said in #dev yet")

    await trio.sleep(3600 + SWEEP_EVERY)
    bob.unseen()
    await bob.types("/rooms")
    assert "#dev" not in bob.unseen()
    await bob.types("/join #dev")
    await bob.sees("-- #dev: 1 here: bob")


async def test_a_room_that_stays_for_its_bans_alone_is_shown_to_operators_only(
    chat: Chat,
) -> None:
    ann, op = (await room_of(chat, "ann"))[0], await chat.join("op", operator=True)
    await ann.types("/private on", "/ban bob", "/leave")
    ann.unseen()

    await ann.types("/rooms", "/who #deb", "/who #dev")
    await op.types("/rooms")

    await ann.sees("-- #lobby (2)")
    assert (await ann.sees("-- there is no room #deb")).endswith("#deb")
    await ann.sees("-- everybody has left #dev")
    await op.sees("-- #dev (0)")


async def test_who_comes_first_to_a_deserted_room_owns_it(chat: Chat) -> None:
    ann, _ = await room_of(chat, "ann", "bob")
    await ann.types("/ban bob", "/leave")
    carol = await chat.join("carol")

    await carol.types("/join #dev", "/unban bob")

    await carol.sees("* bob is no longer banned from #dev, by carol")


async def test_who_is_banned_where_everybody_begins_comes_in_and_may_go_elsewhere(
    chat: Chat,
) -> None:
    op, bob = await chat.join("op", operator=True), await chat.join("bob")
    await op.types("/ban bob 1h")
    await bob.types("/quit")
    await bob.sees_the_end()

    bob = chat.connect()
    await bob.types("bob", "/join #dev")

    await bob.sees("-- you are banned from #lobby until")
    await bob.sees("-- you may talk elsewhere: /join a room")
    await bob.sees("-- #dev: 1 here: bob")


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


# ------------------------------------------------------------- private rooms


async def private_room(chat: Chat) -> tuple[Person, Person]:
    """Ann, who owns the private #dev, and Bob, who is outside."""
    (ann,) = await room_of(chat, "ann")
    bob = await chat.join("bob")
    await ann.types("/private on")
    await ann.sees("* ann made #dev private: by invitation only")
    return ann, bob


PRIVATE = "-- #dev is private; /knock #dev asks to be let in"


async def test_a_private_room_is_kept_from_outsiders(chat: Chat) -> None:
    _, bob = await private_room(chat)

    for typed in ("/join #dev", "/who #DEV", "/join dev"):
        await bob.types(typed)
        assert await bob.sees("--") == PRIVATE
    await bob.types("/rooms")
    assert "#dev" not in bob.unseen()


async def test_a_converter_of_rooms_neither_finds_nor_suggests_a_private_one(
    autojump_clock: MockClock,
) -> None:
    @command
    def look(ctx: Context, room: Room) -> None:
        """Look."""
        ctx.reply(f"found {room.name}")

    async with open_chat(functions=[look]) as chat:
        ann, bob = await private_room(chat)

        await bob.types("/look #dev", "/look #dew")
        await ann.types("/look #dev")

        await bob.sees("-- /look: room: #dev is private")
        assert "did you mean" not in await bob.sees("-- /look: room: there is no room #dew")
        await ann.sees("-- found #dev")


async def test_who_is_in_a_room_when_it_becomes_private_stays(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")

    await ann.types("/private on", "/private on", "hello")

    await bob.sees("<ann> hello")
    await ann.sees("-- #dev is private already")


async def test_an_invitation_lets_in_once(chat: Chat) -> None:
    ann, bob = await private_room(chat)

    await ann.types("/invite bob", "/invite bob")

    await ann.sees("-- bob is invited to #dev for 1h")
    assert re.search(r"-- bob is invited until \d\d:\d\d already", await ann.sees("already"))
    invited = await bob.sees("invites")
    assert re.fullmatch(r"\* ann invites you to #dev until \d\d:\d\d: /join #dev", invited)
    await bob.types("/nick robert", "/join #dev", "/leave", "/join #dev")
    await bob.sees("-- #dev: 2 here")
    assert await bob.sees("private") == PRIVATE


async def test_an_invitation_lapses_after_an_hour(chat: Chat) -> None:
    ann, bob = await private_room(chat)
    await ann.types("/invite bob")

    await trio.sleep(3600)
    await bob.types("/join #dev")

    assert await bob.sees("private") == PRIVATE


async def test_a_knock_reaches_the_owner_who_may_answer_it(chat: Chat) -> None:
    ann, bob = await private_room(chat)

    await bob.types("/knock dev it is me", "/knock dev")

    knocked = "* bob knocks at #dev, saying: it is me"
    assert await ann.sees("knocks") == knocked
    await ann.sees("-- in #dev, /invite bob lets them in")
    await bob.sees("-- the owner of #dev hears you knock")
    await bob.sees("-- you may knock at #dev again in 1m")
    await ann.sees_nothing()
    await ann.types("/invite bob")
    await bob.types("/knock dev", "/join dev", "/knock dev")
    await bob.sees("-- you are invited: /join #dev")
    await bob.sees("-- #dev: 2 here")
    await bob.sees("-- you are in #dev")


async def test_a_knock_at_an_open_room_or_none_is_refused(chat: Chat) -> None:
    _, bob = await room_of(chat, "ann", "bob")
    await bob.types("/leave")

    await bob.types("/knock dev", "/knock nowhere")

    await bob.sees("-- #dev is open: /join #dev")
    await bob.sees("-- there is no room #nowhere")


async def test_who_is_banned_is_neither_invited_nor_heard(chat: Chat) -> None:
    ann, bob = await private_room(chat)
    await ann.types("/invite bob", "/ban bob", "/invite bob")

    await bob.types("/knock dev", "/join dev")

    await ann.sees("-- bob is banned from #dev; /unban them first")
    await bob.sees("-- you are banned from #dev")
    await bob.sees("-- you are banned from #dev")


async def test_whom_the_owner_ignores_is_not_heard_and_told_so(chat: Chat) -> None:
    ann, bob = await private_room(chat)
    await ann.types("/ignore bob")
    await bob.types("/ignore ann")

    await bob.types("/knock dev")
    await ann.types("/invite bob")

    await bob.sees("-- ann ignores you")
    await ann.sees("-- bob ignores you")


async def test_nobody_is_invited_who_does_not_read(autojump_clock: MockClock) -> None:
    async with open_chat(UNHURRIED) as chat:
        ann, _ = await private_room(chat)
        slow = await chat.join("slow", window=1)
        await slow.stops_reading()
        await ann.types("/room lobby", *["x" * 1000] * 40)

        await ann.types("/room dev", "/invite slow")

        await ann.sees("-- slow is not reading at the moment; try again later")


async def test_operators_enter_a_private_room_and_see_it_listed(chat: Chat) -> None:
    ann, _ = await private_room(chat)
    op = await chat.join("op", operator=True)

    await op.types("/rooms", "/join #dev")

    await op.sees("-- #dev (1)")
    await op.sees("-- #dev: 2 here")
    await ann.sees("* op joined #dev")


async def test_the_first_room_stays_open(chat: Chat) -> None:
    op = await chat.join("op", operator=True)

    await op.types("/private on")

    await op.sees("-- #lobby is where everybody begins, and stays open")


async def test_a_private_room_is_opened_again(chat: Chat) -> None:
    ann, bob = await private_room(chat)

    await ann.types("/private off")
    await bob.types("/join #dev")

    await ann.sees("* ann opened #dev to everybody")
    await bob.sees("-- #dev: 2 here")


async def test_a_private_room_that_all_have_left_is_a_new_one(chat: Chat) -> None:
    ann, bob = await private_room(chat)

    await ann.types("/ban carol", "our secret", "/leave")
    await bob.types("/join #dev", "/history")

    await bob.sees("-- #dev: 1 here: bob")
    await bob.sees("-- nothing has been said in #dev yet")


# ------------------------------------------------------------ operators alone


async def test_wall_reaches_everybody_wherever_they_are(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    op = await chat.join("op", operator=True)
    await ann.types("/leave")
    ann.unseen()

    await op.types("/wall back in five minutes")
    await bob.types("/wall buy pills")

    for each in (ann, bob, op):
        await each.sees("* op, an operator, to everybody: back in five minutes")
    await bob.sees("-- /wall is for operators")
    await ann.sees_nothing()


async def test_kill_ends_a_session_and_everybody_concerned_is_told_why(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    op = await chat.join("op", operator=True)

    await op.types("/kill bob flooding", "/kill op")

    shown = await bob.sees_the_end()
    assert (
        "* bob was taken off the server by op: flooding\r\n-- you may come again\r\n-- goodbye"
        in shown
    )
    assert await ann.sees("bob") == "* bob left (taken off by op: flooding)"
    await op.sees("-- bob is taken off the server")
    await op.sees("-- that is yourself")
    await trio.sleep(1)  # until the connection is closed
    assert chat.server.counters.cut == {"taken off by an operator": 1}


async def test_a_bot_is_not_killed(chat: Chat) -> None:
    chat.load("trioserve.examples.quiz")
    op = await chat.join("op", operator=True)
    bot = next(each for each in chat.server.world.members.values() if each.seat is None)

    await op.types(f"/kill {bot.nick}")

    await op.sees(f"-- {bot.nick} is a bot: /unload its plug-in")


async def test_audit_shows_who_was_moderated_and_why_and_the_log_does(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    ann, _ = await room_of(chat, "ann", "bob")
    op = await chat.join("op", operator=True)

    await op.types("/audit", "/audit 0")
    with caplog.at_level(logging.INFO):
        await ann.types("/mute bob flooding", "/kick bob")
    await op.types("/audit", "/audit 1")

    await op.sees("-- nobody has been moderated")
    await op.sees("-- n is at least 1")
    await op.sees("bob is muted in #dev by ann until that is lifted: flooding")
    await op.sees("bob was kicked from #dev by ann")
    assert "bob is muted in #dev by ann until that is lifted: flooding" in caplog.messages


async def test_audit_and_the_log_have_what_was_done_with_a_room_too(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    ann, _ = await room_of(chat, "ann", "bob")
    op = await chat.join("op", operator=True)
    await chat.join("carol")

    with caplog.at_level(logging.INFO):
        await ann.types("/slow 10s", "/slow 0s", "/private on", "/invite carol", "/private off")
        await trio.sleep(5)
        await ann.types("/giveroom bob", "/slow 5s")
    await op.types("/audit")

    done = [
        "ann slowed #dev: one line in 10s from each",
        "ann lets #dev talk as fast as it likes",
        "ann made #dev private: by invitation only",
        "ann invited carol to #dev until ",
        "ann opened #dev to everybody",
        "ann gave #dev to bob",
    ]
    for each in done:
        await op.sees(each)
        assert len([line for line in caplog.messages if line.startswith(each)]) == 1
    assert not op.unseen()


# ------------------------------------------------------------- for programs


async def test_programs_are_told_as_objects(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")
    await bob.types("/format json")
    bob.unseen()

    await ann.types("/mute bob flooding", "/slow 5s", "/private on", "/kick bob")

    shown = [json.loads(line) for line in bob.unseen().splitlines()]
    assert [each["kind"] for each in shown] == [
        "muted",
        "notice",
        "slowed",
        "secluded",
        "kicked",
        "notice",
    ]
    assert shown[0] | {"time": ""} == {
        "kind": "muted",
        "room": "#dev",
        "nick": "bob",
        "by": "ann",
        "reason": "flooding",
        "until": None,
        "time": "",
    }
