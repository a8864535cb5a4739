"""Commands by name: how what was typed finds the one it means."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar

from trioserve.errors import ChatError
from trioserve.extending.declarations import Command, where
from trioserve.extending.decorators import Group

Entry = Command | Group
E = TypeVar("E", Command, Entry)

ALIKE: Final = 0.65  # as difflib has it: from there on a word is taken for another, misspelt


class Registry:
    """The commands of one server, by name, alias and group. It never changes."""

    def __init__(self, commands: Iterable[Command] = ()) -> None:
        """Take in commands.

        Raises:
            TypeError: if two want one name; the message names both.
        """
        self._entries: dict[str, Entry] = {}  # by what is typed behind the slash
        self._members: dict[Group, dict[str, Command]] = {}  # of groups, by their second word
        for command in commands:
            if (group := command.group) is not None:
                if (other := self._entries.setdefault(group.name, group)) is not group:
                    raise self._taken(command, group.name, other)
                self._add(self._members.setdefault(group, {}), command)
            else:
                self._add(self._entries, command)

    def __iter__(self) -> Iterator[Command]:
        """All commands in the order of their names, each once."""
        singles = [each for each in self._entries.values() if isinstance(each, Command)]
        members = [each for group in self._members.values() for each in group.values()]
        return iter(sorted(dict.fromkeys([*singles, *members]), key=lambda each: each.name))

    def find(self, line: str) -> tuple[Command, str]:
        """The command that a line without its slash means, and what is left of the line.

        A name may be abbreviated, as long as only one begins so.

        Raises:
            ChatError: if there is none or more than one; the message suggests some.
        """
        word, rest = split_word(line)
        found = _named(self._entries, word, "/")
        if isinstance(found, Command):
            return found, rest
        word, rest = split_word(rest)
        members = self._members[found]
        if not word:
            raise ChatError(f"/{found.name} is followed by one of {', '.join(members)}")
        return _named(members, word, f"/{found.name} "), rest

    def match(self, line: str) -> Command | None:
        """The command that `find` would find, or None: without the cost of suggesting others."""
        word, rest = split_word(line)
        found = _unique(self._entries, word.lower())
        if isinstance(found, Group):
            return _unique(self._members[found], split_word(rest)[0].lower())
        return found

    def resembles_secret(self, line: str) -> bool:
        """Whether a line without its slash is for a command that asks for a secret.

        Also if that is misspelt: what stands behind it may be the secret, and so may what is
        typed next.
        """
        if (command := self.match(line)) is not None:
            return command.secret
        word = split_word(line)[0].lower()
        if not (nearest := difflib.get_close_matches(word, self._entries, n=1, cutoff=ALIKE)):
            return False
        entry = self._entries[nearest[0]]
        meant = [entry] if isinstance(entry, Command) else self._members[entry].values()
        return any(each.secret for each in meant)

    def describe(self, line: str) -> list[Command]:
        """The command that a line without its slash means, or all of a group.

        Raises ChatError as `find` does.
        """
        word, rest = split_word(line)
        found = _named(self._entries, word, "/")
        if isinstance(found, Group) and not rest:
            return list(dict.fromkeys(self._members[found].values()))
        return [self.find(line)[0]]

    def _add(self, entries: dict[str, E], command: Command) -> None:
        for name in (command.word, *command.aliases):
            if (other := entries.get(name)) is not None:
                raise self._taken(command, name, other)
            entries[name] = command

    def _taken(self, command: Command, name: str, other: Entry) -> TypeError:
        if isinstance(other, Group):
            other = next(iter(self._members[other].values()))
        there = where(other.function)
        return TypeError(f"{where(command.function)}: there is a /{name} already, {there}")


def split_word(text: str) -> tuple[str, str]:
    """The first word of a text, and what comes behind it."""
    word, *rest = text.split(maxsplit=1) or [""]
    return word, rest[0] if rest else ""


def _named(entries: Mapping[str, E], word: str, prefix: str) -> E:
    """The entry of this name, or the only one whose name begins so; raises ChatError."""
    word = word.lower()
    if (found := _unique(entries, word)) is not None:
        return found
    if matches := [name for name in entries if word and name.startswith(word)]:
        raise ChatError(f"{prefix}{word} could be {_choice(sorted(matches), prefix)}")
    similar = difflib.get_close_matches(word, entries, n=3, cutoff=ALIKE)
    hint = f"did you mean {_choice(similar, prefix)}?" if similar else "/help lists them"
    raise ChatError(f"no command {prefix}{word}: {hint}")


def _unique(entries: Mapping[str, E], word: str) -> E | None:
    """The entry of this name, or the only one whose name begins so; a small letter each."""
    if (exact := entries.get(word)) is not None:
        return exact
    # A name and an alias of one command may begin alike.
    matches = {entry for name, entry in entries.items() if word and name.startswith(word)}
    return matches.pop() if len(matches) == 1 else None


def _choice(names: list[str], prefix: str) -> str:
    return " or ".join(f"{prefix}{name}" for name in names)
