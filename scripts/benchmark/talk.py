"""The measured phase: members talk, everybody listens, and each message is accounted for."""

import gc
import time
from array import array
from itertools import cycle
from typing import Final

import attrs
from checks import Follower, Reader, Script, text
from crowd import Client, Crowd

IN_FLIGHT: Final = 100  # messages sent and not yet seen by who watches their author
AUTHORS: Final = 100  # in a big room: at most so many, and a quarter of those present
SAMPLE: Final = 10  # of those who do not talk in a big room: their latencies count
SMALL: Final = 8  # members; in rooms up to this, everybody talks
QUIET: Final = 0.2  # seconds without input: then it is looked whether all is there
STALL: Final = 10.0  # seconds without input: then what is missing is lost
DRAIN: Final = 120.0  # seconds for what is still under way at the end, in all
EVENTS: Final = 256  # descriptors read before the next message may be sent


@attrs.frozen
class Tally:
    """What came of a phase. Deliveries that are missing at its end are lost."""

    messages: int
    deliveries: int
    lost: int
    reordered: int
    repeated: int
    seconds: float  # from the first message to the last delivery
    cpu: float  # seconds, the server's
    load: float  # the load generator's share of its core: 0 to 1
    latencies: "array[int]"  # nanoseconds


@attrs.define(eq=False)
class Talk:
    """One phase with one crowd. `rate` is in messages per second; None: as fast as they are seen.

    In both cases at most IN_FLIGHT are under way, so that a server which is
    too slow for the rate is measured at its own pace. Those who are stuck do
    not read if `with_stuck`; else they are like everyone else.
    """

    crowd: Crowd
    rate: float | None
    numbers: dict[int, int]  # of each author's next message, from phase to phase
    with_stuck: bool = False
    sample_all: bool = False  # everybody's latencies count, not a sample's
    _in_flight: int = attrs.field(default=0, init=False)
    _sent: int = attrs.field(default=0, init=False)
    _authors: list[Client] = attrs.field(factory=list, init=False)
    _readers: dict[int, Reader | Follower] = attrs.field(factory=dict, init=False)  # by fd
    _due: dict[int, int] = attrs.field(factory=dict, init=False)  # deliveries per message
    _deliveries_due: int = attrs.field(default=0, init=False)
    _latencies: "array[int]" = attrs.field(factory=lambda: array("q"), init=False)

    def run(self, seconds: float) -> Tally:
        """Talk for so long, and wait until everything has arrived."""
        for members in self.crowd.by_room().values():
            self._cast(members)
        # In the order of coming, which goes from room to room.
        self._authors = [each for each in self.crowd.clients if each.number in self._due]
        gc.collect()
        gc.disable()  # a pause of ours must not look like the server's
        try:
            cpu, used = self.crowd.server.cpu(), time.process_time()
            begun = time.monotonic_ns()
            self._talk(begun, begun + int(seconds * 1e9))
            talked = time.monotonic_ns()
            used = time.process_time() - used
            ended = self._drain(talked)
            cpu = self.crowd.server.cpu() - cpu
        finally:
            gc.enable()
        return self._tally((ended - begun) / 1e9, cpu, used / ((talked - begun) / 1e9))

    # ------------------------------------------------------------------ roles

    def _cast(self, members: list[Client]) -> None:
        """Give everybody in a room a part."""
        present = [each for each in members if not (self.with_stuck and each.stuck)]
        for each in members:
            if each not in present:
                self.crowd.ignore(each)
        if len(present) <= SMALL:
            authors = present
        else:
            talkers = [each for each in present if not each.stuck]
            count = min(AUTHORS, len(talkers) // 4)
            authors = talkers[:: len(talkers) // count][:count]
        expected = {each.number: self.numbers.setdefault(each.number, 0) for each in authors}
        silent = 0 if self.crowd.server.kind.protocol.shows_own else 1
        self._due.update(dict.fromkeys(expected, len(present) - silent))
        if len(present) <= SMALL:
            self._cast_small(present, expected)
        else:
            self._cast_big(present, expected)

    def _cast_small(self, present: list[Client], expected: dict[int, int]) -> None:
        """Everybody talks, and is watched by the next."""
        for before, each in zip([present[-1], *present], present, strict=False):
            others = self._shown_to(each, expected)
            watched = frozenset([before.number])
            self._readers[each.fd] = Reader(others, self._latencies, watched, self._seen)

    def _cast_big(self, present: list[Client], expected: dict[int, int]) -> None:
        """Some talk, some are sampled, and the one who came last watches all authors.

        The servers send in the order of coming, so that one gets a message last.
        """
        script = Script(expected)
        silent = [each for each in present if each.number not in expected]
        sampled = silent if self.sample_all else silent[:: -(len(silent) // SAMPLE) or -1]
        for each in silent:
            self._readers[each.fd] = Follower(script)
        for each in sampled:
            self._readers[each.fd] = Reader(dict(expected), self._latencies)
        watcher = Reader(dict(expected), self._latencies, frozenset(expected), self._seen)
        self._readers[silent[-1].fd] = watcher
        for each in present:
            if each.number in expected:
                self._readers[each.fd] = Reader(
                    self._shown_to(each, expected), self._latencies if self.sample_all else None
                )

    def _shown_to(self, author: Client, expected: dict[int, int]) -> dict[int, int]:
        """Whose messages an author is sent, and from which number on."""
        if self.crowd.server.kind.protocol.shows_own:
            return dict(expected)
        return {number: next_ for number, next_ in expected.items() if number != author.number}

    def _seen(self) -> None:
        self._in_flight -= 1

    # ---------------------------------------------------------------- the loop

    def _talk(self, begun: int, end: int) -> None:
        interval = 0 if self.rate is None else int(1e9 / self.rate)
        turns = cycle(self._authors)
        due = begun
        while (now := time.monotonic_ns()) < end:
            while self._in_flight < IN_FLIGHT and due <= now:
                self._send(next(turns))
                due = due + interval if interval else now
            wait = (due if interval and self._in_flight < IN_FLIGHT else end) - now
            self._receive(min(max(wait, 0), end - now) / 1e9)

    def _send(self, author: Client) -> None:
        number = self.numbers[author.number]
        self.numbers[author.number] = number + 1
        line = text(author.number, number, time.monotonic_ns())
        try:
            author.say(line)
        except OSError as error:
            raise self.crowd.server.failure(f"takes no message ({error.strerror})") from None
        self._in_flight += 1
        self._sent += 1
        self._deliveries_due += self._due[author.number]

    def _receive(self, seconds: float) -> bool:
        """Wait for input for so long at most; whether there was any."""
        clock, read, readers = time.monotonic_ns, self.crowd.read, self._readers
        events = self.crowd.poll.poll(seconds, EVENTS)
        for fd, _ in events:
            readers[fd].receive_data(read(fd), clock())
        return bool(events)

    def _drain(self, last: int) -> int:
        """Read until all is there, or nothing more comes; return when the last came (ns)."""
        deadline = last + int(DRAIN * 1e9)
        while time.monotonic_ns() < min(deadline, last + int(STALL * 1e9)):
            if self._receive(QUIET):
                last = time.monotonic_ns()
            elif self._got() >= self._deliveries_due:
                break
        return last

    # -------------------------------------------------------------- the outcome

    def _got(self) -> int:
        return sum(reader.got for reader in self._outcome())

    def _outcome(self) -> list[Reader]:
        """Everybody's reader; those at the same place of one script share theirs."""
        shared: dict[tuple[Script, int], Reader] = {}
        found = []
        for each in self._readers.values():
            if isinstance(each, Reader):
                found.append(each)
            elif (place := each.place()) is None:
                found.append(each.reader())
            else:
                if place not in shared:
                    shared[place] = each.reader()
                found.append(shared[place])
        return found

    def _tally(self, seconds: float, cpu: float, load: float) -> Tally:
        readers = self._outcome()
        got = sum(each.got for each in readers)
        return Tally(
            messages=self._sent,
            deliveries=got,
            lost=self._deliveries_due - got,
            reordered=sum(each.reordered for each in readers),
            repeated=sum(each.repeated for each in readers),
            seconds=seconds,
            cpu=cpu,
            load=load,
            latencies=self._latencies,
        )
