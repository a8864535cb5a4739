"""The examples, each as a plug-in of a server."""

import pytest
import trio

from trioserve.testing import Chat

EXAMPLES = "trioserve.examples"


def load(chat: Chat, name: str) -> None:
    chat.load(f"{EXAMPLES}.{name}")


# --------------------------------------------------------------------- dice


async def test_a_die_is_rolled_for_the_room_to_see(chat: Chat) -> None:
    load(chat, "dice")
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/roll 1")

    await bob.sees("* ann rolled 1 of 1")


@pytest.mark.parametrize("sides", [0, -6])
async def test_a_die_has_sides(chat: Chat, sides: int) -> None:
    load(chat, "dice")
    ann = await chat.join("ann")

    await ann.types(f"/roll {sides}")

    await ann.sees("-- a die has at least one side")


async def test_a_coin_is_flipped(chat: Chat) -> None:
    load(chat, "dice")
    ann = await chat.join("ann")

    await ann.types("/coin")

    assert (await ann.sees("* ann flipped ")).split()[-1] in ("heads", "tails")


# --------------------------------------------------------------------- poll


async def test_a_poll_closes_by_itself_after_its_author_has_left(chat: Chat) -> None:
    load(chat, "poll")
    ann, bob = await chat.join("ann"), await chat.join("bob")
    began = trio.current_time()

    await ann.types('/poll new "Tea or coffee?" 3d tea coffee', "/quit")
    await bob.sees("* ann asks, for 3 days, 0:00:00: Tea or coffee? /poll vote tea|coffee")
    await bob.types("/poll vote tea", "/poll vote Coffee")
    await bob.sees("-- you have voted for coffee; tea: 0, coffee: 1")
    bob.unseen()
    await trio.sleep(3 * 24 * 3600)

    await bob.sees("* Tea or coffee? tea: 0, coffee: 1")
    assert trio.current_time() - began == pytest.approx(3 * 24 * 3600)


async def test_a_poll_may_go_down_with_its_room(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    load(chat, "poll")
    ann = await chat.join("ann")
    await ann.types("/join den", "/poll new Tea? 10m", "/leave", "/join den")
    await trio.sleep(600)
    ann.unseen()

    await ann.types("/poll vote yes")

    await ann.sees("-- there is no poll here; /poll new begins one")
    assert chat.server.plugins.named("poll").errors == 0
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


async def test_a_room_has_one_poll_at_a_time(chat: Chat) -> None:
    load(chat, "poll")
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/poll new Tea? 10m")

    await bob.types("/poll new Coffee? 10m")
    await bob.sees("-- there is a poll already: Tea?")
    await trio.sleep(600)
    await bob.types("/poll new Coffee? 10m")

    await bob.sees("* bob asks, for 0:10:00: Coffee? /poll vote yes|no")


async def test_who_takes_another_name_has_one_vote_still(chat: Chat) -> None:
    load(chat, "poll")
    ann = await chat.join("ann")

    await ann.types("/poll new Tea? 10m", "/poll vote yes", "/nick anna", "/poll vote no")

    await ann.sees("-- you have voted for no; yes: 0, no: 1")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/poll vote maybe", "the choices are yes, no"),
        ("/poll new Tea? 8d", "a poll lasts 7 days at most"),
        ("/poll", "/poll is followed by one of new, vote"),
    ],
)
async def test_a_mistake_about_a_poll_is_told(chat: Chat, typed: str, told: str) -> None:
    load(chat, "poll")
    ann = await chat.join("ann")
    await ann.types("/poll new Tea? 10m")

    await ann.types(typed)

    await ann.sees(f"-- {told}")


async def test_what_a_poll_asks_passes_the_filters(chat: Chat) -> None:
    load(chat, "poll")
    load(chat, "words")
    ann = await chat.join("ann")

    await ann.types('/poll new "https://casino?" 10m', "/poll new Darn? 10m heck no")

    await ann.sees("-- not sent: no casinos here, please")
    await ann.sees("* ann asks, for 0:10:00: ****? /poll vote ****|no")


# --------------------------------------------------------------------- quiz


async def test_the_quiz_asks_whoever_comes_and_counts_who_knows(chat: Chat) -> None:
    load(chat, "quiz")
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/join quiz")
    await ann.sees("<quizzer> Which port has telnet, if you name none?")
    await bob.types("/join quiz", "21")
    await ann.types("23")

    await bob.sees("<quizzer> ann knew it, and has 1 by now")


async def test_what_nobody_knows_is_told_and_nobody_is_asked_in_an_empty_room(chat: Chat) -> None:
    load(chat, "quiz")
    ann = await chat.join("ann")
    await ann.types("/join quiz")
    await ann.sees("<quizzer> Which port")

    await trio.sleep(30)
    await ann.sees("<quizzer> Nobody knew: 23")
    await trio.sleep(3600)
    await ann.sees_nothing()
    await ann.types("more!")

    await ann.sees("<quizzer> In which year was RFC 854 written?")


async def test_points_outlive_a_reload(chat: Chat) -> None:
    load(chat, "quiz")
    op = await chat.join("op", operator=True)
    await op.types("/join quiz")
    await op.types("23")

    await op.types("/reload quiz")
    await op.sees("* quizzer joined #quiz")
    await op.types("next?")
    await op.types("23")

    await op.sees("<quizzer> op knew it, and has 2 by now")


# -------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("oh darn", "<ann> oh ****"),
        ("DARN heck", "<ann> **** ****"),
        ("darning", "<ann> darning"),
        ("/me says heck", "** ann says ****"),
        ("/msg bob heck", "ann -> you: ****"),
        ("/topic darn", "****"),
    ],
)
async def test_mild_words_are_starred_out(chat: Chat, typed: str, seen: str) -> None:
    load(chat, "words")
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types(typed)

    await bob.sees(seen)


async def test_spam_is_refused(chat: Chat) -> None:
    load(chat, "words")
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("go to https://a.casino.example")

    await ann.sees("-- not sent: no casinos here, please")
    await bob.sees_nothing()


# ------------------------------------------------------------------- remind


async def test_one_is_reminded_when_it_is_time(chat: Chat) -> None:
    load(chat, "remind")
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/remind 3d the tea is ready")
    await ann.sees("-- in 3 days, 0:00:00 you will be reminded, if you are still here")
    await trio.sleep(3 * 24 * 3600 - 1)
    await ann.sees_nothing()
    await trio.sleep(1)

    await ann.sees("-- reminder: the tea is ready")
    await bob.sees_nothing()


async def test_a_long_reminder_is_wrapped(chat: Chat) -> None:
    load(chat, "remind")
    ann = await chat.join("ann")

    await ann.types(f"/remind 10m {'tea ' * 100}")
    ann.unseen()
    await trio.sleep(601)

    lines = ann.unseen().splitlines()
    assert len(lines) > 4
    assert max(map(len, lines)) <= 79


@pytest.mark.parametrize("goes", ["/quit", "vanishes"])
async def test_who_has_left_is_not_reminded_and_nothing_crashes(
    chat: Chat, caplog: pytest.LogCaptureFixture, goes: str
) -> None:
    load(chat, "remind")
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/remind 10m tea")

    if goes == "vanishes":
        await ann.vanishes()
    else:
        await ann.types(goes)
    await trio.sleep(600)
    await bob.types("/remind 10m tea")
    await trio.sleep(600)

    await bob.sees("-- reminder: tea")
    assert chat.server.plugins.named("remind").errors == 0
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


async def test_one_person_waits_for_few_reminders_at_a_time(chat: Chat) -> None:
    load(chat, "remind")
    ann = await chat.join("ann")
    for _ in range(10):
        await ann.types("/remind 10m tea")
        await trio.sleep(1)
    ann.unseen()

    await ann.types("/remind 10m tea")
    await ann.sees("-- you wait for 10 reminders already, the most")
    await trio.sleep(600)
    ann.unseen()
    await ann.types("/remind 10m tea")

    await ann.sees("-- in 0:10:00 you will be reminded")


async def test_a_reminder_is_for_this_week(chat: Chat) -> None:
    load(chat, "remind")
    ann = await chat.join("ann")

    await ann.types("/remind 8d tea")

    await ann.sees("-- that is more than 7 days ahead")
