"""Being away: who is told, and what one sees of what came meanwhile."""

import json

from trioserve.testing import Chat

NEW = "-- new since you last looked --"


async def test_who_is_away_is_shown_so_and_says_why_on_a_line_of_its_own(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/away lunch")
    await ann.sees("-- you are away, until you say something")
    await bob.types("/who")

    await bob.sees("-- #lobby: ann (away), bob")
    await bob.sees("-- ann is away: lunch")


async def test_what_somebody_says_of_their_absence_passes_for_nothing_else(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/away x),  root\t\t(op\x1b[2J" + " " * 9 + "* bob left")
    await bob.types("/who")

    await bob.sees("-- ann is away: x), root (op[2J * bob left")


async def test_a_longer_word_about_it_is_refused(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/away " + "x" * 101, "/back")

    await ann.sees("-- that takes at most 100 characters")
    await ann.sees("-- you are not away")


async def test_whoever_says_a_line_is_back(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    for line in ("hi", "/me waves", "/msg bob psst", "/back"):
        await ann.types("/away", line)
        await ann.sees("-- you are back")
        await bob.types("/who")
        await bob.sees("-- #lobby: ann, bob")


async def test_a_command_does_not_bring_one_back(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/away", "/who")

    await ann.sees("ann (away)")


async def test_a_private_message_is_delivered_and_its_sender_told_once(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/away lunch")

    await bob.types("/msg ann one", "/msg ann two")
    await ann.sees("bob -> you: one")
    await ann.sees("bob -> you: two")
    await bob.sees("-- ann is away: lunch")
    await bob.sees("you -> ann: two")
    await bob.sees_nothing()
    await ann.types("/back", "/away")
    await bob.types("/msg ann three")

    assert await bob.sees("away") == "-- ann is away"


async def test_the_first_message_is_headed_by_a_line_once_and_for_oneself_alone(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await bob.types("before")
    await ann.types("/away")
    await ann.sees("you are away")

    await bob.types("one", "two")

    assert [line[-5:] for line in ann.unseen().splitlines()] == [NEW[-5:], "> one", "> two"]
    assert NEW not in bob.unseen()


async def test_a_private_message_is_headed_by_it_too(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/away")

    await bob.types("/msg ann one", "two")

    await ann.sees(NEW)
    await ann.sees("bob -> you: one")
    assert NEW not in await ann.sees("two")


async def test_what_one_would_not_see_is_no_news(chat: Chat) -> None:
    ann, bob, carol = [await chat.join(nick) for nick in ("ann", "bob", "carol")]
    await ann.types("/ignore bob", "/away")
    await ann.sees("you are away")

    await bob.types("/topic tea", "hi")
    await ann.sees("set the topic")
    await ann.sees_nothing()
    await carol.types("hi")

    await ann.sees(NEW)


async def test_a_room_that_one_enters_while_away_has_news_too(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await bob.types("/join dev")
    await ann.types("/away", "/join dev", "/leave lobby")

    await bob.types("hi")
    await ann.sees(NEW)
    await bob.types("hi")

    assert NEW not in await ann.sees("hi")


async def test_who_is_back_before_anything_came_is_shown_no_line(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/away", "/back")
    await bob.types("hi")

    assert NEW not in await ann.sees("hi")
    await ann.types("/away", "/leave")
    await ann.sees("you have left #lobby")


async def test_a_program_is_sent_the_line_as_an_object(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/format json", "/away")
    ann.unseen()

    await bob.types("hi")

    first, second = map(json.loads, ann.unseen().splitlines())
    assert first == {"kind": "divided", "text": "new since you last looked"}
    assert second["text"] == "hi"
