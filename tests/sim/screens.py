"""What is on people's screens, line by line or as JSON."""

import enum
import json
import re
from collections.abc import Iterator
from typing import Any, Final

import attrs

from tests.sim.chronicle import TOKEN, WHISPER
from trioserve.broker.resuming import NOW, UNSENT, UNSURE
from trioserve.names import fold

# What is said instead of a line: each of these stands for one that was not said.
REFUSALS: Final = (
    "you are in no room",
    "you are muted in",
    "not said: ",
    "not sent: it may be the rest of your answer",
    "that failed on the server",
    "your line is cancelled",
    "/me is cancelled",
)
MESSAGES: Final = ("said", "acted", "announced")  # as programs read them


class Part(enum.Enum):
    """Below which line something is shown."""

    LIVE = enum.auto()  # below none: as it happens
    AGAIN = enum.auto()  # what was said before, at one's word or on coming in
    UNSURE = enum.auto()  # what may have been shown at another connection,
    UNSENT = enum.auto()  # and what was not


@attrs.frozen
class Shown:
    """A message on a screen."""

    token: str
    part: Part


@attrs.frozen
class Whispered:
    """A private message on a screen."""

    token: str
    part: Part


@attrs.frozen
class Loss:
    """That so many messages of a room were skipped."""

    room: str
    count: int


@attrs.frozen
class Replayed:
    """That so many skipped messages of a room follow, up to a `Loss` of 0 there."""

    room: str
    count: int


@attrs.frozen
class Stopped:
    """That one wanted no more of what is shown again."""


@attrs.frozen
class Back:
    """That one goes on as somebody who was here before."""

    nick: str


@attrs.frozen
class Words:
    """By which one comes back; the last thing that one is shown on coming."""

    words: str


_SKIPPED: Final = re.compile(r"^-- (\d+) messages? skipped in (#\S+); /missed")
_LAST: Final = re.compile(r"^(?:last \d+ messages?\b|new$|new: the last )")
_MISSED: Final = re.compile(r"^(\d+) messages? missed in (#\S+)$")
_FORGOTTEN: Final = re.compile(r"^(\d+) messages? no longer kept$")
_NOT_SHOWN: Final = re.compile(r"^\d+ lines? not shown$")
_UNSENT: Final = re.compile(r"(\d+) lines?(?: typed ahead)? not sent")
_PROMPT: Final = re.compile(r"Your name[^?]*\? ")
_QUESTION: Final = re.compile(r"(?:New password|The same again|Password of \S+): ")
# What a person says, does or has the server say, in the current room or in another one.
_SAID: Final = re.compile(r"^(?:\[\d\d:\d\d\] )?(?:#\S+ )?(?:<\S+> |\*\*? )")
# What stays on a terminal of what was typed there.
_TYPED: Final = re.compile(r"^(?:#\S+> |/)")
_BACK: Final = re.compile(r"^you are (\S+) again")
_WORDS: Final = re.compile(r"^if the connection breaks: /resume (\S+)$")

Sight = Shown | Whispered | Loss | Replayed | Stopped | Back | Words


@attrs.define(eq=False)
class Screen:
    """Reads what somebody has been shown, in order: text first, and JSON once they want that."""

    text: str
    refusals: int = attrs.field(default=0, init=False)  # lines that they are told were not said
    has_kept_a_draft: bool = attrs.field(default=False, init=False)  # for lines waited before it
    _part: Part = attrs.field(default=Part.LIVE, init=False)

    def parts(self) -> list[list[Sight]]:
        """Read all: what one is shown as oneself, and as each other whom one has become."""
        parts: list[list[Sight]] = [[]]
        for sight in self.read():
            if isinstance(sight, Back):
                parts.append([])
            parts[-1].append(sight)
        return parts

    def read(self) -> list[Sight]:
        # What stands behind the last end of a line was cut off there: half a token is another.
        lines = self.text.split("\n")[:-1]
        return [sight for line in lines for sight in self._read_line(line)]

    def _read_line(self, line: str) -> Iterator[Sight]:
        line = line.rstrip("\r").rpartition("\r")[2]
        while (prompt := _PROMPT.match(line) or _QUESTION.match(line)) is not None:
            self._asked(prompt[0])
            line = line[prompt.end() :]
        if _TYPED.match(line):
            return
        if line.startswith('{"kind":'):
            yield from self._read_object(json.loads(line))
        elif found := _SKIPPED.match(line):
            yield Loss(fold(found[2]), int(found[1]))
        elif line.startswith("-- ") and line.endswith(" --"):
            yield from self._divided(line[3:-3])
        elif line.startswith("-- "):
            yield from self._noticed(line[3:])
        elif " -> " in line:  # else it was said aloud, behind a key that made it no command
            yield from (Whispered(token, self._part) for token in WHISPER.findall(line))
        elif _SAID.match(line):
            yield from self._said(line)

    def _read_object(self, shown: dict[str, Any]) -> Iterator[Sight]:
        match shown["kind"]:
            case "skipped":
                yield Loss(fold(shown["room"]), shown["count"])
            case "divided":
                yield from self._divided(shown["text"])
            case "notice":
                for line in shown["text"].split("\n"):
                    yield from self._noticed(line)
            case "asked":
                self._asked(shown["text"])
            case "resumable":
                yield Words(shown["words"])
            case "told":
                yield from (Whispered(each, self._part) for each in WHISPER.findall(shown["text"]))
            case "entered":
                for message in shown["messages"]:
                    if found := TOKEN.search(message["text"]):
                        yield Shown(found[0], Part.AGAIN)
            case kind if kind in MESSAGES:
                yield from self._said(shown["text"])

    def _said(self, text: str) -> Iterator[Shown]:
        if found := TOKEN.search(text):  # a terminal's keys may have joined two lines
            yield Shown(found[0], self._part)

    def _divided(self, text: str) -> Iterator[Replayed | Stopped]:
        if _LAST.match(text):
            self._part = Part.AGAIN
        elif found := _MISSED.match(text):
            self._part = Part.AGAIN
            yield Replayed(fold(found[2]), int(found[1]))
        elif found := _FORGOTTEN.match(text):
            yield Replayed("", int(found[1]))
        elif _NOT_SHOWN.match(text):
            self._part = Part.LIVE
            yield Stopped()
        elif text == UNSURE.text:
            self._part = Part.UNSURE
        elif text == UNSENT.text:
            self._part = Part.UNSENT
        elif text == NOW.text:
            self._part = Part.LIVE
            yield Replayed("", 0)

    def _asked(self, question: str) -> None:
        # What was typed as a line to say may have been taken for the answer.
        self.refusals += _QUESTION.match(question) is not None

    def _noticed(self, text: str) -> Iterator[Back | Words]:
        if found := _UNSENT.search(text):
            self.refusals += int(found[1])
        if found := _BACK.match(text):
            yield Back(found[1])
        elif found := _WORDS.match(text):
            yield Words(found[1])
        elif text.startswith("not sent yet: "):
            self.has_kept_a_draft = True
        elif any(refusal in text for refusal in REFUSALS):
            self.refusals += 1
