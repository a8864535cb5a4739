"""How each kind of line is put: in writing, with ornaments, or in words to be spoken.

Whatever a person wrote stands behind a prefix that nobody can forge. In writing that is
`<ann> `, `** ann `, or `ann -> you: `, and `* ` and `--` are the server's. Spoken, it is a
nick or words that are nobody's nick: `ann: `, `action: ann `, `ann to you: `, `server: `.
"""

from typing import Protocol

import attrs

from trioserve.wire.themes import Role

Run = tuple[Role, str]  # a text, and what it is


@attrs.frozen
class Line:
    """One line: its head, under the end of which the text hangs when it is wrapped."""

    head: tuple[Run, ...]
    text: str
    role: Role = "text"  # of the text
    is_said: bool = False  # by people, who may mention others


class Voice(Protocol):
    """A line of each kind. `room` and `time` are empty where they are not to be told."""

    def said(self, time: str, room: str, nick: Run, text: str) -> Line: ...
    def acted(self, room: str, nick: Run, text: str) -> Line: ...
    def announced(self, room: str, text: str) -> Line: ...
    def told(self, time: str, sender: str, recipient: str, text: str) -> Line: ...
    def happened(self, room: str, text: str) -> Line: ...
    def noticed(self, text: str) -> Line: ...
    def divided(self, text: str) -> Line: ...


class Written:
    """Lines for the eye."""

    def said(self, time: str, room: str, nick: Run, text: str) -> Line:
        head: tuple[Run, ...] = (("text", "<"), nick, ("text", "> "))
        if room:
            head = (("room", f"{room} "), *head)
        return Line((("time", f"[{time}] "), *head) if time else head, text, is_said=True)

    def acted(self, room: str, nick: Run, text: str) -> Line:
        head: tuple[Run, ...] = (("act", "** "), nick, ("text", " "))
        return Line((("room", f"{room} "), *head) if room else head, text, is_said=True)

    def announced(self, room: str, text: str) -> Line:
        star: Run = ("server", "* ")
        return Line((("room", f"{room} "), star) if room else (star,), text, "server", is_said=True)

    def told(self, time: str, sender: str, recipient: str, text: str) -> Line:
        head: tuple[Run, ...] = (("private", f"{sender} -> {recipient}: "),)
        return Line((("time", f"[{time}] "), *head) if time else head, text, is_said=True)

    def happened(self, room: str, text: str) -> Line:
        return Line((("server", "* "),), f"{room} {text}" if room else text, "server")

    def noticed(self, text: str) -> Line:
        return Line((("notice", "-- " if text else "--"),), text, "notice")

    def divided(self, text: str) -> Line:
        return Line((("divider", "-- "),), f"{text} --", "divider")


class Spoken:
    """Sentences for a screen reader: no signs that it would read out one by one."""

    def said(self, time: str, room: str, nick: Run, text: str) -> Line:
        return _sentence(time, room, f"{nick[1]}: ", text)

    def acted(self, room: str, nick: Run, text: str) -> Line:
        return _sentence("", room, f"action: {nick[1]} ", text)

    def announced(self, room: str, text: str) -> Line:
        return _sentence("", room, "server: ", text)

    def told(self, time: str, sender: str, recipient: str, text: str) -> Line:
        return _sentence(time, "", f"{sender} to {recipient}: ", text)

    def happened(self, room: str, text: str) -> Line:
        return _sentence("", room, "server: ", text)

    def noticed(self, text: str) -> Line:
        return _sentence("", "", "server: " if text else "server:", text)

    def divided(self, text: str) -> Line:
        return _sentence("", "", "server: ", text)


def _sentence(time: str, room: str, who: str, text: str) -> Line:
    where = "".join([f"{each}, " for each in (time, room) if each])
    return Line((("text", where + who),), text)
