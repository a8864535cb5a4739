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
    shows_own: bool = False  # authors are sent what they said, too


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


def _telnet_login(nick: str, room: str) -> list[Step]:
    """As a terminal of 80 columns and 256 colours, which is then put into character mode.

    That is wide enough: no message is wrapped, in the middle of which its marks could be.
    """
    will_ttype, is_xterm = b"\xff\xfb\x18", b"\xff\xfa\x18\0XTERM-256COLOR\xff\xf0"
    will_naws, size = b"\xff\xfb\x1f", b"\xff\xfa\x1f\0\x50\0\x18\xff\xf0"
    do_sga, do_echo = b"\xff\xfd\x03", b"\xff\xfd\x01"
    return [
        Step(b"\xff\xfd\x18", will_ttype),  # DO TERMINAL-TYPE, RFC 1091
        Step(b"\xff\xfd\x1f", will_naws + size),  # DO NAWS, RFC 1073
        Step(b"\xff\xfb\x03", do_sga),  # WILL SUPPRESS-GO-AHEAD, RFC 858
        *[Step(b"\xff\xfa\x18\x01\xff\xf0", is_xterm)] * 2,  # SEND, until a type comes twice
        Step(b"\xff\xfb\x01", do_echo),  # WILL ECHO, RFC 857
        *(
            Step(each.expected, each.answer.replace(b"\n", b"\r\0"))
            for each in _trioserve_login(nick, room)
        ),
    ]


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
# In character mode, in which an Enter is CR NUL (RFC 854). What comes is coloured, and has the
# row that is typed in before and behind it.
TRIOSERVE_RICH: Final = attrs.evolve(
    TRIOSERVE,
    login=_telnet_login,
    end=b"\r\0",
    ping=b"/who\r\0",
    settled=b" joined #lobby",
    shows_own=True,
)
PLAIN: Final = Protocol(
    login=_plain_login, say=lambda _: b"", end=b"\n", ping=b"/ping\n", pong=b"-- pong\r\n"
)
