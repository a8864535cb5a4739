"""What receivers must have got: every message once, each author's in order.

A message's text is ``=author=number=time=`` and filling; numbers count up for
each author, and times are nanoseconds of the monotonic clock at its sending.

Theory of operation. To take every message of every receiver apart would make
the load generator slower than the servers. But the members of a room who do
not talk must all get the very same bytes. So a room keeps one *script*: whoever
is ahead of the others adds to it, everyone else's bytes are compared with it
in one go, and at the end it is taken apart once, on behalf of all who followed
it. Authors, who do not get their own messages, a sample of the others, and whoever
leaves the script take everything apart themselves.
"""

import re
from array import array
from collections.abc import Callable, Mapping
from typing import Final

import attrs

TEXT: Final = 48  # bytes; as trioserve shows it, with time and nick, a line of about 64
MARK: Final = re.compile(rb"=(\d+)=(\d+)=(\d+)=")


def text(author: int, number: int, now: int) -> bytes:
    """The text of a message; `now` in nanoseconds."""
    return (b"=%d=%d=%d=" % (author, number, now)).ljust(TEXT, b".")


@attrs.define(eq=False)
class Reader:
    """A receiver whose messages are taken apart one by one.

    `expected` has the number of each author's next message; an author who is
    not in it is not in the room. `on_seen` is called for each message of those
    authors whom this reader watches.
    """

    expected: dict[int, int]
    latencies: "array[int] | None" = None  # nanoseconds, if they are wanted
    watched: frozenset[int] = frozenset()
    on_seen: Callable[[], None] | None = None
    got: int = attrs.field(default=0, init=False)  # messages, each once
    reordered: int = attrs.field(default=0, init=False)
    repeated: int = attrs.field(default=0, init=False)
    _missing: set[tuple[int, int]] = attrs.field(factory=set, init=False)
    _rest: bytes = attrs.field(default=b"", init=False)  # an unfinished line

    def receive_data(self, data: bytes, now: int) -> None:
        data = self._rest + data
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        expected = self.expected
        for author_digits, number_digits, sent in MARK.findall(data, 0, end):
            author, number = int(author_digits), int(number_digits)
            if number == expected[author]:
                expected[author] = number + 1
            elif not self._is_late(author, number):
                continue
            self.got += 1
            if self.latencies is not None:
                self.latencies.append(now - int(sent))
            if self.on_seen is not None and author in self.watched:
                self.on_seen()

    def _is_late(self, author: int, number: int) -> bool:
        """Note a message out of order; False if it has come before."""
        if number > self.expected[author]:
            self._missing.update((author, each) for each in range(self.expected[author], number))
            self.expected[author] = number + 1
        elif (author, number) in self._missing:
            self._missing.remove((author, number))
            self.reordered += 1
        else:
            self.repeated += 1
            return False
        return True


class Script:
    """What everyone in a room gets who does not talk."""

    def __init__(self, expected: Mapping[int, int]) -> None:
        self._expected = dict(expected)
        self.data = bytearray()

    def read(self, end: int) -> Reader:
        """Take it apart, up to some byte."""
        reader = Reader(dict(self._expected))
        reader.receive_data(bytes(self.data[:end]), 0)
        return reader


@attrs.define(eq=False)
class Follower:
    """A receiver whose bytes are compared with its room's script."""

    script: Script
    position: int = attrs.field(default=0, init=False)  # in the script
    _astray: Reader | None = attrs.field(default=None, init=False)  # once the bytes differ

    def receive_data(self, data: bytes, now: int) -> None:
        if self._astray is not None:
            self._astray.receive_data(data, now)
        elif self.script.data.startswith(data, self.position):
            self.position += len(data)
        elif data.startswith(ahead := bytes(self.script.data[self.position :])):
            self.script.data += data[len(ahead) :]
            self.position = len(self.script.data)
        else:
            self._astray = self.script.read(self.position)
            self._astray.receive_data(data, now)

    def place(self) -> tuple[Script, int] | None:
        """Where in its script it is; None if it has left it."""
        return None if self._astray is not None else (self.script, self.position)

    def reader(self) -> Reader:
        """This receiver as one whose messages were all taken apart."""
        return self._astray if self._astray is not None else self.script.read(self.position)
