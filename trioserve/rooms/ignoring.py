"""Who ignores whom, by nick, and under which other nicks those who are ignored go on."""

from typing import Final

import attrs

from trioserve.errors import ChatError
from trioserve.names import fold
from trioserve.rooms.member import Member

MAX_IGNORED: Final = 100  # nicks on one member's list, and as many again that are followed


@attrs.define(eq=False)
class Ignoring:
    """The lists of whom members ignore, and the same the other way round.

    A member is in ``ignorers[fold(nick)]`` exactly if it ignores that nick.
    """

    ignorers: dict[str, dict[Member, None]]  # by folded nick

    def ignore(self, member: Member, nick: str) -> None:
        """Put a nick on the member's list; raises ChatError if that is full, or it is their own."""
        folded, ignored = fold(nick), member.ignored or {}
        if folded == fold(member.nick):
            raise ChatError("that is yourself")
        if len(ignored) >= MAX_IGNORED and folded not in ignored:
            raise ChatError(f"you ignore {MAX_IGNORED} people, the most; /unignore one first")
        if member.followed is not None:
            member.followed.pop(folded, None)
        member.ignored = {**ignored, folded: nick}
        self.ignorers.setdefault(folded, {})[member] = None

    def unignore(self, member: Member, nick: str) -> None:
        """Let the member hear a nick again, and under which others it was followed."""
        folded = fold(nick)
        if not member.ignores(nick):
            raise ChatError(f"you do not ignore {nick}")
        followed = member.followed or {}
        for other in [folded, *(new for new, chosen in followed.items() if chosen == folded)]:
            self._hear(member, other)

    def follow(self, old: str, new: str) -> None:
        """Let whoever ignores one folded nick ignore another one that its owner takes."""
        for ignorer in list(self.ignorers.get(old, ())):
            ignored, followed = ignorer.ignored or {}, ignorer.followed or {}
            chosen = old if old in ignored else followed[old]
            if chosen != old:
                self._hear(ignorer, old)
            if new not in ignored and len(followed) < MAX_IGNORED:
                ignorer.followed = {**followed, new: chosen}
                self.ignorers.setdefault(new, {})[ignorer] = None

    def hear_all(self, member: Member) -> None:
        """Let the member ignore nobody any more: it departs."""
        for folded in [*(member.ignored or ()), *(member.followed or ())]:
            self._hear(member, folded)

    def unfollow(self, folded: str) -> None:
        """Follow a nick no more whose owner departs: whoever has it later is somebody else."""
        for ignorer in list(self.ignorers.get(folded, ())):
            if ignorer.followed is not None and folded in ignorer.followed:
                self._hear(ignorer, folded)

    def _hear(self, member: Member, folded: str) -> None:
        """Let the member ignore a folded nick no more."""
        for ignored in (member.ignored, member.followed):
            if ignored is not None:
                ignored.pop(folded, None)
        member.ignored = member.ignored or None
        member.followed = member.followed or None
        ignorers = self.ignorers[folded]
        del ignorers[member]
        if not ignorers:
            del self.ignorers[folded]
