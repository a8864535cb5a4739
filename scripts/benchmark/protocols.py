"""How a client speaks to each kind of server: logging in, talking, asking for an answer."""

from collections.abc import Callable
from typing import Final

import attrs


@attrs.frozen
class Step:
    """A part of logging in: once `expected` has come, `answer` is sent."""

    expected: bytes  # empty: nothing need come first
    answer: bytes = b""


@attrs.frozen
class Protocol:
    """What a client sends, and what it looks for in what it receives."""

    login: Callable[[str, str], list[Step]]  # nick, room
    say: Callable[[str], bytes]  # room; what stands before the text of a message
    end: bytes  # of a line, as this server's usual clients send it
    ping: bytes  # a line that is answered behind all that was sent before
    pong: bytes  # part of the answer
    # Part of a line that a crowd's last member still gets once it is in, if the crowd is a big one.
    settled: bytes = b""


def _irc_login(nick: str, room: str) -> list[Step]:
    """RFC 2812: 001 is the welcome, 366 the end of the list of a channel's names."""
    return [
        Step(b"", f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n".encode()),
        Step(b" 001 ", f"JOIN {room}\r\n".encode()),
        Step(b" 366 "),
    ]


def _trioserve_login(nick: str, room: str) -> list[Step]:
    steps = [Step(b"Your name? ", f"{nick}\n".encode())]
    if room == TRIOSERVE_LOBBY:
        return [*steps, Step(b"-- #lobby: ")]
    return [*steps, Step(b"-- #lobby: ", f"/join {room}\n".encode()), Step(f"-- {room}: ".encode())]


def _plain_login(nick: str, room: str) -> list[Step]:
    return [Step(b"", f"{nick} {room}\n".encode()), Step(b"-- welcome\r\n")]


TRIOSERVE_LOBBY: Final = "#lobby"  # where everybody is who has given a name

IRC: Final = Protocol(
    login=_irc_login,
    say=lambda room: f"PRIVMSG {room} :".encode(),
    end=b"\r\n",
    ping=b"PING bench\r\n",
    pong=b" PONG ",
)
TRIOSERVE: Final = Protocol(
    login=_trioserve_login,
    say=lambda _: b"",
    end=b"\n",
    ping=b"/who\n",
    pong=b"-- #",
    settled=b" joined #lobby\r\n",
)
PLAIN: Final = Protocol(
    login=_plain_login, say=lambda _: b"", end=b"\n", ping=b"/ping\n", pong=b"-- pong\r\n"
)
