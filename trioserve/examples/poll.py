"""Polls: ask the room, and count what it answers."""

from collections import Counter
from contextlib import suppress
from datetime import timedelta

import attrs
import trio

from trioserve import ChatError, Context, Group, Host, Member, Room

LONGEST = timedelta(days=7)

poll = Group("poll", "Ask the room, and count what it answers.")


@attrs.define
class Poll:
    """One question that a room is asked."""

    question: str
    choices: tuple[str, ...]
    votes: dict[Member, str] = attrs.field(factory=dict)  # who takes another name has one still

    @property
    def result(self) -> str:
        counts = Counter(self.votes.values())
        return ", ".join(f"{choice}: {counts[choice]}" for choice in self.choices)


@poll.command
async def new(ctx: Context, question: str, lasting: timedelta, *choices: str) -> None:
    """Ask the room: /poll new "Tea or coffee?" 10m tea coffee.

    The poll closes by itself when its time is over, whoever is still there.
    """
    if lasting > LONGEST:
        raise ChatError(f"a poll lasts {LONGEST.days} days at most")
    words = [(await ctx.passed(each)).lower() for each in choices or ("yes", "no")]
    asked = Poll(await ctx.passed(question), tuple(dict.fromkeys(words)))
    # From here on nothing waits, so nobody else can begin one meanwhile.
    kept = ctx.store.of_room(ctx.room)
    if "poll" in kept:
        raise ChatError(f"there is a poll already: {kept['poll'].question}")
    ctx.background(_hold, ctx.host, ctx.room, ctx.nick, asked, lasting)
    kept["poll"] = asked


@poll.command
def vote(ctx: Context, choice: str) -> None:
    """Answer the poll of the room; the last answer counts."""
    asked = ctx.store.of_room(ctx.room).get("poll")
    if asked is None:
        raise ChatError("there is no poll here; /poll new begins one")
    if choice.lower() not in asked.choices:
        raise ChatError(f"the choices are {', '.join(asked.choices)}")
    asked.votes[ctx.member] = choice.lower()
    ctx.reply(f"you have voted for {choice.lower()}; {asked.result}")


async def _hold(host: Host, room: Room, nick: str, asked: Poll, lasting: timedelta) -> None:
    """Ask, wait, and tell the result: in the background, for whoever asks may leave."""
    choices = "|".join(asked.choices)
    with suppress(ChatError):  # the last one has left the room, and nobody is there to be told
        await host.announce(
            room, f"{nick} asks, for {lasting}: {asked.question} /poll vote {choices}"
        )
        await trio.sleep(lasting.total_seconds())
        del host.store.of_room(room)["poll"]
        await host.announce(room, f"{asked.question} {asked.result}")
