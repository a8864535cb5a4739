"""What a word that is being typed can become: a command, a room, a nick."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from trioserve.extending.declarations import Command
from trioserve.names import fold
from trioserve.rooms.member import Member
from trioserve.state.sights import lists
from trioserve.state.world import World
from trioserve.wire.happenings import CompletionWanted

MOST: Final = 40  # people who are offered where no letter of them is typed


def completions(
    wanted: CompletionWanted, member: Member, world: World, commands: Iterable[Command]
) -> list[str]:
    """Everything that the word can become, the likeliest first, each with what follows it."""
    word, before = fold(wanted.word), wanted.before.split()
    if wanted.at_start and word.startswith("/"):
        return [f"/{name} " for name in _firsts(commands) if name.startswith(word[1:])]
    if len(before) == 1 and before[0].startswith("/"):
        seconds = list(_seconds(before[0][1:], commands))
        if seconds:
            return [f"{name} " for name in seconds if name.startswith(word)]
    if word.startswith("#"):
        return [f"{name} " for name in _rooms(member, world) if fold(name).startswith(word)]
    if wanted.at_start and not word:
        return []
    end = ": " if wanted.at_start else " "
    return [f"{nick}{end}" for nick in _nicks(member, world, word)]


def _firsts(commands: Iterable[Command]) -> Iterator[str]:
    """The first words of commands, each once."""
    shown = (each for each in commands if not each.hidden)
    yield from dict.fromkeys(each.word if each.group is None else each.group.name for each in shown)


def _seconds(first: str, commands: Iterable[Command]) -> Iterator[str]:
    """The second words of the commands of a group; for /help, all commands."""
    if first == "help":
        yield from _firsts(commands)
        return
    for each in commands:
        if each.group is not None and each.group.name == first and not each.hidden:
            yield each.word


def _rooms(member: Member, world: World) -> Iterator[str]:
    """The rooms, the member's own first."""
    own = [room.name for room in member.rooms.values()]
    others = [room.name for room in world.rooms.values() if lists(room, member)]
    yield from dict.fromkeys([*own, *others])


def _nicks(member: Member, world: World, word: str) -> Iterator[str]:
    """The nicks of others that begin so: who spoke last in the room, who is in it, who elsewhere.

    With a letter it takes 0.1 µs for each person there is; without one it offers a few.
    """
    room = member.room
    folded = [each for each in world.members if each.startswith(word)] if word else []
    found = {world.members[each]: None for each in folded}
    spoke = [world.members.get(fold(each.nick)) for each in reversed(room.history)] if room else []
    there = room.members if room is not None else {}
    likely = [each for each in spoke if each is not None and (not word or each in found)]
    here = islice(there, MOST) if not word else (each for each in found if each in there)
    for each in dict.fromkeys([*likely, *here, *found]):
        if each is not member:
            yield each.nick
