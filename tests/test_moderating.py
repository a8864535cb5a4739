"""What owners and operators can do, and what everybody concerned is told of it."""

import json
import logging
import re

import pytest
import trio
from trio.testing import MockClock

from trioserve import ChatError
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
