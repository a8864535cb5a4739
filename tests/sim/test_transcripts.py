"""What the simulator takes for printed, held against a terminal emulator."""

import pyte
import pytest

from tests.sim import simulation
from tests.sim.people import People
from tests.sim.simulation import Report, simulate
from tests.sim.transcripts import TELNET, transcript
from trioserve.testing import Chat

COLUMNS, ROWS, LINES = 80, 24, 100_000  # of the window, and of what has left it


@pytest.mark.parametrize(
    ("received", "printed"),
    [
        (b"hello\r\n> ", "hello\r\n> "),
        (b"\x1b[31m> hi\r\x1b[Khello\r\n> hi", "hello\n> hi"),
        (b"\x1b[31mthis is\r\n  wrapped\r\nand this not\r\n", "this is wrapped\nand this not\n"),
        (b"\x1b[1m> abc\b\b\x1b[Kx\r\n", "> ax\n"),
        (b"\x1b[1m> abc\x1b[3Dxyz\r\n", "> xyz\n"),
        (b"a\xff\xfa\x18\x01\xff\xff\xff\xf0\xff\xfb\x01\xff\xf1b\r\n", "ab\r\n"),
    ],
)
def test_a_transcript_has_the_lines_and_not_how_they_were_drawn(
    received: bytes, printed: str
) -> None:
    assert transcript(received) == printed


@pytest.mark.slow
def test_a_transcript_is_what_an_emulator_has_on_its_screen_and_above(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    received: list[bytes] = []

    def report(chat: Chat, people: People, seconds: float) -> Report:
        received.extend(bytes(each.wire.received) for each in people.stays if each.has_keys)
        return Report()

    monkeypatch.setattr(simulation, "_report", report)
    simulate(13)

    assert len(received) > 3
    for data in received:
        assert without_blanks(transcript(data)) == without_blanks(emulated(data))


def emulated(data: bytes) -> str:
    screen = pyte.HistoryScreen(COLUMNS, ROWS, history=LINES)
    pyte.ByteStream(screen).feed(TELNET.sub(b"", data))
    above = ["".join(row[at].data for at in range(COLUMNS)) for row in screen.history.top]
    return "".join([*above, *screen.display])


def without_blanks(text: str) -> str:
    """Which is the same however it was wrapped."""
    return "".join(text.split())
