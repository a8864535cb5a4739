"""Screens are drawn as they are."""

import re
from xml.etree import ElementTree as Xml

import pyte

from scripts.screens.svg import (
    BACKGROUND,
    CELL_HEIGHT,
    CELL_WIDTH,
    COLORS,
    FOREGROUND,
    Pen,
    Run,
    picture,
    runs,
    window,
)

SVG = "{http://www.w3.org/2000/svg}"
ROWS = ["<ann> a & b         ", "  hi"]


def screen_showing(text: str, *, cursor: bool = False) -> pyte.Screen:
    """A small emulator that was sent a text."""
    screen = pyte.Screen(20, 3)
    pyte.Stream(screen).feed(text if cursor else f"{text}\x1b[?25l")
    return screen


def row_of(text: str, *, cursor: bool = False) -> list[Run]:
    """The runs of the first row, but for the blank rest."""
    found = list(runs(screen_showing(text, cursor=cursor), 0))
    return found[:-1] if not found[-1].text.strip() and found[-1].pen == Pen() else found


def test_what_looks_alike_is_one_run() -> None:
    assert row_of("ab \x1b[1mc d\x1b[m")[:2] == [
        Run(0, 3, "ab ", Pen()),
        Run(3, 3, "c d", Pen(bold=True)),
    ]


def test_colours_are_those_of_the_terminal() -> None:
    assert [run.pen for run in row_of("\x1b[31ma\x1b[93mb\x1b[38;5;67mc\x1b[30;48;5;179md")] == [
        Pen(COLORS["red"]),
        Pen(COLORS["brightbrown"]),
        Pen("#5f87af"),
        Pen(COLORS["black"], "#d7af5f"),
    ]


def test_every_colour_that_the_emulator_names_is_known() -> None:
    for parameter in (*range(30, 38), *range(90, 98), *range(40, 48), *range(100, 108)):
        (run, *_) = row_of(f"\x1b[{parameter}mx")
        assert re.fullmatch("#[0-9a-f]{6}", run.pen.foreground)
        assert re.fullmatch("#[0-9a-f]{6}", run.pen.background)


def test_reversed_text_changes_its_colours() -> None:
    (run,) = row_of("\x1b[7mx\x1b[m")

    assert (run.pen.foreground, run.pen.background) == (BACKGROUND, FOREGROUND)


def test_a_line_is_below_what_is_underlined() -> None:
    drawn = picture([window(screen_showing("\x1b[4mx\x1b[m"), "")], "")

    assert 'text-decoration="underline">x<' in drawn


def test_wide_characters_take_two_columns() -> None:
    assert row_of("日本 a")[:3] == [
        Run(0, 2, "日", Pen()),
        Run(2, 2, "本", Pen()),
        Run(4, 16, " a" + " " * 14, Pen()),
    ]


def test_the_cursor_is_a_block() -> None:
    assert row_of("abc\x1b[D\x1b[D", cursor=True)[:2] == [
        Run(0, 1, "a", Pen()),
        Run(1, 1, "b", Pen(BACKGROUND, FOREGROUND)),
    ]


def test_the_cursor_behind_the_last_column_stands_in_it() -> None:
    assert row_of("x" * 20, cursor=True)[-1] == Run(19, 1, "x", Pen(BACKGROUND, FOREGROUND))


def test_a_picture_is_xml_with_a_window_for_each_screen() -> None:
    screen = screen_showing("<ann> a & b\r\n\x1b[1m  hi")
    drawn = Xml.fromstring(picture([window(screen, "<one>"), window(screen, "two")], "Both"))

    assert drawn.findtext(f"{SVG}title") == "Both"
    first, second = drawn.findall(f"{SVG}g")
    assert [each.text for each in first.iter(f"{SVG}text")] == ["<one>", *ROWS]
    assert [each.text for each in second.iter(f"{SVG}text")] == ["two", *ROWS]


def test_rows_and_columns_are_where_the_terminal_has_them() -> None:
    drawn = Xml.fromstring(picture([window(screen_showing("\r\nab\x1b[1mcd"), "")], ""))

    (row,) = drawn.findall(f"{SVG}g/{SVG}g")
    texts = {each.text: each.attrib for each in row}
    assert float(texts["cd"]["x"]) == 2 * CELL_WIDTH
    assert float(texts["cd"]["textLength"]) == 2 * CELL_WIDTH
    first_row = float(re.findall(r"[\d.]+", str(row.get("transform")))[1]) - CELL_HEIGHT
    (other,) = Xml.fromstring(picture([window(screen_showing("ab"), "")], "")).findall(
        f"{SVG}g/{SVG}g"
    )
    assert str(other.get("transform")).endswith(f" {first_row:g})")
