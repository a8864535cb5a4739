"""Members whose connections broke: kept, told of, taken over, and what they are shown then."""

import errno
import json
import re
import time
from collections.abc import AsyncIterator

import attrs
import pytest
import trio
from trio.testing import MockClock

from trioserve import Context, message_filter
from trioserve.broker.phrases import BITS, WORDS, new_phrase, words
from trioserve.broker.resuming import ResumeLimits
from trioserve.configuration.config import Config
from trioserve.limits import TRIES, TRIES_HERE, DoorLimits
from trioserve.messages import Noticed, Told
from trioserve.outbox import OutboxLimits
from trioserve.requests import Close
from trioserve.rooms.trail import Trail
from trioserve.sessions.services import SessionLimits
from trioserve.testing import Chat, Person, open_chat


@pytest.fixture
async def chat(autojump_clock: MockClock) -> AsyncIterator[Chat]:
    """A server whose time of day goes with the clock that jumps."""
    began = time.time_ns() - round(trio.current_time() * 1e9)
    async with open_chat(now_ns=lambda: began + round(trio.current_time() * 1e9)) as chat:
        yield chat


async def words_of(person: Person) -> str:
    await person.types("/resume")
    line = await person.sees("-- if the connection breaks: /resume ")
    return line.rpartition(" ")[2]


async def lost(chat: Chat, nick: str = "ann") -> tuple[Person, str]:
    """Somebody who joins, and whose connection breaks; with their words."""
    person = await chat.join(nick)
    words = await words_of(person)
    await person.vanishes()
    return person, words


async def resumed(chat: Chat, words: str, **how: object) -> Person:
    """Somebody who comes with these words in place of a name."""
    person = chat.connect(**how)  # type: ignore[arg-type]  # as `connect` takes them
    await person.types(f"/resume {words}")
    return person


def shown(person: Person) -> list[str]:
    """The lines that somebody has not seen yet, without their times."""
    return [re.sub(r"^\[\d\d:\d\d\] ", "", line) for line in person.unseen().splitlines()]


# ------------------------------------------------------------ the words


async def test_who_comes_is_shown_three_words_in_one_line(chat: Chat) -> None:
    ann = chat.connect()

    await ann.types("ann")

    line = await ann.sees("/resume")
    assert re.fullmatch(r"-- if the connection breaks: /resume [a-z]+-[a-z]+-[a-z]+", line)


async def test_the_words_can_be_seen_again(chat: Chat) -> None:
    ann = chat.connect()
    await ann.types("ann")
    words = (await ann.sees("/resume")).rpartition(" ")[2]

    assert await words_of(ann) == words


async def test_the_words_are_typed_in_any_case_and_with_blanks_if_one_likes(chat: Chat) -> None:
    _, words = await lost(chat)

    ann = await resumed(chat, words.upper().replace("-", "  "))

    await ann.sees("-- you are ann again, in #lobby")


async def test_the_words_change_when_they_were_used(chat: Chat) -> None:
    _, words = await lost(chat)
    ann = await resumed(chat, words)
    others = (await ann.sees("-- if the connection breaks")).rpartition(" ")[2]

    assert others != words
    second = await resumed(chat, words)
    await second.sees("-- nobody who is here has these words")


async def test_one_s_own_words_are_for_another_connection(chat: Chat) -> None:
    ann = await chat.join("ann")
    words = await words_of(ann)

    await ann.types(f"/resume {words}")

    await ann.sees("-- those are your own: they are for when this connection breaks")


async def test_the_words_of_who_has_left_are_nobody_s(chat: Chat) -> None:
    ann = await chat.join("ann")
    words = await words_of(ann)
    await ann.types("/quit")

    second = await resumed(chat, words)

    await second.sees("-- nobody who is here has these words")


async def test_an_address_has_three_tries_a_minute(chat: Chat) -> None:
    _, words = await lost(chat)
    for _ in range(3):
        guesser = await resumed(chat, "a-b-c", host="192.0.2.7")
        await guesser.sees("-- nobody who is here has these words")

    fourth = await resumed(chat, words, host="192.0.2.7")
    await fourth.sees("-- 3 wrong tries within 1m, the most; wait ")
    ann = await resumed(chat, words, host="192.0.2.8")
    await ann.sees("-- you are ann again")


async def test_who_tries_words_is_told_for_how_long_they_hold_here(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(Config(resume=ResumeLimits(keep=90.0))) as chat:
        stranger = await resumed(chat, "a-b-c")

        await stranger.sees("-- nobody who is here has these words: they hold for 1m30s, once")


async def test_tries_in_place_of_a_name_and_behind_one_are_counted_together(chat: Chat) -> None:
    _, words = await lost(chat)
    eve = chat.connect()
    for line in ("/resume a-b-c", "/resume a-b-c", "eve", "/resume a-b-c"):
        await eve.types(line)
        await eve.sees("-- #lobby: " if line == "eve" else "-- nobody who is here has these words")

    await eve.types(f"/resume {words}")

    await eve.sees("-- 3 wrong tries within 1m, the most; wait ")


async def test_tries_stay_a_connection_s_whoever_it_speaks_for(chat: Chat) -> None:
    _, first = await lost(chat)
    _, second = await lost(chat, "bob")
    eve = await resumed(chat, "a-b-c")
    await eve.types("/resume a-b-c", f"/resume {first}")
    await eve.sees("-- you are ann again")

    await eve.types("/resume a-b-c", f"/resume {second}")

    await eve.sees("-- 3 wrong tries within 1m, the most; wait ")


async def test_who_guesses_on_this_machine_keeps_nobody_there_from_coming_back(chat: Chat) -> None:
    _, words = await lost(chat)
    eve = await resumed(chat, "a-b-c")
    await eve.types("/resume a-b-c", "/resume a-b-c", "/resume a-b-c")
    await eve.sees("-- 3 wrong tries within 1m, the most; wait ")

    ann = await resumed(chat, words)

    await ann.sees("-- you are ann again")


async def test_one_connection_after_another_is_no_way_to_guess_on_this_machine(chat: Chat) -> None:
    _, words = await lost(chat)
    for number in range(TRIES_HERE):
        eve = await resumed(chat, "a-b-c")
        await eve.sees("-- nobody who is here has these words")
        if number % TRIES:  # by whichever way
            await eve.types("/quit")
        else:
            eve.transport.end_input()

    here, far = await resumed(chat, words), await resumed(chat, words, host="192.0.2.7")

    await here.sees("-- 30 wrong tries within 1m from this machine, the most; wait ")
    await far.sees("-- you are ann again")


async def test_who_comes_back_often_has_not_guessed(chat: Chat) -> None:
    ann, words = await lost(chat)

    for _ in range(5):
        ann = await resumed(chat, words, host="192.0.2.7")
        words = (await ann.sees("-- if the connection breaks")).rpartition(" ")[2]
        await ann.vanishes()


async def test_resume_without_words_at_the_prompt_says_what_it_wants(chat: Chat) -> None:
    stranger = chat.connect()

    await stranger.types("/resume")

    await stranger.sees("-- /resume is followed by the words that you were shown")
    await stranger.sees("Your name? ")


async def test_a_program_is_given_its_words_as_an_event(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types("/format json")
    await ann.types("/resume")
    words = json.loads(await ann.sees('"kind":"resumable"'))["words"]
    await ann.vanishes()

    again = await resumed(chat, words)

    await again.sees('{"kind":"resumable","words":"')


# ------------------------------------------------------- while one is lost


async def test_the_others_see_once_that_somebody_is_lost_and_back(chat: Chat) -> None:
    bob = await chat.join("bob")
    _, words = await lost(chat)
    assert await bob.sees("lost") == "* ann lost the connection"

    await resumed(chat, words)

    assert await bob.sees("ann") == "* ann is back"
    await bob.sees_nothing()


async def test_who_shows_that_somebody_is_lost(chat: Chat) -> None:
    bob = await chat.join("bob")
    await lost(chat)

    await bob.types("/who")

    await bob.sees("#lobby: bob, ann (lost the connection)")


async def test_who_does_not_come_back_within_a_minute_has_left(chat: Chat) -> None:
    bob = await chat.join("bob")
    _, words = await lost(chat)
    await trio.sleep(59)
    assert "ann" in chat.server.world.members

    await trio.sleep(2)

    assert "ann" not in chat.server.world.members
    await bob.sees("* ann left (connection lost)")
    late = await resumed(chat, words)
    await late.sees("-- nobody who is here has these words")


async def test_a_fin_is_leaving(chat: Chat) -> None:
    bob, ann = await chat.join("bob"), await chat.join("ann")

    await ann.hangs_up()

    assert await bob.sees("ann") == "* ann left"
    assert not chat.server.broker.resuming.lost


async def test_a_reset_behind_a_fin_is_leaving_too(chat: Chat) -> None:
    bob, ann = await chat.join("bob"), await chat.join("ann")
    ann.transport.type(b"hello\n" * 20)  # some of which wait
    ann.transport.end_input()
    await bob.sees("<ann> hello")

    ann.transport.break_off()

    await bob.sees("* ann left")
    assert not chat.server.broker.resuming.lost


async def test_who_does_not_read_is_cut_as_ever(chat: Chat) -> None:
    bob = await chat.join("bob")
    ann = await chat.join("ann", window=100)
    await ann.stops_reading()
    await bob.types(*["x" * 100] * 10)

    await trio.sleep(100)

    await bob.sees("* ann left (not reading)")
    assert not chat.server.broker.resuming.lost


async def test_a_name_whose_owner_is_lost_says_how_they_come_back(chat: Chat) -> None:
    await lost(chat)
    second = chat.connect()

    await second.types("ann")

    await second.sees(
        "-- ann has lost the connection, and is kept a while; if that is you: "
        "/resume and your words; ann2 is free"
    )


async def test_many_who_are_lost_at_once_are_told_together(chat: Chat) -> None:
    bob = await chat.join("bob")
    people = [await chat.join(f"p{number}") for number in range(8)]
    await trio.sleep(20)
    bob.unseen()

    for person in people:
        await person.vanishes()
    await chat.server.chores.tell_of_crowds()

    assert shown(bob)[-1] == "* p3, p4, p5 and 2 others lost the connection"


async def test_who_is_back_within_one_crowd_was_never_gone(chat: Chat) -> None:
    bob = await chat.join("bob")
    people = [await chat.join(f"p{number}") for number in range(5)]
    words = [await words_of(person) for person in people]
    await trio.sleep(20)
    bob.unseen()
    for person in people:
        await person.vanishes()

    await resumed(chat, words[4])
    await chat.server.chores.tell_of_crowds()

    assert shown(bob)[-1] == "* p3 lost the connection"


async def test_a_private_message_waits_for_one_who_is_lost(chat: Chat) -> None:
    bob = await chat.join("bob")
    _, words = await lost(chat)

    await bob.types("/msg ann are you there?")
    await bob.sees("-- ann has lost the connection, and reads that if they come back")
    ann = await resumed(chat, words)

    await ann.sees("-- new since the connection broke --")
    await ann.sees("bob -> you: are you there?")


async def test_more_private_messages_than_are_kept_are_refused(chat: Chat) -> None:
    bob = await chat.join("bob")
    await lost(chat)

    for _ in range(40):
        await bob.types(f"/msg ann {'x' * 900}")
        await trio.sleep(1)

    await bob.sees("-- ann is not reading at the moment; try again later")
    assert sum(each.lagging for each in chat.server.broker.resuming.lost.values()) == 1


# ------------------------------------------------ bounds, and other ends


async def test_the_first_of_too_many_who_are_lost_leave(autojump_clock: MockClock) -> None:
    config = attrs.evolve(Config(), resume=ResumeLimits(most=2))
    async with open_chat(config) as chat:
        people = [await chat.join(nick) for nick in ("ann", "bob", "cat")]

        for person in people:
            await person.vanishes()

        assert list(chat.server.world.members) == ["bob", "cat"]


async def test_an_address_has_so_many_who_are_lost(autojump_clock: MockClock) -> None:
    config = attrs.evolve(Config(), resume=ResumeLimits(per_address=1))
    async with open_chat(config) as chat:
        people = [await chat.join(nick, host="192.0.2.7") for nick in ("ann", "bob")]
        people.append(await chat.join("cat", host="192.0.2.8"))

        for person in people:
            await person.vanishes()

        assert list(chat.server.world.members) == ["bob", "cat"]


async def test_with_no_time_to_keep_anybody_who_is_lost_leaves(autojump_clock: MockClock) -> None:
    config = attrs.evolve(Config(), resume=ResumeLimits(keep=0))
    async with open_chat(config) as chat:
        bob, ann = await chat.join("bob"), await chat.join("ann")

        await ann.vanishes()

        await bob.sees("* ann left (connection lost)")


async def test_a_lost_connection_does_not_count_at_the_door(autojump_clock: MockClock) -> None:
    config = attrs.evolve(Config(), connections=DoorLimits(per_address=1))
    async with open_chat(config) as chat:
        ann = await chat.join("ann", host="192.0.2.7")

        await ann.vanishes()

        assert "ann" in chat.server.world.members
        await chat.join("bob", host="192.0.2.7")


async def test_who_is_lost_can_be_killed(chat: Chat) -> None:
    bob = await chat.join("bob", operator=True)
    _, words = await lost(chat)

    await bob.types("/kill ann enough")

    await bob.sees("* ann left (taken off by bob: enough)")
    late = await resumed(chat, words)
    await late.sees("-- nobody who is here has these words")


async def test_who_is_lost_can_be_kicked_and_learns_of_it(chat: Chat) -> None:
    bob = await chat.join("bob", operator=True)
    _, words = await lost(chat)

    await bob.types("/kick ann enough")
    ann = await resumed(chat, words)

    assert (await ann.sees("you are")).endswith("you are ann again")
    await ann.sees("* ann was kicked from #lobby by bob: enough")
    assert not chat.server.world.member("ann").rooms


async def test_who_is_lost_is_ended_by_a_ban_of_the_address(chat: Chat) -> None:
    bob = await chat.join("bob", operator=True)
    ann = await chat.join("ann", host="192.0.2.7")
    words = await words_of(ann)
    await ann.vanishes()

    await bob.types("/banip 192.0.2.7")

    await bob.sees("* ann left (banned by bob)")
    late = await resumed(chat, words)
    await late.sees("-- nobody who is here has these words")


async def test_a_shutdown_waits_for_nobody_who_is_lost(autojump_clock: MockClock) -> None:
    async with open_chat() as chat:
        await lost(chat)
        began = trio.current_time()
        chat.server.stop()

    assert trio.current_time() - began < 1


async def test_who_is_lost_when_the_server_ends_has_left(chat: Chat) -> None:
    ann = await chat.join("ann")
    await chat.server.broker.call(chat.server.broker.house, Close())

    await ann.vanishes()

    assert not chat.server.world.members


async def test_an_operator_who_comes_back_by_words_is_none_any_more(chat: Chat) -> None:
    ann = await chat.join("ann", operator=True)
    words = await words_of(ann)
    await ann.vanishes()

    again = await resumed(chat, words)

    await again.sees("-- you are no operator any more")
    assert not chat.server.world.member("ann").is_operator


# ------------------------------------------------------------ bans and mutes


async def dev(chat: Chat, *hosts: str) -> list[Person]:
    """Ann, whose #dev is, and Bob and Carol there; each at a host of their own."""
    people = [
        await chat.join(nick, host=host)
        for nick, host in zip(("ann", "bob", "carol"), hosts, strict=True)
    ]
    for each in people:
        await each.types("/join #dev")
    return people


async def test_a_ban_of_an_address_turns_out_whom_somebody_there_takes_over(chat: Chat) -> None:
    ann, bob, carol = await dev(chat, "192.0.2.1", "192.0.2.2", "192.0.2.3")
    words = await words_of(carol)
    await ann.types("/ban bob flooding")

    await bob.types(f"/resume {words}", "it is I")

    banned = await ann.sees("* carol is banned from #dev by ann")
    assert banned.endswith(", as bob is, from the same address: flooding")
    await ann.sees("#lobby <carol> it is I")
    await bob.sees("-- you may talk in other rooms; what you say goes to #lobby")
    assert chat.server.world.member("carol") not in chat.server.world.room("#dev").members


async def test_a_ban_keeps_no_owner_out_who_is_back_from_that_address(chat: Chat) -> None:
    ann, bob, _ = await dev(chat, "192.0.2.1", "192.0.2.2", "192.0.2.3")
    words = await words_of(ann)
    await ann.types("/ban bob")

    await bob.types(f"/resume {words}")

    assert chat.server.world.room("#dev").owner is chat.server.world.member("ann")


async def test_a_mute_of_an_address_holds_whom_somebody_there_takes_over(chat: Chat) -> None:
    ann, bob, carol = await dev(chat, "192.0.2.1", "192.0.2.2", "192.0.2.3")
    words = await words_of(carol)
    await ann.types("/mute bob")

    await bob.types(f"/resume {words}", "it is I")

    await bob.sees("-- you are muted in #dev")
    assert "it is I" not in ann.unseen()


async def test_who_is_back_where_nobody_is_banned_stays_in_the_room(chat: Chat) -> None:
    ann, _, carol = await dev(chat, "192.0.2.1", "192.0.2.2", "192.0.2.3")
    words = await words_of(carol)
    await ann.types("/ban bob", "/mute dave")
    await carol.vanishes()

    again = await resumed(chat, words, host="192.0.2.4")
    await again.types("it is I")

    await ann.sees("<carol> it is I")


# ------------------------------------------------------------ coming back


async def test_who_comes_back_has_their_rooms_and_preferences(chat: Chat) -> None:
    ann = await chat.join("ann")
    words = await words_of(ann)
    await ann.types("/join #dev", "/join #ops", "/room dev", "/quiet", "/ignore eve", "/away lunch")
    await ann.vanishes()
    before = chat.server.world.member("ann")

    again = await resumed(chat, words)

    await again.sees("-- you are ann again, in #dev; you are also in #lobby, #ops")
    after = chat.server.world.member("ann")
    assert after is before
    assert after.quiet
    assert after.ignores("eve")
    assert after.absence is not None
    bob = await chat.join("bob")
    await bob.types("/join #dev")
    await again.types("hello")
    await bob.sees("<ann> hello")


async def test_what_was_sent_of_late_is_shown_again_and_what_came_since_is_new(chat: Chat) -> None:
    bob = await chat.join("bob")
    await bob.types("long ago")
    await trio.sleep(200)
    ann = await chat.join("ann")
    words = await words_of(ann)
    await bob.types("before")
    await ann.types("mine")
    await ann.vanishes()
    await bob.types("after")

    again = await resumed(chat, words)

    lines = shown(again)
    assert lines[lines.index("-- you may have seen these --") : -1] == [
        "-- you may have seen these --",
        "<bob> before",
        "<ann> mine",
        "-- new since the connection broke --",
        "<bob> after",
        "-- now --",
    ]
    assert "<bob> long ago" not in lines


async def test_of_several_rooms_and_people_the_order_is_that_of_saying(chat: Chat) -> None:
    bob = await chat.join("bob")
    ann = await chat.join("ann")
    words = await words_of(ann)
    await ann.types("/join #dev")
    await bob.types("/join #dev")
    await ann.vanishes()

    await bob.types("1", "/room lobby", "2", "/msg ann 3", "/room dev", "4")
    again = await resumed(chat, words)

    lines = shown(again)
    new = lines[lines.index("-- new since the connection broke --") :]
    assert new[1:5] == ["<bob> 1", "#lobby <bob> 2", "bob -> you: 3", "<bob> 4"]


async def test_what_waited_in_the_outbox_is_new(chat: Chat) -> None:
    bob = await chat.join("bob")
    ann = await chat.join("ann", window=60)
    words = await words_of(ann)
    await ann.stops_reading()
    for number in range(6):
        await bob.types(f"line {number} {'x' * 20}")
    await ann.vanishes()

    again = await resumed(chat, words)

    lines = shown(again)
    at = lines.index("-- new since the connection broke --")
    assert [line[:12] for line in lines[at - 2 : at]] == ["<bob> line 0", "<bob> line 1"]
    assert [line[:12] for line in lines[at + 1 : at + 5]] == [
        f"<bob> line {number}" for number in range(2, 6)
    ]


async def test_what_was_begun_is_in_doubt_also_behind_what_had_to_wait_before(chat: Chat) -> None:
    bob = await chat.join("bob")
    await bob.types("/join #dev", *[f"line {number} {'x' * 20}" for number in range(3)])
    ann = await chat.join("ann", window=60)
    words = await words_of(ann)
    await ann.stops_reading()
    await ann.types("/join #dev")  # shows more than fits
    await ann.reads_on()
    await ann.stops_reading()
    for number in range(3, 9):
        await bob.types(f"line {number} {'x' * 20}")
    await ann.vanishes()

    again = await resumed(chat, words)

    lines = shown(again)
    at = lines.index("-- new since the connection broke --")
    assert [line[:12] for line in lines[at - 2 : at]] == ["<bob> line 3", "<bob> line 4"]


async def test_what_was_sent_long_after_it_was_said_is_shown_again(chat: Chat) -> None:
    bob = await chat.join("bob")
    ann = await chat.join("ann", window=10)
    words = await words_of(ann)
    await ann.stops_reading()
    await bob.types("slow one")
    for _ in range(4):  # a byte now and then, or she were cut
        await trio.sleep(50)
        await ann.reads(1)
    await ann.reads_on()
    await ann.sees("slow one")
    await ann.vanishes()

    again = await resumed(chat, words)

    lines = shown(again)
    assert "<bob> slow one" in lines[lines.index("-- you may have seen these --") :]


async def test_what_is_shown_on_coming_back_is_shown_again_if_that_breaks_too(chat: Chat) -> None:
    bob = await chat.join("bob")
    _, words = await lost(chat)
    await bob.types("once", "/msg ann alone")
    await trio.sleep(55)
    first = await resumed(chat, words)
    words = (await first.sees("-- if the connection breaks")).rpartition(" ")[2]
    await trio.sleep(100)
    await first.vanishes()

    second = await resumed(chat, words)

    lines = shown(second)
    assert lines[lines.index("-- you may have seen these --") + 1 :][:2] == [
        "<bob> once",
        "bob -> you: alone",
    ]


async def test_a_private_message_and_an_answer_of_late_are_shown_again(chat: Chat) -> None:
    bob, ann = await chat.join("bob"), await chat.join("ann")
    words = await words_of(ann)
    await bob.types("/msg ann psst")
    await ann.types("/timezone Oslo")
    await ann.vanishes()

    again = await resumed(chat, words)

    await again.sees("-- you may have seen these --")
    await again.sees("bob -> you: psst")
    await again.sees("-- times are in Europe/Oslo")


async def test_more_than_fits_is_skipped_and_can_be_had_by_missed(chat: Chat) -> None:
    bob = await chat.join("bob")
    _, words = await lost(chat)
    for number in range(100):
        await bob.types(f"{number} {'x' * 900}")
        await trio.sleep(0.5)

    again = await resumed(chat, words)
    lines = shown(again)
    new = [line for line in lines if line.startswith("<bob>")]
    skipped = next(line for line in lines if "skipped" in line)
    await again.types("/missed")
    await again.sees(f"-- {100 - len(new)} messages missed in #lobby --")
    rest = [line for line in shown(again) if line.startswith("<bob>")]

    assert skipped == f"-- {100 - len(new)} messages skipped in #lobby; /missed to read them"
    assert [int(line.split()[1]) for line in new + rest] == list(range(100))


async def test_what_the_room_keeps_no_more_is_counted(autojump_clock: MockClock) -> None:
    config = Config()
    config = attrs.evolve(config, rooms=attrs.evolve(config.rooms, history=5))
    async with open_chat(config) as chat:
        bob = await chat.join("bob")
        _, words = await lost(chat)
        await bob.types(*(str(number) for number in range(8)))
        await trio.sleep(5)

        ann = await resumed(chat, words)

        lines = shown(ann)
        assert [line for line in lines if line.startswith("<bob>")] == [
            f"<bob> {number}" for number in range(3, 8)
        ]
        assert "-- 3 messages skipped in #lobby; /missed to read the last 0" in lines


async def test_what_was_said_before_one_came_is_not_shown_again(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    words = await words_of(bob)
    await ann.types("/join #den", "a word among friends", "/private on", "a secret")
    await ann.types("/invite bob")
    await bob.types("/join #den")
    await ann.types("welcome")
    await bob.vanishes()

    again = await resumed(chat, words)

    await again.sees("-- you may have seen these --")
    assert [line for line in shown(again) if line.startswith("<ann>")] == ["<ann> welcome"]


async def test_an_answer_that_was_sent_is_not_new_though_nobody_has_spoken_since(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    words = await words_of(bob)
    await ann.types("/join #den", "/invite bob")
    await bob.vanishes()

    again = await resumed(chat, words)

    await again.sees("-- you may have seen these --")
    await again.sees("* ann invites you to #den")
    await again.sees("-- now --")


async def test_what_ignored_people_said_is_not_shown(chat: Chat) -> None:
    bob = await chat.join("bob")
    ann = await chat.join("ann")
    words = await words_of(ann)
    await ann.types("/ignore bob")
    await ann.vanishes()
    await bob.types("hello")

    again = await resumed(chat, words)

    assert "<bob> hello" not in shown(again)


async def test_a_command_of_one_who_is_lost_is_cancelled(autojump_clock: MockClock) -> None:
    ended = []

    async def forever() -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append(True)

    from trioserve import Context, command

    @command
    async def wait(ctx: Context) -> None:
        """Wait."""
        await forever()

    async with open_chat(functions=[wait]) as chat:
        ann = await chat.join("ann")
        await ann.types("/wait")

        await ann.vanishes()

        assert ended == [True]


# ---------------------------------------- taken over, and by one with a name


async def test_a_connection_that_seems_alive_is_taken_over(chat: Chat) -> None:
    bob, ann = await chat.join("bob"), await chat.join("ann")
    words = await words_of(ann)

    again = await resumed(chat, words)

    await again.sees("-- you are ann again, in #lobby")
    assert "-- you go on at another connection: goodbye" in await ann.sees_the_end()
    await again.types("here")
    assert await bob.sees("ann") is not None
    assert "<ann> here" in bob.transport.received.decode()
    assert "left" not in bob.transport.received.decode()
    assert "back" not in bob.transport.received.decode()


async def test_what_waits_at_a_connection_that_is_taken_over_may_have_been_seen(
    chat: Chat,
) -> None:
    bob = await chat.join("bob")
    ann = await chat.join("ann", window=60)
    words = await words_of(ann)
    await ann.stops_reading()
    for number in range(6):
        await bob.types(f"line {number} {'x' * 20}")

    again = await resumed(chat, words)
    await ann.reads_on()

    assert "<bob> line 5" in ann.transport.received.decode()
    lines = shown(again)
    assert "-- new since the connection broke --" not in lines
    at = lines.index("-- you may have seen these --")
    assert [line[:12] for line in lines[at + 1 : -2]] == [
        f"<bob> line {number}" for number in range(6)
    ]


async def test_a_line_in_a_filter_when_one_is_taken_over_is_told_of(
    autojump_clock: MockClock,
) -> None:
    @message_filter
    async def ponder(ctx: Context, text: str) -> None:
        await trio.sleep(10)

    async with open_chat(functions=[ponder]) as chat:
        ann = await chat.join("ann")
        words = await words_of(ann)
        await ann.types("hello")

        await resumed(chat, words)

        await ann.sees("-- your line is cancelled")
        await ann.sees("-- you go on at another connection: goodbye")


async def test_what_somebody_else_was_told_at_a_connection_is_not_shown_to_who_resumes_there(
    chat: Chat,
) -> None:
    await chat.join("bob")
    _, words = await lost(chat)
    carl = await chat.join("carl")
    await carl.types("/msg bob a secret", f"/resume {words}")
    words = (await carl.sees("-- if the connection breaks")).rpartition(" ")[2]

    ann = await resumed(chat, words)

    await ann.sees("-- you are ann again")
    assert "a secret" not in ann.unseen()


async def test_what_somebody_else_missed_at_a_connection_is_not_missed_by_who_resumes_there(
    autojump_clock: MockClock,
) -> None:
    limits = OutboxLimits(soft=200)
    async with open_chat(Config(outbox=limits, limits=SessionLimits(flood_control=False))) as chat:
        bob, ann = await chat.join("bob"), await chat.join("ann")
        words = await words_of(ann)
        carl = await chat.join("carl", window=64)
        await bob.types("/join #dev")
        await carl.types("/join #dev")
        await carl.stops_reading()
        for number in range(20):
            await bob.types(f"line {number}")
        await carl.reads_on()
        await carl.sees("messages skipped in #dev")

        await carl.types(f"/resume {words}")

        await carl.sees("-- you are ann again")
        carl.unseen()
        await carl.types("/missed")
        await carl.sees("-- you have missed nothing")


async def test_who_has_become_somebody_else_is_answered_as_they_read(chat: Chat) -> None:
    ann = await chat.join("ann")
    for line in ("/register", "correct horse", "correct horse"):
        await ann.types(line)
    await ann.sees("the name ann is yours")
    await ann.vanishes()
    program = await chat.join("program")
    await program.types("/format json")

    await program.types("/login ann")
    await program.types("correct horse")

    await program.sees("-- you are logged in as ann")


async def test_a_message_that_comes_when_the_connection_has_just_failed_is_kept(
    chat: Chat,
) -> None:
    ann = await chat.join("ann")
    words = await words_of(ann)
    friends = [await chat.join(f"friend{number}") for number in range(3)]

    ann.transport._broken = BrokenPipeError(errno.EPIPE, "Broken pipe")  # at the next write
    for number, friend in enumerate(friends):  # all in one turn of the broker's
        friend.transport.type(f"/msg ann number {number}\n".encode())
    await trio.testing.wait_all_tasks_blocked()

    again = await resumed(chat, words)

    told = [line for line in shown(again) if "-> you: number" in line]
    assert len(told) == 3


async def test_who_has_another_name_by_now_departs_under_that(chat: Chat) -> None:
    bob = await chat.join("bob")
    _, words = await lost(chat)
    second = await chat.join("ann2")

    await second.types(f"/resume {words}", "hello")

    await second.sees("-- you are ann again, in #lobby")
    await bob.sees("* ann2 left")
    await bob.sees("* ann is back")
    await bob.sees("<ann> hello")
    assert list(chat.server.world.members) == ["bob", "ann"]


async def test_who_took_a_member_over_leaves_as_that_member(chat: Chat) -> None:
    bob = await chat.join("bob")
    _, words = await lost(chat)
    second = await chat.join("ann2")
    await second.types(f"/resume {words}")

    await second.types("/quit")

    await bob.sees("* ann left")
    assert list(chat.server.world.members) == ["bob"]


async def test_a_departure_of_the_old_connection_ends_nobody(chat: Chat) -> None:
    ann = await chat.join("ann")
    words = await words_of(ann)
    second = chat.connect()

    second.transport.type(f"/resume {words}\n".encode())
    ann.transport.type(b"/quit\n")
    await trio.testing.wait_all_tasks_blocked()

    members = chat.server.world.members
    if "ann" in members:  # the words came first
        await second.sees("-- you are ann again")
    else:
        await second.sees("-- nobody who is here has these words")


@pytest.mark.parametrize("first", ["words", "reset"])
async def test_a_reset_and_the_words_at_once_leave_one_owner(chat: Chat, first: str) -> None:
    bob, ann = await chat.join("bob"), await chat.join("ann")
    words = await words_of(ann)
    second = chat.connect()
    await second.sees("Your name?")

    if first == "words":
        second.transport.type(f"/resume {words}\n".encode())
        ann.transport.break_off()
    else:
        ann.transport.break_off()
        second.transport.type(f"/resume {words}\n".encode())
    await trio.testing.wait_all_tasks_blocked()

    await second.types("hello")
    await bob.sees("<ann> hello")
    await trio.sleep(100)
    assert "ann" in chat.server.world.members


async def test_a_newcomer_who_is_lost_at_once_keeps_the_member_for_another_minute(
    chat: Chat,
) -> None:
    _, words = await lost(chat)
    second = chat.connect()
    await second.sees("Your name?")

    second.transport.type(f"/resume {words}\n".encode())
    second.transport.break_off()
    await trio.testing.wait_all_tasks_blocked()
    await trio.sleep(61)

    assert "ann" not in chat.server.world.members
    assert not chat.server.broker.resuming.lost


# --------------------------------------------------------------- the trail


def test_a_trail_of_private_messages_is_bounded_and_counts_what_it_drops() -> None:
    trail = Trail(window=125.0)

    for number in range(100):
        trail.add(Told(number + 1, "bob", "you", "x" * 1000), now=1.0)
    unread = trail.unread(200, 200, now=2.0)

    assert len(unread.events) == 30
    assert unread.dropped == 70


def test_a_trail_knows_what_was_not_sent_and_what_was_sent_late() -> None:
    trail = Trail(window=125.0)
    us = 1_000_000

    trail.wait(0, 10, 1000 * us)
    trail.wait(10, 20, 1001 * us)
    trail.wait(20, 30, 1002 * us)
    trail.sent(15, now=2000.0)
    unread = trail.unread(1003 * us, 2001 * us, now=2001.0)

    assert unread.since == 1000 * us
    assert unread.unsent == 1002 * us  # of the one before that a part was sent


def test_a_clock_that_was_set_back_hides_nothing() -> None:
    trail = Trail(window=125.0)

    unread = trail.unread(last_id=5_000_000_000, now_us=1_000_000_000, now=10.0)

    assert unread.since <= 5_000_000_000 - 125_000_000 + 1


async def test_where_nobody_is_kept_nobody_is_shown_words(autojump_clock: trio.abc.Clock) -> None:
    async with open_chat(Config(resume=ResumeLimits(keep=0.0))) as chat:
        ann = await chat.join("ann")
        await ann.sees_nothing()

        await ann.types("/resume")

        await ann.sees("-- who loses their connection here has left: there are no words")


def test_words_are_three_of_as_many_as_their_bits_are_worth() -> None:
    assert len(words()) == len(set(words())) == 2**BITS

    given = [new_phrase().split("-") for _ in range(100)]

    assert all(len(each) == WORDS and set(each) <= set(words()) for each in given)
    assert len({tuple(each) for each in given}) > 90


async def test_what_was_kept_for_who_read_too_slowly_is_shown_to_who_comes_back(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/join #dev")
    await bob.types("/join #dev")
    words = await words_of(bob)
    await bob.stops_reading()
    bob.transport.window = 0
    chat.server.world.member("bob").outlet.put_event(Noticed("a page"), b"-- a page\r\n" * 4000)
    await ann.types("/leave #dev")  # which makes it bob's, who is told so once he reads on

    await bob.vanishes()
    second = await resumed(chat, words)

    assert "* bob owns #dev now" in second.unseen()
