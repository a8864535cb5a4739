"""People who come back: by the words that they were shown, or to a name that is theirs."""

from typing import TYPE_CHECKING, Final

import trio.testing

from tests.sim.chronicle import Wrong
from tests.sim.stays import Stay

if TYPE_CHECKING:
    from tests.sim.people import People

PASSWORD: Final = "correct horse"  # of every name
FAILED: Final = "that failed on the server"


async def resumes(people: "People", _: Stay) -> None:
    """Come by the words of somebody whose connection broke, or only seems alive."""
    chance = people.chance
    old = _one_to_resume(people)
    if old is None:
        return
    words = old.words if chance.random() < 0.9 else "able-baker-c9999"
    stay = await people.connects()
    enters_first = chance.random() < 0.3
    if enters_first:
        stay.types(stay.nick)
    await trio.testing.wait_all_tasks_blocked()
    has_handed_over = old.is_here and not old.wire.untaken
    is_right = words in people.chat.server.broker.resuming._by_words
    stay.types(f"/resume {words}")
    await trio.testing.wait_all_tasks_blocked()
    is_back = "you are " in stay.screen
    if is_back:
        people.done["are back"] += 1
        old.is_taken_over = has_handed_over
    elif not enters_first:
        stay.types(stay.nick)
    if is_back != is_right and FAILED not in stay.screen and stay.is_here:
        people.wrongs.append(Wrong(f"p{stay.number} types {words}, and is back: {is_back}"))


def _one_to_resume(people: "People") -> Stay | None:
    lost = [each for each in people.stays if not each.is_here and each.words][-5:]
    others = [each for each in people.stays if each.is_here and each.words]
    some = lost if lost and people.chance.random() < 0.8 else others
    return people.chance.choice(some) if some else None


async def registers(people: "People", stay: Stay) -> None:
    """Keep one's name."""
    name = people.nick_of(stay)
    if await _asked(stay, "/register", "New password: ") and await _asked(
        stay, PASSWORD, "The same again: "
    ):
        stay.types(PASSWORD)
        await trio.testing.wait_all_tasks_blocked()
        people.accounts.append(name)  # as far as they know: the store may be stuck


async def logs_in(people: "People", stay: Stay) -> None:
    """Show that a name is one's own, at this connection or at another one."""
    if not people.accounts:
        return
    chance = people.chance
    name = chance.choice(people.accounts)
    if chance.random() < 0.5:
        stay = await people.comes()
    if await _asked(stay, f"/login {name}", "Password of "):
        is_right = chance.random() < 0.8
        shown = len(stay.screen)
        stay.types(PASSWORD if is_right else "wrong horse")
        await trio.testing.wait_all_tasks_blocked()
        is_in = "you are logged in as " in stay.screen[shown:]
        people.done["are logged in"] += is_in
        if is_in and not is_right:
            people.wrongs.append(Wrong(f"p{stay.number} logs in by a wrong password"))


async def _asked(stay: Stay, types: str, question: str) -> bool:
    """Type something; whether it is answered by a question."""
    shown = len(stay.screen)
    stay.types(types)
    await trio.testing.wait_all_tasks_blocked()
    return question in stay.screen[shown:]
