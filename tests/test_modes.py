"""Lines typed and pasted while a client's mode changes, however its packets are cut."""

import re
from typing import Final

import attrs
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trioserve.observe import Counters
from trioserve.outbox import Drains, Outbox, OutboxLimits
from trioserve.terminal.linemode import LineMode
from trioserve.terminal.terminal import Terminal
from trioserve.testing import MemoryTransport
from trioserve.wire.lines import LineSplitter
from trioserve.wire.options import DO, DONT, ECHO, IAC, SUPPRESS_GO_AHEAD, WILL, WONT

ASKED: Final = re.compile(rb"\xff([\xfb-\xfe])(.)", re.DOTALL)
# A line as it was typed. Around it may be what is left of a paste's marks, which are text for who
# reads lines: a client that has not heard yet that it is to send them still marks.
LINE: Final = re.compile("é\\d+é")
NOT_SENT: Final = re.compile(r"-- (\d+) lines? of a paste not sent")


def unfailing(reason: OSError | str) -> None:
    raise AssertionError(reason)


@attrs.define(eq=False)
class Typist:
    """Somebody at a telnet that answers what it is asked behind every so many packets."""

    patience: int  # packets
    terminal: Terminal = attrs.field(init=False)
    transport: MemoryTransport = attrs.field(factory=MemoryTransport, init=False)
    typed: list[str] = attrs.field(factory=list, init=False)  # lines, as they were typed
    read: list[str] = attrs.field(factory=list, init=False)  # as the server has them
    _on: set[int] = attrs.field(factory=set, init=False)  # options of the server's
    _packets: int = attrs.field(default=0, init=False)
    _seen: int = attrs.field(default=0, init=False)  # bytes of what the server has sent

    def __attrs_post_init__(self) -> None:
        outbox = Outbox(self.transport, Drains(OutboxLimits(), Counters(), 1), unfailing)
        self.terminal = Terminal(outbox, LineMode(LineSplitter(1024)))
        self.terminal.get_to_know()
        self.answers()

    @property
    def has_keys(self) -> bool:
        return {ECHO, SUPPRESS_GO_AHEAD} <= self._on

    @property
    def not_sent(self) -> int:
        """How many lines they were told are not sent."""
        shown = self.transport.received.decode("utf-8", "replace")
        return sum(map(int, NOT_SENT.findall(shown)))

    def does(self, lines: int, cut: int, meanwhile: str) -> None:
        """Type a line, or paste some, in packets of `cut` bytes, and what is done behind the first.

        That is `/rich` or `/plain`, which come to their turn then, or that our echo is taken back.
        """
        texts = [f"é{len(self.typed) + number}é" for number in range(lines)]
        self.typed += texts
        if lines > 1 and self.has_keys:
            data = b"\x1b[200~" + "\r".join(texts).encode() + b"\x1b[201~\r"
        else:
            data = "".join(f"{text}\r\n" for text in texts).encode()
        self.sends(data[:cut])
        if meanwhile == "take back" and self.has_keys:
            self._on.discard(ECHO)
            self.sends(bytes([IAC, DONT, ECHO]))
        elif meanwhile in ("rich", "plain"):
            self.terminal.want_keys(meanwhile == "rich")
        for start in range(cut, len(data), cut):
            self.sends(data[start : start + cut])

    def sends(self, data: bytes) -> None:
        self._receive(data)
        self._packets += 1
        if self._packets % self.patience == 0:
            self.answers()

    def answers(self) -> None:
        """Agree to what the server does, and do nothing that it asks for."""
        while asked := ASKED.findall(self.transport.received, self._seen):
            self._seen = len(self.transport.received)
            for (verb,), (option,) in asked:
                if verb == DO:
                    self._receive(bytes([IAC, WONT, option]))
                elif verb in (WILL, WONT) and (verb == WILL) != (option in self._on):
                    (self._on.add if verb == WILL else self._on.discard)(option)
                    self._receive(bytes([IAC, DO if verb == WILL else DONT, option]))

    def _receive(self, data: bytes) -> None:
        for line in self.terminal.receive_data(data, 0.0):
            assert isinstance(line, str)
            found = LINE.findall(line)
            assert len(found) <= 1
            self.read += found


deeds = st.tuples(
    st.sampled_from([1, 1, 4]),
    st.integers(1, 40),
    st.sampled_from(["", "rich", "plain", "take back"]),
)


@given(st.lists(deeds, max_size=10), st.integers(1, 5))
@example([(1, 40, "rich"), (1, 40, ""), (4, 12, "plain")], 3)
@example([(1, 40, "rich"), (4, 12, "take back")], 1)
@example([(1, 1, "rich"), (4, 2, "plain")], 1)
@settings(deadline=None)
def test_what_is_typed_and_pasted_is_read_in_order_or_told_not_to_be_sent(
    deeds: list[tuple[int, int, str]], patience: int
) -> None:
    typist = Typist(patience)

    for deed in deeds:
        typist.does(*deed)
    typist.answers()
    typist.sends(b"")

    left = iter(typist.typed)
    assert all(line in left for line in typist.read)
    assert len(typist.typed) - len(typist.read) <= typist.not_sent
