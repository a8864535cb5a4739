"""What is fuzzed: everything that reads bytes or text of strangers, and what must hold of it.

Each target takes any bytes and raises AssertionError where a promise is broken.
"""

import ipaddress
import re
import string
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final, cast

from trioserve.configuration.config import parse_config
from trioserve.errors import ChatError, ConfigError, ProtocolError
from trioserve.extending.plugins import built_in
from trioserve.extending.registry import split_word
from trioserve.names import MAX_NICK, MAX_ROOM
from trioserve.wire.editor import Editor
from trioserve.wire.happenings import CompletionWanted, Submitted
from trioserve.wire.keystream import KeyDecoder
from trioserve.wire.lines import LineSplitter
from trioserve.wire.options import DO, DONT, IAC, WILL, WONT
from trioserve.wire.proxy import LONGEST_BLOCK, Header, read_header
from trioserve.wire.telnet import MAX_SUBNEGOTIATION, SB, SE, Signal, TelnetFilter
from trioserve.wire.text import clean

if TYPE_CHECKING:
    from trioserve import Context

MAX_LINE: Final = 64  # bytes; short, so that the bound is met


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """The same bytes as packets of one byte, and as ever longer ones."""
    yield [data[at : at + 1] for at in range(len(data))]
    packets, at, size = [], 0, 1
    while at < len(data):
        packets.append(data[at : at + size])
        at += size
        size = size * 2 % 61
    yield packets


# ------------------------------------------------------------------- lines


def lines(data: bytes) -> None:
    """However it is cut: what ends at an end of line, or the mark of what is too long."""
    expected: list[bytes | None] = []
    *ended, last = re.split(rb"\r\n|\r\0|\r|\n", data)
    expected += [line if len(line) <= MAX_LINE else None for line in ended]
    if last:
        expected.append(last if len(last) <= MAX_LINE else None)
    for packets in ([data], *cuts(data)):
        splitter = LineSplitter(MAX_LINE)
        found: list[bytes | None] = []
        for packet in packets:
            found += splitter.receive_data(packet)
            assert len(splitter._unfinished) <= MAX_LINE
        found += splitter.finish()
        assert found == expected, packets


# ------------------------------------------------------------------ telnet


def telnet(data: bytes) -> None:
    """However it is cut: the same text, signals and answers; and no IAC in the text."""
    whole = _filtered([data])
    for packets in cuts(data):
        assert _filtered(packets) == whole
    parts, answers, _, spoken, _ = whole
    assert spoken or not answers, "a client that has shown no IAC is sent none"
    assert len(answers) <= len(data) + 3, "more is answered than was asked"
    assert sum(len(part) for part in parts if isinstance(part, bytes)) <= len(data)
    wire, text = _well_formed(data)
    found = b"".join(part for part in _filtered([wire])[0] if isinstance(part, bytes))
    assert found == text, "a command leaks into the text, or eats of it"


Filtered = tuple[list[bytes | Signal], bytes, list[tuple[int, bytes]], bool, str]


def _filtered(packets: list[bytes]) -> Filtered:
    telnet = TelnetFilter()
    parts: list[bytes | Signal] = []
    answers = b""
    problem = ""
    try:
        for packet in packets:
            for part in telnet.parts(packet):
                if isinstance(part, bytes) and parts and isinstance(parts[-1], bytes):
                    parts[-1] += part
                else:
                    parts.append(part)
            answers += telnet.take_answers()
            assert len(telnet._held) <= MAX_SUBNEGOTIATION + 4
    except ProtocolError as error:
        problem = str(error)
        answers += telnet.take_answers()
    return parts, answers, telnet.told, telnet.spoken, problem


def _well_formed(program: bytes) -> tuple[bytes, bytes]:
    """What a client sends that keeps the rules, and the text in it; chosen by the bytes."""
    wire, text = bytearray(), bytearray()
    for at, byte in enumerate(program):
        argument = program[(at * 7 + 1) % len(program)]
        if byte < 240:
            wire.append(byte)
            text.append(byte)
        elif byte == IAC:
            wire += bytes([IAC, IAC])
            text.append(IAC)
        elif byte in (WILL, WONT, DO, DONT):
            wire += bytes([IAC, byte, argument])
        elif byte == SB:
            content = program[at : at + argument].replace(bytes([IAC]), bytes([IAC, IAC]))
            wire += bytes([IAC, SB, argument]) + content[:MAX_SUBNEGOTIATION] + bytes([IAC, SE])
        else:
            wire += bytes([IAC, byte])
    return bytes(wire), bytes(text)


# ------------------------------------------------------------------ editor

# Bytes that no key of an editor sends: here they stand for what happens beside the keys.
RESIZE, QUESTION, ANSWER, PRINT = 0x1C, 0x1D, 0x1E, 0x1F
SHOWN: Final = re.compile(  # all that an editor tells a terminal
    "\x1b\\[[0-9;]*[A-Za-z]|\r\n|[\r\b\a]|[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)


def editor(data: bytes) -> None:
    """However it is cut the same keys; the draft is within its bounds, the screen is safe."""
    whole = KeyDecoder(max_paste=200).receive_data(data)
    for packets in cuts(data):
        decoder = KeyDecoder(max_paste=200)
        assert [key for packet in packets for key in decoder.receive_data(packet)] == whole
    # A person is at it packet by packet; what else happens stands between them.
    decoder = KeyDecoder(max_paste=200)
    row = Editor(data[0] if data else 80, "#room> ", max_line=MAX_LINE, max_draft=3 * MAX_LINE)
    for piece in re.split(rb"([\x1c-\x1f])", data[1:]):
        if len(piece) == 1 and piece[0] in (RESIZE, QUESTION, ANSWER, PRINT):
            _beside_the_keys(row, piece[0])
        else:
            for key in (*decoder.receive_data(piece), *decoder.flush()):
                _press(row, key)
        _in_order(row)


def _press(row: Editor, key: object) -> None:
    was_secret = row.secret
    for each in row.feed(key):  # type: ignore[arg-type]  # whatever the decoder makes
        if isinstance(each, Submitted):
            assert len(each.text.encode()) <= MAX_LINE
            assert "\n" not in each.text
            assert not SHOWN.sub("", each.text)
        if isinstance(each, CompletionWanted):
            assert not was_secret
            row.complete(each, [f"{each.word}\u0301\x1b[m", "anna ", "annabel "])


def _beside_the_keys(row: Editor, what: int) -> None:
    if what == RESIZE:
        row.resize(row.width * 7 % 130)
    elif what == PRINT:
        assert row.above(b"<ann> hello\r\n").count(b"<ann> hello\r\n") == 1
    else:
        row.set_prompt("Password: " if what == QUESTION else "#room> ", secret=what == QUESTION)


def _in_order(row: Editor) -> None:
    draft = row._drafts.current
    assert draft.size == len(draft.text.encode()) <= row.max_draft
    assert all(len(line.encode()) <= MAX_LINE for line in draft.text.split("\n"))
    assert 0 <= draft.cursor <= len(draft.cells)
    assert all(draft.cells), "an empty cell"
    shown = row.take_output().decode()
    assert not SHOWN.sub("", shown), SHOWN.sub("", shown)
    if row.secret:
        unseen = row.unseen
        assert len(unseen) < 4 or unseen not in shown, "a secret is shown"
    assert row.take_output() == b"", "drawn anew, and nothing has changed"


# ---------------------------------------------------------------- commands

COMMANDS: Final = built_in().registry
# What commands look at while their words are bound: there is nobody and no room.
CTX: Final = cast(
    "Context",
    SimpleNamespace(
        nick="ann",
        member=SimpleNamespace(nick="ann", rooms={}, room=None),
        world=SimpleNamespace(members={}, rooms={}),
        members=[],
        rooms=[],
        room=None,
    ),
)
LONGEST_REFUSAL: Final = 600  # bytes: it fits the screen


def commands(data: bytes) -> None:
    """What is typed behind a slash is a command's, or refused in one short, safe line."""
    line = clean(data.decode(errors="replace"))[:1024]
    try:
        command, rest = COMMANDS.find(line)
        assert COMMANDS.match(line) is command
        assert line.strip().endswith(rest.strip()), "what is left is as it was typed"
        word, _ = split_word(line)
        assert command.name.split()[0].startswith(word.lower()) or any(
            alias.startswith(word.lower()) for alias in command.aliases
        )
        values, rest_of_line = command.bind(rest, CTX)
    except ChatError as refusal:
        text = str(refusal)
        assert text
        assert "\n" not in text
        assert len(text.encode()) <= LONGEST_REFUSAL + len(line.encode())
    else:
        for value in (*values, *rest_of_line.values()):
            # A choice may be typed in capitals.
            typed = not isinstance(value, str) or value.lower() in rest.lower()
            assert typed, "a word that nobody typed"


# ------------------------------------------------------------------- proxy


def proxy(data: bytes) -> None:
    """However a header comes, it says the same; and it is known within its bound."""
    last = 0
    header = problem = None
    for last in range(len(data) + 1):
        header, problem = _read(data[:last])
        if header is not None or problem is not None:
            break
    whole, fault = _read(data)
    assert (whole, fault) == (header, problem), "it depends on how it was cut"
    assert header is not None or problem is not None or last <= LONGEST_BLOCK + 15
    if header is not None:
        assert header.size == last, "it takes bytes that are not its own"
        if header.origin is not None and header.origin.host is not None:
            address = ipaddress.ip_address(header.origin.host)
            assert str(address) == header.origin.host
            assert 0 <= header.origin.port <= 65535
    if problem is not None:
        assert set(problem) <= set(string.ascii_letters + string.digits + " ,-.")


def _read(data: bytes) -> tuple[Header | None, str | None]:
    try:
        return read_header(data), None
    except ProtocolError as error:
        return None, str(error)


# ------------------------------------------------------------------ config


def config(data: bytes) -> None:
    """A configuration, or a list of faults; each is one line that a terminal may show."""
    text = data.decode(errors="replace")
    read = None
    problems: list[str] = []
    try:
        read = parse_config(text)
    except ConfigError as error:
        problems = error.problems
    if read is None:
        assert problems
        for each in problems:
            assert each.strip(), problems
            assert len(each) < 400, each
            assert each.isprintable(), each
    else:
        assert 0 < read.outbox.soft < read.outbox.hard <= read.outbox.total
        assert 0 < read.shutdown.drain < read.shutdown.total
        assert 1 < len(read.rooms.first) <= MAX_ROOM + 1
        assert all(0 < len(each) <= MAX_NICK for each in read.operators)
        for address in read.addresses:
            str(address)


Target = Callable[[bytes], None]
TARGETS: Final[dict[str, Target]] = {
    each.__name__: each for each in (lines, telnet, editor, commands, proxy, config)
}
