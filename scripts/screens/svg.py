"""The screen of an emulator (pyte's) as a picture, in SVG.

Every run of characters that look alike is one text at the place of its column, and
stretched to the width of its columns: so rows line up in whatever font there is.
"""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Any, Final

import attrs
from wcwidth import wcswidth

CELL_WIDTH: Final = 8.4  # pixels, like those below
CELL_HEIGHT: Final = 18
BASELINE: Final = 13  # below the top of its cell
FONT_SIZE: Final = 14
BAR: Final = 30  # the height of a window's title bar
PADDING: Final = 12  # between a window's edge and its text
GAP: Final = 14  # between windows

FONT: Final = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"
FOREGROUND: Final = "#d8dbe2"
BACKGROUND: Final = "#101216"
EDGE: Final = "#3a3f4b"
TITLE_BAR: Final = "#262a33"
TITLE: Final = "#a6adbb"
BUTTONS: Final = ("#e0675f", "#e0b24c", "#6cb85f")

# By pyte's names, for which brown is a dark yellow. Other colours it has as six hex digits.
COLORS: Final = {
    "black": "#101216",
    "red": "#e06c75",
    "green": "#7fb863",
    "brown": "#d3a550",
    "blue": "#5c9fe6",
    "magenta": "#c678dd",
    "cyan": "#4fb3bf",
    "white": "#c5c9d3",
    "brightblack": "#6b7280",
    "brightred": "#ff8a8a",
    "brightgreen": "#a5e075",
    "brightbrown": "#ffd866",
    "brightblue": "#82bfff",
    "brightmagenta": "#ec9bff",
    "bfightmagenta": "#ec9bff",  # as a background; pyte spells it so
    "brightcyan": "#70e1ee",
    "brightwhite": "#ffffff",
}


@attrs.frozen
class Pen:
    """How a run of characters looks."""

    foreground: str = FOREGROUND  # as SVG writes colours
    background: str = BACKGROUND
    bold: bool = False
    italic: bool = False
    underlined: bool = False
    struck: bool = False


@attrs.frozen
class Run:
    """Characters side by side that look alike. A wide one has a run of its own."""

    column: int
    columns: int
    text: str
    pen: Pen


@attrs.frozen
class Window:
    """A window as it looked at a moment."""

    width: float  # pixels
    height: float
    content: str  # SVG


def window(screen: Any, title: str) -> Window:
    """Draw what a `pyte.Screen` shows now, with its cursor, in a window with a title."""
    width = screen.columns * CELL_WIDTH + 2 * PADDING
    height = BAR + screen.lines * CELL_HEIGHT + 2 * PADDING
    rows = (
        f'<g transform="translate({PADDING} {BAR + PADDING + row * CELL_HEIGHT})">{drawn}</g>'
        for row in range(screen.lines)
        if (drawn := "".join(_drawn(run) for run in runs(screen, row)))
    )
    return Window(width, height, "\n".join([_frame(width, height, title), *rows]))


def picture(windows: Sequence[Window], title: str, *, across: int = 1) -> str:
    """Return windows of one size as one SVG, so many of them side by side."""
    width, height = windows[0].width + GAP, windows[0].height + GAP
    placed = "\n".join(
        f'<g transform="translate({number % across * width:g} {number // across * height:g})">\n'
        f"{each.content}\n</g>"
        for number, each in enumerate(windows)
    )
    total_width = min(across, len(windows)) * width - GAP
    total_height = -(-len(windows) // across) * height - GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total_width:g}" '
        f'height="{total_height:g}" viewBox="0 0 {total_width:g} {total_height:g}" role="img" '
        f'font-family="{FONT}" font-size="{FONT_SIZE}" xml:space="preserve">\n'
        f"<title>{escape(title)}</title>\n{placed}\n</svg>\n"
    )


def runs(screen: Any, row: int) -> Iterator[Run]:
    """The runs of a row, from left to right; the cursor is a block, and a run of its own."""
    cells = [
        (column, character, _pen(character, reversed=_is_cursor(screen, row, column)))
        for column in range(screen.columns)
        if (character := screen.buffer[row][column]).data  # none: the other half of a wide one
    ]

    def alike(cell: tuple[int, Any, Pen]) -> tuple[Pen, int]:
        column, character, pen = cell
        alone = _is_wide(character) or _is_cursor(screen, row, column)
        return pen, column if alone else -1

    for (pen, _), group in groupby(cells, alike):
        run = list(group)
        text = "".join(character.data for _, character, _ in run)
        yield Run(run[0][0], sum(1 + _is_wide(each) for _, each, _ in run), text, pen)


def _is_cursor(screen: Any, row: int, column: int) -> bool:
    cursor = screen.cursor
    # Behind the last column it stands in it, until something is printed.
    at = min(cursor.x, screen.columns - 1)
    return not cursor.hidden and (cursor.y, at) == (row, column)


def _is_wide(character: Any) -> bool:
    return wcswidth(character.data) == 2


def _pen(character: Any, *, reversed: bool) -> Pen:  # noqa: A002  (what terminals call it)
    foreground = _color(character.fg, FOREGROUND)
    background = _color(character.bg, BACKGROUND)
    if character.reverse != reversed:
        foreground, background = background, foreground
    return Pen(
        foreground,
        background,
        character.bold,
        character.italics,
        character.underscore,
        character.strikethrough,
    )


def _color(name: str, default: str) -> str:
    return default if name == "default" else COLORS.get(name, f"#{name}")


def _drawn(run: Run) -> str:
    pen, x, width = run.pen, run.column * CELL_WIDTH, run.columns * CELL_WIDTH
    drawn = ""
    if pen.background != BACKGROUND:
        drawn += (
            f'<rect x="{x:g}" width="{width:g}" height="{CELL_HEIGHT}" fill="{pen.background}"/>'
        )
    if run.text.isspace() and not (pen.underlined or pen.struck):
        return drawn
    marks = f' fill="{pen.foreground}"'
    if pen.bold:
        marks += ' font-weight="bold"'
    if pen.italic:
        marks += ' font-style="italic"'
    lines = ["underline"] * pen.underlined + ["line-through"] * pen.struck
    if lines:
        marks += f' text-decoration="{" ".join(lines)}"'
    return (
        f'{drawn}<text x="{x:g}" y="{BASELINE}" textLength="{width:g}" '
        f'lengthAdjust="spacingAndGlyphs"{marks}>{escape(run.text)}</text>'
    )


def _frame(width: float, height: float, title: str) -> str:
    middle = BAR / 2
    buttons = "".join(
        f'<circle cx="{18 + 18 * number}" cy="{middle:g}" r="5.5" fill="{color}"/>'
        for number, color in enumerate(BUTTONS)
    )
    return (
        f'<rect x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="8" '
        f'fill="{BACKGROUND}" stroke="{EDGE}"/>\n'
        f'<path d="M1 {BAR}V8.5a7.5 7.5 0 0 1 7.5-7.5H{width - 8.5:g}'
        f'a7.5 7.5 0 0 1 7.5 7.5V{BAR}z" fill="{TITLE_BAR}"/>\n'
        f"{buttons}\n"
        f'<text x="{width / 2:g}" y="{middle + 5:g}" text-anchor="middle" fill="{TITLE}">'
        f"{escape(title)}</text>"
    )
