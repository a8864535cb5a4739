"""What a command has to show: in parts, made anew if the window changes while they are read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import attrs

from trioserve.messages import Event, Message, Noticed, Told, TopicSet
from trioserve.wire.jsonl import render_kept
from trioserve.wire.render import render, render_again
from trioserve.wire.style import ANYBODY, Look, Style, View
from trioserve.wire.text import plural

MAX_REPLY: Final = 64 * 1024  # bytes of one answer
LINE_OVERHEAD: Final = 8  # bytes of a line of an answer besides its text

# Parts of whole lines, of which there are as many for every style but JSON's.
Answer: TypeAlias = Callable[[Style], Sequence[bytes]]
# The same as text, for a command that lays something out.
Layout: TypeAlias = Callable[[Style], Sequence[str]]


def noticed(layout: Layout) -> Answer:
    """Text of the server's to one person, each line behind its mark."""

    def answer(style: Style) -> list[bytes]:
        parts = cut(layout(style))
        if style.json:
            return [render(Noticed("\n".join(parts)), style)]
        return [render(Noticed(part), style) for part in parts]

    return answer


def event_shown(event: Event, look: Look | None = None, view: View = ANYBODY) -> Answer:
    """An event, as it would look so."""

    def answer(style: Style) -> list[bytes]:
        return [render(event, style if look is None else attrs.evolve(style, look=look), view)]

    return answer


def shown_again(messages: Sequence[Message | TopicSet | Told], nick: str, since: int) -> Answer:
    """Messages as somebody of this nick is shown them once more; `since` is as in `render`."""

    def parts(style: Style) -> Iterator[bytes]:
        before = since
        for message in messages:
            yield render_again([message], style, nick, before)
            before = message.id

    return lambda style: list(parts(style))


def kept_shown(rows: Sequence[Mapping[str, object]]) -> Answer:
    """Things that are kept about who asks."""
    return lambda style: [render_kept(row, json=style.json) for row in rows]


def cut(parts: Sequence[str]) -> Sequence[str]:
    """As many parts as an answer may have bytes; a last one says how many lines it lacks."""
    if sum(map(len, parts)) + LINE_OVERHEAD * len(parts) <= MAX_REPLY // 16:
        return parts  # however many bytes its characters have
    size = 0
    for count, part in enumerate(parts):
        size += len(part.encode(errors="replace")) + LINE_OVERHEAD * (part.count("\n") + 1)
        if size > MAX_REPLY:
            lines = sum(each.count("\n") + 1 for each in parts[count:])
            return [*parts[:count], f"({plural(lines, 'more line')}, too long to be shown)"]
    return parts
