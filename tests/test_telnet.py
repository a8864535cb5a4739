import re
from itertools import pairwise, product

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trioserve.errors import ProtocolError
from trioserve.wire.options import BINARY, DO, DONT, IAC, TIMING_MARK, WILL, WONT
from trioserve.wire.telnet import (
    AYT,
    BRK,
    EC,
    EL,
    IP,
    MAX_SUBNEGOTIATION,
    SB,
    SE,
    Signal,
    TelnetFilter,
)

ECHO, NAWS = 1, 31  # options that telnet clients talk about
EOF = 236  # a command only once it is certain that the peer speaks telnet (RFC 1184)
NOP, GA = 241, 249
TOO_LONG = "a telnet subnegotiation longer than 1024 bytes is refused"

SIGNALS = {
    IP: Signal.INTERRUPT,
    BRK: Signal.INTERRUPT,
    AYT: Signal.ARE_YOU_THERE,
    EC: Signal.ERASE_CHARACTER,
    EL: Signal.ERASE_LINE,
}


def command(*codes: int) -> bytes:
    return bytes([IAC, *codes])


def subnegotiation(content: bytes) -> bytes:
    return command(SB, NAWS) + content.replace(b"\xff", b"\xff\xff") + command(SE)


# What a client may send, in parts that each stand for something known.
text = st.text(min_size=1, max_size=5).map(str.encode)  # UTF-8 has no 0xFF
latin_1 = st.integers(0, 235).map(lambda code: bytes([IAC, code]))  # ÿ and another character
escaped = st.just(command(IAC))
single = st.sampled_from([*SIGNALS, NOP, GA, SE, 242, 245]).map(command)
negotiation = st.builds(
    command, st.sampled_from([WILL, WONT, DO, DONT]), st.sampled_from([0, ECHO, TIMING_MARK, IAC])
)
subnegotiations = st.binary(max_size=8).map(subnegotiation)
sendings = st.lists(text | latin_1 | escaped | single | negotiation | subnegotiations)
cuts = st.lists(st.integers(min_value=0, max_value=120))


@attrs.define
class Outcome:
    """What a filter made of a stream: text in one piece between signals, and its answers.

    Without the request for BINARY, which comes before all answers.
    """

    parts: list[bytes | Signal] = attrs.field(factory=list)
    answers: bytes = b""

    def add(self, part: bytes | Signal) -> None:
        if self.parts and isinstance(part, bytes) and isinstance(self.parts[-1], bytes):
            self.parts[-1] += part
        elif part:
            self.parts.append(part)

    @property
    def text(self) -> bytes:
        return b"".join(part for part in self.parts if isinstance(part, bytes))


def outcome_of(*pieces: bytes) -> Outcome:
    """What comes of a stream that arrives in these pieces and ends."""
    telnet = TelnetFilter()
    outcome = Outcome()
    for piece in pieces:
        for part in telnet.receive_data(piece):
            outcome.add(part)
        outcome.answers += telnet.take_answers()
    outcome.add(telnet.finish())
    outcome.answers = outcome.answers.removeprefix(command(DO, BINARY))
    return outcome


def model(sent: list[bytes]) -> Outcome:
    """What is to come of what a client sends, when each part of it is known."""
    outcome = Outcome()
    refused: set[bytes] = set()
    binary: bool | None = None  # that, and nothing else, is asked for; None: not answered yet
    for part in sent:
        if part[0] != IAC or part[1] < 236:
            outcome.add(part)
        elif part[1] == IAC:
            outcome.add(b"\xff")
        elif part[1] in SIGNALS:
            outcome.add(SIGNALS[part[1]])
        elif part == command(DO, TIMING_MARK):
            outcome.answers += command(WILL, TIMING_MARK)
        elif part[1] in (WILL, WONT) and part[2] == BINARY:
            told, before, binary = part[1] == WILL, binary, part[1] == WILL
            if before not in (None, told):
                outcome.answers += command(DO if told else DONT, BINARY)
        elif part[1] in (WILL, DO) and part not in refused:
            refused.add(part)
            outcome.answers += command(DONT if part[1] == WILL else WONT, part[2])
    return outcome


def chopped(stream: bytes, cuts: list[int]) -> list[bytes]:
    """The stream in pieces, some of which may be empty."""
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in pairwise(places)]


def one_by_one(stream: bytes) -> list[bytes]:
    return [bytes([each]) for each in stream]


# ---------------------------------------------------------- text, and not


def test_text_without_telnet_passes() -> None:
    telnet = TelnetFilter()

    parts = telnet.receive_data("grüß dich\r\n".encode())

    assert parts == ["grüß dich\r\n".encode()]
    assert not telnet.spoken


def test_commands_are_cut_out_of_the_text_around_them() -> None:
    outcome = outcome_of(b"he" + command(NOP) + b"ll" + command(WILL, ECHO) + b"o\n")

    assert outcome.parts == [b"hello\n"]


def test_a_doubled_iac_is_one_byte_of_text() -> None:
    assert outcome_of(b"a" + command(IAC) + b"b").text == b"a\xffb"


@pytest.mark.parametrize("follower", [0, ord("a"), ord("\n"), 235, 239])
def test_a_latin_1_y_with_diaeresis_stays_text(follower: int) -> None:
    telnet = TelnetFilter()

    parts = telnet.receive_data(bytes([ord("a"), IAC, follower, ord("\n")]))

    assert parts == [bytes([ord("a"), IAC, follower, ord("\n")])]
    assert not telnet.spoken


def test_a_latin_1_y_with_diaeresis_that_ends_the_input_stays_text() -> None:
    assert outcome_of(b"a\xff").text == b"a\xff"


def test_the_late_commands_are_taken_out_once_telnet_is_certain() -> None:
    assert outcome_of(command(NOP) + b"a" + command(EOF) + b"b").text == b"ab"


def test_a_late_command_makes_telnet_certain_when_another_follows_as_for_ctrl_z() -> None:
    ctrl_z = bytes([IAC, 237]) + command(DO, TIMING_MARK)

    assert outcome_of(b"a" + ctrl_z + b"b").text == b"ab"
    assert outcome_of(*one_by_one(b"a" + ctrl_z + b"b")).text == b"ab"


@pytest.mark.parametrize(
    "cut_short", [command(WILL), command(SB, NAWS, 0), command(SB, NAWS, IAC)], ids=repr
)
def test_a_command_that_the_input_ends_in_never_becomes_text(cut_short: bytes) -> None:
    assert outcome_of(b"a" + cut_short).text == b"a"


@given(sendings, cuts)
@example([b"a", command(IAC), command(IAC), b"b"], [2, 4])
@example([command(NOP), subnegotiation(b"\xff\xf0"), b"b"], list(range(10)))
@settings(deadline=None)
def test_any_chopping_gives_the_same_text_signals_and_answers(
    sent: list[bytes], cuts: list[int]
) -> None:
    assert outcome_of(*chopped(b"".join(sent), cuts)) == model(sent)


@given(st.lists(st.sampled_from([IAC, SB, SE, WILL, DO, IP, EOF, TIMING_MARK, 65])).map(bytes))
@settings(deadline=None)
def test_any_chopping_of_nonsense_gives_the_same_too(stream: bytes) -> None:
    assert outcome_of(*one_by_one(stream)) == outcome_of(stream)


@given(sendings)
@settings(deadline=None)
def test_no_byte_of_a_command_leaks_into_the_text(sent: list[bytes]) -> None:
    # A doubled 0xFF is no command, and what follows it is text.
    commands = [part for part in sent if part[0] == IAC and 236 <= part[1] < IAC]

    assert outcome_of(b"".join(commands)).text == b""


# ----------------------------------------------------------------- signals


@pytest.mark.parametrize("code", SIGNALS)
def test_keys_out_of_the_text_are_signals_in_their_place(code: int) -> None:
    telnet = TelnetFilter()

    parts = telnet.receive_data(b"ab" + command(code) + b"c\n")

    assert parts == [b"ab", SIGNALS[code], b"c\n"]


def test_ctrl_c_interrupts_and_its_timing_mark_is_answered() -> None:
    outcome = outcome_of(command(IP) + command(DO, TIMING_MARK))

    assert outcome == Outcome([Signal.INTERRUPT], command(WILL, TIMING_MARK))


# ------------------------------------------------------------- negotiation


@pytest.mark.parametrize(("verb", "refusal"), [(WILL, DONT), (DO, WONT)])
@pytest.mark.parametrize("option", [ECHO, NAWS, IAC])
def test_every_option_is_refused(verb: int, refusal: int, option: int) -> None:
    assert outcome_of(command(verb, option)).answers == command(refusal, option)


@pytest.mark.parametrize("verb", [WONT, DONT])
def test_what_is_off_anyway_needs_no_answer(verb: int) -> None:
    assert outcome_of(command(verb, ECHO)).answers == b""


def test_who_asks_again_has_their_answer_already() -> None:
    assert outcome_of(command(DO, ECHO) * 3).answers == command(WONT, ECHO)


def test_the_two_directions_of_an_option_are_refused_apart() -> None:
    answers = outcome_of(command(DO, ECHO) + command(WILL, ECHO)).answers

    assert answers == command(WONT, ECHO) + command(DONT, ECHO)


def test_a_timing_mark_is_answered_each_time() -> None:
    assert outcome_of(command(DO, TIMING_MARK) * 3).answers == command(WILL, TIMING_MARK) * 3


def test_answers_are_taken_once() -> None:
    telnet = TelnetFilter()
    telnet.receive_data(command(DO, ECHO))

    first, second = telnet.take_answers(), telnet.take_answers()

    assert (first, second) == (command(DO, BINARY) + command(WONT, ECHO), b"")


def test_a_telnet_is_asked_once_to_send_binary_or_it_would_take_half_of_an_ü_for_a_key() -> None:
    telnet = TelnetFilter()

    telnet.receive_data(command(NOP))
    assert telnet.take_answers() == command(DO, BINARY)

    telnet.receive_data(command(NOP) + command(WILL, BINARY))
    assert telnet.take_answers() == b""


def test_our_own_direction_is_not_binary_whoever_asks() -> None:
    assert outcome_of(command(DO, BINARY)).answers == command(WONT, BINARY)


def test_a_storm_of_options_is_answered_boundedly() -> None:
    storm = b"".join(
        command(verb, option)
        for verb, option in product([WILL, WONT, DO, DONT], range(256))
        if (verb, option) not in {(DO, TIMING_MARK), (WILL, BINARY), (WONT, BINARY)}
    )

    answers = outcome_of(storm, storm, storm).answers

    assert len(answers) == 510 * 3


def test_answers_are_never_longer_than_what_was_sent() -> None:
    storm = command(DO, TIMING_MARK) * 1000

    assert len(outcome_of(storm).answers) <= len(storm)


@given(st.lists(negotiation))
@settings(deadline=None)
def test_a_peer_that_mirrors_every_answer_falls_silent(sent: list[bytes]) -> None:
    telnet = TelnetFilter()
    telnet.receive_data(b"".join(sent))

    echoes: list[bytes] = []
    while (answers := telnet.take_answers()) and len(echoes) < 10:
        echoes.append(answers)
        telnet.receive_data(answers)

    # It asks for BINARY; is asked for it, and refuses; which it takes for a refusal of its own.
    assert len(echoes) <= 3


@pytest.mark.parametrize(
    "sent", [command(NOP), command(DO, ECHO), command(AYT), subnegotiation(b"")], ids=repr
)
def test_any_command_shows_that_the_peer_speaks_telnet(sent: bytes) -> None:
    telnet = TelnetFilter()

    telnet.receive_data(sent)

    assert telnet.spoken


def test_a_doubled_iac_alone_does_not_show_that_the_peer_speaks_telnet() -> None:
    telnet = TelnetFilter()

    telnet.receive_data("ÿÿ".encode("latin-1"))

    assert not telnet.spoken


# --------------------------------------------------------- subnegotiations


def test_a_subnegotiation_is_skipped() -> None:
    assert outcome_of(b"a" + subnegotiation(b"\0\x50\0\x18") + b"b") == Outcome([b"ab"])


def test_a_doubled_iac_before_se_does_not_end_a_subnegotiation() -> None:
    assert outcome_of(subnegotiation(b"\xff\xf0 still inside") + b"b").text == b"b"


def test_another_command_within_a_subnegotiation_is_skipped_with_it() -> None:
    outcome = outcome_of(command(SB, NAWS) + command(IP) + command(SE) + b"b")

    assert outcome == Outcome([b"b"])


longest = st.sampled_from([b"x", b"\xff\xff", b"\xff\xf1"]).map(
    lambda pattern: pattern * (MAX_SUBNEGOTIATION // len(pattern))
)


@given(longest, st.booleans())
@settings(deadline=None)
def test_a_subnegotiation_of_just_the_limit_is_taken(content: bytes, whole: bool) -> None:
    stream = command(SB) + content + command(SE) + b"b"

    outcome = outcome_of(*([stream] if whole else one_by_one(stream)))

    assert outcome.text == b"b"


@pytest.mark.parametrize("how", ["whole", "byte by byte"])
@pytest.mark.parametrize("end", [command(SE), b""], ids=["ended", "endless"])
@pytest.mark.parametrize("content", [b"x", b"\xff\xff", b"\xff\xf1"], ids=repr)
def test_a_subnegotiation_over_the_limit_is_refused(content: bytes, end: bytes, how: str) -> None:
    stream = command(SB) + content * MAX_SUBNEGOTIATION + b"xxx" + end
    pieces = [stream] if how == "whole" else one_by_one(stream)

    with pytest.raises(ProtocolError, match=f"^{re.escape(TOO_LONG)}$"):
        outcome_of(*pieces)


def size_refused(content: bytes) -> int:
    """How much of a subnegotiation is taken that repeats this content without end."""
    telnet = TelnetFilter()
    telnet.receive_data(command(SB))
    for taken in range(0, 1_000_000, len(content)):
        try:
            telnet.receive_data(content)
        except ProtocolError:
            return taken
    pytest.fail("it is never refused")


@pytest.mark.parametrize("content", [b"x", b"\xff\xff", b"\xff\xf1"], ids=repr)
def test_an_endless_subnegotiation_is_refused_before_it_fills_the_memory(content: bytes) -> None:
    assert size_refused(content) <= MAX_SUBNEGOTIATION + 4
