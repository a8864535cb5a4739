"""A bot that asks questions in #quiz, and counts who knows the answers."""

import itertools
from collections import Counter

import trio

from trioserve import Bot, Host, service
from trioserve.messages import Joined, Said

PATIENCE = 30.0  # seconds before the answer is told
QUESTIONS = (
    ("Which port has telnet, if you name none?", "23"),
    ("In which year was RFC 854 written?", "1983"),
    ("What does TCP send to say that no more will come?", "fin"),
)


@service
async def quiz(host: Host) -> None:
    points = host.store.server.setdefault("points", Counter())  # outlives a /reload
    async with host.member("quizzer", "#quiz") as bot:
        for question, answer in itertools.cycle(QUESTIONS):
            await _company(bot)
            await bot.say(question)
            winner = await _first_who_knows(bot, answer)
            if winner is None:
                await bot.say(f"Nobody knew: {answer}")
            else:
                points[winner] += 1
                await bot.say(f"{winner} knew it, and has {points[winner]} by now")


async def _company(bot: Bot) -> None:
    """Wait until somebody comes or says something: nobody is asked in an empty room."""
    async for event in bot:
        if isinstance(event, Joined | Said):
            return


async def _first_who_knows(bot: Bot, answer: str) -> str | None:
    with trio.move_on_after(PATIENCE):
        async for event in bot:
            if isinstance(event, Said) and event.text.strip().lower() == answer:
                return event.nick
    return None
