"""Deliberate bugs, one at a time, each of which the simulator must catch: ``scripts/mutations``."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs

ROOT: Final = Path(__file__).parent.parent.parent
SEEDS: Final = 100  # within which each is caught
PATIENCE: Final = 900.0  # seconds for one; for a loaded machine, not for the simulator


@attrs.frozen
class Mutant:
    """One wrong line: what it breaks, and the text in the server's code that it replaces."""

    name: str
    file: str  # below trioserve/
    right: str
    wrong: str


MUTANTS: Final = (
    Mutant(
        "a room's messages go out in another order",
        "broker/fanout.py",
        'if not (data := b"".join(parts)):',
        'if not (data := b"".join(reversed(parts))):',
    ),
    Mutant(
        "the cleanup jumps the queue of what was said",
        "sessions/session.py",
        "await self._services.broker.call(member, request)",
        "self._services.broker._handlers.obey(member, request)",
    ),
    Mutant(
        "the soft bound is ignored",
        "outbox.py",
        "return self._skipping is not None or self.is_full",
        "return False",
    ),
    Mutant(
        "what is skipped is miscounted",
        "outbox.py",
        "self._skipping.get(piece.room, 0) + len(ids)",
        "self._skipping.get(piece.room, 0) + 1",
    ),
    Mutant(
        "what is skipped is not told of",
        "outbox.py",
        "                if count:\n",
        "                if count > 10:\n",
    ),
    Mutant(
        "who joins is shown what was said before",
        "broker/membership.py",
        "        room.add_latecomer(member)\n",
        "        pass\n",
    ),
    Mutant(
        "who leaves is not shown what was said before",
        "broker/membership.py",
        "        self.fanout.flush_rooms(member.rooms.values())\n"
        "        owner = room.owner\n"
        "        self.standing.settle([room])\n"
        "        self.world.leave(member, room)\n",
        "        owner = room.owner\n"
        "        self.world.leave(member, room)\n"
        "        self.fanout.flush_rooms(member.rooms.values())\n",
    ),
    Mutant(
        "a drain stops before all is written",
        "outbox.py",
        "        while self.size:\n            with trio.move_on_after(self.drains.limits.stall)",
        "        if self.size:\n            with trio.move_on_after(self.drains.limits.stall)",
    ),
    Mutant(
        "an id is given twice",
        "broker/speech.py",
        "max(world.last_id + 1, self.now_ns() // 1000)",
        "max(world.last_id, self.now_ns() // 1000)",
    ),
    Mutant(
        "a departure is forgotten",
        "broker/membership.py",
        "        self.standing.settle(owners)\n        self.world.depart(member)\n",
        "",
    ),
    Mutant(
        "a nick is not freed",
        "state/world.py",
        "            del self.members[folded], self.numbered[member.number]\n",
        "            del self.numbered[member.number]\n",
    ),
    Mutant(
        "an empty room is kept",
        "rooms/roomkeeping.py",
        "(room.rules is None or not len(room.rules.bans)):\n            self._remove(room)\n",
        "(room.rules is None or not len(room.rules.bans)):\n",
    ),
    Mutant(
        "a nick is had by two",
        "state/world.py",
        "        if (member := self.members.get(fold(nick))) is not None:\n            free",
        "        if (member := None) is not None:\n            free",
    ),
    Mutant(
        "a mute is ignored",
        "broker/standing.py",
        "            raise ChatError(muted(room, mute, now, member))\n        if rules.pause",
        "            pass\n        if rules.pause",
    ),
    Mutant(
        "a ban is ignored",
        "broker/standing.py",
        "        if (ban := rules.bans.holding(member.identity, now)) is not None:\n"
        '            raise ChatError(f"you are banned from {room.name}'
        '{terms(ban, now, member)}")\n'
        "        if rules.private",
        "        if rules.private",
    ),
    Mutant(
        "a private room is open to all",
        "broker/standing.py",
        "if rules.private and not rules.lets_in(member.identity, member.account, now):",
        "if False:",
    ),
    Mutant(
        "who is ignored is heard",
        "broker/fanout.py",
        'apart.setdefault(member, {}).update(dict.fromkeys(indexes, b""))',
        "apart.setdefault(member, {})",
    ),
    Mutant(
        "a message is shown where one has left",
        "state/world.py",
        "        room.remove(member)\n        room.expecting.pop(member, None)\n",
        "        room.members.pop(member)\n        room.expecting.pop(member, None)\n",
    ),
    Mutant(
        "what is written jumps what waits",
        "outbox.py",
        "        if not (self.size or self._held):\n            sent = self._try_send(data)",
        "        if True:\n            sent = self._try_send(data)",
    ),
    Mutant(
        "what was missed is forgotten once it is asked for",
        "extending/replaying.py",
        "await self._recalled(room, left)",
        "await self._recalled(room, left[1:])",
    ),
    Mutant(
        "the inbox has no bound",
        "broker/broker.py",
        "trio.open_memory_channel[Item](inbox_size)",
        "trio.open_memory_channel[Item](1000)",
    ),
    Mutant(
        "nobody is told of the shutdown",
        "sessions/session.py",
        "        if ending.farewell:\n",
        '        if ending.farewell and ending.cause != "shutdown":\n',
    ),
    Mutant(
        "an outbox's bytes are counted for ever",
        "outbox.py",
        "        self.drains.account(self, -self.size)\n        self._queued",
        "        self._queued",
    ),
    Mutant(
        "a line is lost where the inbox is full",
        "broker/broker.py",
        "            await self._send.send((member, request, None))\n\n    async def call",
        "            await trio.lowlevel.checkpoint()\n\n    async def call",
    ),
    Mutant(
        "a private message is skipped, too",
        "outbox.py",
        "        self.put(data, event.id if isinstance(event, Told) else 0)\n",
        "        if not self.lagging:\n            self.put(data)\n",
    ),
    Mutant(
        "the broker waits for more than its inbox",
        "broker/broker.py",
        "                self._turn(await self._receive.receive())\n",
        "                self._turn(await self._receive.receive())\n"
        "                await trio.lowlevel.checkpoint()\n",
    ),
    Mutant(
        "who comes while there are no descriptors is let in by nobody",
        "edge/sockets.py",
        "                    pause = min(2 * pause, LONGEST_PAUSE)\n",
        "                    pause = 100 * pause\n",
    ),
    Mutant(
        "who comes back is not shown all that was said meanwhile",
        "broker/resuming.py",
        "        return sorted(found, key=lambda each: each[0])\n",
        "        return sorted(found, key=lambda each: each[0])[1:]\n",
    ),
    Mutant(
        "who comes back is shown as new what was sent before",
        "broker/resuming.py",
        "head := UNSURE if date < unread.unsent else UNSENT",
        "head := UNSENT",
    ),
    Mutant(
        "what one has missed is not told of at another connection",
        "broker/resuming.py",
        "        missed = dict(unread.owed)\n",
        "        missed: dict[str, Owed] = {}\n",
    ),
    Mutant(
        "who becomes somebody else stays as a ghost",
        "broker/resuming.py",
        "        if self.world.is_here(newcomer):\n",
        "        if False:\n",
    ),
    Mutant(
        "who does not come back is kept for too long",
        "broker/resuming.py",
        "            self.now() + self.limits.keep,\n",
        "            self.now() + 3 * self.limits.keep,\n",
    ),
    Mutant(
        "words hold for who has left",
        "broker/resuming.py",
        "            self._by_words.pop(member.words, None)\n",
        "            pass\n",
    ),
    Mutant(
        "a private message to one who is lost is dropped",
        "broker/resuming.py",
        "            self._events.append((date, event))\n",
        "            pass\n",
    ),
    Mutant(
        "who is back is shown what was said before they came",
        "broker/resuming.py",
        "_since(room, max(unread.since, room.entered[member] + 1))",
        "_since(room, unread.since)",
    ),
    Mutant(
        "what the store fails to write is dropped",
        "archive/journal.py",
        "            await self._change(Keeping(trouble))\n            return False\n",
        "            await self._change(Keeping(trouble))\n",
    ),
    Mutant(
        "what waits where one is taken over from is shown as new",
        "sessions/session.py",
        "if self._ending is None or not self._ending.is_loss:",
        "if False:",
    ),
    Mutant(
        "who takes somebody over is shown what another one was told",
        "outbox.py",
        "        self._traced().forget()\n",
        "",
    ),
    Mutant(
        "what comes when the connection has just failed is dropped",
        "outbox.py",
        "        if not isinstance(event, PASSING):\n",
        "        if not isinstance(event, PASSING) and not self._closed:\n",
    ),
    Mutant(
        "a request that crashes ends the session",
        "sessions/conversation.py",
        "            with suppress(ChatError):  # it crashed; the broker has logged it\n",
        "            if True:\n",
    ),
    Mutant(
        "who is lost in the shutdown stays as a ghost",
        "broker/membership.py",
        "if self._closing:  # nobody can come back any more",
        "if False:",
    ),
    Mutant(
        "a bot stays as a ghost if a request crashes",
        "extending/host.py",
        "            with suppress(ChatError):  # it crashed, which must leave no ghost\n",
        "            if True:\n",
    ),
    Mutant(
        "a connection stays open when its session's end has crashed",
        "sessions/session.py",
        "            self._outbox.close()\n            self._transport.close()\n            ending",
        "            self._outbox.close()\n            ending",
    ),
    Mutant(
        "a line is drawn into the row that is typed in",
        "wire/editor.py",
        'b"".join((ERASE, lines, self._redraw))',
        'b"".join((lines, ERASE, self._redraw))',
    ),
    Mutant(
        "what one types is not said when a page is read",
        "wire/pager.py",
        "return Turned(self.take_all(), key)",
        "return Turned(self.take_all())",
    ),
)


def main() -> int:
    """Return 0 if every mutant is caught."""
    parser = argparse.ArgumentParser(
        prog="scripts/mutations",
        description="Put deliberate bugs into copies of the server, one at a time, "
        f"and see that the simulator catches each within {SEEDS} seeds.",
    )
    parser.add_argument("--only", default="", metavar="WORDS", help="those with this in their name")
    options = parser.parse_args()
    survivors = 0
    for mutant in MUTANTS:
        if options.only in mutant.name:
            began = time.monotonic()
            seeds, why = hunt(mutant)
            survivors += seeds is None
            outcome = "SURVIVES" if seeds is None else f"caught by seed {seeds}"
            print(f"{mutant.name}: {outcome}, {time.monotonic() - began:.0f} s", flush=True)
            print(f"    {why}", flush=True)
    return 1 if survivors else 0


def mutated(mutant: Mutant) -> str:
    """The code with the bug in it.

    Raises:
        LookupError: if what it replaces is not there, exactly once.
    """
    code = (ROOT / "trioserve" / mutant.file).read_text(encoding="utf-8")
    if (times := code.count(mutant.right)) != 1:
        raise LookupError(f"{mutant.name}: its text is {times} times in {mutant.file}")
    return code.replace(mutant.right, mutant.wrong)


@contextmanager
def planted(mutant: Mutant) -> Iterator[Path]:
    """A copy of the server and its tests, with the bug in it, for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        for name in ("trioserve", "tests"):
            shutil.copytree(
                ROOT / name, Path(folder, name), ignore=shutil.ignore_patterns("__pycache__")
            )
        Path(folder, "trioserve", mutant.file).write_text(mutated(mutant), encoding="utf-8")
        yield Path(folder)


def soak(folder: Path, *options: str, **environment: str) -> str:
    """What `scripts/soak` says of the server in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "tests.sim", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=PATIENCE,
    ).stdout


def hunt(mutant: Mutant) -> tuple[int | None, str]:
    """The first seed that catches a mutant, and by what; None if none of `SEEDS` does."""
    with planted(mutant) as folder:
        try:
            said = soak(folder, "--seeds", str(SEEDS), "--fail-fast")
        except subprocess.TimeoutExpired:
            return None, f"no verdict within {PATIENCE:g} seconds"
    if (found := re.search(r"^seed (\d+): (.*)", said, re.MULTILINE)) is None:
        return None, said[-300:]
    return int(found[1]), found[2][:150]


if __name__ == "__main__":
    sys.exit(main())
