"""The commands that every server has."""

import json

import attrs
import pytest
import trio
from trio.testing import MockClock

from trioserve import Context, command
from trioserve.configuration.config import Config
from trioserve.testing import Chat, open_chat
from trioserve.wire.style import Screen

# --------------------------------------------------------------------- help


async def test_help_lists_every_command_to_the_one_who_asked(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/help")

    shown = ann.unseen()
    for name in (
        "help quit cancel nick me msg reply join leave room rooms who topic history missed "
        "ignore unignore quiet stats format"
    ).split():
        assert f"\r\n-- /{name}" in "\r\n" + shown
    await bob.sees_nothing()


async def test_help_fits_a_terminal_of_eighty_columns(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/help")

    assert max(len(line) for line in ann.unseen().splitlines()) <= 80


@pytest.mark.parametrize("width", [20, 40, 60, 200])
async def test_help_is_wrapped_once_at_the_window_s_width(chat: Chat, width: int) -> None:
    ann = await chat.join("ann", screen=Screen(width))

    await ann.types("/help")

    lines = ann.unseen().splitlines()
    assert {line[:3] for line in lines} == {"-- "}  # else a line was wrapped again
    assert max(len(line) for line in lines) < width


async def test_help_breaks_a_long_usage_between_two_choices(chat: Chat) -> None:
    ann = await chat.join("ann", screen=Screen(40))

    await ann.types("/help", "/help theme")

    for _ in range(2):
        assert await ann.sees("/theme") == "-- /theme [auto|default|mono|"
        assert await ann.sees("none]") == "--   high-contrast|none]"


@pytest.mark.parametrize("width", [0, 40])
async def test_help_has_no_columns_for_a_screen_reader(chat: Chat, width: int) -> None:
    ann = await chat.join("ann", screen=Screen(width))
    await ann.types("/screenreader on")
    ann.unseen()

    await ann.types("/help")

    shown = ann.unseen()
    assert "server: /away [text]: Say that you are away" in shown.replace("\r\n", "")
    assert "  " not in shown
    assert {line.partition(" ")[0] for line in shown.splitlines()} <= {"server:", ""}


async def test_help_tells_of_the_port_for_telnet() -> None:
    async with open_chat(telnet_port=4023) as chat:
        ann = await chat.join("ann")

        await ann.types("/help")

        await ann.sees("-- Port 4023 is for telnet: ")
        assert "/rich does that in telnet at any port." in ann.unseen().replace("\r\n-- ", " ")


async def test_help_without_a_port_for_telnet_tells_of_rich(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/help")

    await ann.sees("-- With /rich in telnet the line that you type is kept apart")


@pytest.mark.parametrize("typed", [None, "/format json", "/screenreader on"])
async def test_help_tells_of_no_port_for_who_needs_none(typed: str | None) -> None:
    async with open_chat(telnet_port=4023) as chat:
        ann = await chat.join("ann", screen=Screen(80, rich=True) if typed is None else None)
        if typed is not None:
            await ann.types(typed)

        await ann.types("/help")

        await ann.sees("What does not begin with /")
        assert "4023" not in ann.unseen()


@pytest.mark.parametrize("typed", ["/help msg", "/help /msg", "/help ms"])
async def test_help_for_a_command_shows_its_usage_and_what_it_does(chat: Chat, typed: str) -> None:
    ann = await chat.join("ann")

    await ann.types(typed)

    await ann.sees("-- /msg <nick> <text>")
    await ann.sees("-- Say something to one person alone.")


@pytest.mark.parametrize(("width", "most"), [(None, 79), (40, 39), (200, 199)])
async def test_help_for_a_command_fills_the_window_once(
    chat: Chat, width: int | None, most: int
) -> None:
    ann = await chat.join("ann", screen=Screen(width) if width else None)

    await ann.types("/help resume")

    lines = ann.unseen().splitlines()
    assert {line[:2] for line in lines} == {"--"}
    assert most - 20 < max(map(len, lines)) <= most


async def test_help_breaks_no_choice_at_its_hyphen(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/help theme")

    assert "high-\r\n" not in ann.unseen()


async def test_help_leaves_a_list_as_its_author_wrote_it() -> None:
    @command
    async def cook(ctx: Context) -> None:
        """Cook.

        There are
        - tea,
        - coffee.
        """

    async with open_chat(functions=[cook]) as chat:
        ann = await chat.join("ann")

        await ann.types("/help cook")

        assert ann.unseen().splitlines()[-3:] == ["-- There are", "-- - tea,", "-- - coffee."]


async def test_help_for_no_command_suggests_one(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/help mgs")

    await ann.sees("did you mean /msg?")


# --------------------------------------------------------------------- names


async def test_nick_changes_the_name_for_everyone_to_see(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/nick anna", "hello")

    await ann.sees("-- you are anna now")
    await bob.sees("* ann is now anna")
    await bob.sees("<anna> hello")


async def test_nick_may_change_the_case_of_one_s_own_name(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/nick ANN")

    await ann.sees("-- you are ANN now")


async def test_nick_refuses_a_taken_name_and_offers_a_free_one(chat: Chat) -> None:
    ann = await chat.join("ann")
    await chat.join("bob")

    await ann.types("/nick BOB")

    await ann.sees("-- the name BOB is taken; BOB2 is free")


async def test_nick_may_be_changed_five_times_within_twenty_seconds(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types(*(f"/nick ann{number}" for number in range(6)))

    await ann.sees("you are ann4 now")
    await ann.sees("-- you have changed your name often of late")
    await trio.sleep(4)
    await ann.types("/nick anna")
    await ann.sees("you are anna now")


# -------------------------------------------------------------------- talking


async def test_me_says_what_one_does_behind_a_prefix_that_nobody_can_forge(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/me joined #lobby")

    assert await bob.sees("ann") == "** ann joined #lobby"
    assert await ann.sees("ann") == "** ann joined #lobby"


async def test_msg_reaches_one_person_and_is_confirmed(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    carol = await chat.join("carol")
    carol.unseen()

    await ann.types("/msg bob got a minute?")

    assert (await bob.sees("minute")).endswith("ann -> you: got a minute?")
    assert (await ann.sees("minute")).endswith("you -> bob: got a minute?")
    await carol.sees_nothing()


async def test_msg_to_nobody_is_refused(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/msg bob hello")

    await ann.sees("-- there is no bob here")


async def test_reply_answers_whom_one_talked_to_last(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/msg bob hello")

    await bob.types("/reply hello yourself")

    await ann.sees("bob -> you: hello yourself")


async def test_reply_without_a_message_is_refused(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/reply hello")

    await ann.sees("-- you have exchanged no private message yet")


async def test_reply_never_reaches_another_who_has_taken_the_name(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await bob.types("/msg ann hello", "/quit")
    await bob.sees_the_end()
    other = await chat.join("bob")

    await ann.types("/reply the password is swordfish")

    await ann.sees("-- bob, whom you talked to, has left")
    await other.sees_nothing()


async def test_reply_follows_its_correspondent_to_another_name(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/msg bob hello", "/nick anna")

    await bob.types("/reply there you are")

    await ann.sees("bob -> you: there you are")


# ---------------------------------------------------------------------- rooms


@pytest.mark.parametrize("name", ["#dev", "dev", "#DEV"])
async def test_join_makes_a_room_or_enters_it_with_its_sign_or_without(
    chat: Chat, name: str
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/join #dev")
    await ann.sees("-- #dev: 1 here: ann")

    await bob.types(f"/join {name}")

    await bob.sees("-- #dev: 2 here: ann, bob")
    await ann.sees("* bob joined #dev")


async def test_what_happens_in_another_room_than_the_current_one_is_shown_with_its_name(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/join #dev")
    await bob.types("/join #dev", "/room lobby")
    ann.unseen()
    bob.unseen()

    await ann.types("merged", "/me dances", "/topic ship it")

    assert (await bob.sees("merged")).endswith("] #dev <ann> merged")
    await bob.sees("#dev ** ann dances")
    await bob.sees("* #dev ann set the topic: ship it")


async def test_what_one_says_goes_to_the_room_joined_last(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/join #dev")

    await ann.types("anybody here?")

    await bob.sees_nothing()


async def test_join_of_a_room_where_one_is_makes_it_the_current_one(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/join #dev")

    await ann.types("/join #Lobby", "back")

    await ann.sees("-- what you say goes to #lobby")
    await bob.sees("<ann> back")


async def test_nick_of_one_s_own_is_no_news(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/nick ann")

    await ann.sees("-- you are ann already")
    await bob.sees_nothing()


async def test_join_is_refused_beyond_twenty_rooms(autojump_clock: MockClock) -> None:
    config = Config()
    config = attrs.evolve(config, limits=attrs.evolve(config.limits, flood_control=False))
    async with open_chat(config) as chat:
        ann = await chat.join("ann")

        await ann.types(*(f"/join r{number}" for number in range(20)))

        await ann.sees("-- #r18: 1 here")
        await ann.sees("-- you are in 20 rooms, the most; /leave one first")


async def test_leave_goes_out_of_the_current_room_with_a_last_word(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/join #dev")
    await bob.types("/join #dev")

    await bob.types("/leave #dev got to go")

    await bob.sees("-- you have left #dev; you are in #lobby now")
    await ann.sees("* bob left #dev, saying: got to go")


async def test_leave_of_the_last_room_tells_how_to_enter_one(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/leave")
    await ann.sees("-- you have left #lobby; you are in no room now: /join one")
    await ann.types("hello?")

    await ann.sees("-- you are in no room: /join one; /rooms lists them")


async def test_leave_of_a_room_where_one_is_not_is_refused(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/leave #dev")

    await ann.sees("-- you are not in #dev")


async def test_room_switches_the_current_one(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/join #dev", "/room lobby", "back")

    await ann.sees("-- what you say goes to #lobby; you are also in #dev")
    await bob.sees("<ann> back")


async def test_rooms_lists_them_with_counts_and_topics_the_largest_first(chat: Chat) -> None:
    ann = await chat.join("ann")
    await chat.join("bob")
    await ann.types("/join #dev", "/topic release on Friday")
    ann.unseen()

    await ann.types("/rooms")

    await ann.sees("-- #lobby (2) Welcome!")
    await ann.sees("-- #dev (1) release on Friday")


async def test_a_room_vanishes_with_its_last_member(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types("/join #dev", "/leave")
    ann.unseen()

    await ann.types("/rooms")

    assert "#dev" not in ann.unseen()


async def test_who_tells_how_long_somebody_has_been_silent(chat: Chat) -> None:
    ann = await chat.join("ann")
    await trio.sleep(90 * 60)
    bob = await chat.join("bob")

    await bob.types("/who")

    await bob.sees("-- #lobby: ann (idle 1h 30m), bob")
    assert not ann.is_gone


async def test_who_of_another_room(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/join #dev")

    await bob.types("/who dev", "/who nowhere")

    await bob.sees("-- #dev: ann")
    await bob.sees("-- there is no room #nowhere")


async def test_who_shows_twenty_people_and_counts_the_others(chat: Chat) -> None:
    people = [await chat.join(f"p{number}") for number in range(23)]

    await people[0].types("/who")

    await people[0].sees("p19 and 3 others")


async def test_topic_is_shown_set_and_taken_away(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/topic", "/topic tea at five", "/topic", "/topic -", "/topic")

    await ann.sees("-- #lobby: Welcome!")
    assert await bob.sees("topic") == "* ann set the topic: tea at five"
    await ann.sees("-- #lobby: tea at five")
    assert await bob.sees("topic") == "* ann took the topic away"
    await ann.sees("-- #lobby: no topic")


async def test_topic_is_refused_when_it_is_too_long(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/topic " + "x" * 301)

    await ann.sees("-- a topic has at most 300 characters")


# -------------------------------------------------------------------- reading


async def test_history_shows_the_last_messages_of_the_current_room(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types("one", "/me does two", "three")

    await ann.types("/history 2")

    await ann.sees("-- last 2 messages in #lobby --")
    await ann.sees("** ann does two")
    await ann.sees("<ann> three")
    await ann.sees("-- now --")


async def test_history_of_a_room_where_nothing_was_said_says_so(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/history")

    await ann.sees("-- nothing has been said in #lobby yet")


async def test_history_of_nothing_is_refused(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/history 0")

    await ann.sees("-- at least 1 message")


async def test_history_keeps_the_last_two_hundred_messages(autojump_clock: MockClock) -> None:
    config = Config()
    config = attrs.evolve(config, limits=attrs.evolve(config.limits, flood_control=False))
    async with open_chat(config) as chat:
        ann = await chat.join("ann")
        await ann.types(*(f"line {number:03}." for number in range(210)))

        await ann.types("/history 1000")

        await ann.sees("-- last 200 messages in #lobby --")
        assert (await ann.sees("<ann>")).endswith("line 010.")


async def test_missed_has_nothing_for_who_has_read_everything(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/missed")

    await ann.sees("-- you have missed nothing")


async def test_ignore_hides_what_somebody_says_everywhere(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await bob.types("/ignore Ann")
    await bob.sees("-- you see no more of what Ann says; /unignore Ann ends that")

    await ann.types("hello", "/me waves", "/msg bob hello")

    await ann.sees("-- bob ignores you")
    await bob.sees_nothing()


async def test_nobody_ignores_themselves(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/ignore Ann", "/ignore")

    await ann.sees("-- that is yourself")
    await ann.sees("-- you ignore nobody")


async def test_ignore_follows_somebody_to_another_name(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await bob.types("/ignore ann")
    await ann.types("/nick anna")
    bob.unseen()

    await ann.types("hello")

    await bob.sees_nothing()


async def test_ignore_lists_whom_one_ignores_and_unignore_ends_it(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await bob.types("/ignore", "/ignore ann", "/ignore", "/unignore ann", "/unignore ann")

    await bob.sees("-- you ignore nobody")
    await bob.sees("-- you ignore ann")
    await bob.sees("-- you see what ann says again")
    await bob.sees("-- you do not ignore ann")
    await ann.types("hello")
    await bob.sees("<ann> hello")


async def test_quiet_hides_who_joins_and_leaves(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types("/quiet")
    ann.unseen()

    bob = await chat.join("bob")
    await bob.types("hello", "/quit")
    await ann.sees("<bob> hello")
    await ann.sees_nothing()

    await ann.types("/quiet off")
    await chat.join("carol")
    assert b"* carol joined #lobby" in ann.transport.received


async def test_quiet_is_on_or_off(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/quiet perhaps")

    await ann.sees('-- /quiet: expected on or off, got "perhaps"; usage: /quiet [on|off]')


async def test_format_json_shows_everything_as_one_object_a_line(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await bob.types("/format json")
    await bob.sees('{"kind":"notice","text":"the format is json now"}')

    await ann.types("hello", "/me waves", "/msg bob psst", "/topic tea")
    await bob.types("hi")
    await bob.types("/jion #dev")
    await ann.types("/quit")

    shown = [json.loads(line) for line in bob.unseen().splitlines()]
    assert [(each["kind"], each.get("nick"), each.get("text")) for each in shown] == [
        ("said", "ann", "hello"),
        ("acted", "ann", "waves"),
        ("told", "ann", "psst"),
        ("topic", "ann", None),
        ("said", "bob", "hi"),
        ("notice", None, "no command /jion: did you mean /join?"),
        ("departed", "ann", ""),
    ]


async def test_format_text_ends_json(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await bob.types("/format json", "/format text")

    await ann.types("hello")

    assert (await bob.sees("hello")).endswith("<ann> hello")


# ---------------------------------------------------------------- the server


async def test_stats_counts_people_rooms_messages_and_who_was_cut(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await bob.types("one", "two", "/join #dev", "three")
    await trio.sleep(3600)
    bob.transport.break_off()
    await trio.sleep(61)
    ann.unseen()

    await ann.types("/stats")

    await ann.sees("-- up 1h 1m, 1 person in 1 room, 2 connections so far")
    await ann.sees("-- 3 messages, 0 skipped for slow readers")
    await ann.sees("-- connections cut: 1 connection lost")


async def test_cancel_has_nothing_to_end_when_nothing_runs(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/cancel")

    await ann.sees("-- nothing is running; /quit to leave")
