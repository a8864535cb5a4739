from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioserve.wire.options import DO, DONT, ECHO, IAC, WILL, WINDOW_SIZE, WONT, Side


def ours(*welcome: int) -> Side:
    return Side(WILL, WONT, welcome)


def theirs(*welcome: int, undecided: tuple[int, ...] = ()) -> Side:
    return Side(DO, DONT, welcome, undecided)


def test_what_is_asked_for_is_on_when_the_peer_agrees() -> None:
    side = theirs()

    assert side.ask(WINDOW_SIZE, on=True) == bytes([IAC, DO, WINDOW_SIZE])
    assert side.is_open(WINDOW_SIZE)
    assert side.receive(WINDOW_SIZE, on=True) == b""

    assert side.is_on(WINDOW_SIZE)
    assert not side.is_open(WINDOW_SIZE)


def test_what_is_asked_for_stays_off_when_the_peer_refuses() -> None:
    side = theirs()
    side.ask(WINDOW_SIZE, on=True)

    assert side.receive(WINDOW_SIZE, on=False) == b""

    assert not side.is_on(WINDOW_SIZE)
    assert not side.is_open(WINDOW_SIZE)


def test_to_ask_again_says_nothing_while_the_answer_is_awaited_or_given() -> None:
    side = theirs()
    side.ask(WINDOW_SIZE, on=True)

    assert side.ask(WINDOW_SIZE, on=True) == b""
    side.receive(WINDOW_SIZE, on=True)
    assert side.ask(WINDOW_SIZE, on=True) == b""


def test_what_is_welcome_is_agreed_to_when_the_peer_offers_it() -> None:
    side = theirs(WINDOW_SIZE)

    assert side.receive(WINDOW_SIZE, on=True) == bytes([IAC, DO, WINDOW_SIZE])
    assert side.is_on(WINDOW_SIZE)


def test_what_is_not_welcome_is_refused_once() -> None:
    side = ours()

    assert side.receive(ECHO, on=True) == bytes([IAC, WONT, ECHO])
    assert side.receive(ECHO, on=True) == b""


def test_what_the_peer_ends_is_off_and_that_is_said() -> None:
    side = theirs(WINDOW_SIZE)
    side.receive(WINDOW_SIZE, on=True)

    assert side.receive(WINDOW_SIZE, on=False) == bytes([IAC, DONT, WINDOW_SIZE])
    assert not side.is_on(WINDOW_SIZE)


@pytest.mark.parametrize("on", [True, False])
def test_what_is_undecided_is_answered_by_the_decision(on: bool) -> None:
    side = theirs(undecided=(ECHO,))

    assert side.receive(ECHO, on=True) == b""
    assert side.ask(ECHO, on=on) == bytes([IAC, DO if on else DONT, ECHO])

    assert side.is_on(ECHO) == on
    assert not side.is_open(ECHO)


def test_what_is_undecided_and_taken_back_is_asked_for_anew() -> None:
    side = theirs(undecided=(ECHO,))
    side.receive(ECHO, on=True)
    side.receive(ECHO, on=False)

    assert side.ask(ECHO, on=True) == bytes([IAC, DO, ECHO])
    assert side.is_open(ECHO)


def test_a_change_of_mind_is_said_when_the_first_answer_has_come() -> None:
    side = ours()
    side.ask(ECHO, on=True)

    assert side.ask(ECHO, on=False) == b""
    assert side.receive(ECHO, on=True) == bytes([IAC, WONT, ECHO])
    assert side.receive(ECHO, on=False) == b""

    assert not side.is_on(ECHO)


def test_what_is_off_is_asked_for_again_though_the_peer_never_confirms_that_it_is() -> None:
    side = ours()
    side.ask(ECHO, on=True)
    side.receive(ECHO, on=True)
    side.ask(ECHO, on=False)

    assert side.ask(ECHO, on=True) == bytes([IAC, WILL, ECHO])
    assert side.receive(ECHO, on=True) == b""

    assert side.is_on(ECHO)


def test_who_confirms_what_is_off_has_not_refused_what_was_asked_for_after_it() -> None:
    side = ours()
    side.ask(ECHO, on=True)
    side.receive(ECHO, on=True)
    side.ask(ECHO, on=False)
    side.ask(ECHO, on=True)

    side.receive(ECHO, on=False)
    assert side.is_open(ECHO)
    side.receive(ECHO, on=False)

    assert not side.is_open(ECHO)
    assert not side.is_on(ECHO)


def test_what_was_held_is_refused_once_however_often_it_is_proposed() -> None:
    side = Side(WILL, WONT, (), {ECHO})
    side.receive(ECHO, on=True)
    assert side.ask(ECHO, on=False) == bytes([IAC, WONT, ECHO])

    for _ in range(3):
        assert side.receive(ECHO, on=True) + side.ask(ECHO, on=False) == b""

    assert side.ask(ECHO, on=True) == bytes([IAC, WILL, ECHO])


wishes = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()))


@given(wishes)
def test_two_who_follow_the_method_agree_and_fall_silent(wishes: list[tuple[bool, ...]]) -> None:
    # One side of each is about the same option: ours at the one, theirs at the other.
    sides = {"ours": ours(ECHO), "theirs": theirs(ECHO)}
    wires: dict[str, deque[int]] = {"ours": deque(), "theirs": deque()}

    def send(name: str, said: bytes) -> None:
        wires[name].extend(said[1::3])

    def deliver(name: str) -> None:
        if wires[name]:
            other = "theirs" if name == "ours" else "ours"
            send(other, sides[other].receive(ECHO, on=wires[name].popleft() in (WILL, DO)))

    for is_ours, on, and_deliver in wishes:
        name = "ours" if is_ours else "theirs"
        send(name, sides[name].ask(ECHO, on=on))
        if and_deliver:
            deliver(name)
    for _ in range(4 * len(wishes) + 8):
        deliver("ours")
        deliver("theirs")

    assert not wires["ours"]
    assert not wires["theirs"]
    assert sides["ours"].is_on(ECHO) == sides["theirs"].is_on(ECHO)
    assert not sides["ours"].is_open(ECHO)
    assert not sides["theirs"].is_open(ECHO)
