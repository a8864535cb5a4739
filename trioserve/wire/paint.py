"""One line as bytes: marked as the theme has it, and wrapped at the window's width."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from trioserve.names import fold
from trioserve.wire.mentions import WORD
from trioserve.wire.style import PLAIN, Style, View
from trioserve.wire.text import clean, encode, encode_marked
from trioserve.wire.themes import theme_named
from trioserve.wire.voices import Line, Run
from trioserve.wire.wrap import LINK, Slice, hang, wrap

# A blank is not heard, and keeps what people write from beginning a line as the server's do.
SPOKEN_INDENT: Final = 1

_WORD_OR_LINK: Final = re.compile(f"(?P<link>{LINK.pattern})|{WORD.pattern}", re.IGNORECASE)
_BEHIND_A_LINK: Final = ".,:;!?)]}>'\"*_"  # seldom its own

Marked = tuple[str, str]  # SGR parameters, and the text that they mark


def paint(line: Line, style: Style, view: View) -> bytes:
    """Return a line, or as many as it is broken into at the reader's width."""
    if style.look is PLAIN.look and style.screen is PLAIN.screen:
        return encode("".join([text for _, text in line.head]) + line.text)
    theme = theme_named(style.theme, style.screen.colors)
    window = style.window
    head = "".join([text for _, text in line.head])
    if theme is None and not window:
        return encode(head + line.text)
    text = clean(line.text)
    if theme is None:
        runs: list[Marked] = [("", head + text)]
    else:
        runs = [
            (theme.sgr(role, part), part)
            for role, part in (*line.head, *_parts(text, line, view.nick))
        ]
    # Most lines fit, which is seen without measuring them.
    if not window or (len(head) + len(text) <= window and head.isascii() and text.isascii()):
        return encode_marked(runs)
    indent = SPOKEN_INDENT if style.look.spoken else hang(head, window)
    return b"".join(
        encode_marked([("", " " * indent), *cut] if number else cut)
        for number, cut in enumerate(_cut(runs, wrap(head + text, window, indent)))
    )


def _parts(text: str, line: Line, nick: str) -> Iterator[Run]:
    """A text in parts: links, the reader's nick, and what is between them."""
    folded = fold(text)
    mentions = bool(nick) and line.is_said and fold(nick) in folded
    mentions = mentions and all(role != "own" for role, _ in line.head)
    if not (mentions or "http" in folded or "www." in folded):  # nearly every line
        yield line.role, text
        return
    done = 0
    for match in _WORD_OR_LINK.finditer(text):
        found = match[0]
        if match["link"]:
            found = found.rstrip(_BEHIND_A_LINK)
        elif not mentions or fold(found) != fold(nick):
            continue
        yield line.role, text[done : match.start()]
        yield ("link" if match["link"] else "mention"), found
        done = match.start() + len(found)
    yield line.role, text[done:]


def _cut(runs: Sequence[Marked], slices: Sequence[Slice]) -> Iterator[list[Marked]]:
    """The runs of each line of a wrapped text, of which the slices are the lines."""
    # Each run is looked at once, and once more for each line that it goes on in: whoever writes
    # a line of many mentions and links must not hold the others up.
    number = position = 0  # the run that is looked at, and where it begins
    for start, end in slices:
        cut = []
        while position < end:
            sgr, text = runs[number]
            if part := text[max(start - position, 0) : end - position]:
                cut.append((sgr, part))
            if position + len(text) > end:  # the next line goes on with it
                break
            position += len(text)
            number += 1
        yield cut
